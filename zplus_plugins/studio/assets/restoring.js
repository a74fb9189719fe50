// What a link holds: the scene, and how its pictures were looked at. A link may be from anyone.
import {DEFAULTS} from "./history.js";

// linked(scene, pair): what goes into the address.
export const linked = (scene, {mode, pixels, wipe, gain}) => ({...scene, view: {mode, pixels, wipe: Math.round(wipe * 1000) / 1000, gain}});

// cleaned(found, state, portraits, spacesOf): {scene, view, problems} of a link, with sentences about what is not here; scene is null where nothing can be shown.
export function cleaned(found, state, portraits, spacesOf) {
  const {view, ...rest} = found, problems = [];
  const scene = {...DEFAULTS, ...Object.fromEntries(Object.entries(rest).filter(([name]) => name in DEFAULTS))};
  const names = new Set(state.directions.map(({name}) => name));
  const isThere = source => source && (Number.isInteger(source.seed) || Boolean(portraits.find(source.portrait)));
  if (!isThere(scene.source)) return {scene: null, view: null, problems: ["The link's portrait is not open here. Open its photograph or record, and follow the link again."]};
  const edits = Object.entries(isObject(scene.edits) ? scene.edits : {});
  const unknown = edits.filter(([name]) => !names.has(name)).map(([name]) => readable(name));
  if (unknown.length) problems.push(`The link's direction ${unknown.join(", ")} is not one of this generator, and was left out.`);
  scene.edits = Object.fromEntries(edits.filter(([name, value]) => names.has(name) && Number.isFinite(value) && value !== 0));
  for (const part of ["toward", "mix"]) if (scene[part] && !isThere(scene[part])) {
    problems.push(`The second portrait of the link is not open here, and was left out.`);
    scene[part] = null;
  }
  const offered = spacesOf(scene.source), spaces = (Array.isArray(scene.spaces) ? scene.spaces : []).filter(space => offered.includes(space));
  scene.spaces = [...new Set([...spaces, ...DEFAULTS.spaces.filter(space => offered.includes(space)), ...offered])].slice(0, 2);
  if (!["strength", "change"].includes(scene.lock)) scene.lock = DEFAULTS.lock;
  if (!["local", "global"].includes(scene.path)) scene.path = DEFAULTS.path;
  if (!(scene.psi >= 0 && scene.psi <= 1)) scene.psi = 1;
  if (!isLayers(scene.layers)) scene.layers = null;
  if (scene.mix && !isLayers(scene.mix.layers)) scene.mix = null;
  if (scene.toward && !(scene.toward.share >= 0 && scene.toward.share <= 1)) scene.toward = null;
  if (scene.walk && !["seed", "radius", "turn"].every(name => Number.isFinite(scene.walk[name]))) scene.walk = null;
  if (scene.mask && !(typeof scene.mask.id === "string" && Number.isFinite(scene.mask.feather))) scene.mask = null;
  return {scene, view: isObject(view) ? Object.fromEntries(Object.entries(view).filter(([name]) => ["mode", "pixels", "wipe", "gain"].includes(name))) : null, problems};
}

const isObject = value => typeof value === "object" && value !== null && !Array.isArray(value);
const isLayers = value => Array.isArray(value) && value.length === 2 && value.every(Number.isInteger);
