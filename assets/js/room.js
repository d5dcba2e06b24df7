// One room, large: who and how long, what is wrong, flow, pressure, the night, the numbers, the command, the events.

import { MANY_APNEAS, SiteClock, UNKNOWN, duration, hundredth, ingestAddress, lead, minutes, node, setAttribute, setClass, setFigure, setHidden, setText, tenth, whole } from "./format.js";
import { Heartbeat, RecordedBeat, startWatchdog, stateOf } from "./clock.js";
import { measuredOf, remarkOf, spoken, whoOf } from "./conditions.js";
import { PressureCommand } from "./command.js";
import { EventList } from "./events.js";
import { Feed } from "./feed.js";
import { loadFont } from "./font.js";
import { MarkMenu } from "./marks.js";
import { NightPlot } from "./night.js";
import { Transport } from "./transport.js";
import { LivePlot } from "./plot.js";
import { FlowScale, PressureScale } from "./scale.js";
import { AdmitForm, StayPanel } from "./stay.js";
import { AccessPill, Announcer, ClockFace, LivePill, LostBand, connecting, navigation } from "./topbar.js";
import { Band, flash } from "./band.js";
import { WINDOW_S, readColors } from "./trace.js";

const ROOM_NUMBERS = [
  {
    label: "respiratory rate",
    unit: "/min",
    value: (room) => whole(room.respiratory_rate_per_min),
    measured: (found) => hundredth(found.respiratory_rate_per_min),
  },
  { label: "tidal volume", unit: "ml", value: (room) => whole(room.tidal_volume_ml) },
  { label: "minute ventilation", unit: "L/min", value: (room) => tenth(room.minute_ventilation_lpm) },
  { label: "leak", unit: "L/min", value: (room) => whole(room.leak_lpm) },
  {
    label: "pressure",
    unit: "cmH₂O",
    name: "pressure",
    value: (room) => tenth(room.measured_pressure_cmh2o),
    measured: (found) => whole(found.pressure_cmh2o),
  },
  { label: "since last breath", unit: "s", name: "breath", value: (room) => whole(room.seconds_since_breath) },
  {
    label: "apneas, last hour",
    unit: "",
    name: "apneas",
    value: (room) => whole(room.apnea_count_last_hour),
    measured: (found) => whole(found.apnea_count),
  },
  { label: "breaths this stay", unit: "", name: "breaths", value: (room) => whole(room.breaths) },
];

class Room {
  constructor(el, host) {
    this.host = host;
    this.el = el;
    this.number = host.room;
    this.frame = 0;
    this.clock = new SiteClock(null);
    this.build();
    this.colors = readColors(this.root);
    this.feed = new Feed((push) => this.take(push), { ...host, beat: host.recorded ? new RecordedBeat() : new Heartbeat() });
    this.stopWatching = startWatchdog(() => {
      flash(this.root);
      this.look();
    });
    this.sizes = new ResizeObserver(() => this.measure());
    for (const target of [this.root, this.flow.stage, this.pressure.stage, this.night.stage]) this.sizes.observe(target);
    this.themes = new MutationObserver(() => this.recolor());
    for (const target of [this.root, document.documentElement]) {
      this.themes.observe(target, { attributes: true, attributeFilter: ["data-theme"] });
    }
    this.measure();
    this.look();
  }

