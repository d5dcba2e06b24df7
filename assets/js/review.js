// The review page: choose a recording, look at it from a whole night to one breath, put another one beside it, take it along.

import { duration, minutes, node, setAttribute, setClass, setHidden, setText } from "./format.js";
import { SPAN_NAMES } from "./plot.js";
import { RecordingList } from "./review_list.js";
import { NightView, nightColors } from "./review_night.js";
import { saveReview } from "./review_picture.js";
import { Shell } from "./shell.js";

const KEY_PAN = 0.25;
const KEY_ZOOM = 2;

class Review {
  constructor(el, host) {
    this.host = host;
    const asked = new URLSearchParams(window.location.search);
    this.asked = Object.fromEntries(["recording", "mrn", "beside"].map((name) => [name, asked.get(name)]));
    this.views = [];
    this.content = node("div", "review-content");
    this.shell = new Shell(el, host, { place: "review", title: "", content: this.content, onSite: () => this.begin() });
    host.onOpen(() => this.begin());
    host.onNews((kind, news) => kind === "review" && this.hear(news));
    this.keys = (event) => this.press(event);
    document.addEventListener("keydown", this.keys);
    this.themes = new MutationObserver(() => this.repaint());
    this.themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    this.opened = false;
    if (this.asked.recording === null && this.asked.mrn === null) this.chooses = new RecordingList(host);
    if (this.chooses) this.content.append(this.chooses.element);
    else this.build();
  }

  build() {
    this.bar = node("div", "review-bar");
    const button = (text, title, act) => {
      const made = node("button", "review-button", text);
      Object.assign(made, { type: "button", title });
      made.addEventListener("click", act);
      return made;
    };
    const group = (...made) => {
      const held = node("div", "review-group");
      held.append(...made);
      return held;
    };
    this.previous = button("‹ Event", "Previous event (p)", () => this.jump(-1));
    this.next = button("Event ›", "Next event (n)", () => this.jump(1));
    this.whole = button("Whole night", "Whole night (Home)", () => this.active?.figures?.seeAll());
    const nearer = button("+", "Zoom in (+)", () => this.active?.figures?.zoom(1 / KEY_ZOOM));
    const farther = button("−", "Zoom out (−)", () => this.active?.figures?.zoom(KEY_ZOOM));
    nearer.setAttribute("aria-label", "Zoom in");
    farther.setAttribute("aria-label", "Zoom out");
    this.newest = button("Show newest", "Take in what was recorded since", () => this.reload());
    const label = node("label", "review-beside");
    label.append(node("span", "quiet", "Beside it"));
    this.select = node("select", "review-input");
    this.select.addEventListener("change", () => this.putBeside(Number(this.select.value) || null));
    label.append(this.select);
    const picture = button("Save picture", "Save what is visible as a PNG", () => this.save());
    this.part = node("a", "review-button", "CSV, visible");
    this.all = node("a", "review-button", "CSV, whole");
    for (const link of [this.part, this.all]) link.setAttribute("download", "");
    this.bar.append(group(this.previous, this.next), group(farther, nearer, this.whole), this.newest, label, group(picture, this.part, this.all));
    this.body = node("div", "review-body");
    this.aside = node("aside", "panel review-aside");
    const title = node("h2", "panel-title", "Events");
    this.rows = node("ol", "event-list");
    this.rows.setAttribute("aria-label", "Events, in order of time");
    this.none = node("p", "quiet review-none");
    this.aside.append(title, this.none, this.rows);
    this.body.append(this.aside);
    this.said = node("section", "welcome");
    this.said.hidden = true;
    this.content.append(this.bar, this.body, this.said);
    this.showUnknown(true);
  }

  showUnknown(unknown) {
    setHidden(this.bar, unknown);
    setHidden(this.body, unknown);
  }

