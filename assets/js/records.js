// A patient's earlier records: measurements, which open beside the latest, and recordings, which open in the review.

import { MANY_APNEAS, apneas, duration, hundredth, node, setAttribute, setClass, setHidden, setText, whole } from "./format.js";

export class RecordList {
  /** `onChoose(record)` is called with a measurement, or with null where the chosen one is chosen again. */
  constructor(host, onChoose) {
    this.host = host;
    this.onChoose = onChoose;
    this.element = node("section", "panel events records");
    this.list = node("ol", "event-list");
    this.list.setAttribute("aria-label", "Earlier, newest first");
    this.none = node("p", "quiet");
    this.element.append(node("h3", "panel-title", "Earlier"), this.none, this.list);
    this.buttons = new Map();
    this.clear();
  }

  clear() {
    this.list.replaceChildren();
    this.buttons.clear();
    this.fail("Loading");
  }

  fail(text) {
    setText(this.none, text);
    setHidden(this.none, text === "");
    setHidden(this.list, text !== "");
  }

  show(records, { clock, now, more, latest }) {
    const held = [...this.buttons].find(([, button]) => button === document.activeElement)?.[0];
    this.buttons.clear();
    const rows = records.map((record) => this.row(record, clock, now, latest));
    if (more) rows.push(node("li", "quiet", "Older ones are in the list of patients."));
    this.list.replaceChildren(...rows);
    this.fail(records.length ? "" : "Nothing earlier is stored.");
    this.buttons.get(held)?.focus();
  }

  row(record, clock, now, latest) {
    const row = node("li", "pick");
    const measured = record.kind === "measurement";
    const made = node(measured ? "button" : "a", "event-button");
    made.append(node("time", "", clock.moment(record.time, now)));
    if (measured) {
      made.type = "button";
      made.append(node("span", "event-text", `${whole(record.pressure_cmh2o)} cmH₂O · ${hundredth(record.respiratory_rate_per_min)} /min`));
      made.addEventListener("click", () => this.onChoose(this.chosen === record.id ? null : record));
      this.buttons.set(record.id, made);
    } else {
      const beside = latest ? `recording=${latest}&beside=${record.id}` : `recording=${record.id}`;
      made.href = `${this.host.base}/review?${beside}`;
      made.append(node("span", "event-text", `Recording of ${duration(record.duration_s ?? 0)} ›`));
    }
    const count = node("span", "event-detail apneas-cell", record.apnea_count === null ? "" : apneas(record.apnea_count));
    setClass(count, "many", record.apnea_count >= MANY_APNEAS);
    made.append(count);
    row.append(made);
    return row;
  }

  mark(id) {
    this.chosen = id;
    for (const [one, button] of this.buttons) setAttribute(button, "aria-pressed", String(one === id));
  }
}
