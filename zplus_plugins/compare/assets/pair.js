"use strict";
// Pair(root, {names: [a, b], mode, pixels, onchange}): two pictures of equal size in the element root, with the choice of how to compare them:
// "beside" each other, b under a "wipe" over a, or their "difference". onchange() is called when the user has changed mode, pixels, wipe or gain.
//   draw(index, source, sx, sy, sw, sh): picture 0 or 1 becomes this part (by default the whole) of an image, canvas, video or bitmap
//   hold([first, second]): show others, each [source, sx, sy, sw, sh], until hold(null); draw() meanwhile changes what comes back
//   rename(index, name), caption(index, text): the name, and a line of text below it
//   mode; pixels (true: no smoothing); wipe (0 to 1, the share of a); gain (of the difference): can be read and set
//   difference: the mean absolute difference of the last map in levels of 255, null in other modes;  bar: the element of the controls
const PAIR_MODES = [["beside", "Side by side"], ["wipe", "Wipe"], ["difference", "Difference"]];
const MOST_GAIN = 5;  // as a power of two

function Pair(root, {names, mode = "beside", pixels = false, onchange = () => {}}) {
  const own = {mode, pixels, wipe: 0.5, gain: 4, difference: null}, number = Pair.made = (Pair.made || 0) + 1;
  const kept = names.map(() => document.createElement("canvas"));
  let held = null, waiting = false;
  const sides = names.map((name, index) => ({
    name, text: "", canvas: make("canvas", {role: "img", width: 64, height: 64}), label: make("b"), line: make("span"), kind: `pair-side pair-${index ? "second" : "first"}`,
  }));
  const figures = sides.map(side => make("figure", {class: side.kind}, side.canvas, make("figcaption", {}, side.label, side.line)));
  const map = make("canvas", {role: "img", width: 64, height: 64}), words = make("figcaption");
  const wipe = make("input", {type: "range", class: "pair-wipe", min: 0, max: 100, step: 1, oninput: () => { pair.wipe = wipe.value / 100; }, onchange: () => onchange()});
  const stage = make("div", {class: "pair-stage"}, ...figures, make("figure", {class: "pair-map"}, map, words), make("div", {class: "pair-over"}, wipe, make("span", {class: "pair-handle", "aria-hidden": "true"})));
  const modes = make("fieldset", {class: "chips", id: `pair-${number}-mode`}, make("legend", {class: "hidden"}, "View"));
  const crisp = make("input", {type: "checkbox", onchange: () => { pair.pixels = crisp.checked; onchange(); }});
  const gain = make("input", {type: "range", min: 0, max: MOST_GAIN, step: 1, "aria-label": "Amplification of the difference", oninput: () => { pair.gain = 2 ** gain.value; }, onchange: () => onchange()});
  const times = make("output"), strength = make("label", {class: "pair-gain"}, "Amplified", gain, times);
  const bar = make("div", {class: "pair-bar"}, modes, make("label", {class: "check"}, crisp, "Pixels"), strength);
  chips(modes, PAIR_MODES, mode, value => { pair.mode = value; onchange(); });
  root.classList.add("pair");
  root.replaceChildren(bar, stage);

  function fill(canvas, [source, sx = 0, sy = 0, sw = source.naturalWidth || source.videoWidth || source.width, sh = source.naturalHeight || source.videoHeight || source.height]) {
    if (canvas.width !== sw || canvas.height !== sh) Object.assign(canvas, {width: sw, height: sh});
    canvas.getContext("2d", {willReadFrequently: true}).drawImage(source, sx, sy, sw, sh, 0, 0, sw, sh);
  }
  function paint(index) {
    fill(sides[index].canvas, held?.[index] || [kept[index]]);
    if (waiting || own.mode !== "difference") return;
    waiting = true;  // both pictures mostly change together
    queueMicrotask(() => { waiting = false; differ(); });
  }
  function differ() {
    if (own.mode !== "difference") return;
    const {width, height} = sides[0].canvas;
    const [a, b] = sides.map(({canvas}) => levels(canvas, width, height));
    Object.assign(map, {width, height});
    const context = map.getContext("2d", {willReadFrequently: true}), drawn = context.createImageData(width, height);
    let sum = 0;
    for (let place = 0; place < a.length; place++) {
      const by = place % 4 === 3 ? 0 : Math.abs(a[place] - b[place]);
      sum += by;
      drawn.data[place] = place % 4 === 3 ? 255 : by * own.gain;
    }
    context.putImageData(drawn, 0, 0);
    own.difference = sum / (width * height * 3);
    tell();
  }
  function levels(canvas, width, height) {
    if (canvas.width === width && canvas.height === height) return canvas.getContext("2d", {willReadFrequently: true}).getImageData(0, 0, width, height).data;
    const scaled = document.createElement("canvas");
    Object.assign(scaled, {width, height});
    const context = scaled.getContext("2d", {willReadFrequently: true});
    context.drawImage(canvas, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  }
  function tell() {
    sides.forEach(side => {
      side.label.textContent = side.name;
      side.line.textContent = side.text;
      side.canvas.setAttribute("aria-label", side.text ? `${side.name}, ${side.text}` : side.name);
    });
    const share = Math.round(own.wipe * 100), [first, second] = sides.map(side => side.name);
    wipe.setAttribute("aria-label", `Border between ${first} and ${second}`);
    wipe.setAttribute("aria-valuetext", `${share} % ${first}, ${100 - share} % ${second}`);
    times.textContent = `× ${own.gain}`;
    const mean = own.difference ?? 0;
    words.textContent = `${first} and ${second} differ by ${mean.toFixed(1)} of 255 levels on average (${(mean / 2.55).toFixed(1)} %). Black is equal; differences are shown ${own.gain === 1 ? "as they are" : `${own.gain} times as large`}.`;
    map.setAttribute("aria-label", `Map of the difference. ${words.textContent}`);
  }
  function arrange() {
    root.dataset.mode = own.mode;
    root.classList.toggle("pixels", own.pixels);
    crisp.checked = own.pixels;
    chosenChip(modes, own.mode);
    strength.hidden = own.mode !== "difference";
    gain.value = Math.log2(own.gain);
    wipe.value = Math.round(own.wipe * 100);
    stage.style.setProperty("--wipe", `${own.wipe * 100}%`);
    own.difference = null;
    tell();
    differ();
  }
  // The pointer moves the border from anywhere on the picture; the range is for keys and screen readers.
  const over = stage.querySelector(".pair-over");
  const follow = event => {
    const box = over.getBoundingClientRect();
    pair.wipe = (event.clientX - box.left) / box.width;
  };
  over.addEventListener("pointerdown", event => {
    if (event.button !== 0) return;
    event.preventDefault();
    wipe.focus({preventScroll: true, focusVisible: false});
    over.setPointerCapture(event.pointerId);
    follow(event);
  });
  over.addEventListener("pointermove", event => over.hasPointerCapture(event.pointerId) && follow(event));
  over.addEventListener("pointerup", event => over.hasPointerCapture(event.pointerId) && onchange());

  const setting = (name, clean) => ({get: () => own[name], set: value => { own[name] = clean(value); arrange(); }, enumerable: true});
  const pair = Object.defineProperties({
    bar,
    draw(index, source, ...part) { fill(kept[index], [source, ...part]); paint(index); },
    hold(pictures) { held = pictures; sides.forEach((_, index) => paint(index)); },
    rename(index, name) { sides[index].name = name; tell(); },
    caption(index, text) { sides[index].text = text; tell(); },
  }, {
    mode: setting("mode", value => PAIR_MODES.some(([known]) => known === value) ? value : "beside"),
    pixels: setting("pixels", Boolean),
    wipe: setting("wipe", value => Math.max(0, Math.min(1, Number(value) || 0))),
    gain: setting("gain", value => 2 ** Math.max(0, Math.min(MOST_GAIN, Math.round(Math.log2(Number(value)) || 0)))),
    difference: {get: () => own.difference, enumerable: true},
  });
  arrange();
  return pair;
}
