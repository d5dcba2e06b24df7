// One room on the wall: who, pressure, live flow, four numbers, and a band when something is wrong.

import { MANY_APNEAS, UNKNOWN, hundredth, lead, node, setAttribute, setClass, setFigure, setHidden, setText, whole } from "./format.js";
import { Band } from "./band.js";
import { stateOf } from "./clock.js";
import { measuredOf, pressureOf, remarkOf, whoOf } from "./conditions.js";
import { FlowScale } from "./scale.js";
import { Trace, WINDOW_S } from "./trace.js";

const TILE_NUMBERS = [
  { name: "rate", label: "breaths/min", short: "/min", value: (room) => whole(room.respiratory_rate_per_min) },
  { name: "volume", label: "tidal vol. ml", short: "ml", value: (room) => whole(room.tidal_volume_ml) },
  { name: "leak", label: "leak L/min", short: "leak", value: (room) => whole(room.leak_lpm) },
];

function numberCell(label, short, className) {
  const cell = node("div", `number ${className}`);
  const term = node("dt");
  term.append(node("span", "label-long", label), node("span", "label-short", short));
  const value = node("dd");
  const figure = node("span", "figure", UNKNOWN);
  value.append(figure);
  cell.append(value, term);
  return { cell, value, figure };
}

export class Tile {
  /** `onMore()` opens what else there is to see and do; without it there is only the way to the room's page. */
  constructor(room, base, onMore = null) {
    this.element = node("article", "tile");
    const head = node("header", "tile-head");
    const title = node("h2", "tile-room");
    this.link = node("a", "tile-link", String(room));
    lead(this.link, `${base}/room?room=${encodeURIComponent(room)}`);
    this.link.setAttribute("aria-label", `Room ${room}`);
    title.append(this.link);
    this.name = node("span", "tile-name");
    this.mrn = node("span", "tile-mrn");
    this.pressure = node("span", "tile-pressure");
    this.pressureFigure = node("span", "figure", UNKNOWN);
    this.pressureUnit = node("span", "unit", "cmH₂O");
    this.pressure.append(this.pressureFigure, this.pressureUnit);
    this.who = node("span", "tile-who");
    this.who.append(this.name, this.mrn);
    head.append(title, this.who, this.pressure);

    this.stage = node("div", "tile-stage");
    const canvas = node("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Flow of room ${room}, last ${WINDOW_S} seconds`);
    this.note = node("span", "note");
    this.note.hidden = true;
    this.stage.append(canvas, this.note);
    if (onMore) this.stage.append(this.buildMore(room, onMore));
    this.band = new Band();
    this.trace = new Trace(canvas, new FlowScale(WINDOW_S));

    this.list = node("dl", "tile-numbers");
    this.numbers = TILE_NUMBERS.map(({ name, label, short }) => numberCell(label, short, `is-${name}`));
    this.apneas = numberCell("apneas", "apneas", "is-apneas");
    this.total = node("span", "of");
    this.apneas.value.append(this.total);
    this.list.append(...this.numbers.map(({ cell }) => cell), this.apneas.cell);
    this.element.append(head, this.stage, this.band.element, this.list);
  }

  buildMore(room, onMore) {
    this.more = node("button", "tile-more");
    this.more.type = "button";
    this.more.title = "Pictures and pressure";
    this.more.setAttribute("aria-label", `Room ${room}: pictures and pressure`);
    this.more.addEventListener("click", onMore);
    return this.more;
  }

  /** What time alone may have changed: nothing, where the room is live and has no alarm. */
  watch(room, beat, clock, colors, terse) {
    const found = stateOf(room, beat);
    if (this.calm && found.current && !room.conditions?.length) return { ...found, conditions: [] };
    return this.show(room, beat, clock, colors, terse, found);
  }

  /** Everything but the samples; gives the state and what is wrong, worst first. */
  show(room, beat, clock, colors, terse, found = stateOf(room, beat)) {
    const { state, current } = found;
    const conditions = this.band.showRoom(room, found, beat, clock, { terse });
    this.calm = current && conditions.length === 0;
    const empty = state === "empty";
    setClass(this.element, "empty", empty);
    setClass(this.element, "old", !current && !empty);
    setAttribute(this.element, "data-state", state);
    setAttribute(this.element, "data-alarm", conditions.length ? conditions[0].priority : null);
    const who = whoOf(room);
    setText(this.name, who);
    setAttribute(this.name, "title", who);
    setClass(this.name, "anonymous", empty || !room.patient_name);
    setText(this.mrn, room.mrn && room.patient_name && !empty ? String(room.mrn) : "");
    const measured = measuredOf(room, found);
    setClass(this.element, "measured", measured !== null);
    const known = current || measured !== null;
    const { figure, unit } = pressureOf(room, found, measured);
    setFigure(this.pressureFigure, known ? figure : UNKNOWN);
    setText(this.pressureUnit, unit);
    TILE_NUMBERS.forEach(({ value }, i) => setFigure(this.numbers[i].figure, current ? value(room) : UNKNOWN));
    if (measured) setFigure(this.numbers[0].figure, hundredth(measured.respiratory_rate_per_min).replace(/\.?0+$/, ""));
    const apneas = measured ? measured.apnea_count : room.apnea_count_last_hour;
    setFigure(this.apneas.figure, known ? whole(apneas) : UNKNOWN);
    setText(this.total, known && room.total_apnea_count !== null ? `of ${whole(room.total_apnea_count)}` : "");
    setClass(this.apneas.cell, "many", known && apneas >= MANY_APNEAS);
    const remark = remarkOf(room, found, conditions, "Waiting for the device");
    this.showNote(measured ? `Measured ${clock.moment(measured.time, beat.serverNow())}, not live` : remark);
    this.trace.setColor(current ? colors.flow : colors.old, current ? colors.flow : null);
    return { ...found, conditions };
  }

  showNote(text) {
    setHidden(this.note, text === "");
    setText(this.note, text);
    if (text) setAttribute(this.note, "title", text);
  }

  append([, epoch, first, , flow], rate) {
    this.trace.append(epoch, first, flow, rate);
  }

  resize(width, height) {
    this.trace.resize(width, height, window.devicePixelRatio || 1);
  }
}
