// Photographs that are being inverted: what they look like so far, how good that is, and how long it takes yet.
import {cancelJob} from "./server.js";
import {notice, say} from "./notices.js";

const ENDED = ["done", "failed", "cancelled"];
const find = id => document.getElementById(id);

// new Jobs(titleOf, ondone): ondone(job) when one has become a portrait.
export class Jobs {
  #cards = new Map();
  #titleOf;
  #ondone;

  constructor(titleOf, ondone) {
    this.#titleOf = titleOf;
    this.#ondone = ondone;
  }

  // update(list): those of the server; ones that it does not know any more are gone.
  update(list) {
    const known = new Set(list.map(job => job.id));
    for (const [id, card] of this.#cards) if (!known.has(id)) this.#remove(id, card);
    for (const job of list) if (this.#cards.has(job.id) || !ENDED.includes(job.state)) this.note(job);
  }

  note(job) {
    let card = this.#cards.get(job.id);
    if (card?.state === job.state && ENDED.includes(job.state)) return;
    if (!card) {
      card = this.#card(job);
      this.#cards.set(job.id, card);
      find("jobs").append(card.root);
    }
    const text = this.#text(job), isNews = card.state !== job.state || card.space !== job.space;
    Object.assign(card, {state: job.state, space: job.space});
    card.words.textContent = text;
    card.bar.hidden = job.state === "waiting" || ENDED.includes(job.state);
    if (job.steps > 0) Object.assign(card.bar, {value: job.step, max: job.steps});
    else card.bar.removeAttribute("value");
    if (job.preview) this.#preview(card, job, text);
    if (isNews) say(`${job.name}: ${text}`);
    if (!ENDED.includes(job.state)) return;
    this.#remove(job.id, card);
    if (job.state === "failed") notice(`${job.name}: ${job.message}`);
    if (job.state === "done" && job.message) notice(`${job.name}: ${job.message}`, false);
    if (job.state === "done") this.#ondone(job);
  }

  #remove(id, card) {
    card.root.remove();
    this.#cards.delete(id);
    if (!this.#cards.size) find("welcome-job").hidden = true;
  }

  #card(job) {
    const picture = make("canvas", {width: 64, height: 64, role: "img", "aria-label": `${job.name} so far`});
    const words = make("p"), bar = make("progress", {"aria-label": `Inversion of ${job.name}`});
    const stop = make("button", {type: "button", class: "button", "aria-label": `Cancel ${job.name}`, onclick: async () => {
      stop.disabled = true;
      try {
        await cancelJob(job.id);
      } catch (error) {
        stop.disabled = false;
        notice(error.message);
      }
    }}, "Cancel");
    return {root: make("li", {class: "job"}, picture, make("b", {title: job.name}, job.name), words, bar, stop), picture, words, bar, state: null, space: null};
  }

  async #preview(card, job, text) {
    const image = new Image();
    image.src = job.preview;
    try {
      await image.decode();
    } catch (error) {
      return;
    }
    const large = find("welcome-job");
    large.hidden = false;
    large.querySelector("figcaption").textContent = `${job.name}: ${text}`;
    for (const canvas of [card.picture, large.querySelector("canvas")]) {
      Object.assign(canvas, {width: image.naturalWidth, height: image.naturalHeight});
      canvas.getContext("2d").drawImage(image, 0, 0);
    }
  }

  #text(job) {
    if (job.state === "waiting") return "waits";
    if (job.state === "aligning") return "is aligned";
    if (job.state !== "inverting") return job.state;
    const parts = [`${this.#titleOf(job.space)}, ${Math.round(job.step / Math.max(1, job.steps) * 100)} %`];
    if (typeof job.loss === "number") parts.push(`loss ${job.loss.toFixed(3)}`);
    if (typeof job.seconds_left === "number") parts.push(`${clock(job.seconds_left)} left`);
    return parts.join(" · ");
  }
}

const clock = seconds => `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, "0")}`;
