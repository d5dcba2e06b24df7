"""What the detector costs, in units of one biquad over the same samples, all measured by turns in one run.

A biquad (second-order filter, direct form II transposed, float64) is about the least that any detector does to a
sample. Every contender gets the same recording at once and runs once in each turn, so that what else the machine does
falls on all of them; a ratio is the median over the turns of the ratios within a turn. Time is this process's
processor time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.detector.peers import PEERS, PIPELINES, SCORERS, bridged, present
from cpap_core import Recording, RespirationDetector
from cpap_core.types import Samples

LONGEST_S = 3600.0
"""Of the one recording: some peers take longer than in proportion to its length."""

ROOMS = 64
ROOM_S = 600.0
"""Of each of the 64 rooms."""

LIVE_FRAME_S = 0.4
"""What a device sends at once, as the live rooms get it."""

COEFFICIENTS = (0.0133592, 0.0267184, 0.0133592, -1.6474600, 0.7008968)
"""b0, b1, b2, a1, a2: a Butterworth low-pass of 1 Hz at 25 Hz. The cost does not depend on them."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Cost in biquads: the median over the turns, and the quartiles; ns for each sample besides."""

    median: float
    low: float
    high: float
    ns_per_sample: float

    def __str__(self) -> str:
        return f"{self.median:.2f} x ({self.low:.2f} to {self.high:.2f}), {self.ns_per_sample:.1f} ns a sample"


@njit(cache=False)
def _biquad(samples, filtered, b0, b1, b2, a1, a2):  # type: ignore[no-untyped-def]
    first = second = 0.0
    for i in range(len(samples)):
        x = np.float64(samples[i])
        y = b0 * x + first
        first = b1 * x - a1 * y + second
        second = b2 * x - a2 * y
        filtered[i] = y


@njit(cache=False)
def _biquads(samples, filtered, state, b0, b1, b2, a1, a2):  # type: ignore[no-untyped-def]
    """The same for many rooms, sample by sample, so that the inner loop over rooms becomes vector instructions."""
    n_samples, n_rooms = samples.shape
    for i in range(n_samples):
        for room in range(n_rooms):
            x = np.float64(samples[i, room])
            y = b0 * x + state[0, room]
            state[0, room] = b1 * x - a1 * y + state[1, room]
            state[1, room] = b2 * x - a2 * y
            filtered[i, room] = y


def one_room(recording: Recording, turns: int, *, with_peers: bool) -> dict[str, Ratio]:
    """The detector, whole and by live frames, and each peer, against a biquad over one recording."""
    recording = _shortened(recording)
    flow, pressure, rate_hz = recording.flow_lpm, recording.airway_pressure_cmh2o, recording.sampling_rate_hz
    filtered = np.empty(len(flow))
    frame = max(1, round(LIVE_FRAME_S * rate_hz))

    def live() -> None:
        detector = RespirationDetector(rate_hz)
        for at in range(0, len(flow), frame):
            detector.update(flow[at : at + frame], None if pressure is None else pressure[at : at + frame])
        detector.flush()

    contenders: dict[str, Callable[[], object]] = {
        "detector": lambda: _detect(flow, pressure, rate_hz),
        f"detector, by frames of {LIVE_FRAME_S:g} s": live,
    }
    if with_peers:
        signal = bridged(recording)
        everybody = present(PEERS) | present(SCORERS) | present(PIPELINES)
        contenders |= {name: (lambda peer=peer: peer(signal, rate_hz)) for name, peer in everybody.items()}
    return _ratios("a biquad", lambda: _biquad(flow, filtered, *COEFFICIENTS), contenders, len(flow), turns)


def many_rooms(recording: Recording, turns: int) -> dict[str, Ratio]:
    """64 rooms against a biquad that is vectorised over them; each room has another stretch of the recording."""
    rate_hz = recording.sampling_rate_hz
    n_samples = min(round(ROOM_S * rate_hz), len(recording.flow_lpm))
    firsts = np.linspace(0, len(recording.flow_lpm) - n_samples, ROOMS).astype(int)
    flow = np.stack([recording.flow_lpm[at : at + n_samples] for at in firsts])
    given = recording.airway_pressure_cmh2o
    pressure = None if given is None else np.stack([given[at : at + n_samples] for at in firsts])
    by_time, filtered = np.ascontiguousarray(flow.T), np.empty((n_samples, ROOMS))

    def in_turn() -> None:
        for room in range(ROOMS):
            _detect(flow[room], None if pressure is None else pressure[room], rate_hz)

    contenders: dict[str, Callable[[], object]] = {f"{ROOMS} rooms, one after the other": in_turn}
    if HAS_ROOMS:
        contenders[f"{ROOMS} rooms in one call"] = lambda: _detect_rooms(flow, pressure, rate_hz)
    yardstick = lambda: _biquads(by_time, filtered, np.zeros((2, ROOMS)), *COEFFICIENTS)  # noqa: E731
    return _ratios("a biquad over all rooms", yardstick, contenders, ROOMS * n_samples, turns)


HAS_ROOMS = find_spec("cpap_core.rooms") is not None
"""Whether this version watches a whole ward in one call."""


def _shortened(recording: Recording) -> Recording:
    """The beginning of a recording that is longer than needed."""
    n_samples = min(len(recording.flow_lpm), round(LONGEST_S * recording.sampling_rate_hz))
    pressure = recording.airway_pressure_cmh2o
    return replace(
        recording,
        flow_lpm=recording.flow_lpm[:n_samples],
        airway_pressure_cmh2o=None if pressure is None else pressure[:n_samples],
    )


def _detect(flow: Samples, pressure: Samples | None, rate_hz: float) -> None:
    detector = RespirationDetector(rate_hz)
    detector.update(flow, pressure)
    detector.flush()


def _detect_rooms(flow: NDArray[np.float32], pressure: NDArray[np.float32] | None, rate_hz: float) -> None:
    from cpap_core.rooms import RoomsDetector

    detector = RoomsDetector(len(flow), rate_hz)
    detector.update(flow, pressure)
    detector.flush()


def _ratios(
    name: str, yardstick: Callable[[], object], contenders: dict[str, Callable[[], object]], samples: int, turns: int
) -> dict[str, Ratio]:
    """Run everybody once in each turn, the yardstick before and after; its own spread is the noise."""
    for call in (yardstick, *contenders.values()):
        call()  # compile, load, fill the caches
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    yardsticks = []
    for _ in range(turns):
        before = _typical_s(yardstick)
        taken = {name: _cpu_s(call) for name, call in contenders.items()}
        unit = (before + _typical_s(yardstick)) / 2
        yardsticks.append(unit)
        for contender, seconds in taken.items():
            costs[contender].append(seconds / unit)
    ns = np.median(yardsticks) / samples * 1e9
    ratios = {contender: _ratio(values, float(ns)) for contender, values in costs.items()}
    steadiness = [each / float(np.median(yardsticks)) for each in yardsticks]
    return {name: _ratio(steadiness, float(ns)), **ratios}


def _ratio(values: list[float], ns: float) -> Ratio:
    low, median, high = np.percentile(values, [25, 50, 75]).tolist()
    return Ratio(median, low, high, median * ns)


def _cpu_s(call: Callable[[], object]) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


def _typical_s(call: Callable[[], object], times: int = 5) -> float:
    """The yardstick takes so little that one interruption would double it: the median of a few."""
    return float(np.median([_cpu_s(call) for _ in range(times)]))
