// The page: it shows what /api/state tells, keeps the scene, and asks the server for its pictures.
import {Brush} from "./brush.js";
import {Connection} from "./connection.js";
import {Exploring} from "./exploring.js";
import {DEFAULTS, History, sameBase} from "./history.js";
import {Jobs} from "./jobs.js";
import {keyboard} from "./keyboard.js";
import {notice, say} from "./notices.js";
import {Opening} from "./opening.js";
import {Pictures} from "./pictures.js";
import {Portraits, randomSeed, sameSource} from "./portraits.js";
import {Presets} from "./presets.js";
import {cleaned, linked} from "./restoring.js";
import {Saving} from "./saving.js";
import {readState} from "./server.js";
import {Sliders, percent, spaceClass} from "./sliders.js";

const LINK_DELAY = 300;  // milliseconds after the last change; browsers limit how often an address may change
const LOCKS = {
  strength: "Both codes move by the same strength: how far does each space take it?",
  change: "Both pictures change by the same amount, in % of the attribute's range: which one keeps the rest?",
};
const SEED_SHOWN = 3;  // a portrait that shows well what strong edits do
const find = id => document.getElementById(id);

let state;
try {
  state = await readState();
} catch (error) {
  notice(error.message);
  throw error;
}
const titles = new Map(state.spaces.map(({name, title}) => [name, title]));
const titleOf = space => titles.get(space) ?? space ?? "";
const history = new History({...DEFAULTS});
const portraits = new Portraits(find("portraits"), open);
const pictures = new Pictures(find("pair"), titleOf, linkSoon);
const sliders = new Sliders(find("sliders"), state.directions, history, titleOf);
const presets = new Presets(find("presets"), state.directions, (edits, lock, name) => history.change({edits, lock}, name), () => history.scene);
const exploring = new Exploring(history, portraits, state.generator);
const brush = new Brush([...find("pair").querySelectorAll(".pair-side")], history);
const saving = new Saving(history, pictures, portraits, state, titleOf);
const jobs = new Jobs(titleOf, job => { if (!history.scene.source || awaited.has(job.id)) open({portrait: job.portrait}); });
const awaited = new Set();  // jobs that this tab has started and waits for
const opening = new Opening(state.limits.upload, {
  onjob(job) { if (!Object.keys(history.scene.edits).length) awaited.add(job.id); jobs.note(job); },
  onportrait(portrait) {
    if (!portraits.find(portrait.id)) portraits.update([...portraits.list, portrait]);
    open({portrait: portrait.id});
  },
});
const connection = new Connection({
  async onopen() {
    if (!isFirst) know(await readState());
    isFirst = false;
  },
  async onframe(header, blob) {
    if (header.kind === "edit") {
      sliders.measured(header);
      measured(header);
    }
    await pictures.receive(header, blob);
    if (header.kind === "before") portraits.drawSeed(pictures.frame(header.space, "before").bitmap);
    else if (header.exact) arrived(header);
  },
  onnote(note) {
    if (note.type === "curves") sliders.note(note);
    else if (note.type === "job") jobs.note(note);
    else if (note.type === "portraits") portraits.update(note.portraits);
    else if (note.type === "error") notice(note.message);
  },
  onstate: connected,
});
let wanting = new Set();  // spaces whose exact picture of this scene is still to come
let isFirst = true, wasLost = false, linkTimer = 0, spokenTimer = 0;

// -- what is open

function spacesOf(source) {
  const portrait = source?.portrait ? portraits.find(source.portrait) : null;
  if (portrait) return state.spaces.map(({name}) => name).filter(name => portrait.spaces.includes(name));
  return state.spaces.filter(space => space.seeds !== false).map(({name}) => name);
}

function fitting(spaces, source) {
  const offered = spacesOf(source), wanted = [...spaces, ...DEFAULTS.spaces, ...offered].filter(space => offered.includes(space));
  return [...new Set(wanted)].slice(0, 2);
}

