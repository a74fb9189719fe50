"use strict";
// A page's state in the fragment of its address, as base64url of JSON, so that a link restores it and "back" goes back.
const LINK_MARK = "#s=", MOST_LINK = 16384;  // characters; browsers and mail cut longer ones

// readLink(): {state, problem} of the address; state is null without a link, or, with a problem in a sentence, where it is no link of ours. What the state holds is the reader's to check.
function readLink(hash = location.hash) {
  if (!hash.startsWith(LINK_MARK)) return {state: null, problem: ""};
  const bad = why => ({state: null, problem: `The link's state was ignored: ${why}.`});
  if (hash.length > MOST_LINK) return bad(`it is longer than ${MOST_LINK} characters`);
  try {
    const text = atob(hash.slice(LINK_MARK.length).replace(/-/g, "+").replace(/_/g, "/"));
    const bytes = Uint8Array.from(text, character => character.charCodeAt(0));
    const state = JSON.parse(new TextDecoder("utf-8", {fatal: true}).decode(bytes), (key, value) => {
      if (key === "__proto__") throw new SyntaxError("a forbidden name");
      return value;
    });
    return state && typeof state === "object" && !Array.isArray(state) ? {state, problem: ""} : bad("it is not an object");
  } catch (error) {
    return bad("it cannot be read, and may have been cut off");
  }
}

// linkOf(state): the fragment for a state of plain JSON.
function linkOf(state) {
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  const text = Array.from(bytes, byte => String.fromCharCode(byte)).join("");
  return LINK_MARK + btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

// writeLink(state, push): put the state into the address, with push as a new step of the history. False where it does not fit, or the browser allows no more changes for now.
function writeLink(state, push = false) {
  const hash = linkOf(state);
  if (hash.length > MOST_LINK) return false;
  if (hash === location.hash) return true;
  try {
    history[push ? "pushState" : "replaceState"](null, "", hash);
    return true;
  } catch (error) {
    return false;
  }
}

// onLink(follow): follow(state, problem) whenever the user goes back or forward or changes the address; state is null where there is none. A jump to a place in the page is no such change.
function onLink(follow) {
  addEventListener("hashchange", () => {
    if (location.hash && !location.hash.startsWith(LINK_MARK)) return;
    const {state, problem} = readLink();
    follow(state, problem);
  });
}

// copyLink(): copy the address to the clipboard; a promise of the sentence to show.
async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    return "The link was copied.";
  } catch (error) {
    return "The browser did not let the page copy: the link is the page's address.";
  }
}
