"use strict";
// Curves and dots as inline SVG, with a rule that follows the pointer or the arrow keys.
const DASHES = {z: "7 4", w: "2 4", pn: "7 3 2 3", s: "1 3"};
const MARKS = {zplus: "circle", z: "circle", wplus: "square", w: "square", "wplus-pn": "triangle", "wplus-lsap": "diamond", pn: "triangle", pnplus: "triangle", s: "diamond"};
const colour = space => `var(--${space.base})`;

function ticks(low, high, wanted) {
  const rough = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(n => n * power).find(n => n >= rough * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(k * step);
  return {values: found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9))};
}

function mark(shape, x, y, size, attributes) {
  const s = size;
  const paths = {
    circle: `M${x - s} ${y}a${s} ${s} 0 1 0 ${2 * s} 0a${s} ${s} 0 1 0 ${-2 * s} 0`,
    square: `M${x - s * .9} ${y - s * .9}h${s * 1.8}v${s * 1.8}h${-s * 1.8}z`,
    triangle: `M${x} ${y - s * 1.15}l${s * 1.15} ${s * 2}h${-s * 2.3}z`,
    diamond: `M${x} ${y - s * 1.3}l${s * 1.3} ${s * 1.3}l${-s * 1.3} ${s * 1.3}l${-s * 1.3} ${-s * 1.3}z`,
  };
  return make("path", {d: paths[shape], ...attributes});
}

// Draw curves [{space, x, y, half}] into a box; label says what the chart is, unit what x is.
function drawCurves(box, curves, label, unit) {
  box.replaceChildren();
  if (!curves.length) return box.append(make("p", {class: "nothing"}, "Nothing to compare here."));
  const width = Math.max(260, box.clientWidth || 430), height = Math.round(Math.min(300, Math.max(220, width * 0.62)));
  const left = 44, right = 12, top = 10, bottom = 26;
  const xs = curves.flatMap(c => c.x), ys = curves.flatMap(c => c.y.flatMap((y, i) => [y - c.half[i], y + c.half[i]]));  // null counts as 0
  let [xLow, xHigh] = [Math.min(...xs), Math.max(...xs)], [yLow, yHigh] = [Math.min(...ys), Math.max(...ys)];
  if (xHigh === xLow) xHigh = xLow + 1;
  const space = Math.max((yHigh - yLow) * 0.06, 1e-3);
  yLow -= space; yHigh += space;
  const px = x => left + (x - xLow) / (xHigh - xLow) * (width - left - right);
  const py = y => top + (yHigh - y) / (yHigh - yLow) * (height - top - bottom);
  const svg = make("svg", {viewBox: `0 0 ${width} ${height}`, height, role: "img", tabindex: 0, "aria-label": `${label}. Arrow keys move along the curves.`});
  const across = ticks(xLow, xHigh, Math.min(6, width / 70)), up = ticks(yLow, yHigh, 5);
  for (const y of up.values) svg.append(make("line", {class: "grid", x1: left, x2: width - right, y1: py(y), y2: py(y)}), make("text", {x: left - 8, y: py(y) + 4, "text-anchor": "end"}, y.toFixed(up.digits)));
  for (const x of across.values) svg.append(make("text", {x: px(x), y: height - 7, "text-anchor": "middle"}, x.toFixed(across.digits)));
  if (xLow < 0 && xHigh > 0) svg.append(make("line", {class: "zero", x1: px(0), x2: px(0), y1: top, y2: height - bottom}));
  for (const c of curves) {
    const over = c.x.map((x, i) => `${px(x)} ${py(c.y[i] + c.half[i])}`), under = c.x.map((x, i) => `${px(x)} ${py(c.y[i] - c.half[i])}`).reverse();
    svg.append(make("path", {d: `M${over.join("L")}L${under.join("L")}Z`, fill: colour(c.space), opacity: 0.08}));
  }
  for (const c of curves) {
    svg.append(make("path", {d: "M" + c.x.map((x, i) => `${px(x)} ${py(c.y[i])}`).join("L"), fill: "none", stroke: colour(c.space), "stroke-width": 2.2, "stroke-linejoin": "round", "stroke-dasharray": DASHES[c.space.base] || false}));
    c.x.forEach((x, i) => svg.append(mark(MARKS[c.space.base], px(x), py(c.y[i]), 3, {fill: colour(c.space)})));
  }
  const rule = make("line", {class: "rule", y1: top, y2: height - bottom, visibility: "hidden"});
  const tip = make("div", {class: "tip", "aria-live": "polite", hidden: true});
  svg.append(rule);
  box.append(svg, tip);
  let at = -1;
  const places = [...new Set(xs)].sort((a, b) => a - b);
  const show = index => {
    at = Math.max(0, Math.min(places.length - 1, index));
    const x = places[at];
    rule.setAttribute("x1", px(x)); rule.setAttribute("x2", px(x)); rule.setAttribute("visibility", "visible");
    const rows = curves.map(c => [c, c.x.indexOf(x)]).filter(([, i]) => i >= 0).map(([c, i]) => ({space: c.space, y: c.y[i], half: c.half[i]})).sort((a, b) => b.y - a.y);
    tip.replaceChildren(make("b", {}, `${unit} ${signed(x, unit)}`), ...rows.map(row => make("div", {}, make("i", {style: `background:${colour(row.space)}`}), `${row.space.title}  ${row.y.toFixed(3)}${row.half === null ? "" : ` ± ${row.half.toFixed(3)}`}`)));
    tip.hidden = false;
    const middle = px(x) / width * box.clientWidth;
    tip.style.left = middle > box.clientWidth / 2 ? "auto" : `${middle + 12}px`;
    tip.style.right = middle > box.clientWidth / 2 ? `${box.clientWidth - middle + 12}px` : "auto";
  };
  const hide = () => { tip.hidden = true; rule.setAttribute("visibility", "hidden"); };
  const nearest = event => {
    const x = (event.clientX - svg.getBoundingClientRect().left) / box.clientWidth * width;
    show(places.reduce((best, value, i) => Math.abs(px(value) - x) < Math.abs(px(places[best]) - x) ? i : best, 0));
  };
  svg.addEventListener("pointermove", nearest);
  svg.addEventListener("pointerdown", nearest);
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.addEventListener("focus", () => svg.matches(":focus-visible") && show(at < 0 ? places.length - 1 : at));
  svg.addEventListener("keydown", event => {
    const move = {ArrowLeft: -1, ArrowRight: 1, Home: -99, End: 99}[event.key];
    if (move) { event.preventDefault(); show(at + move); }
    if (event.key === "Escape") hide();
  });
}

