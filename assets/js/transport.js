// Through a recording: play, pause, from event to event, to any moment; and in words that it is none of the live rooms.

import { duration, node, setAttribute, setText } from "./format.js";
import { WINDOW_S } from "./trace.js";

const SPEEDS = [1, 5, 10, 30, 60, 120, 600];
const LEAD_S = 5; // what is shown after an event's onset

export class Transport {
  constructor(ask) {
    this.ask = ask;
    this.playback = null;
    this.element = node("div", "transport");
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", "Through the recording");
    this.previous = this.button("‹ Event", "Previous event", () => ask("previous_event"));
    const back = this.button(`−${WINDOW_S} s`, `Back by ${WINDOW_S} s`, () => this.move(-WINDOW_S));
    this.play = this.button("Play", "", () => ask(this.playback?.is_playing ? "pause" : "play"));
    this.play.classList.add("transport-play");
    const on = this.button(`+${WINDOW_S} s`, `On by ${WINDOW_S} s`, () => this.move(WINDOW_S));
    this.next = this.button("Event ›", "Next event", () => ask("next_event"));
    this.speed = node("select", "transport-speed");
    this.speed.setAttribute("aria-label", "Speed, times real time");
    this.speed.addEventListener("change", () => ask("speed", Number(this.speed.value)));
    this.slider = node("input", "transport-slider");
    Object.assign(this.slider, { type: "range", min: 0, max: 1, step: 1, value: 0 });
    this.slider.setAttribute("aria-label", "Position in the recording");
    this.slider.addEventListener("input", () => ask("seek", Number(this.slider.value)));
    this.position = node("span", "transport-position");
    this.element.append(this.previous, back, this.play, on, this.next, this.speed, this.slider, this.position);
  }

  button(text, title, act) {
    const made = node("button", "", text);
    made.type = "button";
    if (title) Object.assign(made, { title, ariaLabel: title });
    made.addEventListener("click", act);
    return made;
  }

  move(seconds) {
    if (this.playback) this.ask("seek", Math.max(Math.min(WINDOW_S, this.playback.length_s), this.playback.position_s + seconds));
  }

  goTo(event) {
    if (this.playback) this.ask("seek", event.time - this.playback.start_time + LEAD_S);
  }

  show(playback, clock) {
    this.playback = playback;
    const { is_playing: playing, length_s: length, position_s: at, speed, events } = playback;
    setText(this.play, playing ? "Pause" : "Play");
    this.play.disabled = !playing && at >= length;
    this.previous.disabled = this.next.disabled = events === 0;
    if (this.speed.shown !== speed) this.showSpeeds(speed);
    this.slider.max = String(Math.ceil(length));
    if (this.slider !== this.slider.getRootNode().activeElement || playing) this.slider.value = String(Math.round(at));
    setAttribute(this.slider, "aria-valuetext", `${duration(at)} of ${duration(length)}, ${clock.time(playback.start_time + at)}`);
    setText(this.position, `${elapsed(at)} of ${elapsed(length)}`);
  }

  showSpeeds(speed) {
    this.speed.shown = speed;
    const speeds = [...new Set([...SPEEDS, speed])].sort((a, b) => a - b);
    const options = speeds.map((one) => {
      const option = node("option", "", `${one}×`);
      option.value = String(one);
      return option;
    });
    this.speed.replaceChildren(...options);
    this.speed.value = String(speed);
  }

  /** The pill says what this is; it never says live. */
  showState(pill, room, beat) {
    const playback = room?.playback;
    if (!playback) pill.show("Connecting", "old");
    else if (beat.lost) pill.show(`Recorded, no answer for ${duration(beat.silence())}`, "old");
    else pill.show(playback.is_playing ? `Recorded, played ${playback.speed}×` : "Recorded", "old");
  }

  showWho({ title, name, meta, clock }, room) {
    const { playback } = room;
    setText(title, room.room ? `Room ${room.room}` : "Recording");
    setText(name, playback.name);
    setAttribute(name, "title", playback.name);
    const parts = [duration(playback.length_s)];
    if (playback.has_date) parts.unshift(clock.date(playback.start_time));
    if (room.mrn) parts.unshift(`MRN ${room.mrn}`);
    setText(meta, parts.join(" · "));
  }
}

/** 1:02:03 since the beginning. */
function elapsed(seconds) {
  const total = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  return `${Math.floor(total / 3600)}:${two(Math.floor((total % 3600) / 60))}:${two(total % 60)}`;
}
