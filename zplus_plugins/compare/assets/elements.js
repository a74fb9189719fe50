"use strict";
// Elements of a page, made in a line each. They need no inline styles or handlers, which a Content-Security-Policy may forbid.
const readable = name => name.replace(/_/g, " ");

// make(tag, {attribute: value, onEVENT: listener, style: "CSS"}, ...children): an element of HTML or SVG; undefined and false attributes and null children are left out.
function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "path", "line", "text", "circle", "g", "rect"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") element.style.cssText = value;
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter(child => child !== null));
  return element;
}

// chips(fieldset, [[value, text], ...], chosen, choose): fill a fieldset that has a legend and an id with radio buttons; choose(value) is called with the one that the user takes. Hidden if there is no choice.
function chips(fieldset, options, chosen, choose) {
  fieldset.hidden = options.length < 2;
  fieldset.replaceChildren(fieldset.querySelector("legend"), ...options.map(([value, text]) => {
    const input = make("input", {type: "radio", name: fieldset.id, value, onchange: () => choose(value)});
    input.checked = value === chosen;
    return make("label", {}, input, make("span", {}, text));
  }));
}

// chosenChip(fieldset, value): check a chip of chips() without calling its choose.
function chosenChip(fieldset, value) {
  for (const input of fieldset.querySelectorAll("input")) input.checked = input.value === value;
}

// whileHeld(button, start, stop): start() when the button is pressed by pointer, Space or Enter, stop() when it is let go or left.
function whileHeld(button, start, stop) {
  let held = false;
  const press = () => { if (!held) { held = true; button.setAttribute("aria-pressed", "true"); start(); } };
  const release = () => { if (held) { held = false; button.setAttribute("aria-pressed", "false"); stop(); } };
  const isPress = event => event.key === " " || event.key === "Enter";
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("pointerdown", event => { if (event.button === 0) { button.setPointerCapture(event.pointerId); press(); } });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(name, release);
  button.addEventListener("keydown", event => { if (isPress(event)) { event.preventDefault(); press(); } });
  button.addEventListener("keyup", event => { if (isPress(event)) release(); });
  button.addEventListener("contextmenu", event => event.preventDefault());
}
