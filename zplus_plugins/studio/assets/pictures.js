// Both pictures: frames are decoded and drawn, with the latest winning, and the unedited ones are shown while they are held.
import {say} from "./notices.js";

const signed = (value, digits = 2) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(digits)}`;

// new Pictures(root, titleOf, onview): of the spaces that show(spaces) names; titleOf(space) is a space's title.
export class Pictures {
  #frames = new Map();  // "space kind" to {bitmap, header, place}
  #arrived = 0;
  #titleOf;
  #held = false;
  #spaces = [];

  constructor(root, titleOf, onview) {
    this.#titleOf = titleOf;
    this.pair = Pair(root, {names: ["", ""], onchange: onview});
    whileHeld(document.getElementById("before"), () => this.hold(true), () => this.hold(false));
  }

  // show(spaces): left and right; frames that are there already are drawn again.
  show(spaces) {
    const changed = spaces.join() !== this.#spaces.join();
    this.#spaces = [...spaces];
    if (!changed) return;
    spaces.forEach((space, side) => {
      this.pair.rename(side, this.#titleOf(space));
      this.#draw(side);
    });
  }

  async receive(header, blob) {
    const key = `${header.space} ${header.kind}`, place = ++this.#arrived;
    let bitmap;
    try {
      bitmap = await createImageBitmap(blob);
    } catch (error) {
      return;
    }
    const shown = this.#frames.get(key);
    if (shown && shown.place > place) return bitmap.close();
    this.#frames.set(key, {bitmap, header, place});
    this.#spaces.forEach((space, side) => { if (space === header.space) this.#draw(side); });
    if (shown) setTimeout(() => shown.bitmap.close(), 1000);  // it may still be held
  }

  hold(isHeld) {
    this.#held = isHeld;
    this.pair.hold(isHeld ? this.#spaces.map(space => this.#before(space)) : null);
    document.getElementById("work").classList.toggle("is-before", isHeld);
    if (isHeld) say("Before the edits");
    this.#caption();
  }

  frame(space, kind = "edit") { return this.#frames.get(`${space} ${kind}`) ?? null; }

  // The unedited picture; the edited one as long as only another portrait's has come.
  #before(space) {
    const [before, edit] = [this.frame(space, "before"), this.frame(space)];
    const frame = before && (!edit || before.header.base === edit.header.base) ? before : edit;
    return frame && [frame.bitmap];
  }

  #draw(side) {
    const frame = this.frame(this.#spaces[side]);
    if (frame) this.pair.draw(side, frame.bitmap);
    if (this.#held) this.hold(true);
    this.#caption();
  }

  #caption() {
    this.#spaces.forEach((space, side) => {
      const frame = this.frame(space);
      this.pair.caption(side, this.#held ? "before the edits" : frame ? captionOf(frame.header) : "");
    });
  }
}

function captionOf({identity, exact, at_end: ends}) {
  const parts = [];
  if (typeof identity === "number") parts.push(`identity ${identity.toFixed(2).replace("-", "−")}`);
  if (ends?.length) parts.push(`at its end: ${ends.map(readable).join(", ")}`);
  if (!exact) parts.push("approximate");
  return parts.join(" · ");
}

export {signed};
