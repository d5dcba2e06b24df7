// Who lies in a room, put right in place: admission, correction, transfer, discharge; what cannot be undone is asked for twice.

import { node, setAttribute, setClass, setHidden, setText } from "./format.js";
import { Field, Form, positive } from "./field.js";

const NO_MRN = "Missing Patient Medical Record Number";
const BAD_MRN = "The medical record number is a whole number, such as 204112.";

/** MRN, name and, where it is known, the date of birth. */
function personFields(hint) {
  return {
    mrn: new Field("Medical record number", { inputMode: "numeric", maxLength: 16 }),
    name: new Field("Patient name", { maxLength: 200 }, { hint }),
    born: new Field("Date of birth", { type: "date" }, { hint: hint || ", empty leaves it as it is" }),
  };
}

function readPerson({ mrn, name, born }) {
  const number = positive(mrn.value);
  if (number === null) {
    mrn.fail(mrn.value === "" ? NO_MRN : BAD_MRN);
    mrn.input.focus();
    return null;
  }
  return { mrn: number, patient_name: name.value, date_of_birth: born.value || null };
}

/** Admit a patient to the room: one form, one button. */
export class AdmitForm extends Form {
  constructor(host, room, onDone = () => {}) {
    const fields = personFields(", optional");
    super(Object.values(fields), "Admit", () => this.admit());
    Object.assign(this, { host, room, onDone, named: fields });
    this.element.classList.add("admit");
  }

  async admit() {
    const person = readPerson(this.named);
    if (person === null) return;
    const { ok, message } = await this.host.ask("admit", { room: this.room, ...person });
    if (ok) {
      this.clear();
      this.onDone(person);
    } else this.fail(message);
  }
}

/** What there is to do with the patient of a room, behind one button of the bar. */
export class StayPanel {
  /** `onLeft(words, room)` is called when the patient has left by this page; `room` is where to, or null. */
  constructor(host, room, onLeft) {
    Object.assign(this, { host, room, onLeft });
    this.patient = undefined;
    this.button = node("button", "stay-button", "Stay");
    this.button.type = "button";
    this.button.hidden = true; // until somebody is there
    this.button.setAttribute("aria-expanded", "false");
    this.button.addEventListener("click", () => this.open(this.element.hidden));
    this.element = node("section", "panel stay-panel");
    this.element.id = `bw-stay-${room}`;
    this.element.hidden = true;
    this.button.setAttribute("aria-controls", this.element.id);
    this.element.addEventListener("keydown", (event) => event.key === "Escape" && this.open(false));
    this.admission = new AdmitForm(host, room, () => this.open(false));
    this.buildCorrection();
    this.buildTransfer();
    this.buildDischarge();
    this.title = node("h2", "stay-title");
    const close = node("button", "", "Close");
    close.type = "button";
    close.addEventListener("click", () => this.open(false));
    const head = node("header", "stay-head");
    head.append(this.title, close);
    this.known = node("div", "stay-known");
    this.known.append(this.correction.element, this.transfer.element, this.discharge);
    this.words = node("p", "stay-words");
    this.words.setAttribute("role", "status");
    this.words.hidden = true;
    this.element.append(head, this.words, this.admission.element, this.known);
  }

  buildCorrection() {
    this.person = personFields("");
    this.correction = new Form(Object.values(this.person), "Save correction", async () => {
      const person = readPerson(this.person);
      if (person === null) return;
      const { ok, message } = await this.ask("correct", person);
      if (ok) this.open(false);
      else this.correction.fail(message);
    });
  }

  buildTransfer() {
    const to = new Field("Move to room", { inputMode: "numeric", maxLength: 10 });
    this.transfer = new Form([to], "Move", async () => {
      const room = positive(to.value);
      if (room === null) {
        to.fail(to.value === "" ? "Missing Room Number" : "The room is a whole number, such as 105.");
        to.input.focus();
        return;
      }
      const { ok, message } = await this.ask("transfer", { to_room: room });
      if (ok) this.leave(`The patient was moved to room ${room}.`, room);
      else to.fail(message);
    });
    this.transfer.element.classList.add("inline");
    this.transfer.button.className = "";
  }

  buildDischarge() {
    this.discharge = node("div", "discharge");
    this.first = node("button", "", "Discharge");
    this.first.type = "button";
    this.question = node("p", "", "Discharge this patient? The stay ends and cannot be taken up again. What was recorded is kept.");
    this.sure = new Form([], "Yes, discharge", async () => {
      const { ok, message } = await this.ask("discharge", {});
      if (ok) this.leave("The patient was discharged. What was recorded is kept.", null);
      else this.sure.fail(message);
    });
    const back = node("button", "", "Keep");
    back.type = "button";
    back.addEventListener("click", () => this.askTwice(false));
    this.first.addEventListener("click", () => this.askTwice(true));
    this.sure.element.append(back);
    this.sure.element.classList.add("row");
    this.discharge.append(this.first, this.question, this.sure.element);
    this.askTwice(false);
  }

  /** The order names the patient whom this page shows: one who came meanwhile is not meant. */
  ask(type, fields) {
    return this.host.ask(type, { room: this.room, patient_mrn: this.patient, ...fields });
  }

  askTwice(on) {
    setHidden(this.first, on);
    setHidden(this.question, !on);
    setHidden(this.sure.element, !on);
    this.sure.fail("");
    if (this.element.hidden) return;
    (on ? this.sure.button : this.first).focus();
  }

  leave(words, room) {
    this.open(false);
    this.onLeft(words, room);
  }

  /** Open with a word about what has happened. */
  say(words, room) {
    this.show(room);
    this.open(true);
    setText(this.words, words);
    setHidden(this.words, false);
  }

  open(on) {
    setHidden(this.words, true);
    setHidden(this.element, !on);
    setAttribute(this.button, "aria-expanded", String(on));
    if (!on) {
      this.askTwice(false);
      if (!this.button.hidden) this.button.focus();
      return;
    }
    this.fill();
    (this.patient === null ? this.admission : this.correction).element.querySelector("input").focus();
  }

  fill() {
    const { mrn, name, born } = this.person;
    mrn.value = this.patient === null ? "" : String(this.patient ?? "");
    name.value = this.name ?? "";
    born.value = "";
    for (const form of [this.correction, this.transfer, this.admission, this.sure]) form.fail("");
    for (const field of this.transfer.fields) field.value = "";
  }

  /** `room` as the page knows it; null where nobody is there. */
  show(room) {
    const patient = room === null ? undefined : (room.mrn ?? null);
    this.name = room?.patient_name ?? "";
    if (patient === this.patient) return;
    this.patient = patient;
    const unidentified = patient === null;
    setHidden(this.button, patient === undefined);
    setText(this.button, unidentified ? "Admit patient" : "Stay");
    setClass(this.button, "primary", unidentified);
    setText(this.title, unidentified ? "Admit the patient who is here" : "This stay");
    setHidden(this.admission.element, !unidentified);
    setHidden(this.known, unidentified);
    // What was typed for another patient must not be sent for this one.
    this.fill();
    if (patient === undefined) setHidden(this.element, true);
  }
}
