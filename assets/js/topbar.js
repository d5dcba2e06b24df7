// What every live page says about itself: whether it is live, who may look, what time it is; and the loss of its server.

import { duration, node, setAttribute, setClass, setHidden, setText } from "./format.js";
import { Band } from "./band.js";
import { LOST_BAND_AFTER_S } from "./clock.js";

export class Pill {
  constructor(className = "") {
    this.element = node("span", `pill ${className}`);
    this.element.hidden = true;
  }

  show(text, kind = "") {
    setHidden(this.element, text === "");
    setText(this.element, text);
    setAttribute(this.element, "data-kind", kind || null);
  }
}

/** What stands where nothing is known yet. */
export const connecting = (beat) => (beat.refusal ? "Not let in" : "Connecting");

export class LivePill extends Pill {
  constructor() {
    super("live-pill");
    this.shownAt = -Infinity;
  }

  /** `age`: of the oldest trace shown as live. Once a second is enough for eyes; a change of kind is shown at once. */
  showAge(feed, age) {
    const { beat } = feed;
    if (beat.lost || !feed.known) {
      this.shownAt = -Infinity;
      this.show(feed.known ? `Not live, ${duration(beat.silence())} old` : connecting(beat), "old");
      return;
    }
    const now = performance.now();
    const live = age !== null;
    if (live === this.live && now - this.shownAt < 1000) return;
    this.live = live;
    this.shownAt = now;
    if (live) this.show(`Live, ${Math.max(0.1, age).toFixed(1)} s`, "live");
    else this.show("Connected", "quiet");
  }
}

export class ClockFace {
  constructor() {
    this.element = node("time", "clock", "--:--:--");
  }

  show(feed, clock) {
    const now = feed.beat.serverNow();
    if (now !== null) setText(this.element, clock.time(now));
  }
}

export class LostBand extends Band {
  /** `kernel`: what we hear comes by a notebook's kernel, which may be busy. */
  constructor(kernel = false) {
    super();
    this.kernel = kernel;
    this.element.classList.add("page-band");
  }

  showLoss(feed, clock) {
    const { beat } = feed;
    const silence = beat.silence();
    const lost = silence >= LOST_BAND_AFTER_S;
    setClass(this.element, "refusal", beat.refusal !== null);
    if (beat.refusal) this.show("medium", beat.refusal.refused, beat.refusal.remedy);
    else if (!lost) this.show(null, "");
    else if (this.kernel) this.showKernel(beat, silence, clock);
    else if (beat.serverTime === null) this.show("medium", `Server does not answer, ${duration(silence)}`, "Trying again by itself");
    else {
      const last = clock.time(beat.serverTime);
      this.show("medium", `Server lost ${duration(silence)}, last ${last}.`, "Reconnecting by itself");
    }
    return lost;
  }

  showKernel(beat, silence, clock) {
    const last = beat.serverTime === null ? "Nothing has come" : `Nothing new since ${clock.time(beat.serverTime)}`;
    this.show("medium", `${last}, for ${duration(silence)}`, "A cell runs, or the server is lost. After a restart run this cell again");
  }
}

export class AccessPill extends Pill {
  constructor() {
    super();
    this.element.append(node("span", "access-long", "Open on this computer, no sign-in"), node("span", "access-short", "No sign-in"));
    this.element.title = "Everybody at this computer can look and command";
    setAttribute(this.element, "data-kind", "quiet");
  }

  showAccess(site) {
    setHidden(this.element, !site.open_access);
  }
}

/** Says each new condition once, politely; the bands themselves count seconds and are not read out. */
export class Announcer {
  constructor() {
    this.element = node("p", "unseen");
    this.element.setAttribute("aria-live", "polite");
    this.standing = new Set();
  }

  say(sentences) {
    const fresh = sentences.filter((sentence) => !this.standing.has(sentence));
    this.standing = new Set(sentences);
    if (fresh.length) setText(this.element, fresh.join(". "));
  }
}


const PLACES = [["wall", "Wall"], ["entry", "Admit"], ["patients", "Patients"], ["review", "Review"]];

/** The way to every other page; the one that is open is marked. */
export function navigation(base, here) {
  const nav = node("nav", "places");
  nav.setAttribute("aria-label", "Pages");
  for (const [place, text] of PLACES) {
    const link = node("a", "place", text);
    link.href = `${base}/${place}`;
    setAttribute(link, "aria-current", place === here ? "page" : null);
    nav.append(link);
  }
  return nav;
}