  /** Called at each new session and where the lab's time zone is known: what is missing is asked for. */
  async begin() {
    if (!this.shell?.feed.known || window.Bokeh === undefined) return;
    if (this.chooses) this.chooses.show(this.shell.clock);
    else if (this.opened) this.reload();
    else await this.open();
  }

  async open() {
    if (this.opening) return;
    this.opening = true;
    const { recording, mrn, beside } = this.asked;
    const answer = await this.host.ask("open", recording !== null ? { recording } : { mrn });
    this.opening = false;
    if (!answer.ok) {
      this.sayNot(answer.message);
      return;
    }
    this.opened = true;
    setHidden(this.said, true);
    this.showUnknown(false);
    await this.place(0, answer);
    if (beside !== null) await this.putBeside(beside);
  }

  sayNot(message) {
    this.showUnknown(true);
    const choose = node("a", "review-button", "Choose a recording");
    choose.href = `${this.host.base}/review`;
    this.said.replaceChildren(node("h2", "", "Nothing to review here"), node("p", "", message), choose);
    setHidden(this.said, false);
  }

  async place(index, night) {
    let view = this.views[index];
    if (!view) {
      const onActive = (one) => this.activate(one);
      view = new NightView(this.host, { onScales: () => this.scale(), onVisible: () => this.link(), onActive });
      this.views[index] = view;
      this.body.insertBefore(view.element, this.aside);
    }
    if (index === 0) this.activate(view);
    const first = this.views[0];
    this.shell.setTitle("Review");
    const shown = view.show(night, this.shell.clock);
    if (view === first) this.listEvents();
    this.listOthers();
    setHidden(this.newest, !this.views.some(({ night: one }) => one?.is_running));
    setClass(this.body, "two", this.views.length > 1);
    await shown;
  }

  activate(view) {
    this.active = view;
    for (const one of this.views) setClass(one.element, "active", one === view && this.views.length > 1);
    this.link();
  }

  /** Both recordings have the same vertical scales, so that they can be compared. */
  scale() {
    const ranges = {};
    for (const { scales } of this.views) {
      for (const [key, [low, high]] of Object.entries(scales)) {
        const [least, most] = ranges[key] ?? [low, high];
        ranges[key] = [Math.min(least, low), Math.max(most, high)];
      }
    }
    for (const view of this.views) view.figures?.setVertical(ranges);
  }

  async putBeside(recording) {
    const before = this.views.splice(1);
    for (const view of before) view.destroy();
    this.activate(this.views[0]);
    setClass(this.body, "two", false);
    if (recording !== null) {
      const answer = await this.host.ask("open", { recording });
      if (answer.ok && answer.recording !== this.views[0].night.recording) await this.place(1, answer);
      else this.views[0].tell(answer.ok ? "This recording is shown already: choose another one to put beside it." : answer.message);
    }
    this.listOthers();
    this.scale();
    const address = new URL(window.location.href);
    if (this.views.length > 1) address.searchParams.set("beside", this.views[1].night.recording);
    else address.searchParams.delete("beside");
    window.history.replaceState(null, "", address);
  }

  listOthers() {
    const { night } = this.views[0];
    const { clock } = this.shell;
    const option = (value, text) => Object.assign(node("option", "", text), { value });
    const others = night.others.filter(({ recording }) => recording !== night.recording);
    const beside = this.views[1]?.night ?? null;
    if (beside && !others.some(({ recording }) => recording === beside.recording)) others.push(beside);
    const options = others.map((one) => option(one.recording, `${clock.sortable(one.start_time + one.first_s)}, ${minutes(one.end_s - one.first_s)}`));
    this.select.replaceChildren(option("", others.length ? "Nothing" : "No other recording"), ...options);
    this.select.value = beside ? String(beside.recording) : "";
    this.select.disabled = others.length === 0;
  }

  /** Take in what came since, of both; what is visible stays. */
  async reload() {
    await Promise.all(
      this.views.map(async (view, index) => {
        const answer = await this.host.ask("open", { recording: view.night.recording });
        if (answer.ok && this.views[index] === view) await this.place(index, answer);
      }),
    );
  }

