"""Slow, obvious twins of the kernels: they look at the whole signal again each time and keep no state between calls.

They do the same arithmetic in the same order, so that results are compared for equality to the bit.
"""

from __future__ import annotations

from math import ceil, inf, isfinite, nan
from typing import Any

import numpy as np

from cpap_core.rules import Rules
from cpap_core.types import Breath, DetectorOutput, EventKind, Onset, OpenEvent, RespiratoryEvent
from tests.naive_scoring import Scored


def respiration(
    flow: np.ndarray, rate: float, *, ended: bool, rules: Rules, pressure: np.ndarray | None = None
) -> DetectorOutput:
    """Everything that is certain after these samples; `ended` when no more will come."""
    pressure = np.full(len(flow), nan) if pressure is None else pressure
    found = DetectorOutput()
    longest = max(1, ceil(rules.stretch_gap_s * rate))
    start = 0
    while start < len(flow):
        if not isfinite(flow[start]):
            start += 1
            continue
        stop, run = start, 0
        while stop < len(flow) and run < longest:
            run = 0 if isfinite(flow[stop]) else run + 1
            stop += 1
        over = ended or run == longest
        if over or stop - start >= round(rules.start_up_s * rate):
            Stretch(flow[start:stop], pressure[start:stop], start, rate, rules, found).follow(over)
        start = stop
    return found


def slow_mean(pressure: np.ndarray, rate: float, rules: Rules) -> float | None:
    """Exponential mean of a channel, forgotten after a long loss of signal."""
    size = max(1, round(0.32 * rate))
    gain = 1 - float(np.exp(-size / (rules.pressure_time_constant_s * rate)))
    mean, run = nan, 0
    group: list[float] = []
    for i, value in enumerate(pressure.astype(float).tolist()):
        run = 0 if isfinite(value) else run + 1
        if isfinite(value):
            group.append(value)
        if run == max(1, ceil(rules.stretch_gap_s * rate)):
            mean = nan
        if (i + 1) % size == 0:
            total = 0.0
            for one in group:
                total += one
            if group:
                mean = mean + gain * (total / len(group) - mean) if isfinite(mean) else total / len(group)
            group = []
    return mean if isfinite(mean) else None


def middle_mean(values: list[float]) -> float:
    """Mean without the lowest and the highest."""
    total = 0.0
    for value in values:
        total += value
    return (total - min(values) - max(values)) / (len(values) - 2)


def inner_mean(values: list[float]) -> float:
    """Mean without the two lowest and the two highest."""
    total = 0.0
    for value in values:
        total += value
    ordered = sorted(values)
    for value in (ordered[0], ordered[1], ordered[-2], ordered[-1]):
        total -= value
    return total / (len(values) - 4)


