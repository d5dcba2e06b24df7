// A room's dialog over the wall: its latest picture, earlier ones beside it, its numbers, and the pressure command.

import { MANY_APNEAS, UNKNOWN, apneas, hundredth, node, setAttribute, setClass, setFigure, setHidden, setText, whole } from "./format.js";
import { Band } from "./band.js";
import { measuredOf, pressureOf, remarkOf, whoOf } from "./conditions.js";
import { PressureCommand } from "./command.js";
import { PicturePane, fileStamp } from "./picture.js";
import { RecordList } from "./records.js";
import { LivePlot } from "./plot.js";
import { FlowScale } from "./scale.js";
import { WINDOW_S } from "./trace.js";
import { saveTrace } from "./snapshot.js";

const CELLS = [["pressure", "cmH₂O"], ["breathing rate", "/min"], ["apneas", ""], ["received", ""]];

export class RoomSheet {
  /** `host` asks and sends; `root` is where the dialog stands, so that it has the page's colours and beats its bands. */
  constructor(host, root) {
    this.host = host;
    this.element = node("dialog", "sheet");
    this.element.setAttribute("aria-labelledby", "bw-sheet-title");
    this.number = null;
    this.element.addEventListener("close", () => this.forgetAll());
    // A click beside it closes it, as Escape and Done do.
    this.element.addEventListener("click", (event) => event.target === this.element && this.element.close());
    host.onNews((kind, news) => kind === "history" && this.take(news));
    host.onOpen(() => this.number !== null && this.ask());
    root.append(this.element);
  }

  get isOpen() {
    return this.number !== null;
  }

  open(number, samples) {
    this.number = number;
    this.who = undefined;
    this.build();
    if (samples.rate) this.plot.trace.append(samples.epoch, samples.first, samples.values, samples.rate);
    this.element.showModal();
    this.done.focus();
    this.resize();
  }

  build() {
    const { base } = this.host;
    const head = node("header", "sheet-head");
    const title = node("h2", "bar-title", `Room ${this.number}`);
    title.id = "bw-sheet-title";
    this.name = node("span", "room-name");
    this.meta = node("span", "bar-aside room-meta");
    const room = node("a", "button", "Room page");
    room.href = `${base}/room?room=${this.number}`;
    this.review = node("a", "button", "Review");
    this.done = node("button", "primary", "Done");
    this.done.type = "button";
    this.done.addEventListener("click", () => this.element.close());
    const right = node("div", "bar-right");
    right.append(room, this.review, this.done);
    head.append(title, this.name, this.meta, right);
    this.elsewhere = new Band();
    this.band = new Band();
    for (const { element } of [this.elsewhere, this.band]) element.classList.add("page-band");
    const body = node("div", "sheet-body");
    body.append(this.buildPictures(), this.buildSide());
    this.element.replaceChildren(head, this.elsewhere.element, this.band.element, body);
  }