function open(source, patch = {}) {
  const {scene} = history;
  if (sameSource(source, scene.source) && !Object.keys(patch).length) return;
  const toward = sameSource(scene.toward, source) ? null : scene.toward, mix = sameSource(scene.mix, source) ? null : scene.mix;
  const isFirstOne = !scene.source, next = {...scene, source, spaces: fitting(scene.spaces, source), toward, mix, mask: null, ...patch};
  if (isFirstOne) history.replace(next, "opening");
  else history.change(next, "another portrait");
  say(`${portraits.nameOf(source)} is shown`);
}

const random = (patch = {}) => open({seed: randomSeed()}, patch);

// -- what is shown

history.follow((scene, before) => {
  if (!sameBase(scene, before)) sliders.forget();
  show(scene);
  if (scene.source) {
    wanting = new Set(scene.spaces);
    find("work").setAttribute("aria-busy", "true");
    connection.show(scene);
  }
  linkSoon();
});

function show(scene) {
  const isOpen = Boolean(scene.source);
  document.body.classList.toggle("is-empty", !isOpen);
  find("welcome").hidden = isOpen;
  find("work").hidden = !isOpen;
  find("controls").inert = !isOpen;
  for (const id of ["copy-link", "open-saving"]) find(id).disabled = !isOpen;
  portraits.show(scene);
  if (isOpen) showSides(scene);
  sliders.show(scene);
  exploring.show(scene);
  brush.show(scene);
  chosenChip(find("lock"), scene.lock);
  find("lock-text").textContent = LOCKS[scene.lock];
  const {undoable, redoable} = history;
  for (const [id, word, label] of [["undo", "Undo", undoable], ["redo", "Redo", redoable]]) Object.assign(find(id), {disabled: label === null, title: label ? `${word}: ${label}` : word});
  find("reset").disabled = !isEdited(scene);
}

const isEdited = ({edits, toward, mix, walk, mask, psi, layers}) => Object.keys(edits).length > 0 || toward || mix || walk || mask || psi !== 1 || layers;

function showSides(scene) {
  const offered = spacesOf(scene.source), derived = portraits.find(scene.source.portrait)?.derived ?? [];
  scene.spaces.forEach((space, side) => {
    const select = find(`space-${side}`), text = `${offered} ${derived}`;
    if (select.dataset.offered !== text) {
      select.dataset.offered = text;
      select.replaceChildren(...offered.map(name => make("option", {value: name}, derived.includes(name) ? `${titleOf(name)} (mapped)` : titleOf(name))));
    }
    select.value = space;
    find(`dot-${side}`).className = `dot ${spaceClass(space)}`;
  });
  pictures.show(scene.spaces);
}

function measured(header) {
  find("measured").textContent = state.measure ? `% is ${state.measure.text}.` : "";
  if (!header.exact) return;
  clearTimeout(spokenTimer);
  spokenTimer = setTimeout(() => {
    const texts = history.scene.spaces.flatMap(space => Object.entries(sliders.changes(space) ?? {}).filter(([, change]) => typeof change === "number").map(([name, change]) => `${titleOf(space)}: ${readable(name)} ${percent(change)}`));
    if (texts.length) say(texts.slice(-4).join("; "));
  }, 900);
}

function arrived({seq, space}) {
  if (seq !== connection.seq || connection.isWaiting) return;
  wanting.delete(space);
  if (wanting.size) return;
  find("work").setAttribute("aria-busy", "false");
}

// -- what the user does

function chooseSpace(side, space) {
  const spaces = [...history.scene.spaces], other = 1 - side;
  if (spaces[other] === space) spaces[other] = spaces[side];
  spaces[side] = space;
  history.change({spaces}, "spaces");
}

// The same pictures, as near as can be, under the other lock: the second space's strengths or changes are wanted of both.
function lockAt(lock) {
  const {edits, spaces} = history.scene, [, space = spaces[0]] = spaces;
  const found = (lock === "change" ? sliders.changes(space) : sliders.strengths(space)) ?? {};
  const other = Object.entries(edits).map(([name, value]) => [name, found[name] ?? (lock === "change" ? Math.sign(value) * 0.5 : value)]);
  history.change({lock, edits: Object.fromEntries(other.map(([name, value]) => [name, Math.trunc(value * 100) / 100]).filter(([, value]) => value))}, lock === "change" ? "same change" : "same strength");
}

