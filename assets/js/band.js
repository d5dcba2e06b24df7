// The alarm band: what is wrong in words, worst first. Greying never hides it; what it says then shows its age.

import { duration, node, setAttribute, setClass, setHidden, setText } from "./format.js";
import { MARK, conditionsOf, sentence } from "./conditions.js";

export class Band {
  constructor(element = node("p", "band")) {
    this.element = element;
    this.mark = node("b", "band-mark");
    this.text = node("span", "band-text");
    this.aside = node("span", "band-aside");
    element.append(this.mark, " ", this.text, " ", this.aside); // spaces for those who hear or copy it
    element.hidden = true;
  }

  show(priority, text, aside = "") {
    setHidden(this.element, priority === null);
    setAttribute(this.element, "data-priority", priority);
    if (priority === null) return;
    setText(this.mark, MARK[priority]);
    setText(this.text, text);
    setText(this.aside, aside);
    setAttribute(this.element, "title", aside ? `${text}, ${aside}` : text);
  }

  /** Show what is wrong in a room; returns the conditions, worst first. */
  showRoom(room, found, beat, clock, { aside = "", terse = false } = {}) {
    const conditions = conditionsOf(room, beat, found);
    if (!conditions.length) {
      this.show(null, "");
      return conditions;
    }
    let text = sentence(conditions, room, beat, clock, terse);
    if (beat.lost) text += ` · ${duration(beat.silence())} old`;
    this.show(conditions[0].priority, text, aside);
    return conditions;
  }
}

const BEAT_MS = 250;

/**
 * High flashes at 2 Hz, medium at 0.67 Hz, half of the time each, and all bands of a page together (IEC 60601-1-8).
 * A class on the page itself would restyle the bands of all rooms at each beat.
 */
export function flash(root) {
  const beat = Math.floor(performance.now() / BEAT_MS);
  const resting = { high: beat % 2 === 1, medium: beat % 6 >= 3, low: false };
  for (const band of root.querySelectorAll(".band[data-priority]")) setClass(band, "rest", resting[band.dataset.priority]);
}
