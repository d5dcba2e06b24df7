// Words and numbers as people read them, and the one way text reaches the page: as text, never as markup.

export const UNKNOWN = "--";
/** From so many apneas on the count is red, with a mark beside it (F9, F23). */
export const MANY_APNEAS = 2;

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export function node(tag, className = "", text = null) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== null) setText(made, text);
  return made;
}

/** Touch the page only when the text changed, and then only the text: a new text node would cost four times the work. */
export function setText(target, text) {
  if (target.shownText === text) return;
  target.shownText = text;
  if (target.textNode) target.textNode.data = text;
  else {
    target.textContent = text;
    target.textNode = target.firstChild;
  }
}

export function setClass(target, name, on) {
  const key = `has ${name}`;
  if (target[key] === on) return;
  target[key] = on;
  target.classList.toggle(name, on);
}

export function setAttribute(target, name, value) {
  const key = `is ${name}`;
  if (target[key] === value) return;
  target[key] = value;
  if (value === null) target.removeAttribute(name);
  else target.setAttribute(name, value);
}

export function setHidden(target, hidden) {
  if (target.hidden !== hidden) target.hidden = hidden;
}

/** A large number; an unknown one is set closer than digits are. */
export function setFigure(target, text) {
  setText(target, text);
  setClass(target, "unknown", text === UNKNOWN);
}

export function whole(value) {
  return value === null || value === undefined || !Number.isFinite(value) ? UNKNOWN : String(Math.round(value)).replace("-", "−");
}

export function tenth(value) {
  return value === null || value === undefined || !Number.isFinite(value) ? UNKNOWN : value.toFixed(1);
}

export function hundredth(value) {
  return value === null || value === undefined || !Number.isFinite(value) ? UNKNOWN : value.toFixed(2);
}

/** 1 apnea, 3 apneas. */
export function apneas(count) {
  return `${whole(count)} apnea${count === 1 ? "" : "s"}`;
}

/** 41 s, 2 min 05 s, 4 h 55 min: as short as the length allows, and never a second too young. */
export function duration(seconds) {
  const total = Math.max(0, Math.floor(seconds));
  if (total < 120) return `${total} s`;
  const two = (n) => String(n).padStart(2, "0");
  if (total < 3600) return `${Math.floor(total / 60)} min ${two(total % 60)} s`;
  return `${Math.floor(total / 3600)} h ${two(Math.floor((total % 3600) / 60))} min`;
}

/** A long time without its seconds: under 1 min, 12 min, 4 h 55 min. */
export function minutes(seconds) {
  const full = Math.floor(seconds / 60);
  if (full < 1) return "under 1 min";
  return full < 60 ? `${full} min` : duration(60 * full);
}

/** Whether links lead to another server than the one that gave the page, as they do from a notebook. */
export function isAway(base) {
  return /^https?:/.test(base);
}

/** A link that leaves the page alone where it leads to another server. */
export function lead(link, address) {
  link.href = address;
  if (isAway(address)) Object.assign(link, { target: "_blank", rel: "noopener" });
}

/** Where a room's device connects to. */
export function ingestAddress(base, room) {
  const { protocol, host, pathname } = new URL(isAway(base) ? base : base || "/", window.location.href);
  return `${protocol === "https:" ? "wss" : "ws"}://${host}${pathname.replace(/\/+$/, "")}/ingest/rooms/${room}`;
}

/** Clock times in the lab's own time zone, whatever the browser's is. */
export class SiteClock {
  constructor(timeZone) {
    this.timeZone = timeZone;
    this.second = this.make({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
    this.minute = this.make({ hour: "2-digit", minute: "2-digit" });
    this.calendar = this.make({ year: "numeric", month: "2-digit", day: "2-digit" });
  }

  make(fields) {
    const options = { ...fields, hourCycle: "h23" };
    try {
      return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: this.timeZone || undefined });
    } catch {
      return new Intl.DateTimeFormat("en-GB", options);
    }
  }

  time(epoch) {
    return epoch === null || epoch === undefined ? UNKNOWN : this.second.format(epoch * 1000);
  }

  date(epoch) {
    const options = { day: "numeric", month: "short", year: "numeric" };
    return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: this.second.resolvedOptions().timeZone }).format(epoch * 1000);
  }

  hourMinute(epoch) {
    return epoch === null || epoch === undefined ? UNKNOWN : this.minute.format(epoch * 1000);
  }

  /** 2026-11-24 21:52, as lists have it. */
  sortable(epoch) {
    const date = this.day(epoch);
    return `${date.year}-${date.month}-${date.day} ${this.hourMinute(epoch)}`;
  }

  /** 21:52 of today, 23 Nov 21:52, or 23 Nov 2025 21:52. */
  moment(epoch, now) {
    if (epoch === null || epoch === undefined) return UNKNOWN;
    const [date, today] = [this.day(epoch), this.day(now ?? epoch)];
    const time = this.hourMinute(epoch);
    if (date.year !== today.year) return `${Number(date.day)} ${MONTHS[date.month - 1]} ${date.year} ${time}`;
    return date.month === today.month && date.day === today.day ? time : `${Number(date.day)} ${MONTHS[date.month - 1]} ${time}`;
  }

  day(epoch) {
    return Object.fromEntries(this.calendar.formatToParts(epoch * 1000).map(({ type, value }) => [type, value]));
  }

  /** Seconds by which the lab's clock is ahead of UTC, for tick marks on its full hours. */
  offset(epoch) {
    const [hours, minutes, seconds] = this.time(epoch).split(":").map(Number);
    const ahead = hours * 3600 + minutes * 60 + seconds - (Math.floor(epoch) % 86400);
    return ((ahead + 43200 + 86400) % 86400) - 43200;
  }
}
