// The typeface is loaded into the page itself, since a shadow root may use fonts but not declare them.

import { isAway } from "./format.js";

const FONT_NAME = "Breathwatch Inter";

export function loadFont({ base, recorded }) {
  if (recorded || isAway(base)) return; // in a notebook, whose own server has no such file
  if ([...document.fonts].some((face) => face.family.replace(/"/g, "") === FONT_NAME)) return;
  const face = new FontFace(FONT_NAME, `url(${base}/assets/fonts/inter.woff2)`, { weight: "100 900" });
  document.fonts.add(face);
  // Without it the system's own sans-serif serves.
  face.load().catch(() => document.fonts.delete(face));
}
