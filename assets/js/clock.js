// How old is what we show? Decided here, by the page's own clock: a server that died cannot tell.

/** The rule is 2 s at the most: the watchdog may look 250 ms later, and then it must be on the screen. */
export const STALE_AFTER_S = 1.7;
export const SILENT_AFTER_S = 5;
export const LOST_BAND_AFTER_S = 4;
const WATCH_EVERY_MS = 250;
const OFFSET_CREEP = 50e-6;

const monotonic = () => performance.now() / 1000;
const wallClock = () => Date.now() / 1000;

export class Heartbeat {
  constructor() {
    this.offset = Infinity; // smallest seen difference of our clock and the server's: a push without delay
    this.delay = 0; // of the last push on its way to us, in s
    this.pushes = 0;
    this.serverTime = null;
    this.anew = false;
    this.refusal = null; // what the server said when it let this page in no more
    this.touch();
  }

  touch() {
    this.heardAt = monotonic();
    this.heardAtWall = wallClock();
  }

  /** A new socket holds no backlog, and perhaps it leads to a server with another clock: compare the clocks afresh. */
  startAnew() {
    this.anew = true;
  }

  hear(serverTime) {
    const difference = monotonic() - serverTime;
    const steppedBack = this.serverTime !== null && serverTime < this.serverTime - 0.5;
    // Two good clocks drift apart by some ppm. The minimum creeps after them, far too slowly to excuse a backlog.
    if (this.pushes && !steppedBack) this.offset += OFFSET_CREEP * (monotonic() - this.heardAt);
    this.offset = steppedBack || this.anew ? difference : Math.min(this.offset, difference);
    this.anew = false;
    this.delay = difference - this.offset;
    this.serverTime = serverTime;
    this.refusal = null;
    this.pushes += 1;
    this.touch();
  }

  /** Seconds since anything came. performance.now() may stop while the computer sleeps, the wall clock does not. */
  unheard() {
    return Math.max(monotonic() - this.heardAt, wallClock() - this.heardAtWall);
  }

  /** Seconds since the server said what we heard last: on waking, a push that waited for us is old news. */
  silence() {
    return this.unheard() + this.delay;
  }

  /** The server's clock now, in epoch s; null before the first push. */
  serverNow() {
    if (!this.pushes) return null;
    const slept = Math.max(0, this.unheard() - (monotonic() - this.heardAt));
    return monotonic() + slept - this.offset;
  }

  /** Delay of the last push on its way to us plus what passed since, added to how old its data was. */
  age(epoch) {
    if (epoch === null || epoch === undefined || !this.pushes) return null;
    return Math.max(0, this.serverNow() - epoch);
  }

  get lost() {
    return this.silence() >= STALE_AFTER_S;
  }
}

/** A recording has no age: its clock stands where it was played to. That nobody is there shows where an answer is missing. */
export class RecordedBeat {
  constructor() {
    this.pushes = 0;
    this.serverTime = null;
    this.refusal = null;
    this.expectedSince = monotonic();
  }

  startAnew() {}

  /** Something must come now: the answer to a request, or the next piece of what is played. */
  expect() {
    this.expectedSince ??= monotonic();
  }

  hear(serverTime) {
    this.serverTime = serverTime;
    this.pushes += 1;
    this.expectedSince = null;
  }

  silence() {
    return this.expectedSince === null ? 0 : monotonic() - this.expectedSince;
  }

  /** The recording's clock, in epoch s; null before the first push. */
  serverNow() {
    return this.serverTime;
  }

  age(epoch) {
    return epoch === null || epoch === undefined || !this.pushes ? null : Math.max(0, this.serverTime - epoch);
  }

  get lost() {
    return this.silence() >= STALE_AFTER_S;
  }
}

const RANK = { live: 0, stale: 1, silent: 2, faulted: 3, empty: 4 };

/** A room's state: the server's word or our own clock's, whichever is worse. */
export function stateOf(room, beat) {
  const age = beat.age(room.newest_sample_time);
  let state = room.state in RANK ? room.state : "faulted";
  if (state === "live" || state === "stale") {
    let own = "live";
    if (age === null || age >= SILENT_AFTER_S) own = beat.lost ? "stale" : "silent";
    else if (age >= STALE_AFTER_S || beat.lost) own = "stale";
    if (RANK[own] > RANK[state]) state = own;
  }
  return { state, age, current: state === "live" && !beat.lost };
}

/** Calls when a page may have slept: shown again, back from the cache or from being frozen, clicked into. */
export function onWaking(act) {
  const shown = () => document.visibilityState === "visible" && act();
  const events = [[document, "visibilitychange"], [document, "resume"], [window, "pageshow"], [window, "focus"]];
  for (const [target, name] of events) target.addEventListener(name, shown);
  return () => events.forEach(([target, name]) => target.removeEventListener(name, shown));
}

/** A timer, not requestAnimationFrame: a hidden or busy page must still notice. Looks at once on waking. */
export function startWatchdog(look) {
  const timer = setInterval(look, WATCH_EVERY_MS);
  const sleepOn = onWaking(look);
  return () => {
    clearInterval(timer);
    sleepOn();
  };
}
