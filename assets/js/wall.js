// The wall: every room at once, from 1 to 64, without scrolling and without a hand.

import { SiteClock, ingestAddress, node, setClass, setHidden, setText } from "./format.js";
import { startWatchdog, stateOf } from "./clock.js";
import { MARK, spoken } from "./conditions.js";
import { flash } from "./band.js";
import { Feed } from "./feed.js";
import { loadFont } from "./font.js";
import { Tile } from "./tile.js";
import { RoomSheet, worstElsewhere } from "./sheet.js";
import { AccessPill, Announcer, ClockFace, LivePill, LostBand, Pill, connecting, navigation } from "./topbar.js";
import { readColors } from "./trace.js";

const GRIDS = [[1, 1], [2, 1], [2, 2], [3, 2], [4, 3], [4, 4], [6, 4], [8, 5], [8, 8]];

/** Columns and rows for so many rooms, none of them empty; turned on its side where the screen is upright. */
export function gridFor(count, upright) {
  const most = Math.ceil(Math.sqrt(count));
  const [wide, high] = GRIDS.find(([c, r]) => c * r >= count) ?? [most, most];
  const columns = upright ? high : wide;
  return [columns, Math.ceil(count / columns)];
}

const FEW = 6;
const REST_MS = 150; // of 10 pushes a second every other is painted, of 5 every one
const LONG_LABELS_PX = 190; // a narrower tile has no room for "breaths/min" beside "apneas"

/** How much a tile of this size can say and still be read from 4 m. */
export function detailFor(width, height) {
  if (width >= 340 && height >= 165) return "full";
  if (width >= 235 && height >= 165) return "middle";
  if (width >= 150 && height >= 135) return "small";
  return "tiny";
}

class Wall {
  constructor(el, host) {
    this.host = host;
    this.el = el;
    this.tiles = new Map();
    this.build();
    this.clock = new SiteClock(null);
    this.colors = readColors(this.root);
    this.frame = 0;
    this.paintedAt = -Infinity;
    this.unshown = new Set(); // rooms whose news wait for the next frame
    this.feed = new Feed((push) => this.take(push), host);
    this.stopWatching = startWatchdog(() => {
      flash(this.root);
      this.look();
    });
    this.sizes = new ResizeObserver(() => this.measure());
    this.sizes.observe(this.grid);
    this.themes = new MutationObserver(() => this.recolor());
    for (const target of [this.root, document.documentElement]) {
      this.themes.observe(target, { attributes: true, attributeFilter: ["data-theme"] });
    }
    this.layOut();
    this.look();
  }

  build() {
    this.root = node("main", "bw wall");
    const bar = node("header", "bar");
    this.title = node("h1", "bar-title", "Breathwatch");
    this.count = node("span", "bar-aside");
    this.notice = node("span", "bar-notice");
    this.high = new Pill("alarm");
    this.medium = new Pill("alarm");
    this.low = new Pill("alarm");
    this.access = new AccessPill();
    this.live = new LivePill();
    this.face = new ClockFace();
    const right = node("div", "bar-right");
    right.append(...[this.high, this.medium, this.low, this.access, this.live, this.face].map(({ element }) => element));
    bar.append(this.title, this.count);
    if (this.host.send) bar.append(navigation(this.host.base, "wall"));
    bar.append(this.notice, right);
    this.lost = new LostBand(this.host.kernel);
    this.grid = node("div", "tiles");
    this.connecting = node("p", "connecting quiet", "Connecting");
    this.welcome = this.buildWelcome();
    this.announcer = new Announcer();
    this.root.append(bar, this.lost.element, this.grid, this.connecting, this.welcome, this.announcer.element);
    this.sheet = this.host.send ? new RoomSheet(this.host, this.root) : null;
    this.el.replaceChildren(this.root);
    loadFont(this.host);
  }

