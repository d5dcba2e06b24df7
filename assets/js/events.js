// The list of what happened, newest first.

import { node, setHidden, setText } from "./format.js";

export class EventList {
  constructor() {
    this.element = node("section", "panel events");
    this.head = node("header", "events-head");
    this.head.append(node("h2", "panel-title", "Events"));
    this.list = node("ol", "event-list");
    this.list.tabIndex = 0;
    this.list.setAttribute("aria-label", "Events, newest first");
    this.none = node("p", "quiet", "Nothing so far. Apneas, pressure changes and leaks are listed here as they happen.");
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

  addRow() {
    const row = node("li");
    const made = { row, time: node("time"), text: node("span", "event-text"), detail: node("span", "event-detail") };
    row.append(made.time, made.text, made.detail);
    this.list.append(row);
    this.rows.push(made);
  }
}
