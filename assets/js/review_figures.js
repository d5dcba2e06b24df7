// A night's figures: Bokeh's own, made by the page, so that they outlive every session. All share one range of recording time.

import { duration } from "./format.js";
import { unpack } from "./packing.js";
import { SPAN_NAMES } from "./plot.js";

const AROUND = 0.25; // of the visible range on either side: what a short move shows at once
const NEAREST_S = 2;
const BEYOND_ENDS = 0.01;
const [ASIDE_PX, LETTER_PX, MARK_LETTERS] = [9, 7.5, 40];
const REVIEW_STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
const TICK_EVERY_PX = 120;
const [ROW_EVENTS, ROW_BREATHS, ROW_MARKS] = [2.5, 1.5, 0.5];
const NIGHT_FONT = "Breathwatch Inter, system-ui, sans-serif";

/** Each lane's name, unit, share of the height, smallest vertical range and step by which that grows. */
export const REVIEW_LANES = [
  { key: "happened", name: "Events", unit: "", share: 0 },
  { key: "flow", name: "Flow", unit: "L/min", share: 3, least: [-30, 30], step: 10, color: "flow" },
  { key: "pressure", name: "Pressure", unit: "cmH₂O, dashed as set", share: 1.8, least: [0, 10], step: 5, color: "pressure" },
  { key: "rate", name: "Respiratory rate", unit: "breaths/min", share: 1.35, least: [0, 20], step: 10, color: "flow" },
  { key: "leak", name: "Leak", unit: "L/min", share: 1.5, least: [0, 20], step: 10, color: "secondary", axis: true },
];

const bokehModel = (name, attributes) => new (window.Bokeh.Models.get(name))(attributes);

let timeAxisKinds = null;
/** Ticks at round times of the lab's clock, and their words; made once BokehJS is there. */
function timeKinds() {
  if (timeAxisKinds !== null) return timeAxisKinds;
  const [Ticker, TickFormatter] = ["Ticker", "TickFormatter"].map((name) => window.Bokeh.Models.get(name));
  class LabTicker extends Ticker {
    get_ticks(low, high) {
      const { figures } = this;
      const { start, clock } = figures;
      const wanted = ((high - low) * TICK_EVERY_PX) / Math.max(figures.width(), 200);
      const step = REVIEW_STEPS_S.find((one) => one >= wanted) ?? REVIEW_STEPS_S.at(-1);
      const shift = start + clock.offset(start);
      const major = [];
      for (let at = Math.ceil((low + shift) / step) * step; at <= high + shift; at += step) major.push(at - shift);
      figures.tickStep = step;
      return { major, minor: [] };
    }
  }
  class LabTimes extends TickFormatter {
    doFormat(ticks) {
      const { start, clock, tickStep } = this.figures;
      if (tickStep >= 60) return ticks.map((tick) => clock.hourMinute(Math.round(start + tick)));
      if (tickStep >= 1) return ticks.map((tick) => clock.time(Math.round(start + tick)));
      return ticks.map((tick) => clock.time(start + tick + 0.001) + (((start + tick + 0.001) % 1) + 0).toFixed(1).slice(1));
    }
  }
  LabTicker.__name__ = "LabTicker";
  LabTimes.__name__ = "LabTimes";
  timeAxisKinds = { LabTicker, LabTimes };
  return timeAxisKinds;
}

/** Two points for each piece, so that no extreme is lost; a piece that is a sample has one. */
export function wavePoints({ start_s: start, step_s: step, steps, lowest, highest }) {
  const low = unpack(lowest);
  const high = highest === undefined ? null : unpack(highest);
  const x = [];
  const y = [];
  low.forEach((value, i) => {
    const at = start + i * step;
    if (high === null) {
      x.push(at);
      y.push(value / steps);
    } else {
      // From the one that is nearer to where the line is, so that it does not cross back.
      const pair = i % 2 ? [high[i], value] : [value, high[i]];
      x.push(at + step / 4, at + (3 * step) / 4);
      y.push(pair[0] / steps, pair[1] / steps);
    }
  });
  return { x, y };
}

function trendPoints({ times, time_steps: timeSteps, values, steps }, start) {
  return { x: unpack(times).map((time) => start + time / timeSteps), y: unpack(values).map((value) => value / steps) };
}

