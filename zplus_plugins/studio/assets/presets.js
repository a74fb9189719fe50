// Edits by name: some that are built in, as far as their directions exist, and the user's own, which this browser keeps.
const BUILT_IN = [
  ["Smile", {smile: 2.5}],
  ["Older", {age: 3}],
  ["Younger", {age: -3}],
  ["Long fair hair", {hair_length: 3, hair_light: 3}],
  ["Look away", {yaw: -3}],
  ["Strong: glasses", {glasses: 6}],
  ["Strong: long hair", {hair_length: 6}],
];
const STRONG = 0.8;  // of a slider's length, for generators whose directions have other names
const KEY = "zplus-studio-presets", MOST = 50;

// builtIn(directions): [[name, edits], ...] of the directions that exist.
export function builtIn(directions) {
  const names = new Set(directions.map(direction => direction.name));
  const known = BUILT_IN.filter(([, edits]) => Object.keys(edits).every(name => names.has(name)));
  if (known.some(([name]) => isStrong(name))) return known;
  return [...known, ...directions.slice(0, 3).map(({name, reach}) => [`Strong: ${readable(name)}`, {[name]: Math.round(STRONG * (Array.isArray(reach) ? Math.max(...reach) : reach ?? 3) * 20) / 20}])];
}

export const isStrong = name => name.startsWith("Strong");

export class Presets {
  #root;
  #directions;
  #take;
  #current;

  // take(edits, lock, name) is called with a preset's; current() are the scene's {edits, lock}.
  constructor(root, directions, take, current) {
    this.#root = root;
    this.#directions = directions;
    this.#take = take;
    this.#current = current;
    this.#show();
  }

  strong() { return builtIn(this.#directions).find(([name]) => isStrong(name)) ?? null; }

  #show() {
    const names = new Set(this.#directions.map(direction => direction.name));
    const own = kept().filter(({edits}) => Object.keys(edits).every(name => names.has(name)));
    const chips = builtIn(this.#directions).map(([name, edits]) => make("button", {type: "button", class: isStrong(name) ? "preset strong" : "preset", onclick: () => this.#take(edits, "strength", name)}, name));
    const mine = own.map(preset => make("span", {class: "own"},
      make("button", {type: "button", class: "preset", onclick: () => this.#take(preset.edits, preset.lock, preset.name)}, preset.name),
      make("button", {type: "button", class: "forget", "aria-label": `Forget the preset ${preset.name}`, onclick: () => { keep(kept().filter(({name}) => name !== preset.name)); this.#show(); this.#root.querySelector(".keep").focus(); }}, "×")));
    this.#root.replaceChildren(...chips, ...mine, make("button", {type: "button", class: "preset keep", onclick: () => this.#name()}, "+ Keep these"));
  }

  #name() {
    const input = make("input", {type: "text", maxlength: 40, "aria-label": "Name of the preset", placeholder: "Name", required: true});
    const form = make("form", {class: "naming", onsubmit: event => {
      event.preventDefault();
      const name = input.value.trim(), {edits, lock} = this.#current();
      if (name) keep([...kept().filter(preset => preset.name !== name), {name, edits, lock}].slice(-MOST));
      this.#show();
      this.#root.querySelector(".keep").focus();
    }, onkeydown: event => { if (event.key === "Escape") { this.#show(); this.#root.querySelector(".keep").focus(); } }}, input, make("button", {}, "Keep"));
    this.#root.querySelector(".keep").replaceWith(form);
    input.focus();
  }
}

function kept() {
  try {
    const presets = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(presets) ? presets.filter(isPreset) : [];
  } catch (error) {
    return [];
  }
}

function isPreset(preset) {
  return typeof preset?.name === "string" && ["strength", "change"].includes(preset.lock)
    && typeof preset.edits === "object" && preset.edits !== null && Object.values(preset.edits).every(Number.isFinite);
}

function keep(presets) {
  try {
    localStorage.setItem(KEY, JSON.stringify(presets));
  } catch (error) { /* a browser that keeps nothing: they last as long as the page */ }
}
