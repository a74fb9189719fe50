// What can be kept of the scene: pictures, records, films, and the edit in its photograph.
import {save} from "./server.js";
import {signed} from "./pictures.js";

const find = id => document.getElementById(id);
const SHEET = 256;  // pixels of a picture on the contact sheet

// new Saving(history, pictures, portraits, state, titleOf)
export class Saving {
  #history;
  #pictures;
  #portraits;
  #state;
  #titleOf;

  constructor(history, pictures, portraits, state, titleOf) {
    this.#history = history;
    this.#pictures = pictures;
    this.#portraits = portraits;
    this.#state = state;
    this.#titleOf = titleOf;
    find("open-saving").addEventListener("click", () => this.open());
    find("saving-folder").textContent = `Files go to ${state.out}, where the server runs, and to this browser's downloads. Nothing is overwritten.`;
  }

  open() {
    if (!this.#history.scene.source) return;
    const {spaces, source} = this.#history.scene, portrait = this.#portraits.find(source.portrait);
    const each = (what, text) => spaces.map(space => make("button", {type: "button", class: "button", onclick: () => this.#save({...what(), space}, `${text} in ${this.#titleOf(space)}`)}, this.#titleOf(space)));
    const line = (title, hint, ...buttons) => make("div", {class: "save-line", role: "group", "aria-label": title}, make("div", {}, make("b", {}, title), hint ? make("p", {class: "quiet"}, hint) : null), make("div", {class: "row"}, ...buttons));
    const films = this.#state.can?.video ?? [];
    const film = make("select", {class: "select", "aria-label": "Format of the film"}, ...films.map(name => make("option", {value: name}, name)));
    const lines = [
      line("Picture", "PNG, as large as the generator makes it", ...each(() => ({kind: "picture", format: "png"}), "The picture"), make("button", {type: "button", class: "button", onclick: () => this.#sheet()}, "Both, before and after")),
      line("Edited record", "can be opened and edited again", ...each(() => ({kind: "record", format: "npz"}), "The record")),
    ];
    if (films.length) lines.push(line("Film", "from the portrait to this edit", film, ...each(() => ({kind: "video", format: film.value}), "The film")));
    if (portrait?.can_paste ?? portrait?.target) lines.push(line("In its photograph", "where the face was aligned from", ...each(() => ({kind: "pasted", format: "png"}), "The photograph")));
    find("saving-choices").replaceChildren(...lines);
    this.#tell("");
    if (!find("saving").open) find("saving").showModal();
  }

  #tell(text, isError = false) {
    find("saving-status").textContent = text;
    find("saving-status").classList.toggle("error", isError);
  }

  async #save(what, title) {
    this.#tell(`${title} is being saved…`);
    try {
      const {files} = await save(this.#history.scene, what);
      for (const {name, url} of files) this.#list(name, url);
      for (const {name, url} of files) make("a", {href: url, download: name}).click();
      this.#tell(`${title} was saved as ${files.map(({name}) => name).join(", ")}.`);
    } catch (error) {
      this.#tell(error.message, true);
    }
  }

  #list(name, url) {
    for (const shown of find("saved").children) if (shown.textContent === name) shown.remove();
    find("saved").prepend(make("li", {}, make("a", {href: url, download: name}, name)));
  }

  async #sheet() {
    const {spaces, edits, source} = this.#history.scene, name = this.#portraits.nameOf(source);
    const cell = (space, kind) => { const frame = this.#pictures.frame(space, kind); return frame ? [frame.bitmap] : null; };
    const note = Object.entries(edits).map(([direction, value]) => `${readable(direction)} ${signed(value)}`).join(", ");
    const rows = spaces.map(space => ({name: this.#titleOf(space), cells: [cell(space, "before"), cell(space, "edit")]}));
    try {
      const file = `${name.replace(/[^\w.-]+/g, "-")}.contact-sheet.png`;
      await downloadCanvas(file, contactSheet({title: name, note, columns: ["before", "after"], rows, size: SHEET}));
      this.#tell(`The contact sheet was saved as ${file}.`);
    } catch (error) {
      this.#tell(`The contact sheet was not saved: ${error.message}.`, true);
    }
  }
}