  buildPictures() {
    this.plot = new LivePlot("Flow", "L/min", new FlowScale(WINDOW_S), { width: 2.4 });
    const save = node("button", "picture-save", "Save picture");
    save.type = "button";
    save.addEventListener("click", () => this.saveLive());
    this.plot.element.append(save);
    this.latest = new PicturePane(this.host);
    this.earlier = new PicturePane(this.host, { onClose: () => this.choose(null) });
    this.nothing = node("p", "panel sheet-nothing");
    this.pictures = node("div", "sheet-pictures");
    this.pictures.append(this.plot.element, this.latest.element, this.nothing, this.earlier.element);
    setHidden(this.earlier.element, true);
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.plot.stage);
    return this.pictures;
  }

  buildSide() {
    const list = node("dl", "panel numbers");
    this.cells = CELLS.map(([label, unit]) => {
      const cell = node("div", `number is-${label.split(" ")[0]}`);
      const value = node("dd");
      const figure = node("span", "figure", UNKNOWN);
      const aside = node("span", "unit", unit);
      const term = node("dt", "", label);
      value.append(figure, aside);
      cell.append(value, term);
      list.append(cell);
      return { cell, figure, aside, term };
    });
    this.records = new RecordList(this.host, (record) => this.choose(record));
    this.side = node("div", "sheet-side");
    this.side.append(list, this.records.element);
    this.renewCommand();
    return this.side;
  }

  renewCommand() {
    this.command?.destroy();
    this.command?.element.remove();
    this.command = new PressureCommand(this.host, this.number);
    this.side.insertBefore(this.command.element, this.records.element);
  }

  async ask() {
    const { number, who } = this;
    const answer = await this.host.ask("history", { room: number });
    if (number !== this.number || who !== this.who) return;
    if (answer.ok) this.take(answer);
    else this.records.fail(answer.message);
  }

  take(news) {
    if (news.room !== this.number) return;
    this.orders = { commands: news.commands, max_pressure_cmh2o: news.max_pressure_cmh2o };
    if (news.records && String(news.mrn) === this.who) {
      this.history = news;
      this.shownLatest = null;
    }
    this.again?.();
  }

  /** What the wall knows of the room now; `elsewhere` is what is worst in another one. */
  show(room, found, beat, clock, colors, elsewhere) {
    this.again = () => this.show(room, found, beat, clock, colors, elsewhere);
    Object.assign(this, { room, clock, colors, now: beat.serverNow() });
    const present = room !== undefined && found.state !== "empty";
    const who = present ? String(room.mrn) : "nobody";
    if (who !== this.who) this.change(who, present);
    const conditions = present ? this.band.showRoom(room, found, beat, clock) : (this.band.show(null, ""), []);
    if (elsewhere) this.elsewhere.show(elsewhere.priority, elsewhere.text);
    else this.elsewhere.show(null, "");
    const measured = present ? measuredOf(room, found) : null;
    this.showWho(room, present, beat);
    this.showNumbers(room, found, measured);
    this.showLatest(room, present, measured, found, remarkOf(room ?? {}, found, conditions, "Waiting for the device"));
    this.showRecords(room, measured);
    if (present) this.command.show({ ...room, ...this.orders }, clock, beat);
    setHidden(this.command.element, !present);
    this.paint();
  }

  /** Another patient, or nobody: nothing of the one before remains (F21). */
  change(who, present) {
    const first = this.who === undefined;
    this.who = who;
    this.orders = {};
    this.history = null;
    this.shownLatest = null;
    this.latest.clear();
    this.earlier.clear();
    setHidden(this.earlier.element, true);
    this.chosen = null;
    this.records.clear();
    if (!first) {
      this.renewCommand();
      if (!present) this.plot.trace.start(null, 25);
      if (this.element.contains(document.activeElement) === false) this.done.focus();
    }
    this.ask();
  }

  showWho(room, present, beat) {
    const { base } = this.host;
    const who = present ? whoOf(room) : "Nobody is admitted here";
    setText(this.name, who);
    setClass(this.name, "quiet", !present || !room.patient_name);
    setText(this.meta, present && room.mrn && room.patient_name ? `MRN ${room.mrn}` : "");
    const newest = this.history?.records.find(({ kind }) => kind === "recording");
    setHidden(this.review, !newest);
    if (newest) setAttribute(this.review, "href", `${base}/review?recording=${newest.id}`);
    setClass(this.element, "lost", beat.lost);
  }

  showNumbers(room, found, measured) {
    const { current } = found;
    const pressure = pressureOf(room, found, measured);
    const values = current
      ? [pressure.figure, whole(room.respiratory_rate_per_min), whole(room.apnea_count_last_hour), this.clock.time(room.newest_sample_time)]
      : measured
        ? [whole(measured.pressure_cmh2o), hundredth(measured.respiratory_rate_per_min), whole(measured.apnea_count), this.clock.moment(measured.time, this.now)]
        : [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN];
    values.forEach((value, i) => setFigure(this.cells[i].figure, value));
    const [set, , count, received] = this.cells;
    setText(set.term, pressure.inMask ? "pressure in the mask" : "pressure");
    const latest = current ? room.apnea_count_last_hour : measured?.apnea_count;
    setClass(count.cell, "many", latest >= MANY_APNEAS);
    const total = (current || measured) && room.total_apnea_count !== null ? `of ${whole(room.total_apnea_count)} in all` : "";
    setText(count.aside, total);
    setText(received.term, current ? "received, live" : measured ? "received, not live" : "received");
    setClass(this.element, "old", !current);
  }

  /** The live trace where a device is, or was last; else the picture of what was measured. */
  showLatest(room, present, measured, found, remark) {
    const live = present && !measured && room.trace_epoch !== null && room.trace_epoch !== undefined;
    setHidden(this.plot.element, !live);
    setHidden(this.latest.element, !measured);
    setHidden(this.nothing, live || measured !== null);
    if (!present) setText(this.nothing, "Admit the next patient on the room page.");
    else if (!live && !measured) setText(this.nothing, "Nothing has been measured yet. Connect the room's device, or send a recording from the page Admit.");
    if (live) {
      this.plot.showNote(remark);
      const color = found.current ? this.colors.flow : this.colors.old;
      this.plot.trace.setColor(color, found.current ? color : null);
    }
    if (!measured) this.latest.clear();
    else this.latest.show(this.pictureOf(measured, "Latest"));
  }

  showRecords(room, measured) {
    if (!this.history || this.shownLatest === (measured?.id ?? "live")) return;
    this.shownLatest = measured?.id ?? "live";
    const earlier = this.history.records.filter(({ kind, id, runs }) => (kind === "recording" ? !runs : id !== measured?.id));
    this.records.show(earlier, { clock: this.clock, now: this.now, more: this.history.more, latest: this.history.records.find(({ runs }) => runs)?.id });
    this.records.mark(this.chosen);
  }

  choose(record) {
    this.chosen = record?.id ?? null;
    this.records.mark(this.chosen);
    setHidden(this.earlier.element, record === null);
    setClass(this.pictures, "pair", record !== null);
    if (record === null) this.earlier.clear();
    else this.earlier.show(this.pictureOf(record, "Earlier"));
    this.resize();
  }

  pictureOf(record, which) {
    const at = this.clock.moment(record.time, this.now);
    const rate = hundredth(record.respiratory_rate_per_min);
    const words = `${whole(record.pressure_cmh2o)} cmH₂O, ${rate} breaths/min, ${apneas(record.apnea_count)}`;
    return {
      id: record.id,
      title: `${which}, measured ${at}: ${words}`,
      says: `Flow picture of room ${this.number}, measured ${at}: ${words}`,
      name: `flow-${this.room.mrn}-${fileStamp(record.time, this.clock)}`,
      has_picture: record.has_picture,
    };
  }

  saveLive() {
    const { clock, now, room, number } = this;
    const of = room.mrn ? `MRN ${room.mrn}` : "unidentified";
    const words = `Room ${number} · ${of} · flow in L/min, ${WINDOW_S} s until ${clock.sortable(now)}`;
    saveTrace(this.plot, this.colors, words, `flow-${room.mrn ?? `room-${number}`}-${fileStamp(now, clock)}.png`);
  }

  append([, epoch, first, , flow], rate) {
    this.plot.trace.append(epoch, first, flow, rate);
    this.paint();
  }

  paint() {
    if (this.frame || !this.isOpen || !this.plot.dirty) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.isOpen && this.colors) this.plot.paint(this.colors);
    });
  }

  resize() {
    if (!this.isOpen) return;
    this.plot.resize(this.plot.stage.clientWidth, this.plot.stage.clientHeight);
    this.plot.stalePaint = true;
    this.paint();
  }

  forgetAll() {
    this.host.ask("history_closed");
    this.number = null;
    this.again = null;
    this.sizes.disconnect();
    this.latest.clear();
    this.earlier.clear();
    this.records.clear();
    this.command.destroy();
    this.element.replaceChildren();
    for (const kept of ["plot", "latest", "earlier", "records", "command", "room", "history", "orders", "cells", "name", "meta"]) this[kept] = null;
  }
}

/** What is worst in the other rooms, in a few words; null where nothing is. */
export function worstElsewhere(number, rooms) {
  const others = rooms.filter(({ room, conditions }) => room !== number && conditions.length && conditions[0].priority !== "low");
  if (!others.length) return null;
  const worst = others.find(({ conditions }) => conditions[0].priority === "high") ?? others[0];
  const more = others.length - 1;
  const words = worst.conditions[0].text || "alarm";
  return { priority: worst.conditions[0].priority, text: `Room ${worst.room}: ${words}${more ? `, and ${more} more room${more === 1 ? "" : "s"}` : ""}` };
}
