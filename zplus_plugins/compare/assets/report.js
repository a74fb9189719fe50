"use strict";
// What is chosen, what shows it, and the link to it.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const groups = [["f", "with F"], ["plain", "without F"]].filter(([group]) => data.spaces.some(space => space.group === group));
const names = ["target", ...data.spaces.map(space => space.name)];
const figures = Object.keys(data.sets[0].figures[data.spaces[0].name]);
const REFERENCES = [["identity_input", "the target"], ["identity_own", "the own reconstruction"]];

// What a link may say: for each key, the values that this report has, of which the first that is no link's is the default.
const pairs = ["f/wplus", "f/zplus"].every(name => names.includes(name)) ? ["f/wplus", "f/zplus"] : ["target", names.includes("f/zplus") ? "f/zplus" : names[1]];
const start = () => ({
  set: 0, picture: 0, direction: 0, strength: Math.floor(data.strengths.length / 2), pair: [...pairs], mode: "beside", pixels: false, wipe: 0.5, gain: 4,
  group: groups[0][0], hidden: new Set(), curves: "all", reference: "identity_input", figure: figures[0],
});
const state = start();
const viewer = Viewer(data, state, step => writeLink(asLink(), step));

function asLink() {
  const {set, picture, direction, strength, hidden, ...rest} = state, usual = start();
  const link = {set: data.sets[set].name, picture: picture + 1, edit: data.edits[direction], strength: data.strengths[strength], hidden: [...hidden], ...rest};
  const other = {set: data.sets[0].name, picture: 1, edit: data.edits[0], strength: data.strengths[usual.strength], ...usual, hidden: []};
  delete other.direction;
  return Object.fromEntries(Object.entries(link).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(other[key])));
}

function follow(link, problem) {
  const next = start(), unknown = [];
  const take = (key, target, choices, value = k => k) => {
    if (!link || !Object.hasOwn(link, key)) return;
    const at = choices.indexOf(link[key]);
    if (at < 0) unknown.push(`${key} ${JSON.stringify(link[key])}`); else next[target] = value(at);
  };
  const share = (key, low, high) => { if (link && Number.isFinite(link[key])) next[key] = Math.max(low, Math.min(high, link[key])); };
  take("set", "set", data.sets.map(set => set.name));
  take("picture", "picture", Array.from({length: data.sets[next.set].shown}, (_, k) => k + 1));
  take("edit", "direction", data.edits);
  take("strength", "strength", data.strengths);
  for (const [key, choices] of [["mode", PAIR_MODES.map(([mode]) => mode)], ["pixels", [false, true]], ["group", groups.map(([group]) => group)], ["curves", ["all", ...data.edits]], ["reference", REFERENCES.map(([name]) => name)], ["figure", figures]]) take(key, key, choices, k => choices[k]);
  share("wipe", 0, 1);
  share("gain", 1, 32);
  if (Array.isArray(link?.pair) && link.pair.length === 2 && link.pair[0] !== link.pair[1] && link.pair.every(name => names.includes(name))) next.pair = [...link.pair];
  else if (link && Object.hasOwn(link, "pair")) unknown.push(`pair ${JSON.stringify(link.pair)}`);
  if (Array.isArray(link?.hidden)) next.hidden = new Set(link.hidden.filter(name => names.includes(name)));
  viewer.stop();
  Object.assign(state, next);
  say(problem || (unknown.length ? `The link names what this report does not have: ${unknown.join(", ").slice(0, 200)}.` : ""));
  all();
}

function say(text) {
  $("message").textContent = text;
  $("message").hidden = !text;
}

