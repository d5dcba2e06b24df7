// A measurement's flow picture: fetched once, shown, saved in one click, and forgotten without a trace.

import { node, setHidden, setText } from "./format.js";

const ENDINGS = { "image/jpeg": "jpg", "image/png": "png" };

export class PicturePane {
  /** `host.base` is the server's path; `onClose` makes a pane that can be closed. */
  constructor(host, { onClose = null } = {}) {
    this.host = host;
    this.shown = null;
    this.address = null;
    this.element = node("section", "panel picture");
    const head = node("header", "picture-head");
    this.title = node("h3", "panel-title");
    this.save = node("button", "picture-save", "Save picture");
    this.save.type = "button";
    this.save.addEventListener("click", () => saveAs(this.address, this.name));
    head.append(this.title, this.save);
    if (onClose) {
      const close = node("button", "picture-close", "Close");
      close.type = "button";
      close.addEventListener("click", onClose);
      head.append(close);
    }
    this.stage = node("div", "picture-stage");
    this.note = node("p", "quiet picture-note");
    this.stage.append(this.note);
    this.element.append(head, this.stage);
    this.clear();
  }

  /** `name` is the file's, without its ending; `says` stands for the picture where it cannot be seen. */
  async show({ id, title, name, says, has_picture: has }) {
    setText(this.title, title);
    if (id === this.shown) return;
    this.clear();
    this.shown = id;
    setText(this.title, title);
    if (!has) {
      this.tell("This measurement came without a picture.");
      return;
    }
    this.tell("Loading");
    const blob = await this.fetch(id);
    if (this.shown !== id) return; // another one was chosen meanwhile
    if (blob === null) {
      this.tell("The picture could not be loaded. Choose it again.");
      this.shown = null;
      return;
    }
    this.address = URL.createObjectURL(blob);
    this.name = `${name}.${ENDINGS[blob.type] ?? "png"}`;
    this.image = node("img", "picture-image");
    this.image.alt = says;
    this.image.src = this.address;
    this.stage.append(this.image);
    this.tell("");
    setHidden(this.save, false);
  }

  async fetch(id) {
    try {
      const answer = await fetch(`${this.host.base}/api/v1/measurements/${id}/flow.png`, { cache: "no-store" });
      return answer.ok ? await answer.blob() : null;
    } catch {
      return null;
    }
  }

  tell(text) {
    setText(this.note, text);
    setHidden(this.note, text === "");
  }

  /** Nothing of what was shown remains, on the page or in its memory. */
  clear() {
    this.shown = null;
    if (this.address !== null) URL.revokeObjectURL(this.address);
    this.address = null;
    this.name = "";
    this.image?.removeAttribute("src");
    this.image?.remove();
    this.image = null;
    setText(this.title, "");
    setHidden(this.save, true);
    this.tell("");
  }
}

/** Hand a file to the person who clicked. */
export function saveAs(address, name) {
  if (address === null) return;
  const link = node("a");
  link.href = address;
  link.download = name;
  link.click();
}

/** The moment as part of a file's name: 2026-11-24-2152. */
export function fileStamp(epoch, clock) {
  return clock.sortable(epoch).replace(/[: ]/g, (sign) => (sign === ":" ? "" : "-"));
}
