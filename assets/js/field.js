// One field of a form: its label above, its unit inside, its error under it in words.

import { node, setAttribute, setHidden, setText } from "./format.js";

let fieldsMade = 0;

export class Field {
  /** `attributes` are the input's own properties, such as `inputMode`. */
  constructor(label, attributes = {}, { hint = "", unit = "" } = {}) {
    const id = `bw-field-${(fieldsMade += 1)}`;
    this.element = node("div", "field");
    const title = node("label", "field-label", label);
    if (hint) title.append(node("span", "quiet", hint));
    title.htmlFor = id;
    this.input = node("input", "field-input");
    Object.assign(this.input, { id, type: "text", autocomplete: "off", ...attributes });
    const row = node("span", "field-row");
    row.append(this.input);
    if (unit) row.append(node("span", "unit", unit));
    this.error = node("p", "field-error");
    this.error.id = `${id}-error`;
    this.error.setAttribute("role", "alert");
    this.error.hidden = true;
    this.input.setAttribute("aria-describedby", this.error.id);
    this.input.addEventListener("input", () => this.fail(""));
    this.element.append(title, row, this.error);
  }

  get value() {
    return this.input.value.trim();
  }

  set value(text) {
    this.input.value = text;
    this.fail("");
  }

  fail(text) {
    setText(this.error, text);
    setHidden(this.error, text === "");
    setAttribute(this.input, "aria-invalid", text ? "true" : null);
  }
}

/** A form with one main button: `act()` gives the fields of what to ask for, or null where something is missing. */
export class Form {
  constructor(fields, buttonText, act) {
    this.fields = fields;
    this.act = act;
    this.element = node("form", "form");
    this.element.noValidate = true;
    this.button = node("button", "primary", buttonText);
    this.button.type = "submit";
    this.error = node("p", "field-error form-error");
    this.error.setAttribute("role", "alert");
    this.error.hidden = true;
    this.element.append(...fields.map(({ element }) => element), this.error, this.button);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
  }

  async submit() {
    if (this.button.disabled) return;
    this.fail("");
    this.button.disabled = true; // one order for one click, however often it is clicked
    try {
      await this.act();
    } finally {
      this.button.disabled = false;
    }
  }

  fail(text) {
    setText(this.error, text);
    setHidden(this.error, text === "");
  }

  clear() {
    for (const field of this.fields) field.value = "";
    this.fail("");
  }
}

/** A whole number above 0 as people type it: `007` is 7; null where it is none. */
export function positive(text) {
  return /^\d{1,16}$/.test(text) && Number(text) > 0 ? Number(text) : null;
}
