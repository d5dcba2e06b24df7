// One recording under review: whose it is, its figures, and the signals of what is visible, asked for as it moves.

import { duration, minutes, node, setHidden, setText } from "./format.js";
import { REVIEW_LANES, NightFigures } from "./review_figures.js";

const NIGHT_COLORS = ["tile", "hairline", "faint", "grid", "text", "secondary", "flow", "pressure", "span", "span-edge"];

export const nightColors = (root) => {
  const style = getComputedStyle(root);
  return Object.fromEntries(NIGHT_COLORS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
};

export const patientOf = ({ patient_name: name, mrn }) => (mrn === null ? "Unidentified" : (name ?? "Name not given"));

export const placeOf = ({ mrn, room }) => (mrn === null ? `room ${room}` : `MRN ${mrn} · room ${room}`);

/** From when to when, in the lab's time. */
export const whenOf = (night, clock) => {
  const [from, to] = [night.start_time + night.first_s, night.start_time + night.end_s];
  return `${clock.sortable(from)} to ${clock.hourMinute(to)} · ${minutes(to - from)}`;
};

export class NightView {
  /** `host` answers questions; `onScales(view)` hears of the vertical ranges that its signals want, `onVisible` of moves. */
  constructor(host, { onScales, onVisible, onActive }) {
    Object.assign(this, { host, onScales, onVisible });
    this.element = node("section", "panel night-view");
    this.element.tabIndex = 0;
    const head = node("header", "night-head");
    this.who = node("h2", "night-who");
    this.where = node("span", "night-where quiet");
    this.when = node("span", "night-when quiet");
    this.state = node("span", "night-state");
    head.append(this.who, this.where, this.when, this.state);
    this.visible = node("p", "night-visible quiet");
    const lanes = node("div", "night-lanes");
    this.stages = {};
    for (const { key, name, unit, share } of REVIEW_LANES) {
      const lane = node("div", `night-lane ${key}`);
      if (share) lane.style.flexGrow = share;
      const title = node("h3", key === "happened" ? "unseen" : "night-lane-title");
      title.append(node("b", "", name), node("span", "quiet", unit && ` ${unit}`));
      this.stages[key] = node("div", "night-stage");
      lane.append(title, this.stages[key]);
      lanes.append(lane);
    }
    this.note = node("p", "note night-note");
    this.note.hidden = true;
    this.element.append(head, this.visible, lanes, this.note);
    for (const kind of ["pointerenter", "pointerdown", "focus"]) this.element.addEventListener(kind, () => onActive(this));
    this.night = null;
    this.figures = null;
    this.sizes = new ResizeObserver(() => this.figures?.views && this.moved());
    this.sizes.observe(this.stages.flow);
    this.scales = {};
    this.asking = false;
    this.drawn = null;
  }

  /** Show a recording; the same one again keeps what is visible, and goes on to its new end where that was in view. */
  async show(night, clock, { force = false } = {}) {
    const before = this.night;
    this.night = night;
    this.clock = clock;
    this.tellHead();
    if (this.figures === null || force) {
      const seen = this.figures && [this.figures.range.start, this.figures.range.end];
      this.figures?.destroy();
      const figures = new NightFigures(this.stages, nightColors(this.element), clock, () => this.moved());
      this.figures = figures;
      figures.take(night);
      if (seen) figures.see(...seen);
      else figures.seeAll();
      await figures.show();
      if (this.figures !== figures) return;
    } else {
      const { range } = this.figures;
      const [start, end] = [range.start, range.end];
      const follows = before === null || before.recording !== night.recording || end >= before.end_s;
      const whole = before === null || before.recording !== night.recording || (follows && start <= before.first_s);
      this.figures.take(night);
      if (whole) this.figures.seeAll();
      else this.figures.see(...(follows ? [start + night.end_s - before.end_s, end + night.end_s - before.end_s] : [start, end]));
    }
    this.drawn = null;
    await this.refresh();
  }

  tellHead() {
    const { night, clock } = this;
    setText(this.who, patientOf(night));
    setText(this.where, placeOf(night));
    setText(this.when, whenOf(night, clock));
    const said = [];
    if (night.is_running) said.push(`still running, reviewed up to ${clock.time(night.start_time + night.end_s)}`);
    if (night.is_shortened) said.push("its beginning is no longer kept");
    setText(this.state, said.join(" · "));
    setHidden(this.state, said.length === 0);
  }

  moved() {
    const { range } = this.figures;
    const { first_s: first, end_s: end, start_time: epoch } = this.night;
    const [from, to] = [Math.max(first, range.start), Math.min(end, range.end)].map((at) => epoch + at);
    setText(this.visible, `${this.clock.time(from)} to ${this.clock.time(to)} · ${to - from < 120 ? `${(to - from).toFixed(1)} s` : duration(to - from)}`);
    this.onVisible(this);
    this.refresh();
  }

  /** Ask for what is visible, one question at a time: the newest wish is asked when the answer before it is there. */
  async refresh() {
    if (this.asking || !this.figures?.views) return;
    this.asking = true;
    for (;;) {
      const { figures, night } = this;
      const { wanted } = figures;
      const asked = JSON.stringify([night.recording, night.end_s, wanted]);
      if (asked === this.drawn) break;
      const answer = await this.host.ask("window", { recording: night.recording, ...wanted });
      if (!answer.ok) {
        this.tell(answer.message);
        break;
      }
      if (figures !== this.figures) continue;
      this.tell("");
      this.drawn = asked;
      if (night.recording === this.night.recording) {
        this.scales = figures.draw(answer);
        this.onScales(this);
      }
      // A frame in between, so that a wheel that goes on turning stays smooth.
      await new Promise((done) => requestAnimationFrame(done));
    }
    this.asking = false;
  }

  tell(text) {
    setText(this.note, text);
    setHidden(this.note, text === "");
  }

  /** Go to the next event from what is in the middle, or the one before it; false where there is none. */
  jump(direction) {
    const { range } = this.figures;
    const middle = (range.start + range.end) / 2;
    const onsets = this.night.events.map(([, onset]) => onset);
    const aside = 0.5; // an event that was jumped to lies in the middle itself
    const found = direction > 0 ? onsets.find((onset) => onset > middle + aside) : onsets.findLast((onset) => onset < middle - aside);
    if (found === undefined) return false;
    this.look(found);
    return true;
  }

  /** Bring a moment to the middle, near enough to see its breaths. */
  look(at) {
    const { range } = this.figures;
    const half = Math.min(range.end - range.start, 120) / 2;
    this.figures.see(at - half, at + half);
  }

  destroy() {
    this.sizes.disconnect();
    this.figures?.destroy();
    this.element.remove();
  }
}
