// Away from the portrait: towards another one, around it, with others' layers, truncated; and the settings of edits.
import {Chooser, randomSeed, seedOf} from "./portraits.js";
import {percent} from "./sliders.js";

const WIDEST = 1.5, USUAL = 0.5;  // radians of the walk
const ROUND = 9000;  // milliseconds of a walk
const find = id => document.getElementById(id);
const PATHS = {
  local: "Local: the code moves so that its style follows the direction in W, which changes less of the rest.",
  global: "Global: one direction in Z for all codes.",
};

export class Exploring {
  #history;
  #portraits;
  #layers;
  #toward;
  #mix;
  #playing = 0;

  constructor(history, portraits, generator) {
    this.#history = history;
    this.#portraits = portraits;
    this.#layers = generator.layers;
    this.#toward = new Chooser(find("toward"), find("toward-seed-field"), find("toward-seed"), portraits, source => this.#change({toward: source && {...source, share: this.#scene.toward?.share ?? 0.5}}, "towards another portrait"));
    this.#mix = new Chooser(find("mix"), find("mix-seed-field"), find("mix-seed"), portraits, source => this.#change({mix: source && {...source, layers: this.#scene.mix?.layers ?? [Math.floor(this.#layers / 2), this.#layers - 1]}}, "style mixing"));
    this.#range("toward-share", share => ({toward: this.#scene.toward && {...this.#scene.toward, share}}), "towards another portrait");
    this.#range("walk-radius", share => ({walk: share > 0 ? {seed: randomSeed(), turn: 0, ...this.#scene.walk, radius: share * WIDEST} : null}), "walk");
    this.#range("walk-turn", turn => ({walk: {seed: randomSeed(), radius: USUAL, ...this.#scene.walk, turn}}), "walk");
    this.#range("psi", psi => ({psi}), "truncation");
    find("walk-other").addEventListener("click", () => this.#change({walk: {radius: USUAL, turn: 0.25, ...this.#scene.walk, seed: randomSeed()}}, "walk"));
    find("walk-play").addEventListener("click", () => this.play(!this.#playing));
    find("seed").addEventListener("change", event => this.#change({source: {seed: seedOf(event.target.value)}}, "seed"));
    chips(find("path"), [["local", "local"], ["global", "global"]], "local", path => this.#change({path}, "path"));
    this.#pair("mix", (first, last) => ({mix: this.#scene.mix && {...this.#scene.mix, layers: [first, last]}}), "style mixing");
    this.#pair("layers", (first, last) => ({layers: first === 0 && last === this.#layers - 1 ? null : [first, last]}), "layers");
  }

  get #scene() { return this.#history.scene; }
  #change(patch, label, live = false) { this.#history.change(patch, label, live); }

  #range(id, patch, label) {
    find(id).addEventListener("input", event => this.#change(patch(event.target.value / 100), label, true));
    find(id).addEventListener("change", () => this.#history.settle());
    find(id).addEventListener("pointerdown", () => this.play(false));
  }

  #pair(name, patch, label) {
    const first = find(`${name}-first`), last = find(`${name}-last`);
    for (const select of [first, last]) {
      select.replaceChildren(...Array.from({length: this.#layers}, (_, layer) => make("option", {value: layer}, layer)));
      select.addEventListener("change", () => {
        const [a, b] = [Number(first.value), Number(last.value)];
        this.#change(patch(...(a <= b ? [a, b] : select === first ? [a, a] : [b, b])), label);
      });
    }
  }

  // play(is): walk on around the portrait, from where it is.
  play(isPlaying) {
    cancelAnimationFrame(this.#playing);
    this.#playing = 0;
    find("walk-play").setAttribute("aria-pressed", String(isPlaying));
    if (!isPlaying) return this.#history.settle();
    let last = performance.now();
    const step = now => {
      const walk = {seed: randomSeed(), radius: USUAL, turn: 0, ...this.#scene.walk}, turn = (walk.turn + Math.min(100, now - last) / ROUND) % 1;
      last = now;
      this.#playing = requestAnimationFrame(step);
      this.#change({walk: {...walk, turn}}, "walk", true);
    };
    this.#playing = requestAnimationFrame(step);
  }

  show(scene) {
    const {toward, walk, mix, layers} = scene, name = source => this.#portraits.nameOf(source);
    this.#toward.show(toward, scene.source);
    this.#mix.show(mix, scene.source);
    set("toward-share", (toward?.share ?? 0) * 100, percentOf(toward?.share ?? 0));
    find("toward-share").disabled = !toward;
    set("walk-radius", (walk?.radius ?? 0) / WIDEST * 100, (walk?.radius ?? 0).toFixed(2));
    set("walk-turn", (walk?.turn ?? 0) * 100, percentOf(walk?.turn ?? 0));
    set("psi", scene.psi * 100, scene.psi.toFixed(2));
    const mixed = mix?.layers ?? [Math.floor(this.#layers / 2), this.#layers - 1], edited = layers ?? [0, this.#layers - 1];
    [find("mix-first").value, find("mix-last").value] = mixed;
    [find("layers-first").value, find("layers-last").value] = edited;
    find("mix-first").disabled = find("mix-last").disabled = !mix;
    chosenChip(find("path"), scene.path);
    find("path-text").textContent = PATHS[scene.path];
    find("seed-field").hidden = typeof scene.source?.seed !== "number";
    if (document.activeElement !== find("seed")) find("seed").value = scene.source?.seed ?? "";
    find("toward-state").textContent = toward ? `${percentOf(toward.share)} to ${name(toward)}` : "";
    find("walk-state").textContent = walk ? `${walk.radius.toFixed(2)} away` : "";
    find("mix-state").textContent = mix ? `${mixed.join("–")} of ${name(mix)}` : "";
    const advanced = [scene.psi < 1 ? `ψ ${scene.psi.toFixed(2)}` : "", scene.path === "global" ? "global" : "", layers ? `layers ${layers.join("–")}` : ""];
    find("advanced-state").textContent = advanced.filter(Boolean).join(", ");
  }
}

const percentOf = share => percent(share).replace("+", "");

function set(id, value, text) {
  const input = find(id);
  if (Math.abs(Number(input.value) - value) > 0.5) input.value = value;
  find(`${id}-value`).textContent = text;
  input.setAttribute("aria-valuetext", text);
}
