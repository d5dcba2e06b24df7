// What is wrong in a room, in words; the page adds what only its own clock can know.

import { duration, whole } from "./format.js";
import { SILENT_AFTER_S, stateOf } from "./clock.js";

export const MARK = { high: "!!!", medium: "!!", low: "!" };
const ORDER = { high: 0, medium: 1, low: 2 };

export function conditionsOf(room, beat, { state, age } = stateOf(room, beat)) {
  if (state === "live" && !room.conditions?.length) return [];
  const found = [...(room.conditions ?? [])];
  const has = (kind) => found.some((condition) => condition.kind === kind);
  const nothingSince = room.newest_sample_time ?? null;
  // A room that the server itself calls silent, without this alarm, has ended its recording or never begun one.
  if (state === "silent" && room.state !== "silent" && !has("device_silent") && !beat.lost) {
    found.push({ priority: "medium", kind: "device_silent", technical: true, since: nothingSince, age });
  }
  if (state === "faulted" && !has("faulted")) {
    found.push({ priority: "medium", kind: "faulted", technical: true, since: null, text: "Room faulted" });
  }
  return found.sort((a, b) => ORDER[a.priority] - ORDER[b.priority]);
}

/** All of them as one line; a device that fell silent in a breathing pause says both in few words. */
export function sentence(conditions, room, beat, clock, terse = false) {
  const kinds = conditions.map(({ kind }) => kind);
  const paused = kinds.indexOf("no_breath");
  const silent = kinds.indexOf("device_silent");
  const say = (condition, briefly) => words(condition, room, beat, clock, briefly);
  if (paused < 0 || silent < 0) return conditions.map((condition) => say(condition, terse)).join(" · ");
  const rest = conditions.filter((_, i) => i !== paused && i !== silent).map((condition) => say(condition, terse));
  const then = say(conditions[silent], true).toLowerCase();
  return [`${say(conditions[paused], terse)}, then ${then}`, ...rest].join(" · ");
}

/** `terse` where a tile is small: the condition itself, without what the room's page also says. */
function words(condition, room, beat, clock, terse = false) {
  if (condition.kind === "no_breath" && Number.isFinite(room.no_breath_s)) return `No breath ${duration(room.no_breath_s)}`;
  if (condition.kind === "device_silent") {
    const since = room.newest_sample_time ?? condition.since;
    const age = beat.age(since);
    if (age === null) return "Device silent";
    const silent = duration(Math.max(age, SILENT_AFTER_S));
    return terse ? `Silent ${silent}` : `Device silent ${silent}, last ${clock.time(since)}`;
  }
  const text = condition.text || "Alarm";
  return terse ? text.replace(/^Large leak/, "Leak") : text;
}

/** Words without counting seconds, for a screen reader that speaks each change once. */
export function spoken(condition) {
  if (condition.kind === "no_breath") return "no breath";
  if (condition.kind === "device_silent") return "device silent";
  return (condition.text || condition.kind).replace(/[\d.]+ ?(s|L\/min)?/g, "").trim().toLowerCase();
}

/** What a trace says of itself while its room has no alarm to say it; `waiting` is what to do where nothing ever came. */
export function remarkOf(room, { state, age, current }, conditions, waiting) {
  const { problem } = room;
  if (state === "empty") return problem || "";
  if (current) return problem || (room.armed ? "" : "Waiting for the first breath");
  const shown = conditions.some(({ kind }) => kind === "device_silent" || kind === "faulted");
  const old = age === null ? (problem ? "" : waiting) : shown ? "" : `${duration(age)} old`;
  return [problem, old].filter(Boolean).join(" · ");
}

/** Who lies here, as far as we know. */
export function whoOf(room) {
  if (room.state === "empty") return "Empty";
  if (room.patient_name) return room.patient_name;
  if (!room.identified) return "Unidentified";
  return room.mrn === null || room.mrn === undefined ? "Unnamed" : `MRN ${room.mrn}`;
}

/** What was measured last, where that is newer than anything the room's device sent; null where the room is live, or has none. */
export function measuredOf(room, { current }) {
  const { measured } = room;
  return !current && measured && measured.time > (room.newest_sample_time ?? 0) ? measured : null;
}

/** The latest pressure that was set or measured; of a live device that was never told one, what it has in the mask. */
export function pressureOf(room, { current }, measured) {
  const known = measured ? measured.pressure_cmh2o : room?.pressure_cmh2o;
  const inMask = current && known == null && room.mask_pressure_cmh2o != null;
  return { inMask, figure: whole(inMask ? room.mask_pressure_cmh2o : known), unit: inMask ? "cmH₂O mask" : "cmH₂O" };
}