function reset() {
  const {v, source, spaces, lock, path} = history.scene;
  history.change({...DEFAULTS, v, source, spaces, lock, path}, "reset");
}

function step(move, word) {
  exploring.play(false);
  const label = move();
  say(label ? `${word}: ${label}` : `Nothing to ${word.toLowerCase()}`);
}

async function link() {
  if (!history.scene.source) return;
  writeLink(linked(history.scene, pictures.pair));
  notice(await copyLink(), false);
}

function linkSoon() {
  clearTimeout(linkTimer);
  linkTimer = setTimeout(() => { if (history.scene.source) writeLink(linked(history.scene, pictures.pair)); }, LINK_DELAY);
}

function follow(found, problem) {
  if (problem) notice(problem);
  if (!found) return;
  const {scene, view, problems} = cleaned(found, state, portraits, spacesOf);
  for (const text of problems) notice(text);
  if (view) Object.assign(pictures.pair, view);
  if (scene) history.replace(scene, "a link");
}

// -- the server

function know(found) {
  state = found;
  portraits.update(found.portraits);
  jobs.update(found.jobs);
}

function connected(how, seconds, error) {
  const isLost = how !== "open";
  find("lost").hidden = !isLost;
  if (how === "open") {
    if (wasLost) say("Connected again");
    if (history.scene.source) connection.show(history.scene);
  } else {
    find("lost-text").textContent = error?.status === 403 ? error.message : how === "lost"
      ? `The connection to the server is lost; trying again in ${Math.ceil(seconds)} s. Nothing that you did is lost.`
      : "The server does not answer. Start the command zplus studio again, with the same folder and port: this page will find it, and goes on where it was.";
    if (!wasLost) say(find("lost-text").textContent);
  }
  wasLost = isLost;
}

const pair = pictures.pair, views = ["beside", "wipe", "difference"];
const actions = {
  undo: () => step(() => history.undo(), "Undo"),
  redo: () => step(() => history.redo(), "Redo"),
  reset: () => { if (isEdited(history.scene)) reset(); },
  before: isHeld => { if (history.scene.source) pictures.hold(isHeld); },
  view: () => { pair.mode = views[(views.indexOf(pair.mode) + 1) % views.length]; linkSoon(); say(pair.mode); },
  pixels: () => { pair.pixels = !pair.pixels; linkSoon(); },
  lock: () => lockAt(history.scene.lock === "change" ? "strength" : "change"),
  swap: () => history.change({spaces: [...history.scene.spaces].reverse()}, "spaces"),
  slider: index => sliders.focus(index),
  brush: () => { brush.turn(!brush.isOn); if (brush.isOn) find("pair").querySelector(".overlay").focus(); },
  erase: () => brush.erase(true),
  random: () => random(),
  portrait: by => portraits.neighbour(by),
  open: () => opening.choose(),
  save: () => saving.open(),
  link,
  help: () => find("help").showModal(),
  escape: () => { brush.turn(false); exploring.play(false); },
};
keyboard(actions);
for (const [id, action] of [["undo", actions.undo], ["redo", actions.redo], ["reset", actions.reset], ["copy-link", link], ["open-help", actions.help], ["random", () => random()], ["offer-random", () => random()], ["try-now", () => connection.open()]]) find(id).addEventListener("click", action);
find("offer-strong").addEventListener("click", () => {
  const strong = presets.strong();
  open({seed: state.generator.embedded ? SEED_SHOWN : randomSeed()}, strong ? {edits: strong[1], lock: "strength"} : {});
});
for (const side of [0, 1]) find(`space-${side}`).addEventListener("change", event => chooseSpace(side, event.target.value));
chips(find("lock"), [["strength", "Same strength"], ["change", "Same change"]], "strength", lockAt);
find("generator").textContent = `${state.generator.name} · ${state.generator.resolution} px`;
find("no-directions").hidden = state.directions.length > 0;
find("saving").addEventListener("close", () => find("open-saving").focus());

know(state);
show(history.scene);
const first = readLink();
follow(first.state, first.problem);
if (!history.scene.source && state.portraits.length) open({portrait: state.portraits[0].id});
onLink(follow);
connection.open();
