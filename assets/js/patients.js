// All patients: found by name, MRN or room; each opens to what was recorded, told anew by push.

import { MANY_APNEAS, UNKNOWN, apneas, duration, hundredth, node, setAttribute, setClass, setHidden, setText, whole } from "./format.js";
import { PicturePane, fileStamp } from "./picture.js";
import { Shell } from "./shell.js";

const SEARCH_AFTER_MS = 150;
const COLUMNS = ["Timestamp", "Pressure, cmH₂O", "Breathing rate, /min", "Apnea events", "What", "Open"];

class Patients {
  constructor(el, host) {
    this.host = host;
    this.sections = new Map();
    this.sheet = 0;
    this.newest = 0; // of the questions asked: what an older one brings is no longer wanted
    this.shell = new Shell(el, host, { place: "patients", title: "Patients", content: this.build(), onSite: () => this.renew() });
    host.onOpen(() => this.renew());
    host.onNews((kind, news) => kind === "patients" && this.hear(news));
  }

  build() {
    const page = node("div", "patients-page");
    const tools = node("form", "patients-tools");
    tools.setAttribute("role", "search");
    tools.addEventListener("submit", (event) => event.preventDefault());
    this.words = node("input", "field-input patients-search");
    Object.assign(this.words, { type: "search", placeholder: "Name, MRN or room", maxLength: 100, autocomplete: "off" });
    this.words.setAttribute("aria-label", "Search by name, MRN or room");
    this.words.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.goTo(0), SEARCH_AFTER_MS);
    });
    this.inRoom = this.filter("In a room now");
    this.manyApneas = this.filter("With 2 or more apneas");
    this.count = node("p", "patients-count");
    this.count.setAttribute("role", "status");
    tools.append(this.words, this.inRoom.element, this.manyApneas.element, this.count);
    this.list = node("div", "patients-list");
    this.none = node("section", "welcome");
    this.noneTitle = node("h2");
    this.noneHelp = node("p", "quiet");
    this.none.append(this.noneTitle, this.noneHelp);
    this.none.hidden = true;
    this.pager = node("nav", "patients-pager");
    this.pager.setAttribute("aria-label", "Sheets of the list");
    this.back = this.button("‹ Previous", () => this.goTo(this.sheet - 1));
    this.place = node("span", "quiet");
    this.next = this.button("Next ›", () => this.goTo(this.sheet + 1));
    this.pager.append(this.back, this.place, this.next);
    this.pager.hidden = true;
    page.append(tools, this.list, this.none, this.pager);
    return page;
  }

  button(text, act) {
    const made = node("button", "", text);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  }

  filter(text) {
    const element = node("label", "patients-filter");
    const box = node("input");
    box.type = "checkbox";
    box.addEventListener("change", () => this.goTo(0));
    element.append(box, node("span", "", text));
    return { element, box };
  }

  goTo(sheet) {
    this.sheet = sheet;
    return this.renew();
  }

  hear({ mrns }) {
    this.renew();
    for (const mrn of mrns) this.sections.get(mrn)?.renew();
  }

  async renew() {
    const question = (this.newest += 1);
    const { words, inRoom, manyApneas, sheet } = this;
    const asked = { words: words.value, in_room: inRoom.box.checked, many_apneas: manyApneas.box.checked, sheet };
    const answer = await this.host.ask("patients", asked);
    if (question !== this.newest) return;
    if (answer.ok) this.take(answer, asked);
    else setText(this.count, answer.message);
  }

  take(answer, { words, in_room: inRoom, many_apneas: manyApneas }) {
    const { count, all, sheet, sheets, first, patients } = answer;
    const sought = words.trim() !== "" || inRoom || manyApneas;
    this.sheet = sheet;
    setText(this.count, `${sought ? `${count} of ` : ""}${all} patient${all === 1 ? "" : "s"}`);
    setHidden(this.none, count > 0);
    setText(this.noneTitle, all === 0 ? "No patients in database" : "No patient is found");
    setText(this.noneHelp, all === 0 ? "Admit the first one on the page Admit; the list fills by itself." : "Search for less, or clear the filters.");
    setHidden(this.pager, sheets < 2);
    setText(this.place, `${first + 1} to ${first + patients.length} of ${count}`);
    this.back.disabled = sheet === 0;
    this.next.disabled = sheet >= sheets - 1;
    const wanted = new Set(patients.map(({ mrn }) => mrn));
    for (const [mrn, section] of this.sections) if (!wanted.has(mrn)) this.remove(mrn, section);
    let before = null;
    for (const patient of patients) {
      if (!this.sections.has(patient.mrn)) this.sections.set(patient.mrn, new Section(this, patient.mrn));
      const section = this.sections.get(patient.mrn);
      section.title(patient);
      // What stands right is not moved: it would lose its focus.
      const after = before === null ? this.list.firstElementChild : before.nextElementSibling;
      if (after !== section.element) this.list.insertBefore(section.element, after);
      before = section.element;
    }
  }

  remove(mrn, section) {
    section.forget();
    section.element.remove();
    this.sections.delete(mrn);
  }
}

class Section {
  constructor(page, mrn) {
    Object.assign(this, { page, mrn });
    this.element = node("details", "patient");
    this.summary = node("summary", "patient-title");
    this.room = node("b", "patient-room");
    this.name = node("span", "patient-name");
    this.number = node("span", "quiet");
    this.summary.append(this.room, " ", this.name, " ", this.number);
    this.body = node("div", "patient-body");
    this.element.append(this.summary, this.body);
    this.element.addEventListener("toggle", () => (this.element.open ? this.renew() : this.forget()));
  }

