// What was found in a recording: the numbers, and the rows that could not be used.

import { MANY_APNEAS, duration, node, setClass, setFigure, setHidden, setText } from "./format.js";

const NOT_MEASURED = "Not measured";
const CARDS = [
  { key: "rate", label: "Breathing rate", unit: "breaths/min", value: ({ breath_rate_bpm: rate }) => rate.toFixed(2) },
  { key: "apneas", label: "Apnea count", unit: "", value: ({ apnea_count: count }) => String(count) },
  { key: "leak", label: "Leakage", unit: "L", value: ({ leakage_l: leak }) => (leak === null ? null : leak.toFixed(2).replace("-", "−")) },
  { key: "pressure", label: "Mean pressure", unit: "cmH₂O", value: ({ mean_pressure_cmh2o: mean }) => mean.toFixed(1) },
  { key: "length", label: "Duration", unit: "", value: ({ duration_s: length }) => duration(Math.round(length)) },
];

export class ResultCards {
  constructor() {
    this.element = node("dl", "entry-cards");
    this.cards = new Map();
    for (const { key, label } of CARDS) {
      const card = node("div", `panel number entry-card is-${key}`);
      const figure = node("span", "figure");
      const unit = node("span", "unit");
      const value = node("dd");
      const remark = node("dd", "entry-remark");
      value.append(figure, unit);
      card.append(node("dt", "", label), value, remark);
      this.cards.set(key, { card, figure, unit, remark });
      this.element.append(card);
    }
    this.show(null);
  }

  show(result) {
    // A recording of flow alone has no pressure to show, nor has a form without a recording.
    const withPressure = Number.isFinite(result?.mean_pressure_cmh2o);
    setHidden(this.cards.get("pressure").card, !withPressure);
    setClass(this.element, "with-pressure", withPressure);
    for (const { key, unit: name, value } of CARDS) {
      if (this.cards.get(key).card.hidden) continue;
      const { card, figure, unit, remark } = this.cards.get(key);
      const text = result === null ? NOT_MEASURED : value(result);
      setFigure(figure, text ?? NOT_MEASURED);
      setText(unit, result === null || text === null ? "" : name);
      setClass(card, "vacant", result === null);
      setText(remark, "");
    }
    const many = result !== null && result.apnea_count >= MANY_APNEAS;
    setClass(this.cards.get("apneas").card, "many", many);
    if (result === null) return;
    setText(this.cards.get("rate").remark, result.message ?? (result.breaths === 1 ? "1 breath" : `${result.breaths} breaths`));
    setText(this.cards.get("apneas").remark, many ? "High: 2 or more" : "Gaps of more than 10 s");
    if (result.leakage_l < 0) setText(this.cards.get("leak").remark, "Negative: more left than came in");
    const unusable = result.unusable_s >= 0.01 ? `${result.unusable_s.toFixed(2)} s without signal` : "";
    setText(this.cards.get("length").remark, unusable);
  }
}

export class RejectedRows {
  constructor() {
    this.element = node("section", "panel entry-rejected");
    this.title = node("h2", "panel-title");
    this.list = node("ol", "entry-rows");
    this.list.tabIndex = 0;
    this.list.setAttribute("aria-label", "Rows that could not be used");
    this.element.append(this.title, this.list);
    this.show(null);
  }

  show(result) {
    const count = result?.rejected_count ?? 0;
    setHidden(this.element, count === 0);
    if (count === 0) return;
    setText(this.title, `${count} ${count === 1 ? "row" : "rows"} could not be used`);
    const rows = result.rejected_rows.map(([line, reason]) => {
      const row = node("li");
      row.append(node("b", "", `Line ${line}`), node("span", "", reason));
      return row;
    });
    if (count > rows.length) rows.push(node("li", "quiet", `and ${count - rows.length} more`));
    this.list.replaceChildren(...rows);
  }
}