/** The vertical range that holds all values, in whole steps. */
export function rangeFor(values, [low, high], step) {
  for (const value of values) {
    if (value < low) low = Math.floor(value / step) * step;
    if (value > high) high = Math.ceil(value / step) * step;
  }
  return [low, high];
}

export class NightFigures {
  /** `stages` are the elements of the lanes by key. `onMove()` hears of each change of the visible range. */
  constructor(stages, colors, clock, onMove) {
    Object.assign(this, { stages, colors, clock, onMove });
    this.start = 0;
    this.tickStep = 1;
    this.range = bokehModel("Range1d", { start: 0, end: 1, min_interval: NEAREST_S });
    this.sources = {};
    this.plots = {};
    this.axes = [];
    for (const lane of REVIEW_LANES) this.plots[lane.key] = this.plot(lane);
    this.range.properties.start.change.connect(() => this.moved());
    this.range.properties.end.change.connect(() => this.moved());
  }

  async show() {
    const document = new (window.Bokeh.require("document/document").Document)();
    for (const { key } of REVIEW_LANES) document.add_root(this.plots[key]);
    this.document = document;
    const elements = REVIEW_LANES.map(({ key }) => this.stages[key]);
    this.views = await window.Bokeh.embed.add_document_standalone(document, elements[0], elements);
  }

  width() {
    return this.stages.flow.clientWidth - 80;
  }

  source(key, columns) {
    this.sources[key] = bokehModel("ColumnDataSource", { data: Object.fromEntries(columns.map((column) => [column, []])) });
    return this.sources[key];
  }

