// What is chosen, and what shows it.
const data = JSON.parse(document.getElementById("data").textContent);
const state = {set: 0, picture: 0, direction: 0, strength: Math.floor(data.strengths.length / 2), hidden: new Set(), group: "", curves: "all", reference: "identity_input", figure: ""};
const viewer = Viewer(data, state);
const $ = id => document.getElementById(id);

const groups = [["f", "with F"], ["plain", "without F"]].filter(([group]) => data.spaces.some(space => space.group === group));
state.group = groups[0][0];

function legend() {
  $("legend").replaceChildren(...data.spaces.filter(space => space.group === state.group).map(space => {
    const line = make("svg", {viewBox: "0 0 30 12", "aria-hidden": "true"}, make("path", {d: "M0 6h30", stroke: colour(space), "stroke-width": 2.4, "stroke-dasharray": DASHES[space.base] || false}), mark(MARKS[space.base], 15, 6, 4, {fill: colour(space)}));
    return make("button", {type: "button", "aria-pressed": String(!state.hidden.has(space.name)), onclick: event => {
      state.hidden.has(space.name) ? state.hidden.delete(space.name) : state.hidden.add(space.name);
      event.currentTarget.setAttribute("aria-pressed", String(!state.hidden.has(space.name)));
      plots();
    }}, line, space.title);
  }));
}

function plots() {
  const own = data.sets[state.set].curves, identity = state.reference === "identity_input" ? "the target" : "the own reconstruction";
  const wanted = [
    ["change", state.reference, "Identity at equal change", `similarity to ${identity}, against the wanted attribute's change`, "Change"],
    ["strength", state.reference, "Identity at equal strength", `similarity to ${identity}, against the strength`, "Strength"],
    ["change", "leakage", "Leakage at equal change", "mean change of the other attributes, against the wanted one's", "Change"],
    ["strength", "change", "How far each space moves", "change of the wanted attribute, against the strength", "Strength"],
  ];
  const boxes = wanted.filter(([kind, figure]) => own[kind][figure]).map(([kind, figure, title, axis, unit]) => {
    const box = make("div", {class: "plot"});
    const found = own[kind][figure][state.curves] || {};
    const curves = data.spaces.filter(space => space.group === state.group && !state.hidden.has(space.name) && found[space.name]).map(space => ({space, ...found[space.name]}));
    return {panel: make("figure", {class: "panel"}, make("h3", {}, title), make("p", {class: "axis"}, axis), box), draw: () => drawCurves(box, curves, `${title}: ${axis}`, unit)};
  });
  $("plots").replaceChildren(...boxes.map(box => box.panel));
  for (const box of boxes) box.draw();
}

function dots() {
  const own = data.sets[state.set], names = Object.keys(own.figures[data.spaces[0].name]);
  state.figure = state.figure || names[0];
  chips($("figures"), names.map(name => [name, data.figures[name] || readable(name)]), state.figure, value => { state.figure = value; dots(); $("figures").querySelector(":checked").focus(); });
  drawDots($("dots"), data.spaces.map(space => ({space, values: own.figures[space.name][state.figure]})), `${state.figure} of each picture in each space`);
}

function all() {
  document.querySelectorAll("[data-set]").forEach(panel => { panel.hidden = Number(panel.dataset.set) !== state.set; });
  viewer.strip();
  viewer.show();
  dots();
  plots();
}

chips($("directions"), data.edits.map((name, index) => [String(index), readable(name)]), "0", value => { state.direction = Number(value); viewer.show(); });
chips($("curve-directions"), [["all", "all"], ...data.edits.map(name => [name, readable(name)])], "all", value => { state.curves = value; plots(); });
chips($("groups"), groups, state.group, value => { state.group = value; legend(); plots(); });
chips($("references"), [["identity_input", "the target"], ["identity_own", "the own reconstruction"]], "identity_input", value => { state.reference = value; plots(); });
document.querySelectorAll("#sets input").forEach(input => input.addEventListener("change", () => { state.set = Number(input.value); state.picture = 0; all(); }));
$("edits").hidden = !data.edits.length;
legend();
all();
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; dots(); plots(); } });