const signed = (x, unit) => (unit === "Strength" && x > 0 ? "+" : "") + x.toFixed(unit === "Strength" ? 1 : 2);

// A row of dots for each space, one a picture, null where it has none; the mean as a bar.
function drawDots(box, rows, label) {
  box.replaceChildren();
  const width = Math.max(280, box.clientWidth || 600), line = 34, left = 92, right = 16, top = 8, height = top + rows.length * line + 26;
  const all = rows.flatMap(row => row.values.filter(value => value !== null));
  if (!all.length) return box.append(make("p", {class: "nothing"}, "Measured of no picture."));
  let [low, high] = [Math.min(...all), Math.max(...all)];
  const margin = (high - low) * 0.04 || 1e-3;
  low -= margin; high += margin;
  const px = x => left + (x - low) / (high - low) * (width - left - right);
  const svg = make("svg", {viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": label});
  const across = ticks(low, high, Math.min(7, width / 80));
  for (const x of across.values) svg.append(make("line", {class: "grid", x1: px(x), x2: px(x), y1: top, y2: height - 26}), make("text", {x: px(x), y: height - 8, "text-anchor": "middle"}, x.toFixed(across.digits)));
  rows.forEach((row, k) => {
    const y = top + (k + 0.5) * line, own = row.values.filter(value => value !== null), mean = own.reduce((a, b) => a + b, 0) / own.length;
    svg.append(make("text", {class: "name", x: 0, y: y + 4}, row.space.title));
    row.values.forEach((value, i) => value !== null && svg.append(make("circle", {cx: px(value), cy: y + ((i * 7) % 5 - 2) * 2.4, r: 3.6, fill: colour(row.space), opacity: 0.5}, make("title", {}, `picture ${i + 1}: ${value}`))));
    if (own.length) svg.append(make("line", {x1: px(mean), x2: px(mean), y1: y - 12, y2: y + 12, stroke: colour(row.space), "stroke-width": 3, "stroke-linecap": "round"}));
  });
  box.append(svg);
}
