// Photographs and records that are dropped, chosen or pasted.
import {sendPhotograph, sendRecord} from "./server.js";
import {notice, say} from "./notices.js";

const find = id => document.getElementById(id);

// new Opening({limit, onjob(job), onportrait(portrait)})
export class Opening {
  #on;
  #limit;
  #depth = 0;

  constructor(limit, on) {
    this.#limit = limit;
    this.#on = on;
    for (const id of ["choose", "offer-open"]) find(id).addEventListener("click", () => this.choose());
    find("file").addEventListener("change", event => { this.take([...event.target.files]); event.target.value = ""; });
    addEventListener("paste", event => this.#pasted(event));
    addEventListener("dragenter", event => { if (hasFiles(event)) { this.#depth++; find("dropping").hidden = false; } });
    addEventListener("dragleave", event => { if (hasFiles(event) && --this.#depth <= 0) this.#away(); });
    addEventListener("dragover", event => { if (hasFiles(event)) event.preventDefault(); });
    addEventListener("drop", event => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.#away();
      this.take([...event.dataTransfer.files]);
    });
  }

  choose() { find("file").click(); }

  async take(files) {
    for (const file of files) {
      try {
        if (file.size > this.#limit) throw new Error(`${file.name} has ${megabytes(file.size)}; the studio opens files of up to ${megabytes(this.#limit)}.`);
        if (file.name.endsWith(".npz")) this.#on.onportrait(await sendRecord(file));
        else this.#on.onjob(await sendPhotograph(file));
        say(`Opened ${file.name}`);
      } catch (error) {
        notice(error.message);
      }
    }
  }

  #away() {
    this.#depth = 0;
    find("dropping").hidden = true;
  }

  #pasted(event) {
    const files = [...event.clipboardData?.files ?? []];
    if (!files.length) return;
    event.preventDefault();
    this.take(files.map(file => file.name && file.name !== "image.png" ? file : new File([file], `pasted-${new Date().toISOString().slice(0, 19).replace(/\D/g, "")}.png`, {type: file.type})));
  }
}

const hasFiles = event => [...event.dataTransfer?.types ?? []].includes("Files");
const megabytes = bytes => `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 24 ? 1 : 0)} MiB`;
