// Patient data entry: the form on the left, what was found in the recording on the right. One form, one button.

import { node, setAttribute, setHidden, setText } from "./format.js";
import { EntryFields } from "./entry_fields.js";
import { RecordingPicker } from "./entry_recording.js";
import { RejectedRows, ResultCards } from "./entry_results.js";
import { FlowPlot } from "./flow.js";
import { Shell } from "./shell.js";
import { readColors } from "./trace.js";

const NO_FLOW = "No recording yet. Choose one, or try a sample, and its flow appears here.";
const BRIEF_STATES = { commanded: "not delivered yet", delivered: "delivered", applied: "applied", superseded: "replaced by a later one" };

class Entry {
  constructor(el, host) {
    this.host = host;
    this.patient = 0; // grows with each reset: answers about the one before are nobody's
    this.locked = false;
    this.sending = false;
    this.command = null;
    this.build();
    this.shell = new Shell(el, host, {
      place: "entry",
      title: "Admit a patient",
      content: this.content,
      onSite: () => this.showCommand(),
    });
    this.resize = () => this.flow.resize(readColors(this.shell.root));
    this.sizes = new ResizeObserver(this.resize);
    this.sizes.observe(this.flow.stage);
    this.themes = new MutationObserver(this.resize);
    this.themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    host.onOpen(() => this.open());
    host.onNews((kind, news) => this.take(kind, news));
    this.showLock();
    this.fields.focusFirst();
  }

  build() {
    this.fields = new EntryFields((key) => this.check(key));
    this.cards = new ResultCards();
    this.flow = new FlowPlot(NO_FLOW);
    this.rejected = new RejectedRows();
    this.recording = new RecordingPicker(this.host, (result) => {
      for (const part of [this.cards, this.flow, this.rejected]) part.show(result);
    });
    this.commanded = node("p", "entry-commanded");
    this.commanded.setAttribute("role", "status");
    this.fields.addUnder("pressure_cmh2o", this.commanded);
    this.submit = node("button", "primary", "Admit and send");
    this.submit.type = "submit";
    this.clear = node("button", "", "Reset");
    this.clear.type = "button";
    this.clear.title = "Clear the form for another patient";
    this.clear.addEventListener("click", () => this.reset());
    const buttons = node("div", "entry-buttons");
    buttons.append(this.submit, this.clear);
    this.outcome = node("div", "entry-outcome");
    this.outcome.setAttribute("role", "status");
    this.said = node("p");
    this.links = node("p", "entry-links");
    this.outcome.append(this.said, this.links);
    this.buildQuestion();
    this.form = node("form", "panel entry-form");
    this.form.noValidate = true;
    this.form.append(this.fields.element, this.recording.element, buttons, this.outcome, this.question);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.form.addEventListener("pointerdown", () => this.holdStill());
    this.takeDrops();
    const right = node("div", "entry-found");
    right.append(this.cards.element, this.flow.element, this.rejected.element);
    this.content = node("div", "entry-body");
    this.content.append(this.form, right);
  }

  /** Another patient is in the room: that one leaves only when somebody says so. */
  buildQuestion() {
    this.question = node("div", "entry-question");
    this.asked = node("p");
    this.replace = node("button", "", "");
    this.replace.type = "button";
    this.replace.addEventListener("click", () => this.send(this.occupant));
    const cancel = node("button", "", "Cancel");
    cancel.type = "button";
    cancel.addEventListener("click", () => this.ask(null));
    const row = node("div", "entry-buttons");
    row.append(this.replace, cancel);
    this.question.append(this.asked, row);
    this.question.hidden = true;
  }

