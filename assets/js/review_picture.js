// What is visible of a review as a PNG: whose and when in words, then every lane with its name.

import { saveAs } from "./picture.js";
import { placeOf, whenOf, patientOf } from "./review_night.js";

const HEAD_PX = 58;
const LANE_HEAD_PX = 22;

/** Save all views side by side. */
export function saveReview(views, colors, name) {
  const columns = views.map((view) => ({ view, pictures: view.figures.pictures() }));
  const ratio = window.devicePixelRatio || 1;
  const heightOf = ({ pictures }) => pictures.reduce((sum, { canvas }) => sum + canvas.height + LANE_HEAD_PX * ratio, HEAD_PX * ratio);
  const canvas = document.createElement("canvas");
  canvas.width = columns.reduce((sum, { pictures }) => sum + pictures[0].canvas.width, 0);
  canvas.height = Math.max(...columns.map(heightOf));
  const ink = canvas.getContext("2d");
  ink.fillStyle = colors.tile;
  ink.fillRect(0, 0, canvas.width, canvas.height);
  let left = 0;
  for (const { view, pictures } of columns) {
    const { night, clock } = view;
    const font = getComputedStyle(view.element).fontFamily;
    const write = (text, y, color, weight, size) => {
      ink.fillStyle = color;
      ink.font = `${weight} ${size * ratio}px ${font}`;
      ink.fillText(text, left + 16 * ratio, y * ratio, pictures[0].canvas.width - 32 * ratio);
    };
    write(`${patientOf(night)} · ${placeOf(night)}`, 26, colors.text, 650, 18);
    write(`${whenOf(night, clock)} · shown: ${view.visible.textContent}`, 48, colors.secondary, 450, 14);
    let top = HEAD_PX;
    for (const { lane, canvas: picture } of pictures) {
      write(lane.unit ? `${lane.name}, ${lane.unit}` : lane.name, top + 16, colors.text, 600, 14);
      ink.drawImage(picture, left, (top + LANE_HEAD_PX) * ratio);
      top += LANE_HEAD_PX + picture.height / ratio;
    }
    left += pictures[0].canvas.width;
  }
  canvas.toBlob((blob) => {
    const address = URL.createObjectURL(blob);
    saveAs(address, name);
    setTimeout(() => URL.revokeObjectURL(address), 1000); // the browser has taken it by then
  });
}