  buildWelcome() {
    const welcome = node("section", "welcome");
    const device = node("p", "", "Connect a device to ");
    device.append(node("code", "", ingestAddress(this.host.base, 101)));
    const demo = node("p", "", "or start simulated patients with ");
    demo.append(node("code", "", "./monitor demo"));
    welcome.append(node("h2", "", "No rooms yet"), device, demo, node("p", "quiet", "Rooms appear here by themselves."));
    welcome.hidden = true;
    return welcome;
  }

  take({ snapshot, changed, removed, waves }) {
    const { rooms, site } = this.feed;
    if (site.time_zone !== this.clock.timeZone) this.clock = new SiteClock(site.time_zone);
    const gone = snapshot ? [...this.tiles.keys()].filter((room) => !rooms.has(room)) : removed;
    const before = this.tiles.size;
    for (const room of gone) this.removeTile(room);
    let added = this.tiles.size !== before;
    for (const room of rooms.keys()) {
      if (!this.tiles.has(room)) added = this.addTile(room);
    }
    if (added) this.layOut();
    for (const room of snapshot ? rooms.keys() : changed) this.unshown.add(room);
    for (const wave of waves) {
      const rate = rooms.get(wave[0])?.display_rate_hz;
      this.tiles.get(wave[0])?.append(wave, rate);
      if (wave[0] === this.sheet?.number) this.sheet.append(wave, rate);
    }
    if (this.sheet?.isOpen && (snapshot || changed.has(this.sheet.number) || gone.includes(this.sheet.number))) this.look();
    if (before === 0 || snapshot) {
      this.showNews();
      this.look();
    }
    this.plan();
  }

  addTile(room) {
    const tile = new Tile(room, this.host.base, this.sheet && (() => this.openSheet(room)));
    const after = [...this.tiles.keys()].filter((other) => other > room).sort((a, b) => a - b)[0];
    this.grid.insertBefore(tile.element, after === undefined ? null : this.tiles.get(after).element);
    this.tiles.set(room, tile);
    this.sizes.observe(tile.stage);
    return true;
  }

  openSheet(room) {
    this.sheet.open(room, this.tiles.get(room).trace.samples);
    this.look();
  }

  removeTile(room) {
    const tile = this.tiles.get(room);
    if (!tile) return;
    this.sizes.unobserve(tile.stage);
    tile.element.remove();
    this.tiles.delete(room);
  }

  showNews() {
    for (const room of this.unshown) this.showTile(room);
    this.unshown.clear();
  }

  showTile(room) {
    this.tiles.get(room)?.show(this.feed.rooms.get(room), this.feed.beat, this.clock, this.colors, this.terse);
  }

  /** The watchdog: all that changes with time alone. */
  look() {
    // A page that was not styled yet when it was built would draw its traces in black, for good.
    if (this.colors.flow === "") this.recolor();
    const { beat, rooms, site, known } = this.feed;
    if (beat.lost) this.host.onLost?.(beat.silence());
    this.face.show(this.feed, this.clock);
    this.lost.showLoss(this.feed, this.clock);
    const sentences = beat.refusal ? [beat.refusal.refused] : beat.silence() >= 4 ? ["Server lost"] : [];
    const counts = { high: 0, medium: 0, low: 0 };
    let oldest = null;
    const found = [];
    for (const [number, room] of rooms) {
      const { age, current, conditions } = this.tiles.get(number).watch(room, beat, this.clock, this.colors, this.terse);
      if (this.sheet?.isOpen) found.push({ room: number, conditions });
      if (current && (oldest === null || age > oldest)) oldest = age;
      if (conditions.length) counts[conditions[0].priority] += 1;
      for (const condition of conditions) sentences.push(`Room ${number}: ${spoken(condition)}`);
    }
    if (this.sheet?.isOpen) this.showSheet(found);
    this.announcer.say(sentences);
    this.live.showAge(this.feed, oldest);
    for (const priority of ["high", "medium", "low"]) {
      this[priority].show(counts[priority] ? `${MARK[priority]} ${counts[priority]} ${priority}` : "", priority);
    }
    this.access.showAccess(site);
    setText(this.title, site.lab_name || "Breathwatch");
    setText(this.notice, site.notice || "");
    setText(this.count, !known || rooms.size === 0 ? "" : rooms.size === 1 ? "1 room" : `${rooms.size} rooms`);
    setText(this.connecting, connecting(beat));
    setHidden(this.connecting, known);
    setHidden(this.welcome, !known || rooms.size > 0);
    setHidden(this.grid, rooms.size === 0);
    setClass(this.root, "lost", known && beat.lost);
    setClass(this.root, "unknown", !known);
    this.plan();
  }