  /** A button that moves between press and release is not clicked: what is said of a field that was left waits. */
  holdStill() {
    this.press = new Promise((released) => {
      for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => setTimeout(released), { once: true });
    });
  }

  takeDrops() {
    const over = (on) => (event) => {
      event.preventDefault();
      this.form.classList.toggle("dropping", on);
    };
    this.form.addEventListener("dragover", over(true));
    this.form.addEventListener("dragleave", over(false));
    this.form.addEventListener("drop", (event) => {
      over(false)(event);
      const [file] = event.dataTransfer.files;
      if (file) this.recording.choose(file);
    });
  }

  /** A session is there, the first or a later one: it gets what stands here and looks at it anew. */
  async open() {
    const { patient } = this;
    const had = { fields: this.fields.texts, locked: this.locked, result_id: this.recording.resultId, patient };
    const answer = await this.host.ask("open", had);
    if (!answer.ok || patient !== this.patient) return;
    this.recording.open(answer);
    for (const [key, text] of Object.entries(answer.errors)) this.fields.fail(key, text);
    if (answer.place) this.movedTo(answer.place);
    if (answer.command) this.follow(answer.command);
  }

  /** What is wrong with a field is said when it is left. */
  async check(key) {
    const { patient } = this;
    const text = this.fields.text(key);
    const { ok, errors = {} } = await this.host.ask("check", { fields: { [key]: text } });
    await this.press;
    if (ok && patient === this.patient && text === this.fields.text(key)) this.fields.fail(key, errors[key] ?? "");
  }

  async send(replaces = null) {
    if (this.sending) return;
    const { patient } = this;
    this.showSending(true);
    this.ask(null);
    this.say("", "Sending");
    const { texts } = this.fields;
    const answer = await this.host.ask("send", { fields: texts, replaces_mrn: replaces, patient });
    if (patient !== this.patient) return;
    this.showSending(false);
    this.fields.failAll(answer.errors ?? {}, texts);
    if (answer.locked) {
      this.locked = true;
      this.room = answer.room;
      this.showLock();
    }
    if (answer.ok) {
      this.say("done", `✓ ${answer.said}, ${this.shell.clock.time(answer.at)}`);
      if (answer.command) this.follow(answer.command, true);
    } else if (answer.occupied) {
      this.say("failed", `✕ ${answer.message}`);
      this.ask(answer.occupied);
    } else this.say(answer.errors ? "" : "failed", answer.errors ? "Nothing was sent." : `✕ ${answer.message}`);
  }

  /** Clear everything, and let nothing of this patient come after. */
  async reset() {
    this.patient += 1;
    const { patient } = this;
    Object.assign(this, { locked: false, command: null, room: null });
    this.recording.secret = null;
    this.fields.clear();
    this.recording.clear();
    this.showSending(false);
    this.showLock();
    this.showCommand();
    this.ask(null);
    this.say("", "");
    this.fields.focusFirst();
    const { ok, secret } = await this.host.ask("reset", { patient });
    if (ok && patient === this.patient) this.recording.secret = secret;
  }

  take(kind, news) {
    if (kind === "recording") this.recording.take(news);
    else if (!this.locked) return;
    else if (kind === "command" && news.command) this.follow(news.command);
    else if (kind === "place") this.movedTo(news.place);
  }

  movedTo({ room, message }) {
    if (!message) return;
    this.fields.put("room", String(room));
    this.room = room;
    this.say("moved", message);
  }

  /** A pressure was commanded: later sends use it, unless it was known when this form was sent. */
  follow(command, known = false) {
    const before = this.command;
    this.command = command;
    const text = this.fields.text("pressure_cmh2o");
    if (command.state === "refused") {
      if (before?.command_id === command.command_id && text === String(command.pressure_cmh2o)) {
        this.fields.put("pressure_cmh2o", String(command.previous_cmh2o ?? ""));
      }
    } else if (before?.command_id !== command.command_id && (!known || text.trim() === "")) {
      this.fields.put("pressure_cmh2o", String(command.pressure_cmh2o));
      this.fields.fail("pressure_cmh2o", "");
    }
    this.showCommand();
  }

  showCommand() {
    const { command } = this;
    setHidden(this.commanded, command === null);
    if (command === null) {
      setText(this.commanded, "");
      return;
    }
    const { pressure_cmh2o: pressure, by, commanded_at: at, state, reason } = command;
    const fate = state === "refused" ? `refused by the device: ${reason || "no reason given"}` : BRIEF_STATES[state] ?? state;
    setText(this.commanded, `${pressure} cmH₂O commanded by ${by} at ${this.shell.clock.time(at)}, ${fate}`);
  }

  showSending(on) {
    this.sending = on;
    this.submit.disabled = on;
  }

  showLock() {
    this.fields.lock(this.locked);
    setText(this.submit, this.locked ? "Send again" : "Admit and send");
    const { base } = this.host;
    const link = (text, address) => {
      const made = node("a", "entry-link", text);
      made.href = `${base}${address}`;
      return made;
    };
    this.links.replaceChildren();
    if (this.locked) this.links.append(link(`Open room ${this.room}`, `/room?room=${this.room}`), link("Wall", "/wall"));
  }

  say(kind, text) {
    setText(this.said, text);
    setAttribute(this.outcome, "data-kind", kind || null);
  }

  ask(occupied) {
    setHidden(this.question, occupied === null);
    this.occupant = occupied?.mrn ?? null;
    if (occupied === null) return;
    const who = occupied.name ? `${occupied.name}, MRN ${occupied.mrn}` : `MRN ${occupied.mrn}`;
    setText(this.asked, `${who}, leaves room ${occupied.room} if you go on. What was recorded is kept.`);
    setText(this.replace, `Discharge MRN ${occupied.mrn} and admit`);
    this.replace.focus();
  }

  destroy() {
    this.sizes.disconnect();
    this.themes.disconnect();
    this.recording.stop();
    this.shell.destroy();
  }
}

export function mountEntry(el, host) {
  const entry = new Entry(el, host);
  return { ...entry.shell.mounted, destroy: () => entry.destroy() };
}