  glyph(plot, name, source, fields, look) {
    const attributes = Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, { field }]));
    const glyph = bokehModel(name, { ...attributes, ...look });
    plot.add_renderers(bokehModel("GlyphRenderer", { data_source: source, glyph, level: "glyph" }));
  }

  plot(lane) {
    const { colors } = this;
    const y = bokehModel("Range1d", { start: lane.least?.[0] ?? 0, end: lane.least?.[1] ?? 3 });
    const plot = bokehModel("Plot", {
      x_range: this.range,
      y_range: y,
      sizing_mode: "stretch_both",
      min_width: 10,
      min_height: 10,
      toolbar_location: null,
      min_border_left: 64,
      min_border_right: 16,
      min_border_top: 8,
      min_border_bottom: lane.axis ? 26 : 8,
      background_fill_color: colors.tile,
      border_fill_color: colors.tile,
      outline_line_color: colors.hairline,
      lod_threshold: null,
    });
    const text = { major_label_text_color: colors.faint, major_label_text_font: NIGHT_FONT, major_label_text_font_size: "13px" };
    const plain = { axis_line_color: null, major_tick_line_color: null, minor_tick_line_color: null, ...text };
    const { LabTicker, LabTimes } = timeKinds();
    const ticker = new LabTicker();
    const formatter = new LabTimes();
    ticker.figures = formatter.figures = this;
    const below = bokehModel("LinearAxis", { ...plain, ticker, formatter, visible: Boolean(lane.axis) });
    plot.add_layout(below, "below");
    plot.add_renderers(bokehModel("Grid", { dimension: 0, ticker, grid_line_color: colors.grid }));
    if (lane.key === "happened") {
      const rows = bokehModel("FixedTicker", { ticks: [ROW_MARKS, ROW_BREATHS, ROW_EVENTS] });
      const names = new Map([[ROW_EVENTS, "events"], [ROW_BREATHS, "breaths"], [ROW_MARKS, "marks"]]);
      plot.add_layout(bokehModel("LinearAxis", { ...plain, ticker: rows, major_label_overrides: names }), "left");
      this.addHappened(plot);
    } else {
      const values = bokehModel("BasicTicker", { desired_num_ticks: lane.share > 2 ? 5 : 3, mantissas: [1, 2, 5] });
      plot.add_layout(bokehModel("LinearAxis", { ...plain, ticker: values }), "left");
      plot.add_renderers(bokehModel("Grid", { dimension: 1, ticker: values, grid_line_color: colors.grid }));
      const source = this.source(lane.key, ["x", "y"]);
      this.addSpans(plot);
      this.glyph(plot, "Line", source, { x: "x", y: "y" }, { line_color: colors[lane.color], line_width: 1.5, line_join: "round" });
      if (lane.key === "pressure") {
        const set = this.source("set", ["x", "y"]);
        this.glyph(plot, "Line", set, { x: "x", y: "y" }, { line_color: colors.text, line_width: 1.5, line_dash: "dashed" });
      }
    }
    const pan = bokehModel("PanTool", { dimensions: "width" });
    const zoom = bokehModel("WheelZoomTool", { dimensions: "width", maintain_focus: false, zoom_on_axis: true });
    plot.toolbar.setv({ tools: [pan, zoom], active_drag: pan, active_scroll: zoom, logo: null });
    return plot;
  }

  /** Events, breaths and marks in rows, as bars and words. */
  addHappened(plot) {
    const { colors } = this;
    const breaths = this.source("breaths", ["left", "right", "bottom", "top"]);
    const quad = { left: "left", right: "right", bottom: "bottom", top: "top" };
    this.glyph(plot, "Quad", breaths, quad, { fill_color: colors.flow, fill_alpha: 0.55, line_color: null });
    this.events = this.source("events", ["left", "right", "bottom", "top"]);
    this.glyph(plot, "Quad", this.events, quad, { fill_color: colors.text, line_color: colors.text, line_width: 2 });
    const marks = this.source("marks", ["x", "y", "text", "align", "aside"]);
    const triangle = { marker: "inverted_triangle", size: 11, fill_color: colors.text, line_color: null };
    this.glyph(plot, "Scatter", marks, { x: "x", y: "y" }, triangle);
    const words = { text_color: colors.text, text_font: NIGHT_FONT, text_font_size: "13px", text_baseline: "middle" };
    const placed = { x: "x", y: "y", text: "text", text_align: "align", x_offset: "aside" };
    this.glyph(plot, "Text", marks, placed, words);
    this.words = this.source("words", ["x", "y", "text", "align", "aside"]);
    this.glyph(plot, "Text", this.words, placed, words);
  }

  /** The time of each event as grey ground, and each mark as a line, behind a trace. */
  addSpans(plot) {
    const { colors } = this;
    const spans = (this.sources.spans ??= bokehModel("ColumnDataSource", { data: { left: [], right: [] } }));
    const lines = (this.sources.lines ??= bokehModel("ColumnDataSource", { data: { x: [] } }));
    this.glyph(plot, "VStrip", spans, { x0: "left", x1: "right" }, { fill_color: colors.span, line_color: null });
    this.glyph(plot, "VSpan", lines, { x: "x" }, { line_color: colors["span-edge"], line_width: 1.5, line_dash: "dotted" });
  }

  /** A recording with what happened in it; the visible range stays where it is wanted to. */
  take(night) {
    this.night = night;
    this.start = night.start_time;
    const { first_s: first, end_s: end } = night;
    const beyond = Math.max(1, (end - first) * BEYOND_ENDS);
    this.bounds = [first - beyond, end + beyond];
    this.range.setv({ bounds: this.bounds, max_interval: this.bounds[1] - this.bounds[0] });
    const events = night.events.map(([, onset, length]) => [onset, length === null ? end : onset + length]);
    const at = (value) => events.map(() => value);
    this.sources.spans.data = { left: events.map(([left]) => left), right: events.map(([, right]) => right) };
    this.events.data = {
      left: events.map(([left]) => left),
      right: events.map(([, right]) => right),
      bottom: at(ROW_EVENTS - 0.28),
      top: at(ROW_EVENTS + 0.28),
    };
    const { marks, commands } = night;
    this.sources.lines.data = { x: marks.map(([time]) => time) };
    const steps = { x: [], y: [] };
    const add = (x, y) => (steps.x.push(x), steps.y.push(y));
    if (commands.length && commands[0][2] !== null) add(first, commands[0][2]);
    for (const [time, pressure] of commands) {
      if (steps.y.length) add(time, steps.y.at(-1));
      add(time, pressure);
    }
    if (steps.y.length) add(end, steps.y.at(-1));
    this.sources.set.data = steps;
  }

  /** The signals of a range; gives the vertical ranges that they want. */
  draw(signals) {
    const { start_s: start } = signals;
    const drawn = {
      flow: wavePoints(signals.flow),
      pressure: signals.pressure ? wavePoints(signals.pressure) : { x: [], y: [] },
      rate: trendPoints(signals.rate, start),
      leak: trendPoints(signals.leak, start),
    };
    for (const key of Object.keys(drawn)) this.sources[key].data = drawn[key];
    const { breaths } = signals;
    this.sources.breaths.data = {
      left: breaths.map(([left]) => left),
      right: breaths.map(([, right]) => right),
      bottom: breaths.map(() => ROW_BREATHS - 0.24),
      top: breaths.map(() => ROW_BREATHS + 0.24),
    };
    this.label();
    const held = Object.fromEntries(Object.entries(drawn).map(([key, { y }]) => [key, y]));
    held.pressure = held.pressure.concat(this.sources.set.data.y);
    return Object.fromEntries(
      REVIEW_LANES.filter(({ least }) => least).map(({ key, least, step }) => [key, rangeFor(held[key], least, step)]),
    );
  }

  setVertical(ranges) {
    for (const [key, [start, end]] of Object.entries(ranges)) {
      const room = (end - start) * 0.04;
      this.plots[key].y_range.setv({ start: start - (start < 0 ? room : 0), end: end + room });
    }
  }

  /** Words stand to the right of what they name, or to the left at the end; an event's only where there is room for them. */
  label() {
    const { events, marks, end_s: end } = this.night;
    const perPx = (this.range.end - this.range.start) / Math.max(1, this.width());
    const words = { x: [], y: [], text: [], align: [], aside: [] };
    const place = (columns, x, y, text, align) => {
      Object.entries({ x, y, text, align, aside: align === "left" ? ASIDE_PX : -ASIDE_PX }).forEach(([key, value]) => columns[key].push(value));
    };
    const lengthOf = (text) => (text.length * LETTER_PX + 2 * ASIDE_PX) * perPx;
    events.forEach(([kind, onset, length], i) => {
      const text = `${SPAN_NAMES[kind] ?? kind}${length === null ? ", in progress" : ` ${duration(length)}`}`;
      const right = length === null ? end : onset + length;
      const room = Math.min(events[i + 1]?.[1] ?? Infinity, this.range.end) - right;
      if (room > lengthOf(text)) place(words, right, ROW_EVENTS, text, "left");
    });
    const named = { x: [], y: [], text: [], align: [], aside: [] };
    for (const [time, , text] of marks) {
      const shown = text.length > MARK_LETTERS ? `${text.slice(0, MARK_LETTERS - 1)}…` : text;
      place(named, time, ROW_MARKS, shown, this.range.end - time > lengthOf(shown) ? "left" : "right");
    }
    this.words.data = words;
    this.sources.marks.data = named;
  }

  moved() {
    this.label();
    this.onMove();
  }

  /** What is asked for: the visible range and some on either side. */
  get wanted() {
    const { start, end } = this.range;
    const margin = (end - start) * AROUND;
    return { start_s: start - margin, end_s: end + margin, pieces: Math.round(Math.max(200, this.width()) * (1 + 2 * AROUND)) };
  }

  see(start, end) {
    const [low, high] = this.bounds;
    const span = Math.min(Math.max(NEAREST_S, end - start), high - low);
    const from = Math.min(Math.max(low, start), high - span);
    this.range.setv({ start: from, end: from + span });
  }

  seeAll() {
    this.see(...this.bounds);
  }

  /** Shift by a share of what is visible. */
  pan(share) {
    const { start, end } = this.range;
    const by = (end - start) * share;
    this.see(start + by, end + by);
  }

  /** Make the visible range so many times as long, about its middle. */
  zoom(factor) {
    const { start, end } = this.range;
    const middle = (start + end) / 2;
    const half = (Math.max(NEAREST_S, (end - start) * factor)) / 2;
    this.see(middle - half, middle + half);
  }

  /** Each lane's picture, top to bottom. */
  pictures() {
    return REVIEW_LANES.map((lane) => ({ lane, canvas: this.views.get(this.plots[lane.key]).export("png", true).canvas }));
  }

  destroy() {
    for (const { key } of REVIEW_LANES) this.views?.get(this.plots[key])?.remove();
    this.document?.clear({ sync: false });
  }
}