  showSheet(found) {
    const { rooms, beat } = this.feed;
    const { number } = this.sheet;
    const room = rooms.get(number);
    const state = room ? stateOf(room, beat) : { state: "empty", age: null, current: false };
    this.sheet.show(room, state, beat, this.clock, this.colors, worstElsewhere(number, found));
  }

  layOut() {
    const box = this.root.getBoundingClientRect();
    const [columns, rows] = gridFor(Math.max(1, this.tiles.size), box.height > box.width);
    this.grid.style.setProperty("--columns", columns);
    this.grid.style.setProperty("--rows", rows);
    this.shape = [columns, rows];
    this.measure();
  }

  measure() {
    const box = this.grid.getBoundingClientRect();
    if (box.width < 2) return;
    const [columns, rows] = this.shape ?? [1, 1];
    const [width, height] = [box.width / columns - 8, box.height / rows - 8];
    const detail = detailFor(width, height);
    const per = { full: [29, 14.6], middle: [23.5, 12.5], small: [17, 13.8], tiny: [14.5, 10.2] }[detail];
    const unit = Math.max(6, Math.min(width / per[0], height / per[1], 34));
    this.grid.dataset.detail = detail;
    setClass(this.grid, "brief", detail === "small" && width < LONG_LABELS_PX);
    this.terse = detail === "small" || detail === "tiny";
    this.grid.style.setProperty("--u", `${unit.toFixed(2)}px`);
    const tiles = [...this.tiles.values()];
    const boxes = tiles.map(({ stage }) => [stage.clientWidth, stage.clientHeight]);
    tiles.forEach((tile, i) => {
      tile.trace.lineWidth = Math.max(1.5, Math.min(3, unit / 8));
      tile.resize(...boxes[i]);
    });
    // At once: a canvas that changed its size is empty, and the next frame would show it so.
    this.paint();
  }

  recolor() {
    this.colors = readColors(this.root);
    for (const room of this.tiles.keys()) this.showTile(room);
    this.plan();
  }

  /**
   * Paint in the next frame, if there is anything new: an idle page costs nothing. A frame costs as much for one canvas
   * as for all, so that many rooms rest between two, while their small traces go on by 3 pixels at most; what turns grey
   * waits for nothing.
   */
  plan() {
    if (this.frame) return;
    const due = this.tiles.size <= FEW || performance.now() - this.paintedAt >= REST_MS;
    const waits = ({ trace }) => trace.whole || (due && trace.dirty);
    if ((due && this.unshown.size) || [...this.tiles.values()].some(waits)) {
      this.frame = requestAnimationFrame(() => this.paint());
    }
  }

  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.paintedAt = performance.now();
    this.showNews();
    for (const tile of this.tiles.values()) tile.trace.paint();
  }

  destroy() {
    this.stopWatching();
    this.sizes.disconnect();
    this.themes.disconnect();
    cancelAnimationFrame(this.frame);
    this.feed.stop();
    this.root.remove();
  }
}

export function mountWall(el, host) {
  const wall = new Wall(el, { base: "", ...host });
  return {
    root: wall.root,
    beat: wall.feed.beat,
    trace: (room) => wall.tiles.get(room)?.trace,
    rebind: (source) => wall.feed.rebind(source),
    hear: (push) => wall.feed.push(push),
    destroy: () => wall.destroy(),
  };
}
