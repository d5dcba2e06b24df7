// The recording of an admission form: a file from this computer or a sample, on its way to the server with its progress.

import { node, setAttribute, setHidden, setText } from "./format.js";

const RECORDING_KINDS = [".txt", ".csv", ".edf"];
const MB = 1 << 20;
const LOADED_ALREADY = "This file has already been loaded";

export class RecordingPicker {
  /** `host` is the page's; `onResult(result)` is called with what was found, null where there is nothing. */
  constructor(host, onResult) {
    Object.assign(this, { host, onResult });
    this.secret = null;
    this.limit = Infinity;
    this.source = null; // what was chosen last: a file, or a sample's name
    this.busy = false;
    this.resultId = null;
    this.build();
  }

  build() {
    this.element = node("fieldset", "entry-recording");
    const label = node("label", "entry-file", "Choose a recording");
    this.file = node("input", "entry-file-input");
    Object.assign(this.file, { type: "file", accept: RECORDING_KINDS.join(",") });
    this.file.addEventListener("change", () => {
      const [file] = this.file.files;
      this.file.value = ""; // else the browser would keep it to itself when the same file is chosen again
      if (file) this.choose(file);
    });
    label.append(this.file);
    this.samples = node("select", "entry-samples");
    this.samples.setAttribute("aria-label", "Sample recordings");
    this.offer([]);
    this.samples.addEventListener("change", () => {
      const key = this.samples.value;
      this.samples.selectedIndex = 0;
      if (key) this.choose(key);
    });
    const row = node("div", "entry-sources");
    row.append(label, this.samples);
    this.status = node("p", "entry-status");
    this.status.setAttribute("role", "status");
    this.progress = node("progress", "entry-progress");
    Object.assign(this.progress, { max: 1, hidden: true });
    this.progress.setAttribute("aria-label", "How much of the recording has been sent");
    this.element.append(node("legend", "entry-label", "Recording, .txt, .csv or .edf"), row, this.progress, this.status);
    this.say("Or drop a file anywhere on this form.");
  }

  offer(samples) {
    const first = node("option", "", "Or a sample…");
    first.value = "";
    const options = samples.map(([key, title, shows]) => {
      const option = node("option", "", `${title}: ${shows}`);
      option.value = key;
      return option;
    });
    this.samples.replaceChildren(first, ...options);
  }

  /** A session is there: what was chosen and never came to an end is sent once more. */
  open({ secret, limit_bytes: limit, samples, has_result: kept }) {
    Object.assign(this, { secret, limit });
    if (this.samples.length <= 1) this.offer(samples);
    if (this.source !== null && (this.busy || (this.resultId !== null && !kept))) this.choose(this.source);
  }

  say(text, kind = "") {
    setText(this.status, text);
    setAttribute(this.status, "data-kind", kind || null);
  }

  fail(text) {
    this.busy = false;
    this.source = null;
    this.showProgress(null);
    this.say(`✕ ${text}`, "failed");
  }

  choose(source) {
    this.stop();
    const name = typeof source === "string" ? "" : source.name;
    const refusal = name && (this.refusalOfKind(name) || this.refusalOfSize(source));
    if (refusal) {
      this.fail(refusal);
      return;
    }
    this.source = source;
    this.busy = true;
    if (typeof source === "string") this.askForSample(source);
    else this.upload(source);
  }

  refusalOfKind(name) {
    const known = RECORDING_KINDS.some((kind) => name.toLowerCase().endsWith(kind));
    return known ? "" : `${name} is no recording: choose a file named .txt, .csv or .edf.`;
  }

  refusalOfSize({ name, size }) {
    if (size <= this.limit) return "";
    const most = Number((this.limit / MB).toFixed(1));
    return `${name} has ${(size / MB).toFixed(1)} MB; a recording may have ${most} MB at most. Cut it into parts.`;
  }

  async askForSample(key) {
    this.say("Loading the sample");
    const { secret } = this;
    const { ok, message } = await this.host.ask("sample", { sample: key });
    if (!ok && secret === this.secret && this.source === key) this.fail(message);
  }

  upload(file) {
    const request = new XMLHttpRequest();
    this.request = request;
    request.open("POST", `${this.host.base}/entry/upload`);
    request.setRequestHeader("X-Form-Secret", this.secret ?? "");
    request.setRequestHeader("X-File-Name", encodeURIComponent(file.name));
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      if (request === this.request) this.showProgress(total ? loaded / total : 0, file.name);
    });
    request.addEventListener("load", () => request === this.request && this.sent(request));
    request.addEventListener("error", () => {
      if (request === this.request) this.say(`${file.name} did not reach the server; it is sent again when this page is live.`);
      this.showProgress(null);
    });
    this.showProgress(0, file.name);
    request.send(file);
  }

  showProgress(part, name) {
    setHidden(this.progress, part === null);
    if (part === null) return;
    this.progress.value = part;
    this.say(part < 1 ? `Sending ${name}: ${Math.floor(100 * part)} %` : `Reading ${name}`);
  }

  sent({ status, responseText }) {
    this.request = null;
    this.showProgress(null);
    if (status === 202) return;
    let message = `The server answered ${status}. Choose the recording again.`;
    try {
      message = JSON.parse(responseText).message || message;
    } catch {
      // A proxy's own page says nothing that a person here could use.
    }
    this.fail(message);
  }

  /** News of the server: what became of the recording. */
  take({ secret, phase, name, message, result, result_id: id, again }) {
    if (secret !== this.secret) return;
    // What the request itself says of its progress may come later than this.
    this.request = null;
    this.showProgress(null);
    if (phase === "failed") this.fail(message);
    else if (phase === "analysing") this.say(`Reading ${name}`);
    else {
      this.busy = false;
      this.resultId = id;
      this.say(again ? LOADED_ALREADY : `✓ ${name}`, again ? "again" : "done");
      this.onResult(result);
    }
  }

  stop() {
    const { request } = this;
    this.request = null;
    request?.abort();
    this.showProgress(null);
  }

  /** Forget the recording, wherever it is on its way. */
  clear() {
    this.stop();
    Object.assign(this, { source: null, busy: false, resultId: null });
    this.say("Or drop a file anywhere on this form.");
    this.onResult(null);
  }
}
