// From pushes of the Bokeh source to what the page knows: rooms, site, and the newest waves.

import { Heartbeat } from "./clock.js";
import { unpack } from "./packing.js";

const one = (data, name) => {
  const column = data instanceof Map ? data.get(name) : data[name];
  return column === undefined || column === null ? null : column[0];
};

export class Feed {
  /**
   * `take({snapshot, changed, removed, waves})` is called for each push, after the rooms were merged; `onMissed()` where pushes are
   * missing between two: only a snapshot tells what they said.
   */
  constructor(take, { onMissed = () => {}, beat = new Heartbeat() } = {}) {
    this.take = take;
    this.onMissed = onMissed;
    this.beat = beat;
    this.rooms = new Map();
    this.site = { lab_name: "", time_zone: null, open_access: false };
    this.known = false; // a snapshot came
    this.joined = false; // one came by this source
    this.pulse = null;
    this.missedPushes = 0;
    this.listener = () => this.push(this.source.data);
    this.source = null;
  }

  /** A reconnection replaces the document's models: go on with the new source, and what we had stays on the screen. */
  rebind(source) {
    if (source === this.source) return;
    this.stop();
    this.source = source;
    this.joined = false;
    this.beat.startAnew();
    source.properties.data.change.connect(this.listener);
    this.push(source.data);
  }

  push(data) {
    const kind = one(data, "kind");
    const pulse = one(data, "pulse");
    // A new session's delta may skip what came between: its snapshot fills the gap first.
    if (kind === null || (kind === "delta" && !this.joined)) return;
    if (kind === "delta" && pulse > this.pulse + 1) {
      this.missedPushes += pulse - this.pulse - 1;
      this.onMissed();
    }
    this.pulse = pulse;
    this.beat.hear(one(data, "server_time"));
    const snapshot = kind === "snapshot";
    if (snapshot) this.rooms.clear();
    this.known = true;
    this.joined ||= snapshot;
    const site = one(data, "site");
    if (site) this.site = site;
    const removed = one(data, "removed") ?? [];
    for (const number of removed) this.rooms.delete(number);
    const changed = new Set();
    for (const state of one(data, "rooms") ?? []) {
      const room = this.rooms.get(state.room);
      if (room) Object.assign(room, state);
      else this.rooms.set(state.room, { ...state });
      changed.add(state.room);
    }
    const waves = (one(data, "waves") ?? []).map(([number, epoch, first, newest, flow, pressure]) => {
      const room = this.rooms.get(number);
      if (room && newest !== null) room.newest_sample_time = newest;
      return [number, epoch, first, newest, unpack(flow), unpack(pressure)];
    });
    this.take({ snapshot, changed, removed, waves });
  }

  stop() {
    this.source?.properties.data.change.disconnect(this.listener);
  }
}
