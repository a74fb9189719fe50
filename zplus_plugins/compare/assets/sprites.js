"use strict";
// Sprites(data): the pictures of a comparison, from one image for each set and space with a row for each picture and direction and a column for each strength.
//   load(set): a promise that the images of a set, by its number, are decoded
//   cell(name, {set, picture, direction, strength}): [image, x, y, width, height] of "target" or a space
function Sprites({sets, spaces, sprites, edits, strengths}) {
  const images = new Map();
  const key = (set, name) => `${sets[set].name}/${name}`;

  async function decoded(name) {
    if (images.has(name)) return;
    const image = new Image();
    image.src = sprites[name];
    await image.decode();
    images.set(name, image);
  }
  function cell(name, {set, picture, direction, strength}) {
    const image = images.get(key(set, name)), edited = name !== "target" && edits.length > 0;
    const rows = sets[set].shown * (edited ? edits.length : 1), columns = edited ? strengths.length : 1;
    const row = edited ? picture * edits.length + direction : picture, column = edited ? strength : 0;
    const width = image.naturalWidth / columns, height = image.naturalHeight / rows;
    return [image, column * width, row * height, width, height];
  }
  return {cell, load: set => Promise.all(["target", ...spaces.map(space => space.name)].map(name => decoded(key(set, name))))};
}
