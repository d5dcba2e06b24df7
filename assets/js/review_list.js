// Which recordings there are, newest first, found by name, MRN, room or device.

import { minutes, node, setHidden, setText } from "./format.js";
import { patientOf } from "./review_night.js";

const ASK_AFTER_MS = 200;

export class RecordingList {
  constructor(host) {
    this.host = host;
    this.element = node("section", "panel recording-list");
    const label = node("label", "recording-search");
    label.append(node("span", "", "Find a recording"));
    this.input = node("input", "review-input");
    Object.assign(this.input, { type: "search", placeholder: "Name, MRN, room or device", autocomplete: "off", maxLength: 100 });
    this.input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.ask(), ASK_AFTER_MS);
    });
    label.append(this.input);
    this.rows = node("ol", "recording-rows");
    this.rows.setAttribute("aria-label", "Recordings, newest first");
    this.said = node("p", "quiet recording-said");
    this.more = node("button", "review-button", "Show older ones");
    this.more.type = "button";
    this.more.addEventListener("click", () => this.ask(this.oldest));
    this.element.append(label, this.said, this.rows, this.more);
    setHidden(this.more, true);
    this.clock = null;
  }

  show(clock) {
    this.clock = clock;
    this.ask();
  }

  async ask(before = null) {
    if (this.clock === null) return; // typed before the lab's time zone was known: `show` asks for it
    const search = this.input.value.trim();
    const answer = await this.host.ask("recordings", { search, before });
    if (search !== this.input.value.trim()) return;
    if (!answer.ok) {
      setText(this.said, answer.message);
      setHidden(this.said, false);
      return;
    }
    const made = answer.recordings.map((recording) => this.row(recording));
    if (before === null) this.rows.replaceChildren(...made);
    else this.rows.append(...made);
    this.oldest = answer.recordings.at(-1)?.recording ?? null;
    setHidden(this.more, !answer.more);
    const none = search
      ? `No recording fits “${search}”. Try part of a name, the beginning of an MRN, or a room.`
      : "Nothing is recorded yet. Connect a bedside device or load a file on the Admit page; its recording appears here.";
    setText(this.said, this.rows.children.length ? "" : none);
    setHidden(this.said, this.rows.children.length > 0);
  }

  row(recording) {
    const { clock } = this;
    const row = node("li");
    const link = node("a", "recording-row");
    link.href = `${this.host.base}/review?recording=${recording.recording}`;
    const begin = recording.start_time + recording.first_s;
    link.append(
      node("time", "", clock.sortable(begin)),
      node("span", "recording-length", minutes(recording.end_s - recording.first_s)),
      node("b", "recording-who", patientOf(recording)),
      node("span", "recording-mrn", recording.mrn === null ? "" : `MRN ${recording.mrn}`),
      node("span", "recording-room", `room ${recording.room}`),
      node("span", "recording-apneas", recording.apneas === 1 ? "1 apnea" : `${recording.apneas} apneas`),
      node("span", "recording-device quiet", recording.is_running ? "still running" : recording.device),
    );
    row.append(link);
    return row;
  }
}
