// The fields of the admission form: a label above, the unit in the field, what is wrong under it.

import { node, setAttribute, setHidden, setText } from "./format.js";

const FIELDS = [
  { key: "patient_name", label: "Patient name", wide: true, maxLength: 200 },
  { key: "mrn", label: "MRN (medical record)", inputMode: "numeric", maxLength: 30, fixed: true },
  { key: "room", label: "Room number", inputMode: "numeric", maxLength: 30, fixed: true },
  { key: "pressure_cmh2o", label: "CPAP pressure, 4 to 25", unit: "cmH₂O", inputMode: "numeric", maxLength: 30 },
  { key: "date_of_birth", label: "Date of birth, if known", type: "date" },
];

let made = 0;

export class EntryFields {
  /** `onLeave(key)` is called when a field was changed and left. */
  constructor(onLeave) {
    this.element = node("div", "entry-fields");
    this.fields = new Map();
    for (const spec of FIELDS) {
      const field = this.build(spec);
      this.fields.set(spec.key, field);
      this.element.append(field.element);
      field.input.addEventListener("change", () => onLeave(spec.key));
      field.input.addEventListener("input", () => this.fail(spec.key, ""));
    }
  }

  build({ label, unit = "", type = "text", wide = false, inputMode, maxLength, fixed = false }) {
    made += 1;
    const element = node("div", `entry-field${wide ? " wide" : ""}`);
    const title = node("label", "entry-label", label);
    const box = node("div", "entry-box");
    const input = node("input", "entry-input");
    Object.assign(input, { type, id: `bw-entry-${made}`, autocomplete: "off", spellcheck: false });
    if (inputMode) input.inputMode = inputMode;
    if (maxLength) input.maxLength = maxLength;
    title.htmlFor = input.id;
    const error = node("p", "entry-error");
    Object.assign(error, { id: `${input.id}-error`, hidden: true });
    error.setAttribute("role", "alert");
    input.setAttribute("aria-describedby", error.id);
    const lock = node("span", "entry-lock", "locked");
    lock.hidden = true;
    box.append(input, ...(unit ? [node("span", "unit", unit)] : []), lock);
    element.append(title, box, error);
    return { element, input, error, lock, fixed };
  }

  get texts() {
    return Object.fromEntries([...this.fields].map(([key, { input }]) => [key, input.value]));
  }

  text(key) {
    return this.fields.get(key).input.value;
  }

  put(key, text) {
    this.fields.get(key).input.value = text;
  }

  /** What is wrong with a field, in words; nothing is "". */
  fail(key, text) {
    const { input, error } = this.fields.get(key);
    setText(error, text);
    setHidden(error, text === "");
    setAttribute(input, "aria-invalid", text ? "true" : null);
  }

  /** Show what is wrong with these texts and go to the first of it; what stands elsewhere by now was not looked at. */
  failAll(errors, texts) {
    const same = [...this.fields.keys()].filter((key) => this.text(key) === texts[key]);
    for (const key of same) this.fail(key, errors[key] ?? "");
    const first = same.find((key) => errors[key]);
    if (first) this.fields.get(first).input.focus();
  }

  lock(on) {
    for (const { input, lock, fixed } of this.fields.values()) {
      if (!fixed) continue;
      input.readOnly = on;
      setHidden(lock, !on);
    }
  }

  clear() {
    for (const key of this.fields.keys()) {
      this.put(key, "");
      this.fail(key, "");
    }
    this.lock(false);
  }

  focusFirst() {
    this.fields.get("patient_name").input.focus();
  }

  /** Put something under a field. */
  addUnder(key, element) {
    this.fields.get(key).element.append(element);
  }
}
