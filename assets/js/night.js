// The night so far: pressure, respiratory rate and leak by the minute, and a lane of events.

import { duration, node, setClass, setHidden, setText } from "./format.js";
import { shortened } from "./plot.js";

const TICK_STEPS_S = [60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
const SHORTEST_S = 900;
const PAINTED_EVERY_S = 10; // else a pressure that was just raised would stand there as a spike for a minute
const LANES = [
  { key: "pressure", name: "pressure", unit: "cmH₂O", color: "pressure", top: 0.04, height: 0.3, least: 4, step: true },
  { key: "rate", name: "rate", unit: "/min", color: "flow", top: 0.42, height: 0.16, least: 8 },
  { key: "leak", name: "leak", unit: "L/min", color: "secondary", top: 0.66, height: 0.13, least: 24 },
];
const EVENT_LANE = { top: 0.86, height: 0.08 };

export class NightPlot {
  constructor() {
    this.element = node("section", "panel night");
    const title = node("h2", "panel-title");
    this.aside = node("span", "quiet");
    title.append(node("b", "", "Night"), this.aside);
    const body = node("div", "plot-body");
    this.axis = node("div", "axis lanes");
    this.ranges = new Map();
    for (const lane of LANES) {
      const label = node("span", `lane-${lane.key}`, lane.name);
      const range = node("i");
      label.append(range);
      this.ranges.set(lane.key, range);
      label.style.top = `${100 * (lane.top + lane.height / 2)}%`;
      this.axis.append(label);
    }
    const label = node("span", "", "events");
    label.style.top = `${100 * (EVENT_LANE.top + EVENT_LANE.height / 2)}%`;
    this.axis.append(label);
    this.stage = node("div", "plot-stage");
    this.canvas = node("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "The night: pressure, respiratory rate, leak and events");
    this.stage.append(this.canvas);
    this.empty = node("p", "quiet night-empty", "The course of the night appears after its first minute.");
    this.here = node("i", "night-here");
    this.here.hidden = true;
    this.stage.append(this.empty, this.here);
    body.append(this.axis, this.stage);
    this.element.append(title, body);
    this.ink = this.canvas.getContext("2d");
    this.drawn = null;
    this.width = 0;
  }

  resize(width, height) {
    const ratio = window.devicePixelRatio || 1;
    this.width = width;
    this.height = height;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.drawn = null;
  }

  show(room, now, clock, colors) {
    const night = room?.night ?? null;
    const any = night !== null && night.minutes.length > 0;
    setHidden(this.empty, any);
    setClass(this.axis, "vacant", !any);
    const since = room?.stay_started ?? (any ? night.minutes[0] : null);
    setText(this.aside, since === null ? "" : ` · pressure, respiratory rate, leak and events since ${clock.hourMinute(since)}`);
    if (now === null || this.width < 2) return;
    const end = night?.end ?? now;
    this.showHere(any && night.end ? now : null, since, end);
    const drawn = any ? `${night.minutes.length} ${night.events.length} ${night.marks?.length ?? 0} ${Math.floor(end / PAINTED_EVERY_S)} ${colors.tile}` : "none";
    if (this.drawn === drawn && this.night === night) return;
    this.drawn = drawn;
    this.night = night;
    this.ink.clearRect(0, 0, this.width, this.height);
    if (any) this.paint(night, Math.min(since, night.minutes[0]), end, clock, colors);
  }

  /** Where in a recording we are. */
  showHere(now, since, end) {
    setHidden(this.here, now === null);
    if (now === null) return;
    const share = (now - since) / (Math.max(end, since + SHORTEST_S) - since);
    this.here.style.left = `${(share * (this.width - 2)).toFixed(1)}px`;
  }

  paint(night, since, now, clock, colors) {
    const { ink, width, height } = this;
    const start = since;
    const end = Math.max(now, start + SHORTEST_S);
    const plotHeight = height - 22;
    const x = (epoch) => ((epoch - start) / (end - start)) * (width - 2);
    this.paintTicks(start, end, x, plotHeight, clock, colors);
    for (const lane of LANES) this.paintLane(lane, night.minutes, night[lane.key], now, x, plotHeight, colors);
    ink.fillStyle = colors.text;
    for (const [epoch, , length] of night.events) {
      const wide = Math.max(2.5, x(epoch + (length ?? 0)) - x(epoch));
      ink.fillRect(x(epoch), EVENT_LANE.top * plotHeight, wide, EVENT_LANE.height * plotHeight);
    }
    this.paintMarks(night.marks ?? [], x, plotHeight, colors);
    const apneas = night.events.length;
    this.canvas.setAttribute("aria-label", `The last ${duration(now - start)}: ${apneas} event${apneas === 1 ? "" : "s"}`);
  }

  /** Moments that somebody marked; words that would run into the next mark are left to the list of events. */
  paintMarks(marks, x, plotHeight, colors) {
    const { ink } = this;
    ink.font = `13px ${getComputedStyle(this.element).fontFamily}`;
    marks.forEach(([epoch, text], i) => {
      const left = Math.round(x(epoch));
      const next = i + 1 < marks.length ? x(marks[i + 1][0]) : this.width;
      ink.fillStyle = colors.secondary;
      ink.fillRect(left, 0, 1, plotHeight);
      ink.fillStyle = colors.text;
      if (next - left > 60) ink.fillText(shortened(ink, text, Math.min(next - left - 10, 180)), left + 5, plotHeight - 3);
    });
  }

  paintTicks(start, end, x, plotHeight, clock, colors) {
    const { ink } = this;
    const offset = clock.offset(start);
    const room = Math.max(2, Math.floor(this.width / 110));
    const step = TICK_STEPS_S.find((size) => (end - start) / size <= room) ?? 21600;
    ink.font = `13px ${getComputedStyle(this.element).fontFamily}`;
    ink.textBaseline = "alphabetic";
    for (let tick = Math.ceil((start + offset) / step) * step - offset; tick <= end; tick += step) {
      ink.fillStyle = colors.grid;
      ink.fillRect(Math.round(x(tick)), 0, 1, plotHeight);
      const text = clock.hourMinute(tick);
      const wide = ink.measureText(text).width;
      ink.fillStyle = colors.secondary;
      const left = Math.max(0, x(tick) - wide / 2);
      if (left + wide <= this.width) ink.fillText(text, left, plotHeight + 17);
    }
  }

  paintLane(lane, minutes, values, now, x, plotHeight, colors) {
    const { ink } = this;
    const known = values.filter((value) => value !== null);
    if (!known.length) return;
    const [least, most] = [Math.min(...known), Math.max(...known)];
    const slack = Math.max(0, lane.least - (most - least)) / 2;
    const [low, high] = [Math.max(0, least - slack), Math.max(0, least - slack) + Math.max(lane.least, most - least)];
    const [from, to] = [Math.round(least), Math.round(most)];
    setText(this.ranges.get(lane.key), from === to ? `${from} ${lane.unit}` : `${from} to ${to} ${lane.unit}`);
    const y = (value) => (lane.top + lane.height * (1 - (value - low) / (high - low))) * plotHeight;
    ink.strokeStyle = colors[lane.color];
    ink.lineWidth = lane.key === "leak" ? 1.5 : 2;
    ink.lineJoin = "round";
    ink.beginPath();
    let last = null;
    minutes.forEach((minute, i) => {
      const value = values[i];
      const until = Math.min(minute + 60, minutes[i + 1] ?? now, now);
      if (value === null) last = null;
      else {
        const joined = last !== null && minute - last.minute <= 90;
        if (!joined) ink.moveTo(x(minute), y(value));
        else if (lane.step) ink.lineTo(x(minute), y(last.value));
        if (joined || lane.step) ink.lineTo(x(minute), y(value));
        // A step holds for its minute; so does a line's value that has no neighbour to be joined with.
        if (lane.step || (!joined && (values[i + 1] ?? null) === null)) ink.lineTo(x(until), y(value));
        last = { minute, value };
      }
    });
    ink.stroke();
  }
}
