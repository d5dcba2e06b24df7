// Marking a moment: one click opens what can be marked, the next one marks it.

import { node, setAttribute, setHidden, setText } from "./format.js";
import { Field, Form } from "./field.js";

const KINDS = [["lights_off", "Lights off"], ["lights_on", "Lights on"], ["mask_refit", "Mask refit"]];
const SAID_MS = 6000;

export class MarkMenu {
  constructor(host, room) {
    Object.assign(this, { host, room, patient: null, asked: false });
    this.button = node("button", "mark-button", "Mark");
    this.button.type = "button";
    this.button.setAttribute("aria-expanded", "false");
    this.button.addEventListener("click", () => this.open(this.element.hidden));
    this.element = node("div", "mark-menu");
    this.element.hidden = true;
    this.element.addEventListener("keydown", (event) => event.key === "Escape" && this.open(false));
    const row = node("div", "mark-kinds");
    for (const [kind, text] of KINDS) {
      const made = node("button", "", text);
      made.type = "button";
      made.addEventListener("click", () => this.mark(kind, ""));
      row.append(made);
    }
    this.note = new Field("Note", { maxLength: 200 });
    this.form = new Form([this.note], "Add note", async () => {
      if (this.note.value === "") {
        this.note.fail("Write what happened.");
        this.note.input.focus();
        return;
      }
      await this.mark("note", this.note.value);
    });
    this.form.element.classList.add("inline");
    this.element.append(row, this.form.element);
    this.said = node("p", "field-error mark-said");
    this.said.setAttribute("role", "alert");
    this.said.hidden = true;
  }

  open(on) {
    setHidden(this.element, !on);
    setAttribute(this.button, "aria-expanded", String(on));
    if (on) {
      this.say("");
      this.note.value = "";
      this.element.querySelector("button").focus();
    } else this.button.focus();
  }

  async mark(kind, text) {
    if (this.asked) return;
    this.asked = true;
    this.open(false);
    const fields = { room: this.room, kind, text, patient_mrn: this.patient, asked_at: this.now };
    const { ok, message } = await this.host.ask("mark", fields);
    this.asked = false;
    if (!ok) this.say(`✕ Not marked: ${message}`);
  }

  say(text) {
    setText(this.said, text);
    setHidden(this.said, text === "");
    clearTimeout(this.saying);
    if (text) this.saying = setTimeout(() => this.say(""), SAID_MS);
  }

  show(room, now) {
    this.patient = room?.mrn ?? null;
    this.now = now;
  }
}
