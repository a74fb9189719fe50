// What the page says: sentences that stay until they are dismissed, and ones that only a screen reader speaks.
const QUIET = 700;  // milliseconds without another sentence before one is spoken
let timer = 0;

export function say(text) {
  clearTimeout(timer);
  timer = setTimeout(() => { document.getElementById("spoken").textContent = text; }, QUIET);
}

// notice(text): show it; the same again replaces the first. Errors are alerts, which screen readers speak at once.
export function notice(text, isError = true) {
  const list = document.getElementById("notices");
  for (const shown of list.children) if (shown.firstChild.textContent === text) shown.remove();
  const box = make("div", {class: isError ? "notice error" : "notice", role: isError ? "alert" : "status"}, make("p", {}, text),
    make("button", {type: "button", "aria-label": "Dismiss", onclick: () => box.remove()}, "×"));
  list.append(box);
  if (list.children.length > 3) list.firstChild.remove();
  if (!isError) setTimeout(() => box.remove(), 6000);
}
