// The portraits that are open, and where a second one can be chosen from.
import {thumbOf} from "./server.js";

export const sameSource = (a, b) => Boolean(a && b) && a.portrait === b.portrait && a.seed === b.seed;
export const randomSeed = () => Math.floor(Math.random() * 100000);
const LARGEST_SEED = 2 ** 32 - 1;
export const seedOf = text => Math.max(0, Math.min(LARGEST_SEED, Math.round(Number(text)) || 0));

// new Portraits(root, open): open(source) is called with the one that the user takes.
export class Portraits {
  #root;
  #open;
  #source = null;
  #die = make("canvas", {class: "die", width: 64, height: 64, "aria-hidden": "true"});
  list = [];

  constructor(root, open) {
    this.#root = root;
    this.#open = open;
  }

  update(list) {
    this.list = list;
    this.#show();
  }

  show(scene) {
    if (sameSource(scene.source, this.#source)) return;
    this.#source = scene.source;
    this.#show();
  }

  // drawSeed(bitmap): what the random portrait looks like before its edits.
  drawSeed(bitmap) {
    Object.assign(this.#die, {width: bitmap.width, height: bitmap.height});
    this.#die.getContext("2d").drawImage(bitmap, 0, 0);
  }

  find(id) { return this.list.find(portrait => portrait.id === id) ?? null; }
  nameOf(source) { return source?.portrait ? this.find(source.portrait)?.name ?? "a portrait" : `seed ${source?.seed}`; }

  // neighbour(by): the source that many places further down the list.
  neighbour(by) {
    const sources = this.#sources(), at = sources.findIndex(source => sameSource(source, this.#source));
    if (sources.length) this.#open(sources[(at + by + sources.length) % sources.length]);
  }

  #sources() {
    const sources = this.list.map(({id}) => ({portrait: id}));
    return this.#source && "seed" in this.#source ? [...sources, this.#source] : sources;
  }

  #show() {
    const focused = this.#root.contains(document.activeElement) ? document.activeElement.dataset.source : null;
    this.#root.replaceChildren(...this.#sources().map(source => {
      const name = this.nameOf(source), pressed = sameSource(source, this.#source), key = source.portrait ?? "seed";
      const picture = source.portrait ? make("img", {src: thumbOf(source.portrait), alt: "", width: 64, height: 64}) : this.#die;
      return make("li", {}, make("button", {type: "button", class: "thumb", "data-source": key, "aria-pressed": String(pressed), "aria-label": name, title: name, onclick: () => this.#open(source)}, picture, make("span", {class: "thumb-name"}, name)));
    }));
    if (focused) this.#root.querySelector(`[data-source="${focused}"]`)?.focus();
  }
}

// new Chooser(select, field, input, portraits, choose): a list of other portraits, or a seed; choose(source, isLive) with null for none.
export class Chooser {
  #select;
  #field;
  #input;
  #portraits;

  constructor(select, field, input, portraits, choose) {
    this.#select = select;
    this.#field = field;
    this.#input = input;
    this.#portraits = portraits;
    select.addEventListener("change", () => {
      if (select.value === "") return choose(null);
      if (select.value !== "seed") return choose({portrait: select.value});
      input.value = randomSeed();
      choose({seed: seedOf(input.value)});
    });
    input.addEventListener("change", () => choose({seed: seedOf(input.value)}));
  }

  show(chosen, current) {
    const others = this.#portraits.list.filter(({id}) => id !== current?.portrait);
    const options = [["", "none"], ...others.map(({id, name}) => [id, name]), ["seed", "of a seed"]];
    const text = JSON.stringify(options);
    if (this.#select.dataset.options !== text) {
      this.#select.dataset.options = text;
      this.#select.replaceChildren(...options.map(([value, name]) => make("option", {value}, name)));
    }
    this.#select.value = chosen ? chosen.portrait ?? "seed" : "";
    const isSeed = Boolean(chosen) && typeof chosen.seed === "number";
    this.#field.hidden = !isSeed;
    if (isSeed && document.activeElement !== this.#input) this.#input.value = chosen.seed;
  }
}
