// A large live trace with its axis, breath marks and the spans of events.

import { duration, node, setHidden, setText } from "./format.js";
import { Trace, WINDOW_S } from "./trace.js";

export const SPAN_NAMES = {
  breath_gap: "apnea",
  apnea: "unclassified apnea",
  obstructive_apnea: "obstructive apnea",
  central_apnea: "central apnea",
  hypopnea: "hypopnea, flow-only",
  possible_rera: "possible RERA",
};
const GRID_EVERY_S = 5;

export class LivePlot {
  constructor(name, unit, scale, traceOptions) {
    this.element = node("section", "panel plot");
    const title = node("h2", "panel-title");
    this.aside = node("span", "quiet", ` ${unit} · ${WINDOW_S} s`);
    title.append(node("b", "", name), this.aside);
    const body = node("div", "plot-body");
    this.axis = node("div", "axis");
    this.axis.setAttribute("aria-hidden", "true");
    this.stage = node("div", "plot-stage");
    this.below = node("canvas");
    this.below.setAttribute("aria-hidden", "true");
    const canvas = node("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${name} in ${unit}, last ${WINDOW_S} seconds`);
    this.note = node("span", "note");
    this.note.hidden = true;
    this.stage.append(this.below, canvas, this.note);
    body.append(this.axis, this.stage);
    this.element.append(title, body);
    this.ink = this.below.getContext("2d");
    this.trace = new Trace(canvas, scale, traceOptions);
    this.marks = null;
    this.ticks = null;
  }

  resize(width, height) {
    const ratio = window.devicePixelRatio || 1;
    this.trace.resize(width, height, ratio);
    this.below.width = Math.round(width * ratio);
    this.below.height = Math.round(height * ratio);
    this.ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.ticks = null;
    this.font = `600 14px ${getComputedStyle(this.element).fontFamily}`;
  }

  get dirty() {
    return this.trace.dirty || this.stalePaint;
  }

  paint(colors) {
    const before = this.trace.dirty;
    const whole = this.trace.paint();
    if (whole) this.label();
    if (!before && !this.stalePaint) return;
    const peaks = (this.marks?.peaks ?? []).map((peak) => peak * this.trace.rate).filter((at) => this.trace.shows(at));
    const spans = (this.marks?.spans ?? []).filter(([, , , end]) => end === null || this.trace.shows(end * this.trace.rate));
    // Between two breaths nothing moves down here, and a canvas that is touched is copied whole to the screen.
    const notes = (this.marks?.notes ?? []).filter(([at]) => this.trace.shows(at * this.trace.rate));
    const scene = `${this.trace.epoch} ${this.trace.scale.high} ${this.trace.scale.low} ${peaks} ${notes}`;
    if (this.stalePaint || spans.length || scene !== this.scene) this.paintBelow(peaks, spans, notes, colors);
    this.scene = spans.length ? null : scene;
    this.stalePaint = false;
  }

  label() {
    const { ticks, low, high } = this.trace.scale;
    if (ticks === this.ticks) return;
    this.ticks = ticks;
    const labels = ticks.map((tick) => {
      const label = node("span", "", String(tick).replace("-", "−"));
      label.style.top = `${(100 * (high - tick)) / (high - low)}%`;
      return label;
    });
    this.axis.replaceChildren(...labels);
  }

  paintBelow(peaks, spans, notes, colors) {
    const { ink, trace } = this;
    ink.clearRect(0, 0, trace.width, trace.height);
    for (const span of spans) this.paintSpan(span, colors);
    ink.fillStyle = colors.grid;
    for (const tick of trace.scale.ticks) ink.fillRect(0, Math.round(trace.y(tick)), trace.width, tick === 0 ? 2 : 1);
    for (let second = GRID_EVERY_S; second < WINDOW_S; second += GRID_EVERY_S) {
      ink.fillRect(Math.round((second / WINDOW_S) * trace.width), 0, 1, trace.height);
    }
    ink.fillStyle = colors.text;
    for (const peak of peaks) {
      const x = trace.x(peak);
      ink.beginPath();
      ink.moveTo(x - 5, 2);
      ink.lineTo(x + 5, 2);
      ink.lineTo(x, 11);
      ink.fill();
    }
    notes.forEach((note, i) => this.paintNote(note, i, colors));
  }

  /** A moment that somebody marked: a hairline, and the words beside it where there is room. */
  paintNote([at, text], i, colors) {
    const { ink, trace } = this;
    const x = Math.round(trace.x(at * trace.rate));
    ink.fillStyle = colors.secondary;
    ink.fillRect(x, 0, 1, trace.height);
    if (!text) return;
    ink.font = this.font;
    ink.textBaseline = "alphabetic";
    ink.fillStyle = colors.text;
    const words = shortened(ink, text, Math.max(90, trace.width * 0.3));
    const wide = ink.measureText(words).width;
    const left = x + 7 + wide > trace.width ? x - 7 - wide : x + 7;
    ink.fillText(words, left, 30 + 18 * (i % 3));
  }

  /** An event's time is grey ground with its name in words: alarm colours belong to alarms. */
  paintSpan([, kind, onset, end], colors) {
    const { ink, trace } = this;
    let start = Math.max(onset * trace.rate, trace.oldest);
    const stop = Math.min(end === null ? trace.next : end * trace.rate, trace.next);
    const length = (end === null ? trace.next / trace.rate : end) - onset;
    const pieces = [];
    while (start < stop) {
      const until = Math.min(stop, start - trace.column(start) + trace.size);
      pieces.push([trace.x(start), trace.x(start) + ((until - start) / trace.size) * trace.width]);
      start = until;
    }
    const widest = pieces.reduce((best, piece) => (piece[1] - piece[0] > best[1] - best[0] ? piece : best), [0, 0]);
    for (const [left, right] of pieces) {
      ink.fillStyle = colors.span;
      ink.fillRect(left, 0, right - left, trace.height);
    }
    const text = `${SPAN_NAMES[kind] ?? kind} ${duration(length)}`;
    ink.font = this.font;
    if (widest[1] - widest[0] < ink.measureText(text).width + 16) return;
    ink.fillStyle = colors.text;
    ink.textBaseline = "alphabetic";
    // A scored event often lies in a breath gap: its words stand above that one's.
    ink.fillText(text, widest[0] + 9, trace.height - (kind === "breath_gap" ? 10 : 28));
  }

  showNote(text) {
    setHidden(this.note, text === "");
    setText(this.note, text);
  }
}

/** As much of a text as fits, with an ellipsis where not all does. */
export function shortened(ink, text, width) {
  if (ink.measureText(text).width <= width) return text;
  let shown = text;
  while (shown.length > 1 && ink.measureText(`${shown}…`).width > width) shown = shown.slice(0, -1);
  return `${shown}…`;
}
