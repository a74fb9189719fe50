// Pictures side by side, a slider through the strengths, and an enlargement.
function Viewer(data, state) {
  const find = id => document.getElementById(id);
  const directions = Math.max(1, data.edits.length);
  const last = data.strengths.length - 1;
  const places = [];
  let opened = Math.max(0, data.spaces.findIndex(space => space.name === "f/zplus"));

  const place = (element, sprite, row, rows, column, columns) => {
    element.dataset.sprite = sprite;
    element.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
    element.style.backgroundPosition = `${columns > 1 ? column / (columns - 1) * 100 : 0}% ${rows > 1 ? row / (rows - 1) * 100 : 0}%`;
  };
  const set = () => data.sets[state.set];
  const target = element => place(element, `${set().name}/target`, state.picture, set().shown, 0, 1);
  const edited = (element, space) => data.edits.length
    ? place(element, `${set().name}/${space.name}`, state.picture * directions + state.direction, set().shown * directions, state.strength, last + 1)
    : place(element, `${set().name}/${space.name}`, state.picture, set().shown, 0, 1);
  const number = (space, figure) => {
    const values = set().edited[space.name][figure];
    return values && data.edits.length ? values[state.picture][state.direction][state.strength] : null;
  };
  const numbers = space => {
    const texts = [], identity = number(space, "identity_input"), change = number(space, "change");
    if (identity !== null) texts.push(`id ${identity.toFixed(2)}`);
    if (change !== null) texts.push(`Δ ${change > 0 ? "+" : ""}${change.toFixed(2)}`);
    return texts.join(" · ");
  };
  const strength = () => (data.strengths[state.strength] > 0 ? "+" : "") + data.strengths[state.strength].toFixed(1);

  function show() {
    for (const {element, space, text} of places) {
      if (space) { edited(element, space); text.textContent = numbers(space); } else target(element);
    }
    for (const id of ["strength", "zoom-strength"]) {
      find(id).value = state.strength;
      find(id).setAttribute("aria-valuetext", `${data.edits[state.direction] || ""} ${strength()}`);
    }
    find("strength-value").textContent = data.edits.length ? `${strength()}` : "";
    enlarge();
  }
  function enlarge() {
    const space = data.spaces[opened];
    target(find("zoom-target"));
    edited(find("zoom-space"), space);
    find("zoom-target").setAttribute("aria-label", `Target, picture ${state.picture + 1}`);
    find("zoom-space").setAttribute("aria-label", space.title);
    find("zoom-caption").replaceChildren(make("b", {}, space.title), make("br"), data.edits.length ? `${readable(data.edits[state.direction])} ${strength()} · ${numbers(space)}` : "");
  }
  function open(index) { opened = index; enlarge(); find("zoom").showModal(); }
  function card(space, index) {
    const element = make("span", {class: "picture"}), text = make("span", {class: "numbers"}, space ? "" : "the picture to invert");
    places.push({element, space, text});
    const name = make("span", {class: "name"}, space ? make("i", {style: `background:${colour(space)}`}) : null, space ? space.title : "Target");
    return make("button", {type: "button", class: "card", onclick: () => open(space ? index : opened)}, element, make("span", {class: "text"}, name, text));
  }
  function strip() {
    const thumbs = Array.from({length: set().shown}, (_, i) => {
      const picture = make("span", {class: "picture"});
      place(picture, `${set().name}/target`, i, set().shown, 0, 1);
      return make("button", {type: "button", "aria-pressed": String(i === state.picture), "aria-label": `Picture ${i + 1}`, onclick: () => { state.picture = i; strip(); show(); find("strip").children[i].focus(); }}, picture);
    });
    find("strip").replaceChildren(...thumbs);
  }
  find("target").append(card(null, 0));
  for (const [group, title] of [["f", "With the feature map F"], ["plain", "Without F"]]) {
    const own = data.spaces.map((space, index) => ({space, index})).filter(({space}) => space.group === group);
    if (own.length) find("cards").append(make("p", {class: "cards-title"}, title), make("div", {class: "cards"}, ...own.map(({space, index}) => card(space, index))));
  }
  for (const id of ["strength", "zoom-strength"]) {
    Object.assign(find(id), {min: 0, max: last, step: 1});
    find(id).addEventListener("input", event => { state.strength = Number(event.target.value); show(); });
  }
  let timer = 0, step = 1;
  const stop = () => { clearInterval(timer); timer = 0; find("play").setAttribute("aria-pressed", "false"); };
  find("play").addEventListener("click", () => {
    if (timer) return stop();
    find("play").setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      if (state.strength + step > last || state.strength + step < 0) step = -step;
      state.strength += step;
      show();
    }, 220);
  });
  find("strength").addEventListener("pointerdown", stop);
  document.querySelector(".dial").hidden = !data.edits.length;
  find("zoom-strength").hidden = !data.edits.length;
  const turn = by => { opened = (opened + by + data.spaces.length) % data.spaces.length; enlarge(); };
  find("zoom-previous").addEventListener("click", () => turn(-1));
  find("zoom-next").addEventListener("click", () => turn(1));
  find("zoom-close").addEventListener("click", () => find("zoom").close());
  find("zoom-pixels").addEventListener("change", event => find("zoom").classList.toggle("pixels", event.target.checked));
  find("zoom").addEventListener("click", event => event.target === find("zoom") && find("zoom").close());
  return {show, strip};
}
