// Keys of the whole page, and the dialog that lists them.
const KEEP = "zplus-studio-single-keys";
const find = id => document.getElementById(id);
const TYPED = "input:not([type=range],[type=checkbox],[type=radio]),select,textarea";

// keyboard(actions): actions by name: undo, redo, before(isHeld), view, swap, lock, slider(n), presets and so on.
export function keyboard(actions) {
  const keys = [
    [["1", "…", "9"], "to the slider of that number", null],
    [["←", "→"], "a little less or more on a slider; Page Up and Page Down: a lot; Home and End: all", null],
    [["Delete"], "slider back to 0", null],
    [["B"], "hold to see the portrait before the edits", null],
    [["W"], "side by side, wipe, difference", actions.view],
    [["L"], "same strength or same change", actions.lock],
    [["X"], "swap both spaces", actions.swap],
    [["Z"], "undo, also with Ctrl", actions.undo],
    [["Y"], "redo, also with Ctrl", actions.redo],
    [["0"], "reset all edits", actions.reset],
    [["P"], "pixels or smooth", actions.pixels],
    [["M"], "brush for the mask; then arrow keys and Space paint", actions.brush],
    [["E"], "erase with the brush", actions.erase],
    [["R"], "a random portrait", actions.random],
    [["["], "the portrait before", () => actions.portrait(-1)],
    [["]"], "the next portrait", () => actions.portrait(1)],
    [["O"], "open a photograph or a record", actions.open],
    [["S"], "save", actions.save],
    [["C"], "copy a link to what is shown", actions.link],
    [["?"], "this list", actions.help],
    [["Esc"], "ends the brush, closes a dialog", null],
  ];
  find("keys").replaceChildren(...keys.flatMap(([names, text]) => [make("dt", {}, ...names.map(name => name === "…" ? "…" : make("kbd", {}, name))), make("dd", {}, text)]));
  const single = find("single-keys");
  single.checked = kept() !== "off";
  single.addEventListener("change", () => keep(single.checked ? "on" : "off"));
  const table = new Map(keys.filter(([, , action]) => action).map(([[name], , action]) => [name.toLowerCase(), action]));

  addEventListener("keydown", event => {
    if (event.defaultPrevented || event.altKey) return;
    const key = event.key.toLowerCase(), isTyped = event.target.matches?.(TYPED), isModal = Boolean(document.querySelector("dialog[open]"));
    if (event.ctrlKey || event.metaKey) {
      if (isTyped || isModal || !["z", "y"].includes(key)) return;
      event.preventDefault();
      return key === "y" || event.shiftKey ? actions.redo() : actions.undo();
    }
    if (key === "escape" && !isModal) return actions.escape();
    if (isTyped || isModal || !single.checked) return;
    if (key === "b") { if (!event.repeat) actions.before(true); return; }
    const action = key >= "1" && key <= "9" && key.length === 1 ? () => actions.slider(Number(key) - 1) : table.get(key);
    if (!action || (event.repeat && !["z", "y"].includes(key))) return;
    event.preventDefault();
    action();
  });
  addEventListener("keyup", event => { if (event.key.toLowerCase() === "b") actions.before(false); });
  addEventListener("blur", () => actions.before(false));
}

function kept() {
  try { return localStorage.getItem(KEEP); } catch (error) { return null; }
}

function keep(value) {
  try { localStorage.setItem(KEEP, value); } catch (error) { /* a browser that keeps nothing */ }
}
