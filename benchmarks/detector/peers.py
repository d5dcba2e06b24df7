"""What others would use on the same flow, called as their documentation shows and with their defaults.

No peer is a dependency of the product; the group `bench-peers` of pyproject.toml names them. What they give is the
times of breaths, and one of them apneas; none tells volumes in litres or anything while it happens, and all of them
look at the whole recording at once, ahead as well as back. A missing sample is bridged by a line for them. Band and
level of the two scipy scripts are about the best of a small grid over the nights and samples that they are judged on.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from math import ceil
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.matching import Interval
from cpap_core import Recording

Values = NDArray[np.float64]
Peer = Callable[[Values, float], Values]
"""Flow of shape (n_samples,) in L/s and its rate in Hz, to the times of breaths in s."""

Scorer = Callable[[Values, float], list[Interval]]
"""The same to apneas, each from its onset to its end in s."""

Call = TypeVar("Call", Peer, Scorer)
Given = TypeVar("Given", Values, list[Interval])

INSTALL = "install it by `uv pip install --python .venv/bin/python --group bench-peers` and run again"


def scipy_peaks(flow: Values, rate_hz: float) -> Values:
    """The script that people write first: a Butterworth band-pass there and back, then peaks of some prominence."""
    from scipy.signal import butter, find_peaks, sosfiltfilt

    band = butter(2, [0.05, 1.0], "bandpass", fs=rate_hz, output="sos")
    filtered = sosfiltfilt(band, flow)
    peaks, _ = find_peaks(filtered, distance=max(1, round(1.5 * rate_hz)), prominence=0.5 * filtered.std())
    return peaks / rate_hz


def scipy_crossings(flow: Values, rate_hz: float) -> Values:
    """The other such script: upward crossings of zero after a band-pass, but for what is too small to count."""
    from scipy.signal import butter, sosfiltfilt

    filtered = sosfiltfilt(butter(2, [0.05, 2.0], "bandpass", fs=rate_hz, output="sos"), flow)
    level = 0.2 * filtered.std()
    # Armed below the lower level, a breath at the next rise through the upper one.
    side = np.where(filtered > level, 1, np.where(filtered < -level, -1, 0))
    clear = np.flatnonzero(side)
    rises = clear[1:][(side[clear[1:]] == 1) & (side[clear[:-1]] == -1)]
    return rises / rate_hz


def neurokit(flow: Values, rate_hz: float) -> Values:
    """NeuroKit2's `rsp_clean` and `rsp_peaks` with their defaults; a breath is an inspiratory peak.

    They are the part of `rsp_process` that finds breaths, the very same ones.
    """
    import neurokit2

    cleaned = neurokit2.rsp_clean(flow, sampling_rate=round(rate_hz))
    _, info = neurokit2.rsp_peaks(cleaned, sampling_rate=round(rate_hz))
    return np.asarray(info["RSP_Peaks"], np.float64) / rate_hz


def neurokit_process(flow: Values, rate_hz: float) -> Values:
    """NeuroKit2's `rsp_process` with its defaults, which adds phase, amplitude, symmetry and volume per time."""
    import neurokit2

    _, info = neurokit2.rsp_process(flow, sampling_rate=round(rate_hz))
    return np.asarray(info["RSP_Peaks"], np.float64) / rate_hz


def biosppy(flow: Values, rate_hz: float) -> Values:
    """BioSPPy's `resp` with its defaults; a breath is a crossing of zero upwards."""
    from biosppy.signals import resp

    given = resp.resp(signal=flow, sampling_rate=rate_hz, show=False)
    crossings = np.asarray(given["zeros"])
    crossings = crossings[(crossings > 0) & (crossings < len(flow) - 1)]
    filtered = given["filtered"]
    return crossings[filtered[crossings + 1] > filtered[crossings - 1]] / rate_hz


def psgscoring(flow: Values, rate_hz: float) -> list[Interval]:
    """What psgscoring scores as apneas from flow alone, when all of the recording is taken as sleep.

    It holds to AASM's 90 %, and wants effort bands, oximeter and sleep stages that a CPAP device does not have.
    """
    from psgscoring import detect_respiratory_events

    epochs = ["N2"] * ceil(len(flow) / rate_hz / 30)
    given = detect_respiratory_events(flow, None, None, None, rate_hz, 1.0, epochs)
    if not given["success"]:
        raise ValueError(given["error"])
    onsets = [(float(event["onset_s"]), event) for event in given["events"] if "hypopnea" not in event["type"]]
    return sorted((onset, onset + float(event["duration_s"])) for onset, event in onsets)


PEERS: dict[str, tuple[str, Peer]] = {
    "scipy, find_peaks": ("scipy.signal", scipy_peaks),
    "scipy, zero crossings": ("scipy.signal", scipy_crossings),
    "NeuroKit2, rsp_peaks": ("neurokit2", neurokit),
    "BioSPPy, resp": ("biosppy.signals.resp", biosppy),
}
"""By name: the module it needs, and the call."""

SCORERS: dict[str, tuple[str, Scorer]] = {"psgscoring": ("psgscoring", psgscoring)}
"""Those who tell apneas."""

PIPELINES: dict[str, tuple[str, Peer]] = {"NeuroKit2, rsp_process": ("neurokit2", neurokit_process)}
"""Find the same breaths as one of the above, at another cost."""


def present(peers: Mapping[str, tuple[str, Call]]) -> dict[str, Call]:
    """Those that can be imported."""
    return {name: call for name, (module, call) in peers.items() if _imports(module)}


def absent() -> list[str]:
    """The names of those that cannot."""
    return [name for name, (module, _) in (PEERS | SCORERS | PIPELINES).items() if not _imports(module)]


@cache
def _imports(module: str) -> bool:
    """Whether a module is there, with all that it needs itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import_module(module)
        except ImportError:
            return False
        return True


def bridged(recording: Recording) -> Values:
    """Flow in L/s as peers can take it: what is missing is bridged by a line."""
    flow = recording.flow_lpm.astype(np.float64) / 60
    valid = np.isfinite(flow)
    if valid.all() or not valid.any():
        return flow
    at = np.arange(len(flow))
    return np.interp(at, at[valid], flow[valid])


def breaths_by(peer: Peer, recording: Recording) -> Values:
    """A peer's breaths in a recording, in s since its first sample; none where it fails on it."""
    return np.sort(_given(peer, recording, np.empty(0)))


def apneas_by(scorer: Scorer, recording: Recording) -> list[Interval]:
    """A scorer's apneas in a recording; none where it fails on it."""
    return _given(scorer, recording, [])


def _given(call: Callable[[Values, float], Given], recording: Recording, nothing: Given) -> Given:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call(bridged(recording), recording.sampling_rate_hz)
        except Exception as error:  # what a peer raises on a flat or short signal is its own affair, but is said
            print(f"  {call.__name__} failed on {recording.name}: {type(error).__name__}: {error}")
            return nothing
