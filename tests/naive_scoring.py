"""The slow twin of scoring: it looks at lists of all steps and breaths of a stretch, and remembers only open events."""

from __future__ import annotations

from math import isfinite

import numpy as np

from cpap_core.rules import Rules
from cpap_core.types import DetectorOutput, EventKind, OpenEvent, RespiratoryEvent

FEWEST_USUAL = 5
LOOKED_BACK = 120
SAMPLES_IN_A_PERIOD = 3.0


class Scored:
    """Scored events of one stretch; the caller numbers positions in valid samples, as the kernels do."""

    def __init__(
        self, flow: np.ndarray, pressure: np.ndarray, first: int, rate: float, step: int, rules: Rules, before: int
    ) -> None:
        self.rules, self.rate, self.step, self.before = rules, rate, step, before
        self.flow, self.pressure, self.first = flow, pressure, first
        per_s = rate / step
        self.window = max(1, round(rules.effort_window_s * per_s))
        self.hold = round(rules.apnea_hold_s * per_s)
        self.memory = max(1, round(rules.reference_s * per_s))
        self.longest = round(rules.reference_hold_s * per_s)
        self.start = round(rules.scoring_from_s * per_s)
        self.probe_after = round(rules.probe_after_s * per_s)
        self.floor = 0.4 * rules.minimum_amplitude_lpm
        self.efforts: list[float] = []
        self.looked_again, self.sum_then = 0, 0.0
        self.reference = 0.0
        self.learned = 0
        self.low_began = 0
        self.probed: list[int] = []
        self.apnea: OpenEvent | None = None
        self.usual: list[float] = []
        self.stable_at = self.recovered = 0.0
        self.was_stable = False
        self.shallow: list[tuple[float, float]] = []
        self.hypopnea: OpenEvent | None = None

    def sum_of_efforts(self) -> float:
        """The window's sum with the kernels' rounding: summed at each full turn, then moved on step by step."""
        turn = len(self.efforts) // self.window * self.window
        total = 0.0
        for effort in self.efforts[max(0, turn - self.window) : turn]:
            total += effort
        if self.looked_again > turn:
            turn, total = self.looked_again, self.sum_then
        for k in range(turn, len(self.efforts)):
            total += self.efforts[k] - (self.efforts[k - self.window] if k >= self.window else 0.0)
        return total

    def measure(self, effort: float, samples: list[int]) -> None:
        """A step; `samples` are the indices of its samples, those without signal too."""
        self.efforts.append(effort)
        if self.low_began and len(self.efforts) - self.low_began > self.probe_after:
            self.probed += samples

    def falls(self) -> bool:
        """Whether flow becomes low."""
        if self.low_began or not self.learned:
            return False
        return self.sum_of_efforts() < self.rules.apnea_enter * (self.reference * self.window)

    def learn(self, looked_at: range, share: float, count: int) -> None:
        """The long mean goes on, from these steps, each of which has this share."""
        steps = len(self.efforts)
        if steps < self.window or 0 < self.low_began >= steps - self.longest:
            return
        total = 0.0
        for k in looked_at:
            total += min(self.rules.reference_clip * self.reference, self.efforts[k])
        effort = total * share if self.learned else self.sum_of_efforts() / self.window
        self.learned += count
        self.reference += (effort - self.reference) * count / min(self.learned, self.memory)
        self.reference = max(self.reference, self.floor)

    def decide(
        self,
        smooth: list[float],
        position: float,
        missing: int,
        found: DetectorOutput,
        now_s: float,
        *,
        armed: bool,
        begun: float | None,
    ) -> None:
        """What the step makes certain; `begun` is the onset of an inspiration in progress."""
        rules = self.rules
        steps = len(self.efforts)
        if not self.learned:
            return
        effort = self.sum_of_efforts()
        if not self.low_began:
            if effort < rules.apnea_enter * (self.reference * self.window) and armed and steps >= self.start:
                self.low_began = steps
                self.low_onset = position + self.step * (1 - self.since(low=False))
                self.low_onset_at = self.first + max(self.low_onset, 0.0) + missing
                self.probed = []
        elif effort > rules.apnea_leave * (self.reference * self.window):
            if self.apnea:
                end = position + self.step * (1 - self.since(low=True))
                self.close_apnea(max(end, self.certain), found)
            self.low_began = 0
        else:
            deep = self.low_effort(smooth) <= rules.apnea_depth * self.reference
            if not self.apnea and steps >= self.low_began + self.hold and (deep or not self.hypopnea):
                self.end_shallow(self.low_onset, found)
                self.certain = position
                kind = EventKind.APNEA if deep else EventKind.HYPOPNEA
                self.apnea = self.opened(kind, self.low_onset_at, found, now_s)
        until = position if begun is None else begun
        lasted = len(self.shallow) >= 2 and until - self.shallow[0][0] >= rules.hypopnea_s * self.rate
        if lasted and not self.hypopnea and not self.low_began:
            self.sure = position
            self.hypopnea = self.opened(EventKind.HYPOPNEA, self.shallow[0][1], found, now_s)

    def low_effort(self, smooth: list[float]) -> float:
        """Mean effort since flow became low, about its own mean."""
        count = min(len(smooth) + 1 - self.low_began - self.window, LOOKED_BACK)
        low = smooth[: -count - 1 : -1] if count > 0 else []
        level = effort = 0.0
        for value in low:
            level += value / count
        for value in low:
            effort += abs(value - level) / count
        return effort

    def weigh(self, peak: float, onset: float, onset_at: float, found: DetectorOutput) -> None:
        """A breath whose peak is final."""
        if self.apnea:
            return
        recent = self.usual[-round(self.rules.reference_breaths) :]
        usual = float(np.median(recent)) if len(recent) >= FEWEST_USUAL else 0.0
        if peak < (self.rules.hypopnea_leave if self.shallow else self.rules.hypopnea_share) * usual:
            self.shallow.append((onset, onset_at))
        else:
            self.end_shallow(onset, found)
        is_stable = onset >= self.recovered and (not usual or peak >= self.rules.stable_share * usual)
        if is_stable and self.was_stable:
            self.stable_at = onset
        self.was_stable = is_stable
        if is_stable or onset - self.stable_at > self.longest * self.step:
            self.usual.append(peak)

    def is_rest(self, means: list[float], level: float) -> bool:
        """Whether flow rests at a level for a whole window."""
        total = 0.0
        for mean in reversed(means[-self.window :]):
            total += abs(mean - level)
        return total < self.rules.apnea_enter * self.reference * self.window

    def look_again(self, means: list[float], baseline: float) -> None:
        """Take the window's efforts anew."""
        efforts = [abs(mean - baseline) for mean in means[-min(self.window, len(self.efforts)) :]]
        self.efforts[-len(efforts) :] = efforts
        self.looked_again, self.sum_then = len(self.efforts), 0.0
        for effort in reversed(efforts):
            self.sum_then += effort

    def close(self, end: float, found: DetectorOutput) -> None:
        """The stretch has ended."""
        if self.apnea:
            self.close_apnea(end, found)
        self.end_shallow(end, found)

    def since(self, *, low: bool) -> int:
        """Steps back to the last one that was low, or was not, this one counted; beyond the window if none was."""
        level = self.rules.apnea_leave * self.reference
        recent = [(effort < level) == low for effort in self.efforts[-self.window :]]
        return next((k + 1 for k, fits in enumerate(reversed(recent)) if fits), self.window + 1)

    def opened(self, kind: EventKind, onset: float, found: DetectorOutput, now_s: float) -> OpenEvent:
        self.before += 1
        event = OpenEvent(-self.before, kind, onset / self.rate, now_s)
        found.opened.append(event)
        return event

    def close_apnea(self, end: float, found: DetectorOutput) -> None:
        event = self.apnea
        assert event
        duration_s = (end - self.low_onset) / self.rate
        kind = self.kind() if event.kind is EventKind.APNEA else event.kind
        found.events.append(RespiratoryEvent(event.id, kind, event.onset_s, event.detected_at_s, duration_s))
        self.apnea = None
        self.recovered = end + self.rules.recovery_s * self.rate

    def end_shallow(self, end: float, found: DetectorOutput) -> None:
        event = self.hypopnea
        if event:
            end = max(end, self.sure)
            self.recovered = end + self.rules.recovery_s * self.rate
            duration_s = (end - self.shallow[0][0]) / self.rate
            found.events.append(RespiratoryEvent(event.id, event.kind, event.onset_s, event.detected_at_s, duration_s))
        self.hypopnea, self.shallow = None, []

    def kind(self) -> EventKind:
        """A vote of windows by |F conj(P)| / |P|^2, from Fourier sums over all that was probed."""
        length = 2 * round(0.5 * self.rules.probe_window_s * self.rate)
        if self.rate < SAMPLES_IN_A_PERIOD * self.rules.probe_hz:
            return EventKind.APNEA
        k = np.arange(length)
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * k / length)
        is_open: list[bool] = []
        for run in self.runs():
            for start in range(0, len(run) - length + 1, length // 2):
                at = np.array(run[start : start + length], dtype=int)
                wave = hann * np.exp(-2j * np.pi * self.rules.probe_hz / self.rate * (start + k))
                f, p = np.sum(self.flow[at] * wave), np.sum(self.pressure[at] * wave)
                if abs(p) >= self.rules.probe_least_cmh2o * length / 4:
                    is_open.append(abs(f * np.conj(p)) / abs(p) ** 2 / 60 > self.rules.open_airway_lps_per_cmh2o)
        if not is_open:
            return EventKind.APNEA
        return EventKind.CENTRAL_APNEA if sum(is_open) > len(is_open) / 2 else EventKind.OBSTRUCTIVE_APNEA

    def runs(self) -> list[list[int]]:
        """What was probed, cut where flow or pressure is missing."""
        runs: list[list[int]] = [[]]
        for i in self.probed:
            if isfinite(self.flow[i]) and isfinite(self.pressure[i]):
                runs[-1].append(i)
            else:
                runs.append([])
        return runs
