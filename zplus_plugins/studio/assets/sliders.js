// A slider for each direction: its strength or wanted change, and what each space made of it.
import {signed} from "./pictures.js";

const THUMB = 20;  // pixels; the curves are drawn between the places of its centre

// new Sliders(root, directions, history): directions are those of /api/state.
export class Sliders {
  #rows = new Map();
  #curves = new Map();  // "space direction" to a note
  #history;
  #moving = null;
  #titleOf;
  #used = new Map();  // space to the header of its last picture

  constructor(root, directions, history, titleOf) {
    this.#history = history;
    this.#titleOf = titleOf;
    root.replaceChildren(...directions.map((direction, index) => this.#row(direction, index)));
  }

  get names() { return [...this.#rows.keys()]; }

  // focus(n): the n-th slider, from 0.
  focus(index) {
    const row = [...this.#rows.values()][index];
    row?.input.focus();
    row?.root.scrollIntoView({block: "nearest"});
  }

  show(scene) {
    for (const [name, row] of this.#rows) {
      const value = scene.edits[name] ?? 0;
      if (this.#moving !== name) this.#scale(name, scene);
      if (Number(row.input.value) !== value) row.input.value = value;
      row.value.textContent = scene.lock === "change" ? percent(value) : signed(value);
      row.root.classList.toggle("is-on", value !== 0);
      row.reset.disabled = value === 0;
      this.#fill(row);
      this.#tell(name, scene);
    }
  }

  note(note) {
    const base = this.#used.get(note.space)?.base;
    if (base && note.base !== base) return;  // of the portrait before
    this.#curves.set(`${note.space} ${note.direction}`, note);
    const scene = this.#history.scene;
    if (!this.#rows.has(note.direction)) return;
    if (this.#moving !== note.direction) this.#scale(note.direction, scene);
    this.#draw(note.direction, scene);
  }

  // forget(): the curves of another portrait.
  forget() {
    this.#curves.clear();
    this.#used.clear();
    for (const row of this.#rows.values()) row.curves.replaceChildren();
  }

  measured(header) {
    for (const [key, note] of this.#curves) if (note.space === header.space && note.base !== header.base) this.#curves.delete(key);
    this.#used.set(header.space, header);
    for (const name of this.#rows.keys()) this.#tell(name, this.#history.scene);
  }

  // strengths(space): what the space's last picture was made with.
  strengths(space) { return this.#used.get(space)?.strengths ?? null; }
  changes(space) { return this.#used.get(space)?.change ?? null; }

  #row(direction, index) {
    const {name, attribute, reach} = direction, title = readable(name), id = `direction-${index}`;
    const input = make("input", {type: "range", id, step: 0.05, "aria-describedby": `${id}-changes`,
      oninput: () => { this.#moving = name; this.#set(name, Number(input.value), true); },
      onchange: () => { this.#moving = null; this.#history.settle(); this.show(this.#history.scene); },
      ondblclick: () => this.#set(name, 0),
      onkeydown: event => {
        if (event.key !== "Delete" && event.key !== "Backspace") return;
        event.preventDefault();
        this.#set(name, 0);
      }});
    const value = make("output", {for: id, class: "value"}), curves = make("svg", {class: "curves", "aria-hidden": "true", preserveAspectRatio: "none"});
    const reset = make("button", {type: "button", class: "back", "aria-label": `Reset ${title}`, title: `Reset ${title}`, onclick: () => { this.#set(name, 0); input.focus(); }}, "↺");
    const changes = make("p", {class: "changes", id: `${id}-changes`});
    const root = make("div", {class: "slider"}, make("label", {for: id}, title), value, reset, make("div", {class: "track"}, curves, input), changes);
    if (index < 9) input.setAttribute("aria-keyshortcuts", String(index + 1));
    this.#rows.set(name, {root, input, value, curves, reset, changes, reach: reachOf(reach), attribute});
    return root;
  }

  #set(name, value, live = false) {
    const {[name]: old, ...edits} = this.#history.scene.edits;
    if ((old ?? 0) === value) return;
    if (value !== 0) edits[name] = Math.round(value * 1000) / 1000;
    this.#history.change({edits}, readable(name), live);
  }

  // The slider's ends: the strengths that are of use, or the changes that one of both spaces reaches.
  #scale(name, scene) {
    const row = this.#rows.get(name), value = scene.edits[name] ?? 0, isChange = scene.lock === "change";
    let reach = row.reach;
    if (isChange) {
      const ends = scene.spaces.flatMap(space => reachedBy(this.#curves.get(`${space} ${name}`)) ?? []);
      const most = Math.max(0, ...ends.map(Math.abs));
      reach = most > 0 ? Math.ceil(most * 11) / 10 : 1;
    }
    reach = Math.max(reach, Math.abs(value));
    const step = isChange ? 0.01 : 0.05;
    if (Number(row.input.max) !== reach || Number(row.input.step) !== step) Object.assign(row.input, {min: -reach, max: reach, step});
    row.scale = reach;
    this.#fill(row);
    this.#draw(name, scene);
  }

  #fill(row) {
    const share = (Number(row.input.value) + row.scale) / (2 * row.scale);
    const place = part => `calc(${THUMB / 2}px + ${part.toFixed(4)} * (100% - ${THUMB}px))`;
    row.root.style.setProperty("--from", place(Math.min(share, 0.5)));
    row.root.style.setProperty("--to", place(Math.max(share, 0.5)));
  }

  // At the same strength, the change that each strength makes, up to where more strength brings less; at the same change, how far each space reaches.
  #draw(name, scene) {
    const row = this.#rows.get(name), notes = scene.spaces.map(space => this.#curves.get(`${space} ${name}`));
    const drawn = [], height = 26;
    const most = Math.max(1e-9, ...notes.flatMap(note => note ? note.changes.filter(Number.isFinite).map(Math.abs) : []));
    row.curves.setAttribute("viewBox", `0 0 200 ${height}`);
    notes.forEach((note, side) => {
      if (!note) return;
      const kind = `side-${side} ${spaceClass(note.space)}`;
      const x = value => 100 + Math.max(-100, Math.min(100, value / row.scale * 100));
      const y = change => height / 2 - change / most * (height / 2 - 2);
      if (scene.lock === "change") {
        const ends = reachedBy(note);
        if (ends) drawn.push(make("line", {class: `reach ${kind}`, x1: x(ends[0]), x2: x(ends[1]), y1: side ? height - 4 : 4, y2: side ? height - 4 : 4}));
        return;
      }
      const points = note.strengths.map((strength, k) => [strength, note.changes[k]]).filter(([strength, change]) => Number.isFinite(change) && Math.abs(strength) <= row.scale);
      if (points.length > 1) drawn.push(make("path", {class: `curve ${kind}`, d: `M${points.map(([strength, change]) => `${x(strength).toFixed(1)} ${y(change).toFixed(1)}`).join("L")}`}));
      for (const turn of note.turn ?? []) if (Number.isFinite(turn) && Math.abs(turn) < row.scale) drawn.push(make("line", {class: `turn ${kind}`, x1: x(turn), x2: x(turn), y1: side ? height / 2 + 3 : 0, y2: side ? height : height / 2 - 3}));
    });
    row.curves.replaceChildren(...drawn);
  }

  #tell(name, scene) {
    const row = this.#rows.get(name), value = scene.edits[name] ?? 0;
    const parts = value === 0 ? [] : scene.spaces.flatMap(space => {
      const used = this.#used.get(space), change = used?.change?.[name], strength = used?.strengths?.[name];
      if (!used || typeof strength !== "number") return [];
      const figures = [typeof change === "number" ? `${percent(change)}` : "not measured"];
      if (scene.lock === "change") figures.push(`at ${signed(strength, 1)}`);
      const isAtEnd = used.at_end?.includes(name);
      return [make("span", {class: `reading ${spaceClass(space)}`}, make("i", {class: "dot"}), `${this.#titleOf(space)} ${figures.join(" ")}`, isAtEnd ? make("em", {class: "badge"}, "at its end") : null)];
    });
    row.changes.replaceChildren(...parts);
  }
}

export const spaceClass = space => `space-${space.replace("f/", "")}`;
export const percent = value => `${signed(value * 100, 0)} %`;

function reachOf(reach) {
  if (Array.isArray(reach)) return Math.max(...reach.map(Math.abs));
  return typeof reach === "number" && reach > 0 ? reach : 3;
}

// The changes at the turning points: as little and as much as the space reaches.
function reachedBy(note) {
  if (!note?.turn) return null;
  const at = turn => {
    let nearest = null;
    note.strengths.forEach((strength, k) => { if (Number.isFinite(note.changes[k]) && (nearest === null || Math.abs(strength - turn) < Math.abs(note.strengths[nearest] - turn))) nearest = k; });
    return nearest === null ? null : note.changes[nearest];
  };
  const ends = note.turn.map(at);
  return ends.every(Number.isFinite) ? [Math.min(...ends), Math.max(...ends)] : null;
}
