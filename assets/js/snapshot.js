// A live trace as a file: what stands on the canvases now, with its axis and a line that says what it is.

import { saveAs } from "./picture.js";

const MARGIN = { left: 56, top: 46, right: 18, bottom: 16 };

/** Save the plot as a PNG in the colours of the page. */
export function saveTrace(plot, colors, words, name) {
  const { trace, below } = plot;
  const [width, height] = [trace.width + MARGIN.left + MARGIN.right, trace.height + MARGIN.top + MARGIN.bottom];
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: 2 * width, height: 2 * height });
  const ink = canvas.getContext("2d");
  ink.scale(2, 2);
  ink.fillStyle = colors.tile;
  ink.fillRect(0, 0, width, height);
  ink.drawImage(below, MARGIN.left, MARGIN.top, trace.width, trace.height);
  ink.drawImage(trace.canvas, MARGIN.left, MARGIN.top, trace.width, trace.height);
  ink.fillStyle = colors.text;
  ink.font = `600 15px ${getComputedStyle(plot.element).fontFamily}`;
  ink.fillText(words, 16, 27, width - 32);
  ink.textAlign = "right";
  ink.textBaseline = "middle";
  for (const tick of trace.scale.ticks) {
    ink.fillText(String(tick).replace("-", "−"), MARGIN.left - 10, MARGIN.top + trace.y(tick));
  }
  canvas.toBlob((blob) => {
    const address = URL.createObjectURL(blob);
    saveAs(address, name);
    setTimeout(() => URL.revokeObjectURL(address), 1000); // the browser has taken it by then
  });
}
