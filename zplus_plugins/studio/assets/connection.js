// The WebSocket of this tab: the latest scene goes out, pictures and notes come in, and it comes back after it was lost.
const UNANSWERED = 2;  // scenes on their way at a time; the server drops all but the latest, so that more would only wait
const PATIENCE = 2000;  // milliseconds after which a scene counts as answered
const FIRST_WAIT = 400, LONGEST_WAIT = 8000, AWAY = 15000;

// new Connection({onframe(header, blob), onnote(note), onstate("open" | "lost" | "away", seconds, error), onopen()}): onopen is asked for a promise before each connection, which refuses if the server is not there.
export class Connection {
  #on;
  #socket = null;
  #scene = null;
  #seq = 0;
  #sent = [];
  #asked = false;
  #tries = 0;
  #lostAt = 0;
  #timer = 0;
  #isOpening = false;

  constructor(on) { this.#on = on; }

  get isOpen() { return this.#socket?.readyState === WebSocket.OPEN; }
  get isWaiting() { return this.#scene !== null; }
  get seq() { return this.#seq; }

  async open() {
    if (this.#socket || this.#isOpening) return;
    clearTimeout(this.#timer);
    this.#isOpening = true;
    try {
      await this.#on.onopen();
    } catch (error) {
      return this.#lost(error);
    } finally {
      this.#isOpening = false;
    }
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      this.#tries = this.#lostAt = 0;
      this.#sent = [];
      this.#on.onstate("open", 0, null);
      if (this.#scene) this.#send();
    });
    socket.addEventListener("message", event => this.#receive(event.data));
    socket.addEventListener("close", () => { if (this.#socket === socket) this.#lost(); });
  }

  // show(scene): at the next frame of the screen, or when an answer has come; always the latest.
  show(scene) {
    this.#scene = scene;
    this.#ask();
  }

  #lost(error = null) {
    this.#socket = null;
    this.#lostAt ||= performance.now();
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 1.6 ** this.#tries++) * (0.8 + 0.4 * Math.random());
    this.#on.onstate(performance.now() - this.#lostAt > AWAY ? "away" : "lost", wait / 1000, error);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.open(), wait);
  }

  #ask() {
    if (this.#asked || !this.isOpen || !this.#scene) return;
    const now = performance.now();
    this.#sent = this.#sent.filter(one => now - one.at < PATIENCE);
    if (this.#sent.length >= UNANSWERED) return;
    this.#asked = true;
    requestAnimationFrame(() => { this.#asked = false; if (this.isOpen) this.#send(); });
  }

  #send() {
    const scene = this.#scene;
    this.#scene = null;
    if (!scene) return;
    this.#sent.push({seq: ++this.#seq, at: performance.now()});
    this.#socket.send(JSON.stringify({type: "scene", seq: this.#seq, scene}));
    setTimeout(() => this.#ask(), PATIENCE);
  }

  #answered(seq) {
    if (typeof seq !== "number") return;
    this.#sent = this.#sent.filter(one => one.seq > seq);
    this.#ask();
  }

  #receive(data) {
    if (typeof data === "string") {
      const note = JSON.parse(data);
      if (note.type === "error") this.#answered(note.seq);
      return this.#on.onnote(note);
    }
    const length = new DataView(data).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    this.#on.onframe(header, new Blob([new Uint8Array(data, 4 + length)], {type: header.mime}));
    if (header.kind === "edit") this.#answered(header.seq);
  }
}
