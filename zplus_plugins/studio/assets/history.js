// The scene that is shown, and the scenes before and after it.
const MERGED = 800;  // milliseconds in which changes of one kind, such as an arrow key's, become one step
const MOST = 500;  // steps

export const DEFAULTS = {v: 1, source: null, spaces: ["f/wplus", "f/zplus"], edits: {}, lock: "strength", path: "local", layers: null, toward: null, mix: null, walk: null, psi: 1, mask: null};

// new History(scene): its steps; follow(listener) calls listener(scene, before) after each change.
export class History {
  #past = [];
  #future = [];
  #gesture = null;
  #listeners = [];

  constructor(scene) { this.scene = scene; }

  follow(listener) { this.#listeners.push(listener); }

  // change({edits: ...}, "smile", true): what the undo button calls "smile"; live while a control is still being moved.
  change(patch, label, live = false) {
    const now = performance.now(), gesture = this.#gesture;
    if (!gesture || gesture.label !== label || !(gesture.live || now - gesture.at < MERGED)) {
      this.#past.push({scene: this.scene, label});
      if (this.#past.length > MOST) this.#past.shift();
    }
    this.#gesture = {label, live, at: now};
    this.#future = [];
    this.#show({...this.scene, ...patch});
  }

  // A control has been let go of: what follows is another step.
  settle() { if (this.#gesture) Object.assign(this.#gesture, {live: false, at: performance.now()}); }

  // replace(scene): another start, such as a link's; can be undone as well.
  replace(scene, label) {
    this.#gesture = null;
    if (this.scene.source) this.#past.push({scene: this.scene, label});
    this.#future = [];
    this.#show(scene);
  }

  get undoable() { return this.#past.at(-1)?.label ?? null; }
  get redoable() { return this.#future.at(-1)?.label ?? null; }

  undo() { return this.#move(this.#past, this.#future); }
  redo() { return this.#move(this.#future, this.#past); }

  #move(from, to) {
    const step = from.pop();
    if (!step) return null;
    to.push({scene: this.scene, label: step.label});
    this.#gesture = null;
    this.#show(step.scene);
    return step.label;
  }

  #show(scene) {
    const before = this.scene;
    this.scene = scene;
    for (const listener of this.#listeners) listener(scene, before);
  }
}

// Whether both show the same portrait before its edits.
export const sameBase = (a, b) => JSON.stringify([a.source, a.toward, a.mix, a.walk]) === JSON.stringify([b.source, b.toward, b.mix, b.walk]);
