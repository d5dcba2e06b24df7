// The pressure command: a number, one button, and its fate in words.

import { node, setAttribute, setHidden, setText } from "./format.js";
import { stateOf } from "./clock.js";
import { newId } from "./source.js";

const LOWEST = 4;
const HIGHEST = 25;
const ANSWER_WITHIN_S = 3;

export class PressureCommand {
  constructor(host, room) {
    this.host = host;
    this.room = room;
    this.touched = false; // the number follows the room until somebody changes it
    this.pending = null;
    this.lostLink = false;
    this.build();
    this.destroy = host.onReply((reply) => this.answer(reply));
  }

  build() {
    this.element = node("form", "panel command");
    this.element.noValidate = true;
    const label = node("label", "panel-title", "Set pressure");
    const row = node("div", "stepper");
    this.less = this.button("−", "Lower by 1 cmH₂O", () => this.step(-1));
    this.more = this.button("+", "Raise by 1 cmH₂O", () => this.step(1));
    this.field = node("input", "stepper-value");
    Object.assign(this.field, { type: "number", min: LOWEST, max: HIGHEST, step: 1, inputMode: "numeric", autocomplete: "off", placeholder: "--" });
    this.field.id = `bw-pressure-${Math.random().toString(36).slice(2)}`;
    label.htmlFor = this.field.id;
    this.field.addEventListener("input", () => this.changed());
    const value = node("span", "stepper-field");
    value.append(this.field, node("span", "unit", "cmH₂O"));
    this.submit = node("button", "primary", "Send to room");
    this.submit.type = "submit";
    row.append(this.less, value, this.more, this.submit);
    this.error = node("p", "field-error");
    this.error.setAttribute("role", "alert");
    this.error.id = `${this.field.id}-error`;
    this.field.setAttribute("aria-describedby", this.error.id);
    this.error.hidden = true;
    this.buildConfirmation();
    this.fate = node("p", "fate");
    this.fate.setAttribute("role", "status");
    this.before = node("p", "fate quiet");
    this.element.append(label, row, this.error, this.confirmation, this.fate, this.before);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask();
    });
  }

  buildConfirmation() {
    this.confirmation = node("div", "confirmation");
    this.question = node("p");
    const label = node("label", "quiet", "Reason");
    this.reason = node("input", "reason");
    Object.assign(this.reason, { type: "text", maxLength: 200, autocomplete: "off", id: `${this.field.id}-reason` });
    label.htmlFor = this.reason.id;
    const row = node("div", "confirmation-row");
    this.confirm = node("button", "primary", "Confirm");
    this.confirm.type = "submit";
    const cancel = this.button("Cancel", "Cancel this command", () => this.askAgain(false));
    row.append(this.confirm, cancel);
    this.confirmation.append(this.question, label, this.reason, row);
    this.confirmation.hidden = true;
  }

  button(text, title, act) {
    const made = node("button", "", text);
    made.type = "button";
    made.title = title;
    made.setAttribute("aria-label", title);
    made.addEventListener("click", act);
    return made;
  }

  get value() {
    return /^\d+$/.test(this.field.value) ? Number(this.field.value) : NaN;
  }

  step(by) {
    const from = Number.isNaN(this.value) ? this.measured : this.value;
    this.field.value = String(Math.min(HIGHEST, Math.max(LOWEST, from + by)));
    this.changed();
  }

  /** Where the steps begin while no set pressure is known: near what the mask has now, never a surprise to the patient. */
  get measured() {
    const now = this.shown?.measured_pressure_cmh2o;
    return Number.isFinite(now) ? Math.round(now) : LOWEST;
  }

  changed() {
    this.touched = true;
    if (this.pending?.error) this.pending = null;
    this.askAgain(false);
    this.fail("");
    this.less.disabled = this.value <= LOWEST;
    this.more.disabled = this.value >= HIGHEST;
  }

  fail(text) {
    setText(this.error, text);
    setHidden(this.error, text === "");
    setAttribute(this.field, "aria-invalid", text ? "true" : null);
  }

  askAgain(on) {
    setHidden(this.confirmation, !on);
    setHidden(this.submit, on);
    if (!on) this.reason.value = "";
  }

  ask() {
    const { value } = this;
    if (!(value >= LOWEST && value <= HIGHEST)) {
      this.fail(`Enter a whole number from ${LOWEST} to ${HIGHEST} cmH₂O.`);
      this.field.focus();
      return;
    }
    if (this.lostLink) {
      this.fail("The server is lost: nothing can be sent now. Set the pressure at the device, or wait until this page is live again.");
      return;
    }
    if (value > this.maximum && this.confirmation.hidden) {
      setText(this.question, `${value} cmH₂O is above the usual maximum of ${this.maximum} for this patient.`);
      setText(this.confirm, `Confirm ${value} cmH₂O`);
      this.askAgain(true);
      this.reason.focus();
      return;
    }
    const reason = this.reason.value.trim();
    if (value > this.maximum && !reason) {
      this.fail("Give a reason for going above the maximum.");
      this.reason.focus();
      return;
    }
    this.send(value, reason || null);
  }

  send(value, reason) {
    const id = newId();
    this.pending = { id, value, since: performance.now(), error: null };
    this.askAgain(false);
    this.fail("");
    // A command that was held up on its way is no longer what the room needs: the server refuses it by this time.
    const asked = this.beat.serverNow();
    const meant = { room: this.room, patient_mrn: this.patient ?? null, pressure_cmh2o: value, reason };
    this.host.send({ type: "set_pressure", request_id: id, ...meant, asked_at: asked });
    this.touched = false;
    this.submit.focus();
    this.show(this.shown, this.clock, this.beat);
  }

  /** What was set for another patient must not be sent for this one. */
  follows(patient) {
    if (patient === this.patient) return;
    this.patient = patient;
    Object.assign(this, { touched: false, pending: null });
    this.askAgain(false);
    this.fail("");
  }

  answer({ request_id: id, ok, message }) {
    if (this.pending?.id !== id || ok) return;
    this.pending.error = message || "The server refused it.";
    this.show(this.shown, this.clock, this.beat);
  }

  show(room, clock, beat) {
    Object.assign(this, { shown: room, clock, beat });
    if (room) this.follows(room.mrn ?? null);
    this.lostLink = beat.lost;
    this.maximum = room?.max_pressure_cmh2o ?? HIGHEST;
    const commands = room?.commands ?? [];
    if (this.pending && commands.some(({ command_id: id }) => id === this.pending.id)) this.pending = null;
    if (!this.touched) this.follow(this.pending?.value ?? commands.find(inForce)?.pressure_cmh2o ?? room?.pressure_cmh2o);
    const [newest, older] = commands;
    const heard = Boolean(room) && stateOf(room, beat).current;
    setText(this.fate, this.pending ? this.waiting() : newest ? fate(newest, clock, beat, heard) : "No pressure commanded yet.");
    setAttribute(this.fate, "data-state", this.pending ? (this.pending.error ? "refused" : "commanded") : newest?.state ?? "none");
    const previous = this.pending ? newest : older;
    setText(this.before, previous ? `Before: ${previous.pressure_cmh2o} cmH₂O, ${brief(previous, clock)}` : "");
  }

  follow(pressure) {
    // A number that nobody commanded must not stand ready to be sent.
    const text = pressure === null || pressure === undefined ? "" : String(pressure);
    if (this.field.value !== text && document.activeElement !== this.field) this.field.value = text;
    this.less.disabled = this.value <= LOWEST;
    this.more.disabled = this.value >= HIGHEST;
  }

  waiting() {
    const { error, value, since } = this.pending;
    if (error) return `✕ Not sent: ${error}`;
    if (performance.now() - since < ANSWER_WITHIN_S * 1000) return `${value} cmH₂O, sending`;
    return `✕ The server has not answered. Look at the device before you send ${value} cmH₂O again.`;
  }
}

