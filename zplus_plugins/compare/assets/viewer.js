"use strict";
// Viewer(data, state, changed): the pictures of the chosen set, picture, direction and strength: a card for each space, and a pair of any two. It
// keeps what the user chooses in state, and calls changed(step) then; step is false for a slider's moves, which are too many for steps of a history. show() shows what state says.
function Viewer(data, state, changed) {
  const find = id => document.getElementById(id);
  const sprites = Sprites(data), last = data.strengths.length - 1, unedited = data.strengths.indexOf(0);
  const places = [{name: "target", title: "Target"}, ...data.spaces];
  const title = name => places.find(place => place.name === name).title;
  const set = () => data.sets[state.set];
  const cell = (name, strength = state.strength) => sprites.cell(name, {...state, strength});

  const number = (name, figure) => {
    const values = set().edited[name]?.[figure];
    return values && data.edits.length ? values[state.picture][state.direction][state.strength] : null;
  };
  const numbers = name => {
    const identity = number(name, "identity_input"), change = number(name, "change");
    return [identity === null ? "" : `id\u00a0${identity.toFixed(2)}`, change === null ? "" : `Δ\u00a0${change > 0 ? "+" : ""}${change.toFixed(2)}`].filter(Boolean).join("\u2002");
  };
  const strength = k => (data.strengths[k] > 0 ? "+" : "") + data.strengths[k].toFixed(1);

  const pair = Pair(find("pair"), {names: state.pair.map(title), onchange: () => {
    const step = pair.mode !== state.mode;
    Object.assign(state, {mode: pair.mode, pixels: pair.pixels, wipe: pair.wipe, gain: pair.gain});
    find("cards").classList.toggle("pixels", state.pixels);
    changed(step);
  }});
  pair.bar.prepend(find("which"));
  const cards = places.map(({name, title, base}) => {
    const canvas = make("canvas", {class: "picture", "aria-hidden": "true"}), text = make("span", {class: "numbers"});
    const label = make("span", {class: "name"}, base ? make("i", {style: `background:var(--${base})`}) : null, title);
    const button = make("button", {type: "button", class: "card", onclick: () => choose(1, name)}, canvas, make("span", {class: "text"}, label, data.edits.length ? text : null));
    return {name, canvas, text, button};
  });
  find("cards").replaceChildren(...cards.map(card => card.button));

  function paint(canvas, [image, x, y, width, height]) {
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
    canvas.getContext("2d").drawImage(image, x, y, width, height, 0, 0, width, height);
  }
  function draw() {
    for (const card of cards) {
      paint(card.canvas, cell(card.name));
      card.text.textContent = card.name === "target" ? "to be inverted" : numbers(card.name);
      card.button.setAttribute("aria-pressed", String(state.pair.includes(card.name)));
    }
    state.pair.forEach((name, side) => {
      pair.rename(side, title(name));
      pair.caption(side, name === "target" ? "" : numbers(name));
      pair.draw(side, ...cell(name));
      find(side ? "second" : "first").value = name;
    });
    find("cards").classList.toggle("pixels", state.pixels);
    if (!data.edits.length) return;
    find("strength").value = state.strength;
    find("strength").setAttribute("aria-valuetext", `${data.edits[state.direction]} ${strength(state.strength)}`);
    find("strength-value").textContent = strength(state.strength);
  }
  function strip() {
    const many = set().shown > 1;
    find("strip").hidden = !many;
    find("strip").replaceChildren(...Array.from({length: many ? set().shown : 0}, (_, index) => {
      const picture = make("canvas", {class: "picture", "aria-hidden": "true"});
      paint(picture, sprites.cell("target", {...state, picture: index}));
      return make("button", {type: "button", "aria-pressed": String(index === state.picture), "aria-label": `Image ${index + 1}`, onclick: () => {
        state.picture = index;
        [...find("strip").children].forEach((button, k) => button.setAttribute("aria-pressed", String(k === index)));
        draw();
        changed(true);
      }}, picture);
    }));
  }
  async function show() {
    const wanted = state.set;
    find("pictures").setAttribute("aria-busy", "true");
    await sprites.load(wanted);
    if (wanted !== state.set) return;  // another set was chosen meanwhile
    const {mode, pixels, wipe, gain} = state;
    Object.assign(pair, {mode, pixels, wipe, gain});
    strip();
    draw();
    find("pictures").setAttribute("aria-busy", "false");
  }
  function choose(side, name) {
    if (state.pair[1 - side] === name) state.pair.reverse();
    else state.pair[side] = name;
    draw();
    changed(true);
  }
  ["first", "second"].forEach((id, side) => {
    find(id).append(...places.map(({name, title}) => make("option", {value: name}, title)));
    find(id).addEventListener("change", event => choose(side, event.target.value));
  });
  find("swap").addEventListener("click", () => { state.pair.reverse(); draw(); changed(true); });

  let timer = 0, step = 1;
  const stop = () => { clearInterval(timer); timer = 0; find("play").setAttribute("aria-pressed", "false"); };
  Object.assign(find("strength"), {min: 0, max: last, step: 1});
  find("strength").addEventListener("input", event => { stop(); state.strength = Number(event.target.value); draw(); });
  find("strength").addEventListener("change", () => changed(false));
  find("play").addEventListener("click", () => {
    if (timer) { stop(); return changed(false); }
    find("play").setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      if (state.strength + step > last || state.strength + step < 0) step = -step;
      state.strength += step;
      draw();
    }, 220);
  });
  whileHeld(find("hold"), () => pair.hold(state.pair.map(name => cell(name, unedited))), () => pair.hold(null));
  find("hold").hidden = unedited < 0;
  document.querySelector(".dial").hidden = !data.edits.length;

  // A row for each space: the target, then the space's image at each strength.
  async function sheet() {
    const edit = data.edits[state.direction], edited = data.edits.length ? data.strengths.map((_, k) => k) : [0];
    const columns = ["target", ...data.edits.length ? edited.map(strength) : ["reconstruction"]];
    const rows = data.spaces.map(({name, title}) => ({name: title, cells: [cell("target"), ...edited.map(k => cell(name, k))]}));
    const what = `${set().title}, image ${state.picture + 1}`;
    const file = ["compare", set().name, state.picture + 1, edit].filter(part => part !== undefined).join("-").replace(/[^\w.+-]+/g, "-").slice(0, 100);
    const made = contactSheet({title: edit ? `${what}, ${readable(edit)}` : what, columns, rows, size: Math.max(96, cell("target")[3])});
    await downloadCanvas(`${file}.png`, made);
  }
  return {show, sheet, stop};
}
