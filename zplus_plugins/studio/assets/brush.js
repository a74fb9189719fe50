// The mask: painted over a picture by pointer, finger or keys, sent to the server after each stroke.
import {keepMask, maskOf} from "./server.js";
import {notice} from "./notices.js";

const SIDE = 512;  // pixels of the mask
const STEP = 8, LONG_STEP = 40;
const LEAST_LEVEL = 10;  // of 255, below which a mask counts as empty

// new Brush(figures, history): on both figures of a Pair.
export class Brush {
  #mask = Object.assign(document.createElement("canvas"), {width: SIDE, height: SIDE});
  #pen = this.#mask.getContext("2d", {willReadFrequently: true});
  #known = new Map();  // ids to ImageData
  #id = null;
  #history;
  #overlays;
  #isOn = false;
  #erases = false;
  #at = {x: SIDE / 2, y: SIDE / 2};
  #last = null;
  #strokes = 0;
  #find = id => document.getElementById(id);

  constructor(figures, history) {
    this.#history = history;
    this.#overlays = figures.map((figure, side) => this.#overlay(figure, side));
    this.#find("brush").addEventListener("click", () => this.turn(!this.#isOn));
    this.#find("erase").addEventListener("click", () => this.erase(!this.#erases));
    this.#find("mask-clear").addEventListener("click", () => { this.#pen.clearRect(0, 0, SIDE, SIDE); this.#changed("mask"); });
    this.#find("mask-invert").addEventListener("click", () => this.#invert());
    this.#find("brush-size").addEventListener("input", () => this.#tell());
    this.#find("feather").addEventListener("input", event => {
      const {mask} = this.#history.scene;
      if (mask) this.#history.change({mask: {...mask, feather: event.target.value / 100}}, "soft edge", true);
      this.#tell();
    });
    this.#find("feather").addEventListener("change", () => this.#history.settle());
    this.#tell();
  }

  get isOn() { return this.#isOn; }

  turn(isOn) {
    this.#isOn = isOn;
    if (!isOn) this.#erases = false;
    if (isOn) this.#find("mask-part").open = true;
    document.body.classList.toggle("is-painting", isOn);
    for (const overlay of this.#overlays) overlay.tabIndex = isOn ? 0 : -1;
    this.#tell();
    this.#draw();
  }

  erase(erases) {
    if (erases && !this.#isOn) this.turn(true);
    this.#erases = erases;
    this.#tell();
  }

  async show(scene) {
    const id = scene.mask?.id ?? null;
    if (scene.mask && document.activeElement !== this.#find("feather")) this.#find("feather").value = scene.mask.feather * 100;
    if (id !== this.#id) {
      this.#id = id;
      if (id && !this.#known.has(id)) await this.#load(id);
      if (this.#id !== id) return;
      if (id && this.#known.has(id)) this.#pen.putImageData(this.#known.get(id), 0, 0);
      else this.#pen.clearRect(0, 0, SIDE, SIDE);
      this.#draw();
    }
    this.#tell();
  }

  #tell() {
    this.#find("brush").setAttribute("aria-pressed", String(this.#isOn));
    this.#find("erase").setAttribute("aria-pressed", String(this.#erases));
    this.#find("brush-size-value").textContent = `${this.#find("brush-size").value} %`;
    this.#find("feather-value").textContent = `${this.#find("feather").value} %`;
    this.#find("mask-state").textContent = this.#history.scene.mask ? "on" : "";
  }

  // Masks of a link come back from the server: white where the edits apply.
  async #load(id) {
    try {
      const response = await fetch(maskOf(id));
      if (!response.ok) return;
      const bitmap = await createImageBitmap(await response.blob());
      const canvas = Object.assign(document.createElement("canvas"), {width: SIDE, height: SIDE}), pen = canvas.getContext("2d");
      pen.drawImage(bitmap, 0, 0, SIDE, SIDE);
      const image = pen.getImageData(0, 0, SIDE, SIDE);
      for (let k = 0; k < image.data.length; k += 4) {
        image.data[k + 3] = image.data[k];
        image.data[k] = image.data[k + 1] = image.data[k + 2] = 255;
      }
      this.#known.set(id, image);
    } catch (error) { /* without the overlay, the mask still applies */ }
  }

  #overlay(figure, side) {
    const canvas = make("canvas", {class: "overlay", width: SIDE, height: SIDE, tabindex: -1, role: "application", "aria-roledescription": "brush",
      "aria-label": "Mask. The arrow keys move the brush, Space paints, E switches to erasing, Escape ends."});
    canvas.addEventListener("pointerdown", event => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      this.#last = null;
      this.#stroke(this.#place(canvas, event));
    });
    canvas.addEventListener("pointermove", event => {
      this.#at = this.#place(canvas, event);
      if (canvas.hasPointerCapture(event.pointerId)) for (const one of event.getCoalescedEvents?.() ?? [event]) this.#stroke(this.#place(canvas, one));
      this.#draw();
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, event => {
      if (!canvas.hasPointerCapture(event.pointerId)) return;
      canvas.releasePointerCapture(event.pointerId);
      this.#last = null;
      this.#changed("mask");
    });
    canvas.addEventListener("keydown", event => this.#key(event));
    canvas.addEventListener("keyup", event => { if (event.key === " " && this.#last) { this.#last = null; this.#changed("mask"); } });
    for (const name of ["focus", "blur", "pointerleave"]) canvas.addEventListener(name, () => this.#draw());
    figure.append(canvas);
    return canvas;
  }

  #key(event) {
    const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}, move = moves[event.key];
    if (!move && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    if (move) {
      const by = event.shiftKey ? LONG_STEP : STEP, inside = value => Math.max(0, Math.min(SIDE, value));
      this.#at = {x: inside(this.#at.x + move[0] * by), y: inside(this.#at.y + move[1] * by)};
    }
    if (this.#last || event.key === " ") this.#stroke(this.#at);
    this.#draw();
  }

  #place(canvas, event) {
    const box = canvas.getBoundingClientRect();
    return {x: (event.clientX - box.left) / box.width * SIDE, y: (event.clientY - box.top) / box.height * SIDE};
  }

  #stroke(to) {
    const from = this.#last ?? to;
    Object.assign(this.#pen, {globalCompositeOperation: this.#erases ? "destination-out" : "source-over", strokeStyle: "#fff", lineCap: "round", lineJoin: "round", lineWidth: this.#width});
    this.#pen.beginPath();
    this.#pen.moveTo(from.x, from.y);
    this.#pen.lineTo(to.x + 0.01, to.y);
    this.#pen.stroke();
    this.#pen.globalCompositeOperation = "source-over";
    this.#last = to;
    this.#draw();
  }

  get #width() { return this.#find("brush-size").value / 100 * SIDE; }

  #invert() {
    this.#pen.globalCompositeOperation = "source-out";
    this.#pen.fillStyle = "#fff";
    this.#pen.fillRect(0, 0, SIDE, SIDE);
    this.#pen.globalCompositeOperation = "source-over";
    this.#changed("mask");
  }

  async #changed(label) {
    const stroke = ++this.#strokes;
    this.#draw();
    const image = this.#pen.getImageData(0, 0, SIDE, SIDE);
    if (!image.data.some((level, k) => k % 4 === 3 && level > LEAST_LEVEL)) {
      this.#id = null;
      if (this.#history.scene.mask) this.#history.change({mask: null}, label);
      return;
    }
    const grey = Object.assign(document.createElement("canvas"), {width: SIDE, height: SIDE}), pen = grey.getContext("2d");
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, SIDE, SIDE);
    pen.drawImage(this.#mask, 0, 0);
    try {
      const {id} = await keepMask(await new Promise(done => grey.toBlob(done, "image/png")));
      this.#known.set(id, image);
      if (stroke !== this.#strokes) return;  // there is a later one
      this.#id = id;
      this.#history.change({mask: {id, feather: this.#find("feather").value / 100}}, label);
      this.#history.settle();
    } catch (error) {
      notice(error.message);
    }
  }

  #draw() {
    for (const overlay of this.#overlays) {
      const pen = overlay.getContext("2d");
      pen.clearRect(0, 0, SIDE, SIDE);
      if (!this.#isOn) continue;
      pen.globalAlpha = 0.5;
      pen.drawImage(this.#mask, 0, 0);
      pen.globalCompositeOperation = "source-in";
      pen.fillStyle = "#ff4f9a";
      pen.fillRect(0, 0, SIDE, SIDE);
      pen.globalCompositeOperation = "source-over";
      pen.globalAlpha = 1;
      if (overlay !== document.activeElement && !overlay.matches(":hover")) continue;
      for (const [ink, width] of [["#000a", 5], ["#fff", 2]]) {
        pen.beginPath();
        pen.arc(this.#at.x, this.#at.y, this.#width / 2, 0, 7);
        Object.assign(pen, {strokeStyle: ink, lineWidth: width});
        pen.stroke();
      }
    }
  }
}