const inForce = ({ state }) => state === "commanded" || state === "delivered" || state === "applied";
const BRIEFLY = { commanded: "not delivered, commanded", delivered: "not confirmed, delivered", superseded: "replaced, commanded" };
const by = (command) => (command.by ? `, by ${command.by}` : "");

/** What became of a command, and what to do when that is nothing. */
export function fate(command, clock, beat, heard) {
  const { pressure_cmh2o: pressure, previous_cmh2o: previous, state } = command;
  const stays = previous === null || previous === undefined ? "" : ` The pressure stays at ${previous} cmH₂O.`;
  const waited = beat.age(command.delivered_at ?? command.commanded_at);
  const late = waited !== null && waited >= ANSWER_WITHIN_S;
  if (state === "applied") return `✓ Applied: ${pressure} cmH₂O at ${clock.time(command.applied_at)}${by(command)}`;
  if (state === "refused" && !command.delivered_at) return `✕ Not sent: ${command.reason || "no reason given"}.${stays}`;
  if (state === "refused") return `✕ Refused by the device: ${command.reason || "no reason given"}.${stays}`;
  if (state === "failed") return `✕ Failed: ${command.reason || "no reason given"}.${stays}`;
  if (state === "superseded") return `✕ Replaced by a later command: ${pressure} cmH₂O was not applied.${stays}`;
  if (state === "delivered") {
    const told = `Delivered to the device: ${pressure} cmH₂O at ${clock.time(command.delivered_at)}`;
    return late ? `${told}. It has not confirmed: look at the device.` : `${told}, not yet applied`;
  }
  const told = `Commanded: ${pressure} cmH₂O at ${clock.time(command.commanded_at)}${by(command)}`;
  if (!late && heard) return `${told}, on its way`;
  return `${told}. It waits for the device, which is not connected. Set it at the device if it cannot wait.`;
}

function brief(command, clock) {
  const at = command.applied_at ?? command.refused_at ?? command.delivered_at ?? command.commanded_at;
  return `${BRIEFLY[command.state] ?? command.state} at ${clock.time(at)}${by(command)}`;
}