function legend() {
  $("legend").replaceChildren(...data.spaces.filter(space => space.group === state.group).map(space => {
    const line = make("svg", {viewBox: "0 0 30 12", "aria-hidden": "true"}, make("path", {d: "M0 6h30", stroke: colour(space), "stroke-width": 2.4, "stroke-dasharray": DASHES[space.base] || false}), mark(MARKS[space.base], 15, 6, 4, {fill: colour(space)}));
    return make("button", {type: "button", "aria-pressed": String(!state.hidden.has(space.name)), onclick: event => {
      state.hidden.has(space.name) ? state.hidden.delete(space.name) : state.hidden.add(space.name);
      event.currentTarget.setAttribute("aria-pressed", String(!state.hidden.has(space.name)));
      chosen(plots);
    }}, line, make("span", {}, space.title));
  }));
}

function plots() {
  if (!$("plots")) return;
  const own = data.sets[state.set].curves, identity = state.reference === "identity_input" ? "the target" : "the own reconstruction";
  const wanted = [
    ["change", state.reference, "Identity at equal change", `similarity to ${identity}, against the wanted attribute's change`, "Change"],
    ["strength", state.reference, "Identity at equal strength", `similarity to ${identity}, against the strength`, "Strength"],
    ["change", "leakage", "Leakage at equal change", "mean change of the other attributes, against the wanted one's", "Change"],
    ["strength", "change", "How far each space moves", "change of the wanted attribute, against the strength", "Strength"],
  ];
  const boxes = wanted.flatMap(([kind, figure, title, axis, unit]) => {
    const found = own[kind][figure]?.[state.curves] || {};
    const curves = data.spaces.filter(space => space.group === state.group && found[space.name]);
    if (!curves.length) return [];
    const box = make("div", {class: "plot"});
    const shown = curves.filter(space => !state.hidden.has(space.name)).map(space => ({space, ...found[space.name]}));
    return {panel: make("figure", {class: "panel"}, make("h3", {}, title), make("p", {class: "axis"}, axis), box), draw: () => drawCurves(box, shown, `${title}: ${axis}`, unit)};
  });
  $("plots").replaceChildren(...boxes.length ? boxes.map(box => box.panel) : [make("p", {class: "nothing"}, "Nothing was measured of this edit in these spaces.")]);
  for (const box of boxes) box.draw();
}

function dots() {
  const own = data.sets[state.set];
  drawDots($("dots"), data.spaces.map(space => ({space, values: own.figures[space.name][state.figure]})), `${data.figures[state.figure] || readable(state.figure)} of each image in each space`);
}

function chosen(redraw) {
  redraw();
  writeLink(asLink(), true);
}

function all() {
  document.querySelectorAll("[data-set]").forEach(panel => { panel.hidden = Number(panel.dataset.set) !== state.set; });
  if ($("sets")) chosenChip($("sets"), String(state.set));
  chips($("directions"), data.edits.map((name, index) => [String(index), readable(name)]), String(state.direction), value => { state.direction = Number(value); chosen(viewer.show); });
  chips($("figures"), figures.map(name => [name, data.figures[name] || readable(name)]), state.figure, value => { state.figure = value; chosen(dots); });
  if ($("edits")) {
    chips($("curve-directions"), [["all", "all"], ...data.edits.map(name => [name, readable(name)])], state.curves, value => { state.curves = value; chosen(plots); });
    chips($("groups"), groups, state.group, value => { state.group = value; chosen(() => { legend(); plots(); }); });
    chips($("references"), REFERENCES, state.reference, value => { state.reference = value; chosen(plots); });
    legend();
  }
  viewer.show();
  dots();
  plots();
}

document.querySelectorAll("#sets input").forEach(input => input.addEventListener("change", () => {
  Object.assign(state, {set: Number(input.value), picture: 0});
  chosen(all);
}));
const done = text => { $("done").textContent = text; };
$("sheet").addEventListener("click", () => viewer.sheet().then(() => done("The contact sheet was saved as a download."), error => done(`No contact sheet: ${error.message}.`)));
$("copy").addEventListener("click", () => { writeLink(asLink(), true); copyLink().then(done); });
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; dots(); plots(); } });
onLink(follow);
const {state: link, problem} = readLink();
follow(link, problem);
