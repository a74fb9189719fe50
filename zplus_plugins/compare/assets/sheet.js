"use strict";
// Contact sheets and downloads, made in the browser.

// contactSheet({title, note, columns: [text], rows: [{name, cells: [picture]}], size}): a canvas with a table of pictures, each [source, sx, sy, sw, sh] or null, size pixels wide, with a name for each row and a heading for each column. Always dark on white, for papers and slides.
function contactSheet({title, note = "", columns, rows, size = 128}) {
  const canvas = document.createElement("canvas"), gap = 4, margin = 24, line = 20;
  let pen = canvas.getContext("2d");
  const font = (weight, pixels) => `${weight} ${pixels}px system-ui, "Segoe UI", Roboto, sans-serif`;
  pen.font = font(600, 14);
  const names = Math.max(60, ...rows.map(row => Math.ceil(pen.measureText(row.name).width) + 14));
  pen.font = font(600, 18);
  const titled = pen.measureText(title).width;
  pen.font = font(400, 13);
  const most = Math.max(...rows.map(row => row.cells.length), 1);
  const across = Math.max(names + most * (size + gap), titled, pen.measureText(note).width);
  const top = margin + 30 + (note ? line : 0) + (columns.length ? line : 0);
  Object.assign(canvas, {width: Math.ceil(across) + 2 * margin, height: top + rows.length * (size + gap) + margin});
  pen = canvas.getContext("2d");
  const write = (text, x, y, style, align = "left", ink = "#1d1c1a") => { Object.assign(pen, {font: style, textAlign: align, fillStyle: ink}); pen.fillText(text, x, y); };
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  write(title, margin, margin + 14, font(600, 18));
  if (note) write(note, margin, margin + 36, font(400, 13), "left", "#625e57");
  columns.forEach((text, k) => write(text, margin + names + k * (size + gap) + size / 2, top - 8, font(600, 13), "center"));
  rows.forEach((row, k) => {
    const y = top + k * (size + gap);
    write(row.name, margin, y + size / 2 + 5, font(600, 14));
    row.cells.forEach((cell, n) => { if (cell) pen.drawImage(...cell, margin + names + n * (size + gap), y, size, size); });
  });
  return canvas;
}

// download(name, blob): let the browser save a blob as a file of this name.
function download(name, blob) {
  const address = URL.createObjectURL(blob);
  make("a", {href: address, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

// downloadCanvas(name, canvas): a promise that the canvas is handed to the browser as a PNG of this name.
const downloadCanvas = (name, canvas) => new Promise((done, failed) => canvas.toBlob(blob => {
  if (!blob) return failed(new Error("the browser could not make a PNG of this size"));
  download(name, blob);
  done();
}, "image/png"));