  title({ room, name, mrn }) {
    setText(this.room, room === null ? "No room" : `Room ${room}`);
    setClass(this.room, "quiet", room === null);
    setText(this.name, name ?? "Unnamed");
    setText(this.number, `MRN ${mrn}`);
  }

  async renew() {
    if (!this.element.open) return;
    const question = (this.asked = (this.asked ?? 0) + 1);
    const answer = await this.page.host.ask("patient", { mrn: this.mrn });
    if (!this.element.open || question !== this.asked) return;
    if (answer.ok) this.show(answer);
    else this.body.replaceChildren(node("p", "quiet", answer.message));
  }

  show({ records, stays, more }) {
    const { clock } = this.page.shell;
    if (!records.length) {
      this.forget();
      this.body.append(node("p", "patient-none", "No CPAP data recorded yet"), this.stays(stays, clock));
      return;
    }
    this.panes ??= this.makePanes();
    const held = document.activeElement?.dataset?.record;
    const table = node("table", "patient-records");
    const head = node("tr");
    head.append(...COLUMNS.map((column) => Object.assign(node("th", "", column), { scope: "col" })));
    const body = node("tbody");
    body.append(...records.map((record) => this.row(record, clock)));
    const top = node("thead");
    top.append(head);
    table.append(top, body);
    const frame = node("div", "patient-table");
    frame.append(table);
    const older = more ? [node("p", "quiet", "Only the newest 200 are listed.")] : [];
    this.body.replaceChildren(frame, ...older, this.panes, this.stays(stays, clock));
    if (held) this.body.querySelector(`[data-record="${held}"]`)?.focus();
  }

  row(record, clock) {
    const { kind, runs } = record;
    const row = node("tr");
    const many = record.apnea_count >= MANY_APNEAS;
    setClass(row, "many", many);
    // A recording that runs has no number that stands: it is live on its room's page.
    const cells = runs
      ? [UNKNOWN, UNKNOWN, UNKNOWN, "Recording now"]
      : [
          whole(record.pressure_cmh2o),
          hundredth(record.respiratory_rate_per_min),
          `${many ? "▲ " : ""}${whole(record.apnea_count)}`,
          kind === "recording" ? `Recording of ${duration(record.duration_s ?? 0)}` : "Measurement",
        ];
    row.append(Object.assign(node("th", "", clock.sortable(record.time)), { scope: "row" }), ...cells.map((text) => node("td", "", text)));
    if (many && !runs) row.children[3].append(node("span", "unseen", ", many"));
    row.lastElementChild.title = record.device ?? "";
    const last = node("td");
    last.append(this.opener(record, clock));
    row.append(last);
    return row;
  }

  opener(record, clock) {
    const { base } = this.page.host;
    if (record.kind === "recording") {
      const link = node("a", "button", record.runs ? "Live" : "Review");
      link.href = record.runs ? `${base}/room?room=${record.room}` : `${base}/review?recording=${record.id}`;
      return link;
    }
    if (!record.has_picture) return node("span", "quiet", "no picture");
    const button = this.page.button("Picture", () => this.showPicture(record, clock));
    button.dataset.record = record.id;
    setAttribute(button, "aria-label", `Picture of ${clock.sortable(record.time)}`);
    return button;
  }

  /** Two side by side: the one chosen last takes the place of the older. */
  makePanes() {
    const panes = node("div", "patient-pictures");
    this.pictures = [0, 1].map((at) => new PicturePane(this.page.host, { onClose: () => this.closePicture(at) }));
    panes.append(...this.pictures.map(({ element }) => element));
    for (const { element } of this.pictures) setHidden(element, true);
    this.turn = 0;
    return panes;
  }

  showPicture(record, clock) {
    if (this.pictures.some(({ shown }) => shown === record.id)) return;
    const vacant = this.pictures.findIndex(({ shown }) => shown === null);
    const at = vacant < 0 ? this.turn : vacant;
    this.turn = 1 - at;
    const when = clock.sortable(record.time);
    const words = `${whole(record.pressure_cmh2o)} cmH₂O, ${hundredth(record.respiratory_rate_per_min)} breaths/min, ${apneas(record.apnea_count)}`;
    setHidden(this.pictures[at].element, false);
    this.pictures[at].show({
      id: record.id,
      title: `Measured ${when}: ${words}`,
      says: `Flow picture of MRN ${this.mrn}, measured ${when}: ${words}`,
      name: `flow-${this.mrn}-${fileStamp(record.time, clock)}`,
      has_picture: true,
    });
  }

  closePicture(at) {
    this.pictures[at].clear();
    setHidden(this.pictures[at].element, true);
    this.summary.focus();
  }

  stays(stays, clock) {
    const list = node("ul", "patient-stays quiet");
    for (const { room, from, to } of stays) {
      list.append(node("li", "", `Room ${room}: ${clock.sortable(from)} ${to === null ? "until now" : `to ${clock.sortable(to)}`}`));
    }
    return list;
  }

  forget() {
    for (const pane of this.pictures ?? []) pane.clear();
    this.pictures = this.panes = null;
    this.body.replaceChildren();
  }
}

export function mountPatients(el, host) {
  return new Patients(el, { base: "", ...host }).shell.mounted;
}
