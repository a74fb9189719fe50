// Requests to the server. What it refuses is an Error with one sentence.
const UNREACHABLE = "The server cannot be reached. Is zplus studio still running?";

async function asked(address, options = {}) {
  let response;
  try {
    response = await fetch(address, {credentials: "same-origin", ...options});
  } catch (error) {
    throw Object.assign(new Error(UNREACHABLE), {status: 0});
  }
  const isJson = (response.headers.get("content-type") || "").includes("json");
  const answer = isJson ? await response.json() : null;
  if (!response.ok) throw Object.assign(new Error(answer?.message || `The server refused this (${response.status}).`), {status: response.status});
  return answer;
}

const posted = (address, body, type) => asked(address, {method: "POST", body, headers: {"content-type": type}});

export const readState = () => asked("/api/state");
export const sendPhotograph = file => posted(`/api/photos?name=${encodeURIComponent(file.name)}`, file, file.type || "application/octet-stream");
export const sendRecord = file => posted(`/api/records?name=${encodeURIComponent(file.name)}`, file, "application/octet-stream");
export const cancelJob = id => asked(`/api/jobs/${encodeURIComponent(id)}`, {method: "DELETE"});
export const keepMask = blob => posted("/api/masks", blob, "image/png");
export const save = (scene, what) => posted("/api/save", JSON.stringify({scene, ...what}), "application/json");
export const thumbOf = id => `/api/portraits/${encodeURIComponent(id)}/thumb`;
export const maskOf = id => `/api/masks/${encodeURIComponent(id)}`;
