// The flow of a whole recording against time: from all of it to single breaths, by wheel, by keys or by buttons.

import { duration, node, setHidden, setText } from "./format.js";

const NOTHING = -32768;
const LEAST_LPM = 20;
const SHORTEST_VIEW_S = 2;
const FLOW_EDGE = { left: 56, right: 14, top: 26, bottom: 34 };
const TIME_UNITS = [
  { seconds: 1, name: "s", until: 600 },
  { seconds: 60, name: "min", until: 10800 },
  { seconds: 3600, name: "h", until: Infinity },
];

/** Little-endian 16-bit integers in 0.1 L/min as the server packs them; NaN is a gap. */
function unpackFlow(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 2 }, (_, at) => {
    const value = view.getInt16(2 * at, true);
    return value === NOTHING ? NaN : value / 10;
  });
}

/** Round numbers between two ends, at most so many. */
export function roundTicks(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((size) => size * power).find((size) => size >= rough * 0.9999);
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9 * step; at++) ticks.push(Number((at * step).toPrecision(10)));
  return ticks;
}

export class FlowPlot {
  constructor(emptyText) {
    this.element = node("section", "panel flow-plot");
    const head = node("div", "flow-head");
    const title = node("h2", "panel-title");
    this.aside = node("span", "quiet", " L/min");
    title.append(node("b", "", "Flow"), this.aside);
    this.tools = node("div", "flow-tools");
    this.tools.append(
      this.tool("−", "Show more time", () => this.zoom(2)),
      this.tool("+", "Show less time", () => this.zoom(0.5)),
      this.tool("All", "Show the whole recording", () => this.showAll()),
    );
    head.append(title, this.tools);
    this.stage = node("div", "flow-stage");
    this.canvas = node("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "No flow yet");
    this.empty = node("p", "flow-empty quiet", emptyText);
    this.stage.append(this.canvas, this.empty);
    this.element.append(head, this.stage);
    this.ink = this.canvas.getContext("2d");
    this.shown = null;
    this.width = this.height = 0;
    this.listen();
    this.show(null);
  }

  tool(text, title, act) {
    const button = node("button", "", text);
    Object.assign(button, { type: "button", title });
    button.setAttribute("aria-label", title);
    button.addEventListener("click", act);
    return button;
  }

  listen() {
    const { stage } = this;
    stage.addEventListener("wheel", (event) => {
      if (!this.shown) return;
      event.preventDefault();
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.timeAt(event.offsetX));
    }, { passive: false });
    stage.addEventListener("pointerdown", (event) => {
      this.held = this.shown && { x: event.offsetX, from: this.from };
      stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener("pointermove", (event) => {
      if (this.held) this.moveTo(this.held.from - (event.offsetX - this.held.x) * this.perPixel);
      this.point(event.offsetX);
    });
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => (this.held = null));
    stage.addEventListener("pointerleave", () => this.point(null));
    stage.addEventListener("keydown", (event) => {
      const act = this.keys[event.key];
      if (!act || !this.shown) return;
      event.preventDefault();
      act();
    });
  }

  get keys() {
    const tenth = (this.until - this.from) / 10;
    return {
      "+": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      0: () => this.showAll(),
      ArrowLeft: () => this.moveTo(this.from - tenth),
      ArrowRight: () => this.moveTo(this.from + tenth),
    };
  }

  /** Show what was found in a recording; null is none. */
  show(result) {
    setHidden(this.empty, result !== null);
    setHidden(this.tools, result === null);
    this.canvas.style.visibility = result === null ? "hidden" : "";
    this.stage.tabIndex = result === null ? -1 : 0;
    this.shown = result && { ...result, low: unpackFlow(result.low), high: unpackFlow(result.high) };
    if (this.shown === null) {
      setText(this.aside, " L/min");
      this.canvas.setAttribute("aria-label", "No flow yet");
      return;
    }
    const { low, high, stretch_s: stretch, breaths, apnea_count: apneas } = this.shown;
    this.length = Math.max(low.length * stretch, 1);
    const known = (values) => values.filter((value) => value === value);
    const [least, most] = [Math.min(0, ...known(low)), Math.max(0, ...known(high))];
    const margin = 0.05 * Math.max(most - least, 1);
    [this.low, this.high] = [Math.min(least - margin, -LEAST_LPM), Math.max(most + margin, LEAST_LPM)];
    const count = (number, name) => `${number} ${name}${number === 1 ? "" : "s"}`;
    const found = `${count(breaths, "breath")}, ${count(apneas, "apnea")}`;
    this.canvas.setAttribute("aria-label", `Flow in L/min over ${Math.round(this.length)} s: ${found}`);
    this.stage.setAttribute("role", "group");
    this.stage.setAttribute("aria-label", "Flow; plus and minus zoom, arrows move, 0 shows all");
    this.showAll();
  }

  showAll() {
    [this.from, this.until] = [0, this.length];
    this.paint();
  }

  zoom(by, around = (this.from + this.until) / 2) {
    const span = Math.min(this.length, Math.max(Math.min(SHORTEST_VIEW_S, this.length), (this.until - this.from) * by));
    const part = (around - this.from) / (this.until - this.from);
    this.until = this.from + span;
    this.moveTo(around - part * span);
  }

  moveTo(from) {
    const span = this.until - this.from;
    this.from = Math.max(0, Math.min(this.length - span, from));
    this.until = this.from + span;
    this.paint();
  }

  get perPixel() {
    return (this.until - this.from) / Math.max(1, this.width - FLOW_EDGE.left - FLOW_EDGE.right);
  }

  timeAt(x) {
    return Math.max(this.from, Math.min(this.until, this.from + (x - FLOW_EDGE.left) * this.perPixel));
  }

  /** Say what is under the pointer. */
  point(x) {
    if (!this.shown) return;
    const time = x === null ? null : this.timeAt(x);
    const at = time === null ? -1 : Math.min(this.shown.low.length - 1, Math.floor(time / this.shown.stretch_s));
    const [low, high] = [this.shown.low[at], this.shown.high[at]];
    if (!(low === low && at >= 0)) setText(this.aside, " L/min");
    else if (high - low < 0.5) setText(this.aside, ` ${high.toFixed(1)} L/min at ${time.toFixed(1)} s`);
    else setText(this.aside, ` ${low.toFixed(1)} to ${high.toFixed(1)} L/min at ${time.toFixed(1)} s`);
  }

  resize(colors) {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.stage;
    Object.assign(this, { width, height, colors });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paint();
  }

  paint() {
    const { ink, width, height, shown, colors } = this;
    if (!colors || width < 80 || height < 80) return;
    ink.clearRect(0, 0, width, height);
    if (!shown) return;
    const bottom = height - FLOW_EDGE.bottom;
    const x = (time) => FLOW_EDGE.left + (time - this.from) / this.perPixel;
    const y = (flow) => FLOW_EDGE.top + ((this.high - flow) / (this.high - this.low)) * (bottom - FLOW_EDGE.top);
    ink.font = `14px ${getComputedStyle(this.element).fontFamily}`;
    this.paintAxes(x, y, bottom);
    ink.save();
    ink.beginPath();
    ink.rect(FLOW_EDGE.left, 0, width - FLOW_EDGE.left - FLOW_EDGE.right, bottom);
    ink.clip();
    this.paintApneas(x, bottom);
    this.paintLine(x, y);
    this.paintPeaks(x);
    ink.restore();
  }

  paintAxes(x, y, bottom) {
    const { ink, width, colors } = this;
    ink.textBaseline = "middle";
    ink.textAlign = "right";
    for (const tick of roundTicks(this.low, this.high, 6)) {
      ink.fillStyle = colors.grid;
      ink.fillRect(FLOW_EDGE.left, Math.round(y(tick)), width - FLOW_EDGE.left - FLOW_EDGE.right, tick === 0 ? 2 : 1);
      ink.fillStyle = colors.secondary;
      ink.fillText(String(tick).replace("-", "−"), FLOW_EDGE.left - 9, y(tick));
    }
    const { seconds, name } = TIME_UNITS.find(({ until }) => this.length <= until);
    ink.textBaseline = "top";
    ink.textAlign = "center";
    const most = Math.max(2, Math.floor(width / 110));
    for (const tick of roundTicks(this.from / seconds, this.until / seconds, most)) {
      const place = x(tick * seconds);
      ink.fillStyle = colors.grid;
      ink.fillRect(Math.round(place), FLOW_EDGE.top, 1, bottom - FLOW_EDGE.top);
      ink.fillStyle = colors.secondary;
      const label = `${tick} ${name}`;
      const half = ink.measureText(label).width / 2;
      ink.fillText(label, Math.min(place, width - half - 2), bottom + 10);
    }
  }

  /** An apnea is grey ground with its name in words: alarm colours belong to alarms. */
  paintApneas(x, bottom) {
    const { ink, colors } = this;
    ink.textAlign = "left";
    ink.textBaseline = "alphabetic";
    for (const [onset, length] of this.shown.apneas) {
      const [left, right] = [x(onset), x(onset + length)];
      if (right < 0 || left > this.width) continue;
      ink.fillStyle = colors.span;
      ink.fillRect(left, FLOW_EDGE.top, Math.max(1, right - left), bottom - FLOW_EDGE.top);
      const text = `apnea ${duration(length)}`;
      const start = Math.max(left, FLOW_EDGE.left) + 9;
      if (start + ink.measureText(text).width + 7 > right) continue;
      ink.fillStyle = colors.text;
      ink.fillText(text, start, bottom - 11);
    }
  }

  /** Each stretch from its least to its most, up in one and down in the next, so that no peak is lost. */
  paintLine(x, y) {
    const { ink, shown, colors } = this;
    const { low, high, stretch_s: stretch } = shown;
    const first = Math.max(0, Math.floor(this.from / stretch) - 1);
    const stop = Math.min(low.length, Math.ceil(this.until / stretch) + 1);
    ink.strokeStyle = colors.flow;
    ink.lineWidth = 1.6;
    ink.lineJoin = "round";
    ink.beginPath();
    let joined = false;
    for (let at = first; at < stop; at++) {
      const ends = at % 2 ? [low[at], high[at]] : [high[at], low[at]];
      const place = x((at + 0.5) * stretch);
      for (const flow of ends) {
        if (flow !== flow) joined = false;
        else if (joined) ink.lineTo(place, y(flow));
        else {
          ink.moveTo(place, y(flow));
          joined = true;
        }
      }
    }
    ink.stroke();
  }

  paintPeaks(x) {
    const { ink, colors } = this;
    const inView = this.shown.peaks_s.filter((peak) => peak >= this.from && peak <= this.until);
    if (inView.length * 14 > this.width) return;
    ink.fillStyle = colors.text;
    for (const peak of inView) {
      const place = x(peak);
      ink.beginPath();
      ink.moveTo(place - 5, 8);
      ink.lineTo(place + 5, 8);
      ink.lineTo(place, 17);
      ink.fill();
    }
  }
}