  build() {
    this.root = node("main", "bw room");
    this.flow = new LivePlot("Flow", "L/min", new FlowScale(WINDOW_S), { width: 2.4 });
    this.pressure = new LivePlot("Mask pressure", "cmH₂O", new PressureScale(WINDOW_S), { width: 2.2, unit: 0.01 });
    this.night = new NightPlot();
    this.transport = this.host.recorded ? new Transport((act, value) => this.ask(act, value)) : null;
    this.events = new EventList(this.transport && ((event) => this.transport.goTo(event)));
    this.command = this.host.send ? new PressureCommand(this.host, this.number) : null;
    const works = Boolean(this.host.send && this.number);
    this.stay = works ? new StayPanel(this.host, this.number, (words, room) => this.left(words, room)) : null;
    this.marks = works ? new MarkMenu(this.host, this.number) : null;
    if (this.marks) this.events.takeMarks(this.marks);
    this.band = new Band();
    this.band.element.classList.add("page-band");
    this.lost = new LostBand(this.host.kernel);
    this.announcer = new Announcer();
    const left = node("div", "room-left");
    left.append(this.flow.element, this.pressure.element, this.night.element);
    const right = node("div", "room-right");
    right.append(this.buildNumbers(), ...(this.command ? [this.command.element] : []), this.events.element);
    this.body = node("div", "room-body");
    this.body.append(left, right, ...(this.stay ? [this.stay.element] : []));
    this.welcome = this.buildWelcome();
    const transport = this.transport ? [this.transport.element] : [];
    this.root.append(this.buildBar(), ...transport, this.lost.element, this.band.element, this.body, this.welcome, this.announcer.element);
    this.el.replaceChildren(this.root);
    loadFont(this.host);
  }

  buildBar() {
    const bar = node("header", "bar");
    const back = node("a", "back", "‹ Wall");
    lead(back, `${this.host.base}/wall`);
    back.hidden = this.host.recorded && !this.host.base;
    back.setAttribute("aria-label", "Back to the wall");
    this.name = node("span", "room-name");
    this.meta = node("span", "bar-aside room-meta");
    this.access = new AccessPill();
    this.live = new LivePill();
    this.face = new ClockFace();
    const right = node("div", "bar-right");
    right.append(this.access.element, this.live.element, this.face.element);
    const ways = this.stay ? navigation(this.host.base, "room") : "";
    this.title = node("h1", "bar-title", this.host.recorded ? "Recording" : `Room ${this.number}`);
    bar.append(back, this.title, this.name, this.stay?.button ?? "", this.meta, ways, right);
    return bar;
  }

  buildNumbers() {
    const list = node("dl", "panel numbers");
    this.numbers = ROOM_NUMBERS.map(({ label, unit, name }) => {
      const cell = node("div", `number${name ? ` is-${name}` : ""}`);
      const figure = node("span", "figure", UNKNOWN);
      const term = node("dt", "", label);
      const value = node("dd");
      const unitText = node("span", "unit", unit);
      value.append(figure, unitText);
      cell.append(value, term);
      list.append(cell);
      return { cell, figure, term, unit: unitText };
    });
    return list;
  }

  buildWelcome() {
    const welcome = node("section", "welcome");
    this.welcomeTitle = node("h2");
    this.welcomeProblem = node("p", "welcome-problem");
    const device = node("p", "", "Connect its device to ");
    device.append(node("code", "", this.address));
    const soon = node("p", "quiet", "This page goes live by itself with the first samples.");
    this.outcome = node("p", "outcome");
    this.outcome.setAttribute("role", "status");
    this.outcome.hidden = true;
    if (this.stay) this.admission = new AdmitForm(this.host, this.number);
    const admit = this.admission ? [node("p", "", "Admit a patient:"), this.admission.element] : [];
    welcome.append(this.welcomeTitle, this.outcome, this.welcomeProblem, ...admit, device, soon);
    welcome.hidden = true;
    return welcome;
  }

  /** The patient has left by this page: it says so, and what there is to do next. */
  left(words, room) {
    setText(this.outcome, words);
    setHidden(this.outcome, false);
    const next = node("a", "", room === null ? "Back to the wall" : `Go to room ${room}`);
    next.href = room === null ? `${this.host.base}/wall` : `${this.host.base}/room?room=${room}`;
    this.outcome.append(" ", next);
    this.leaving = { words, stay: this.room?.stay_started };
    this.look();
  }

  /** Somebody is here after the patient has left: whoever the device goes on with, or who was admitted. */
  goOn() {
    if (!this.room.identified) this.stay.say(`${this.leaving.words} The device goes on: admit the next patient here.`, this.room);
    this.leaving = null;
    setHidden(this.outcome, true);
  }

  get address() {
    return ingestAddress(this.host.base, this.number);
  }

  get room() {
    const { rooms } = this.feed;
    return (this.host.recorded ? rooms.values().next().value : rooms.get(this.number)) ?? null;
  }

