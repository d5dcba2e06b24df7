// The list of what happened, newest first, and over it how many events there were at the pressure that holds.

import { minutes, node, setHidden, setText } from "./format.js";

const HELD_FROM_S = 10;
const KEPT = 40; // so many rows the server sends: there may be older ones

export class EventList {
  /** `onPick(event)` makes each row a button: in a recording one goes to where it happened. */
  constructor(onPick = null) {
    this.onPick = onPick;
    this.element = node("section", "panel events");
    this.head = node("header", "events-head");
    const title = node("h2", "panel-title", "Events");
    this.held = node("span", "quiet");
    title.append(this.held);
    this.head.append(title);
    this.list = node("ol", "event-list");
    this.list.tabIndex = 0;
    this.list.setAttribute("aria-label", onPick ? "Events" : "Events, newest first");
    const nothing = onPick ? "No apnea in this recording." : "Nothing so far. Apneas, pressure changes and leaks are listed here as they happen.";
    this.none = node("p", "quiet", nothing);
    this.element.append(this.head, this.none, this.list);
    this.rows = [];
    this.shown = null;
  }

  /** Marks are made where they are listed. */
  takeMarks(menu) {
    this.head.append(menu.button);
    this.head.after(menu.said, menu.element);
  }

  show(events, clock) {
    if (events === this.shown && clock === this.clock) return;
    this.shown = events;
    this.clock = clock;
    const wanted = events ?? [];
    setHidden(this.none, wanted.length > 0);
    setHidden(this.list, wanted.length === 0);
    while (this.rows.length > wanted.length) this.rows.pop().row.remove();
    while (this.rows.length < wanted.length) this.addRow();
    wanted.forEach((event, i) => {
      const { time, text, detail } = this.rows[i];
      setText(time, clock.time(event.time));
      const unfinished = event.in_progress && !/progress/.test(event.text);
      setText(text, unfinished ? `${event.text}, in progress` : event.text);
      setText(detail, event.detail ?? "");
    });
  }

  /** What a change of pressure did is seen here within the minute; the last hour's count takes an hour to tell. */
  showHeld(room, now) {
    setText(this.held, room && now !== null ? eventsAtPressure(room, now) : "");
  }

  makeButton(row, at) {
    const button = node("button", "event-button");
    button.type = "button";
    row.className = "pick";
    button.addEventListener("click", () => this.onPick(this.shown[at]));
    row.append(button);
    return button;
  }

  addRow() {
    const row = node("li");
    const made = { row, time: node("time"), text: node("span", "event-text"), detail: node("span", "event-detail") };
    const place = this.onPick ? this.makeButton(row, this.rows.length) : row;
    place.append(made.time, made.text, made.detail);
    this.list.append(row);
    this.rows.push(made);
  }
}

/** " · at 12 cmH₂O: none in 2 min", of the events that began since the pressure in force was applied. */
function eventsAtPressure({ events, commands }, now) {
  const applied = (commands ?? []).find(({ state }) => state === "applied");
  const held = applied ? now - applied.applied_at : 0;
  if (held < HELD_FROM_S) return "";
  const rows = events ?? [];
  const since = rows.filter(({ time, kind }) => time >= applied.applied_at && kind !== "pressure" && kind !== "mark").length;
  const more = rows.length >= KEPT && rows[rows.length - 1].time >= applied.applied_at;
  const long = held < 60 ? `${10 * Math.floor(held / 10)} s` : minutes(held);
  return ` · at ${applied.pressure_cmh2o} cmH₂O: ${more ? `over ${since}` : since || "none"} in ${long}`;
}