class Stretch:
    """Breaths and gaps of one stretch of signal, found step by step over lists of all its samples."""

    def __init__(
        self, flow: np.ndarray, pressure: np.ndarray, first: int, rate: float, rules: Rules, found: DetectorOutput
    ) -> None:
        self.rules, self.rate, self.found, self.first = rules, rate, found, first
        self.indices = [i for i, value in enumerate(flow) if isfinite(value)]
        self.flow = [float(flow[i]) for i in self.indices]
        self.step = max(1, round(rules.step_s * rate))
        self.window = max(1, round(rules.smoothing_s * rate / self.step))
        self.stuck = max(1, round(rules.stuck_s * rate / self.step))
        self.hold = round(rules.amplitude_hold_s * rate / self.step)
        self.gap = rules.breath_gap_s * rate
        self.decay = float(np.exp(-self.step / (rules.amplitude_decay_s * rate)))
        self.start_up([float(value) for value in flow[: max(1, round(rules.start_up_s * rate))] if isfinite(value)])
        self.means: list[float] = []
        self.smooth: list[float] = []
        self.missing: list[int] = []
        self.lengths = [0.0] * 5
        memories = [rules.amplitude_hold_s, rules.reference_s, rules.sign_memory_s]
        self.learn_steps = max(1, min(120, *(round(s * rate / self.step) for s in (2.56, *memories))))
        self.learned, self.learn_due = 0, min(5, self.learn_steps)
        self.noise = 0.0
        self.parts: list[tuple[float, float]] = []
        self.balanced = 0
        self.breath: dict[str, Any] | None = None
        self.hump: dict[str, Any] | None = None
        self.trough = inf
        self.inspiring = self.unpeaked = False
        self.phase_began = self.cycle_began = 0
        self.bends: list[float] = []
        self.peak: float | None = None
        self.peak_at = nan
        self.open: OpenEvent | None = None
        before = sum(event.id < 0 for event in found.opened)
        whole = [np.asarray(channel, np.float64) for channel in (flow, pressure)]
        self.scored = Scored(*whole, first, rate, self.step, rules, before)
        self.kept_back = max(1, round(rules.start_up_s * rate))

    def start_up(self, values: list[float]) -> None:
        """The first baseline and amplitude: the pause's level where there is one, else the mean."""
        total = 0.0
        for value in values:
            total += value
        ordered = sorted(values)
        low, high = ordered[int(0.05 * (len(values) - 1))], ordered[int(0.95 * (len(values) - 1))]
        spread = high - low
        held = int(self.rules.pause_share * len(values))
        bands = [
            (b - a, 0.5 * (b + a))
            for a, b in zip(ordered, ordered[held:], strict=False)
            if held >= 2 and low + 0.2 * spread < 0.5 * (b + a) < low + 0.7 * spread
        ]
        narrowest = min(bands, key=lambda band: band[0], default=(inf, nan))
        self.baseline = narrowest[1] if narrowest[0] < self.rules.pause_band * spread else total / len(values)
        self.cycle_means, self.drift = [self.baseline] * 11, 0.0
        self.peaks = [high - self.baseline] * 9
        self.set_amplitude()
        self.typical = self.amplitude
        self.former, self.former_steps = nan, 0
        total = 0.0
        for value in ordered:
            total += abs(value - self.baseline)
        self.volumes = [0.5 * total] * 5

    def set_amplitude(self) -> None:
        self.amplitude = max(middle_mean(self.peaks), self.rules.minimum_amplitude_lpm)
        self.floor = max(self.rules.amplitude_floor_fraction * self.amplitude, self.rules.minimum_amplitude_lpm)

    def follow(self, over: bool) -> None:
        """Take all steps, and close everything where the stretch is over."""
        for start in range(0, len(self.flow) // self.step * self.step, self.step):
            self.take(start, start + self.step)
        if not over:
            return
        end = len(self.flow) - 1.0
        self.newest = len(self.flow) - 1
        if self.unpeaked and self.breath:
            now, missing = self.smooth[-1], self.indices[-1] - (len(self.flow) - 1)
            self.breath["top"].update(value=now, before=now, after=now, position=end, missing=missing)
        if self.inspiring or self.unpeaked:
            self.end_inspiration(end)
        self.scored.close(end, self.found)
        if self.breath:
            self.complete(max(end, self.breath["inspiration_end"]))
        if self.peak is not None and not self.open and end - self.peak > self.gap:
            self.open_gap()
        if self.open:
            self.close_gap(end)

    def take(self, start: int, stop: int) -> None:
        values = self.flow[start:stop]
        self.newest = stop - 1
        total = 0.0
        for value in values:
            total += value
        self.means.append(total * (1.0 / len(values)))
        deviation = 0.0
        for value in values:
            deviation += abs(value - self.means[-1])
        deviation *= 1.0 / len(values)
        self.parts.append((self.means[-1], max(abs(self.means[-1] - self.baseline), deviation)))
        self.missing.append(self.indices[stop - 1] - (stop - 1))
        recent = self.means[-self.window :]
        total = 0.0
        for mean in reversed(recent):
            total += mean
        self.smooth.append(total * (1.0 / len(recent)))
        now = self.smooth[-1]
        before = self.smooth[-2] if len(self.smooth) > 1 else now
        earlier = self.smooth[-3] if len(self.smooth) > 2 else self.smooth[0]
        position = stop - 0.5 * (len(recent) * self.step + 1)
        missing = self.missing[-1 - len(recent) // 2]
        steps = len(self.smooth)
        since = self.indices[start - 1] + 1 if start else 0
        # What was kept back at the start is taken without its pressure.
        probed = [i for i in range(since, self.indices[stop - 1] + 1) if i >= self.kept_back]
        self.scored.measure(abs(now - self.baseline), probed)
        if steps == self.learn_due or self.scored.falls():
            self.learn()
            self.learned, self.learn_due = steps, steps + min(self.learn_steps, max(1, steps // 2))
        self.lift_levels()
        if self.inspiring:
            assert self.breath
            top = self.breath["top"]
            top["raw"] = max(top["raw"], *values)
            if top["step"] == steps - 1:
                top["after"] = now
            if now < top["dip"]:
                top.update(dip=now, dip_position=position, dip_raw=top["raw"])
            level = self.baseline + self.rules.dip_level * self.scale
            rise = top["dip"] + self.rules.dip_rise * self.scale
            low = now < self.baseline + self.rules.end_fraction * self.amplitude
            stuck = steps - self.phase_began > self.stuck
            fell = top["dip"] < level < top["value"]
            swung = min(top["value"], now) > top["dip"] + self.rules.swing * self.scale
            if swung or (fell and now > rise and not self.is_early(position)):
                top["raw"] = top["dip_raw"]
                if swung and not fell:
                    self.pull_baseline()
                self.end_inspiration(top["dip_position"])
                self.begin_breath(rise, now, before, position, missing, values)
            else:
                if now > top["value"]:
                    top.update(value=now, before=before, after=before, step=steps, position=position, missing=missing)
                    top.update(dip=now, dip_position=position, dip_raw=top["raw"])
                if stuck and not low:
                    self.pull_baseline()
                if low or (stuck and top["value"] - top["dip"] > self.rules.hump_fraction * self.scale):
                    self.end_inspiration(position)
                elif stuck:
                    self.inspiring, self.unpeaked = False, True
                    self.hump, self.trough = None, now
        elif now > self.baseline + self.onset_level and not self.is_early(position):
            level = self.baseline + self.onset_level
            self.begin_breath(level, now, before, position, missing, values)
        else:
            self.follow_hump(now, position, missing, values)
            lasted = steps - self.phase_began
            if abs(self.balance()) > self.rules.imbalance_breaths * middle_mean(self.volumes) and lasted > max(
                self.stuck, middle_mean(self.lengths)
            ):
                self.pull_baseline()
            self.forget_amplitude(abs(now - 2.0 * before + earlier))
        if self.peak is not None and not self.open:
            pending = self.breath["top"]["position"] if self.inspiring and self.breath else position + self.step
            if min(pending - 0.5 * self.step, stop - 1) - self.peak > self.gap:
                self.open_gap()
        if self.former_steps > 0:
            self.former_steps -= 1
            if not self.scored.low_began and self.scored.is_rest(self.means, self.former):
                self.former_steps = 0
                self.baseline = self.former
                self.cycle_means, self.drift = [self.baseline] * 11, 0.0
                self.phase_began = len(self.smooth)
                self.balanced = len(self.parts)
                self.scored.look_again(self.means, self.baseline)
        begun = self.breath["onset"] if self.inspiring and self.breath else None
        armed = self.peak is not None
        was_low = self.scored.low_began > 0
        self.scored.decide(self.smooth, position, missing, self.found, self.now_s(), armed=armed, begun=begun)
        if was_low and not self.scored.low_began:
            self.learned, self.learn_due = steps, steps + self.learn_steps

    def balance(self) -> float:
        """In against out since the onset, or since the baseline was set, in L/min times samples."""
        total = before = 0.0
        for k, (mean, _) in enumerate(self.parts):
            before = total if k == self.balanced else before
            total += mean
        before = total if self.balanced == len(self.parts) else before
        return self.step * (total - before - (len(self.parts) - self.balanced) * self.baseline)

    def begin_breath(
        self, level: float, now: float, before: float, position: float, missing: int, values: list[float]
    ) -> None:
        onset = position
        if before < level:
            earliest = self.breath.get("inspiration_end", 0.0) if self.breath else 0.0
            onset = max(earliest, position - self.step * (now - level) / (now - before))
        self.begin_cycle(onset, missing)
        assert self.breath
        self.inspiring = True
        self.phase_began = len(self.smooth)
        self.breath["top"] = {
            "value": now,
            "before": before,
            "after": before,
            "step": len(self.smooth),
            "position": position,
            "missing": missing,
            "raw": max(values),
            "dip": now,
            "dip_position": position,
            "dip_raw": max(values),
        }
        if now < self.baseline:
            self.inspiring, self.unpeaked = False, True
            self.hump, self.trough = None, now

    def is_early(self, position: float) -> bool:
        """Whether a breath cannot begin yet, so soon after the one before."""
        return self.breath is not None and position - self.breath["onset"] < self.rules.refractory_s * self.rate

    def begin_cycle(self, onset: float, missing: int) -> None:
        if not self.unpeaked:
            self.turn_cycle(onset, missing)
        self.unpeaked = False

    def turn_cycle(self, onset: float, missing: int) -> None:
        if self.breath:
            self.complete(onset)
            total, absolute, count = self.cycle()
            self.volumes = [*self.volumes[1:], 0.5 * self.step * absolute]
            most = self.rules.drift_most * self.amplitude
            ahead = max(-most, min(most, total / count - (self.baseline - self.drift)))
            self.drift += self.rules.drift_gain * (ahead - self.drift)
            self.cycle_means = [*self.cycle_means[1:], total / count]
            self.lengths = [*self.lengths[1:], len(self.smooth) - self.cycle_began]
            last = self.cycle_means[-round(self.rules.leap_breaths) :]
            off = self.rules.leap * self.amplitude
            is_off = min(last) > self.baseline + off or max(last) < self.baseline - off
            if is_off and max(last) - min(last) < 0.5 * off:
                total = 0.0
                for mean in reversed(last):
                    total += mean
                self.baseline = total / len(last)
                self.cycle_means, self.drift = [self.baseline] * 11, 0.0
            else:
                self.baseline = inner_mean(self.cycle_means) + self.drift
        self.parts, self.balanced = [], 0
        self.cycle_began = len(self.smooth)
        onset_s = (self.first + onset + missing) / self.rate
        onset_at = self.first + onset + missing
        self.breath = {"onset": onset, "onset_s": onset_s, "onset_at": onset_at}
        self.found.onsets.append(Onset(onset_s, self.now_s()))

    def cycle(self) -> tuple[float, float, int]:
        total = absolute = 0.0
        for part in self.parts:
            total += part[0]
            absolute += part[1]
        return total, absolute, len(self.parts)

    def follow_hump(self, now: float, position: float, missing: int, values: list[float]) -> None:
        share = self.rules.hump_fraction * self.scale
        if not self.hump:
            self.trough = min(self.trough, now)
            if now > self.trough + share:
                self.hump = {"rise": (position, missing), "top": now, "at": (position, missing), "raw": max(values)}
            return
        hump = self.hump
        hump["raw"] = max(hump["raw"], *values)
        if now > hump["top"]:
            hump.update(top=now, at=(position, missing))
        low = hump["top"] < self.baseline + self.rules.hump_level * self.amplitude
        swings = low and hump["top"] - self.trough > self.rules.swing * self.scale
        if now > hump["top"] - (self.rules.swing * self.scale if swings else share):
            return
        self.hump, self.trough = None, now
        lasted = position - hump["rise"][0]
        if self.peak is None or self.is_early(hump["rise"][0]) or lasted > self.rules.longest_hump_s * self.rate:
            return
        if low and not swings:
            return
        if self.open and hump["at"][0] - self.peak <= self.gap:
            return
        self.begin_cycle(*hump["rise"])
        assert self.breath
        self.breath.update(inspiration_end=position, top={"raw": hump["raw"]}, flattening=None)
        if low:
            self.pull_baseline()
        self.set_peak(*hump["at"])
        self.scored.weigh(hump["top"] - self.baseline, self.breath["onset"], self.breath["onset_at"], self.found)

    def end_inspiration(self, end: float) -> None:
        assert self.breath
        self.breath["inspiration_end"] = end
        top = self.breath["top"]
        peak = top["position"]
        bend = top["before"] - 2.0 * top["value"] + top["after"]
        if bend < 0:
            shift = max(-0.5, min(0.5, 0.5 * (top["before"] - top["after"]) / bend))
            peak = max(self.breath["onset"], peak + self.step * shift)
        self.breath["flattening"] = self.flattening()
        self.inspiring, self.unpeaked, self.hump, self.trough = False, False, None, self.smooth[-1]
        self.phase_began = len(self.smooth)
        self.peaks = [*self.peaks[1:], top["value"] - self.baseline]
        self.set_amplitude()
        factor = 1.0 + self.rules.typical_step
        typical = self.typical * factor if self.peaks[-1] > self.typical else self.typical / factor
        self.typical = max(typical, self.rules.minimum_amplitude_lpm)
        self.set_peak(peak, top["missing"])
        self.scored.weigh(self.peaks[-1], self.breath["onset"], self.breath["onset_at"], self.found)

    def flattening(self) -> float | None:
        steps = min(len(self.smooth) - self.phase_began, 120)
        if steps < 6:
            return None
        quarter = steps // 4
        flows = [mean - self.baseline for mean in reversed(self.means[-steps:])][quarter : steps - quarter]
        total = 0.0
        for flow in flows:
            total += flow
        if max(flows) <= 0:
            return None
        return min(1.0, max(0.0, (total / len(flows) / max(flows) - 0.9) / (1.0 - 0.9)))

    def set_peak(self, peak: float, missing: int) -> None:
        if self.peak is not None:
            if not self.open and peak - self.peak > self.gap:
                self.open_gap()
            if self.open:
                self.close_gap(peak)
        self.peak, self.peak_at = peak, (self.first + peak + missing) / self.rate
        assert self.breath
        self.breath["peak_s"] = self.peak_at

    def complete(self, end: float) -> None:
        breath = self.breath
        assert breath
        self.found.breaths.append(
            Breath(
                onset_s=breath["onset_s"],
                peak_s=breath["peak_s"],
                inspiratory_time_s=(breath["inspiration_end"] - breath["onset"]) / self.rate,
                expiratory_time_s=(end - breath["inspiration_end"]) / self.rate,
                tidal_volume_ml=0.5 * self.step * self.cycle()[1] / self.rate / 60 * 1000,
                peak_flow_lpm=max(0.0, breath["top"]["raw"] - self.baseline),
                flow_limitation=breath["flattening"],
                leak_lpm=self.step * self.cycle()[0] / (self.step * self.cycle()[2]) if self.cycle()[2] else None,
            )
        )

    def now_s(self) -> float:
        return (self.first + self.indices[self.newest]) / self.rate

    def open_gap(self) -> None:
        number = sum(event.id >= 0 for event in self.found.opened)
        self.open = OpenEvent(number, EventKind.BREATH_GAP, self.peak_at, self.now_s())
        self.found.opened.append(self.open)

    def close_gap(self, end: float) -> None:
        event = self.open
        assert event and self.peak is not None
        duration_s = (end - self.peak) / self.rate
        self.found.events.append(RespiratoryEvent(event.id, event.kind, event.onset_s, event.detected_at_s, duration_s))
        self.open = None

    def learn(self) -> None:
        """Take every other of the last steps into the long means."""
        steps = len(self.smooth)
        looked_at = range(max(self.learned, 4), steps, 2)
        if not looked_at:
            return
        noise = 0.0
        for k in looked_at:
            four, three, two, one, now = self.smooth[k - 4 : k + 1]
            noise += min(self.amplitude, abs(now - 4.0 * one + 6.0 * two - 4.0 * three + four))
        share = 1.0 / len(looked_at)
        known = steps - looked_at[0]
        self.noise += (noise * share - self.noise) * known / min(steps, self.hold)
        self.scored.learn(looked_at, share, known)

    def lift_levels(self) -> None:
        gain = self.rules.noise_deviations / 2.99 / self.rules.onset_fraction
        noise = gain * self.noise if self.step <= 0.1 * self.rate else 0.0
        self.scale = max(self.amplitude, noise)
        least = max(self.typical, 0.5 * self.amplitude)
        self.onset_level = self.rules.onset_fraction * max(min(self.amplitude, least), noise)

    def pull_baseline(self) -> None:
        if self.former_steps == 0:
            self.former = self.baseline
        self.former_steps = 2 * self.stuck
        recent = self.means[-self.stuck :]
        total = 0.0
        for mean in reversed(recent):
            total += mean
        self.baseline = total / len(recent)
        self.cycle_means, self.drift = [self.baseline] * 11, 0.0
        self.phase_began = len(self.smooth)
        self.balanced = len(self.parts)

    def forget_amplitude(self, bend: float) -> None:
        steps = len(self.smooth) - self.cycle_began
        quiet = max(2, self.hold // 2)
        if steps > quiet and self.scored.low_began > 0:
            news = (self.smooth[-1] - self.baseline) / self.stuck
            self.baseline += news
            self.cycle_means = [mean + news for mean in self.cycle_means]
        self.bends = [*self.bends, bend] if steps > quiet else []
        if steps > self.hold:
            total = 0.0
            for value in self.bends:
                total += value
            noise = total / (steps - quiet)
            if self.amplitude > max(self.floor, self.rules.noise_multiple * noise / self.rules.onset_fraction):
                self.peaks = [peak * self.decay for peak in self.peaks]
                self.amplitude *= self.decay