  /** Play, pause, or go elsewhere in a recording. */
  ask(act, value) {
    this.feed.beat.expect();
    this.host.ask(act, value);
  }

  take({ waves }) {
    const { site } = this.feed;
    if (site.time_zone !== this.clock.timeZone) this.clock = new SiteClock(site.time_zone);
    const rate = this.room?.display_rate_hz;
    for (const [number, epoch, first, , flow, pressure] of waves) {
      if (number !== this.room?.room) continue;
      this.flow.trace.append(epoch, first, flow, rate);
      if (pressure.length) this.pressure.trace.append(epoch, first, pressure, rate);
    }
    this.flow.marks = this.room?.marks ?? null;
    const notes = (this.flow.marks?.notes ?? []).map(([at]) => [at, ""]);
    this.pressure.marks = { peaks: [], spans: [], notes };
    if (this.transport && this.room) this.showPlayback(this.room.playback);
    this.look();
  }

  /** The watchdog, and every push: all that changes with time or news. */
  look() {
    // A page that was not styled yet when it was built would draw its traces in black, for good.
    if (this.colors.flow === "") {
      this.colors = readColors(this.root);
      this.flow.stalePaint = this.pressure.stalePaint = true;
    }
    const { feed, clock, room } = this;
    const { beat } = feed;
    if (beat.lost) this.host.onLost?.(beat.silence());
    this.face.show(feed, clock);
    const lost = this.lost.showLoss(feed, clock);
    const found = room ? stateOf(room, beat) : { state: "empty", age: null, current: false };
    const { state, age, current } = found;
    const vacant = feed.known && state === "empty";
    setHidden(this.body, vacant);
    setHidden(this.welcome, !vacant);
    if (vacant && this.flow.trace.epoch !== null) this.forget();
    if (this.leaving && room && !vacant && room.stay_started !== this.leaving.stay) this.goOn();
    setText(this.welcomeTitle, room || this.leaving ? `Room ${this.number} is empty` : `Nothing has come from room ${this.number} yet`);
    setText(this.welcomeProblem, room?.problem ? `${room.problem}.` : "");
    setHidden(this.welcomeProblem, !room?.problem);
    if (!this.transport) this.live.showAge(feed, current ? age : null);
    if (this.transport) this.transport.showState(this.live, room, beat);
    else if (!beat.lost && room && !current && !vacant) this.live.show(age === null ? "Nothing received" : `Not live, ${duration(age)} old`, "old");
    this.access.showAccess(feed.site);
    // What was an alarm then is none now.
    const conditions = room && !this.transport ? this.band.showRoom(room, found, beat, clock, { aside: this.aside(room) }) : [];
    const sentences = conditions.map((condition) => `Room ${this.number}: ${spoken(condition)}`);
    this.announcer.say(lost ? [beat.refusal?.refused ?? "Server lost", ...sentences] : sentences);
    this.showWho(room, vacant);
    const measured = room && !vacant ? measuredOf(room, found) : null;
    this.showNumbers(room, current, measured);
    this.stay?.show(vacant || !feed.known ? null : room);
    this.marks?.show(room, beat.serverNow());
    setClass(this.root, "old", feed.known && !current);
    setClass(this.root, "unknown", !feed.known);
    const moves = current && !this.flow.trace.isStill;
    this.flow.trace.setColor(current ? this.colors.flow : this.colors.old, moves ? this.colors.flow : null);
    this.pressure.trace.setColor(current ? this.colors.pressure : this.colors.old, moves ? this.colors.pressure : null);
    const remark = room ? remarkOf(room, found, conditions, `Waiting for the device: connect it to ${this.address}`) : "";
    const known = measured ? `Measured ${clock.moment(measured.time, beat.serverNow())}, not live` : remark;
    this.flow.showNote(feed.known ? known : connecting(feed.beat));
    this.events.show(room?.events, clock);
    this.events.showHeld(current ? room : null, beat.serverNow());
    this.night.show(room, beat.serverNow(), clock, this.colors);
    this.command?.show(room, clock, beat);
    if (!this.frame && (this.flow.dirty || this.pressure.dirty)) this.frame = requestAnimationFrame(() => this.paint());
  }