  /** Something happened in the ward: what concerns us is shown. */
  hear({ room, mrn }) {
    const ours = (night) => night && (night.room === room || (mrn !== null && night.mrn === mrn));
    if (this.opened && this.views.some(({ night }) => ours(night))) this.reload();
    else if (this.chooses) this.chooses.ask();
  }

  listEvents() {
    const view = this.views[0];
    const { night } = view;
    const { clock } = this.shell;
    const happened = [
      ...night.events.map(([kind, onset, length]) => [onset, SPAN_NAMES[kind] ?? kind, length === null ? "in progress" : duration(length)]),
      ...night.marks.map(([onset, , text, by]) => [onset, text, by]),
      ...night.commands.map(([time, pressure, from, by]) => [time, from === null ? `pressure ${pressure} cmH₂O` : `pressure ${from} → ${pressure} cmH₂O`, by]),
    ].sort((a, b) => a[0] - b[0]);
    const rows = happened.map(([time, text, detail]) => {
      const row = node("li");
      const made = node("button", "event-button");
      made.type = "button";
      made.append(node("time", "", clock.time(night.start_time + time)), node("span", "event-text", text), node("span", "event-detail", detail));
      made.addEventListener("click", () => this.views[0].look(time));
      row.append(made);
      return row;
    });
    this.rows.replaceChildren(...rows);
    setText(this.none, rows.length ? "" : "No apnea, pressure change or mark in this recording.");
    setHidden(this.none, rows.length > 0);
    const none = night.events.length === 0;
    for (const button of [this.previous, this.next]) setAttribute(button, "aria-disabled", none ? "true" : null);
  }

  jump(direction) {
    const { active } = this;
    if (!active?.figures) return;
    const found = active.jump(direction);
    if (!found && active.night.events.length === 0) active.tell("There is no event in this recording.");
    else active.tell(found ? "" : direction > 0 ? "There is no later event." : "There is no earlier event.");
  }

  /** The downloads are of the recording that the keys act on. */
  link() {
    const { night, figures } = this.active;
    if (!night) return;
    const query = new URLSearchParams({ recording: night.recording });
    this.all.href = `${this.host.base}/review/export.csv?${query}`;
    const { start, end } = figures?.range ?? { start: night.first_s, end: night.end_s };
    query.set("from_s", Math.max(0, start).toFixed(3));
    query.set("to_s", Math.max(0, end).toFixed(3));
    this.part.href = `${this.host.base}/review/export.csv?${query}`;
  }

  save() {
    const { night } = this.views[0];
    const who = night.mrn === null ? `room${night.room}` : `mrn${night.mrn}`;
    const when = this.shell.clock.sortable(night.start_time + night.first_s).replace(/[^0-9]/g, "");
    saveReview(this.views, nightColors(this.shell.root), `${who}-${when}.png`);
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, textarea")) return;
    const { figures } = this.active ?? {};
    if (!figures?.bounds) return;
    const acts = {
      n: () => this.jump(1),
      p: () => this.jump(-1),
      ArrowLeft: () => figures.pan(-KEY_PAN),
      ArrowRight: () => figures.pan(KEY_PAN),
      "+": () => figures.zoom(1 / KEY_ZOOM),
      "=": () => figures.zoom(1 / KEY_ZOOM),
      "-": () => figures.zoom(KEY_ZOOM),
      Home: () => figures.seeAll(),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  repaint() {
    for (const view of this.views) if (view.figures) view.show(view.night, this.shell.clock, { force: true });
  }

  destroy() {
    document.removeEventListener("keydown", this.keys);
    this.themes.disconnect();
    for (const view of this.views) view.destroy();
    this.shell.destroy();
  }
}

export function mountReview(el, host) {
  const review = new Review(el, host);
  return { ...review.shell.mounted, destroy: () => review.destroy(), review };
}