  showPlayback(playback) {
    this.transport.show(playback, this.clock);
    if (playback.is_playing) this.feed.beat.expect();
    for (const { trace } of [this.flow, this.pressure]) trace.hold(!playback.is_playing);
    this.flow.stalePaint = this.pressure.stalePaint = !playback.is_playing;
  }

  aside(room) {
    const pause = room.events?.find((event) => event.in_progress && event.kind === "breath_gap");
    return pause ? `last breath ${this.clock.time(pause.time)}` : "";
  }

  showWho(room, vacant) {
    const who = !room || vacant ? "" : whoOf(room);
    setText(this.name, who);
    setAttribute(this.name, "title", who);
    setClass(this.name, "quiet", !room?.patient_name);
    if (this.transport && room) {
      this.transport.showWho(this, room);
      return;
    }
    const meta = [];
    if (room && !vacant) {
      if (room.mrn && room.patient_name) meta.push(`MRN ${room.mrn}`);
      if (room.stay_started) {
        const now = this.feed.beat.serverNow();
        meta.push(`since ${this.clock.hourMinute(room.stay_started)}`, minutes(now - room.stay_started));
      }
      if (room.device) meta.push(room.device);
    }
    setText(this.meta, meta.join(" · "));
    setAttribute(this.meta, "title", meta.join(" · "));
  }

  /** Nobody is here any more: of the patient before nothing remains, not even behind what is shown (F21). */
  forget() {
    for (const { trace } of [this.flow, this.pressure]) trace.start(null, 25);
    this.flow.marks = this.pressure.marks = null;
    this.flow.stalePaint = this.pressure.stalePaint = true;
  }

  showNumbers(room, current, measured) {
    ROOM_NUMBERS.forEach(({ value, name, label, measured: of }, i) => {
      const { cell, figure, term, unit } = this.numbers[i];
      setFigure(figure, current ? value(room) : measured && of ? of(measured) : UNKNOWN);
      if (of) setText(term, measured ? `${label.replace(/^respiratory |, last hour/, "")}, measured` : label);
      if (name === "apneas") {
        setClass(cell, "many", (current && room.apnea_count_last_hour >= MANY_APNEAS) || measured?.apnea_count >= MANY_APNEAS);
        setText(unit, current || measured ? `of ${whole(room.total_apnea_count)}` : "");
      }
      if (name === "breaths" && this.transport) setText(term, "breaths so far");
      if (name === "pressure" && current && room.pressure_cmh2o) setText(term, `pressure, set ${room.pressure_cmh2o}`);
    });
  }

  measure() {
    const box = this.root.getBoundingClientRect();
    const scale = Math.max(0.62, Math.min(1.6, box.width / 1760, box.height / 1000));
    this.root.style.setProperty("--k", scale.toFixed(3));
    const plots = [this.flow, this.pressure, this.night];
    const sizes = plots.map(({ stage }) => [stage.clientWidth, stage.clientHeight]);
    plots.forEach((plot, i) => {
      plot.resize(...sizes[i]);
      plot.stalePaint = true;
    });
    if (this.feed?.known) this.look();
  }

  recolor() {
    this.colors = readColors(this.root);
    this.flow.stalePaint = true;
    this.pressure.stalePaint = true;
    this.look();
  }

  paint() {
    this.frame = 0;
    this.flow.paint(this.colors);
    this.pressure.paint(this.colors);
  }

  destroy() {
    this.stopWatching();
    this.sizes.disconnect();
    this.themes.disconnect();
    cancelAnimationFrame(this.frame);
    this.feed.stop();
    this.root.remove();
  }
}

export function mountRoom(el, host) {
  const room = new Room(el, { base: "", ...host });
  return {
    root: room.root,
    beat: room.feed.beat,
    trace: () => room.flow.trace,
    rebind: (source) => room.feed.rebind(source),
    hear: (push) => room.feed.push(push),
    destroy: () => room.destroy(),
  };
}
