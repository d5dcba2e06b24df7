"""What others would use on the same flow, called as their documentation shows and with their defaults.

No peer is a dependency of the product; the group `bench-peers` of pyproject.toml names them. What a peer gives is the
times of breaths: none of them tells apneas, volumes in litres or anything while it happens, and all of them look at the
whole recording at once, ahead as well as back. A missing sample is bridged by a line for them. Of the two scipy scripts
band and level are the best of a small grid over the nights and samples that they are judged on, in their favour.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from cpap_core import Recording

Values = NDArray[np.float64]
Peer = Callable[[Values, float], Values]
"""Flow of shape (n_samples,) in L/s and its rate in Hz, to the times of breaths in s."""

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


PEERS: dict[str, tuple[str, Peer]] = {
    "scipy, find_peaks": ("scipy.signal", scipy_peaks),
    "scipy, zero crossings": ("scipy.signal", scipy_crossings),
    "NeuroKit2, rsp_peaks": ("neurokit2", neurokit),
    "BioSPPy, resp": ("biosppy.signals.resp", biosppy),
}
"""By name: the module it needs, and the call."""

WHOLE_PIPELINES: dict[str, tuple[str, Peer]] = {"NeuroKit2, rsp_process": ("neurokit2", neurokit_process)}
"""Find the same breaths as one of the above, at another cost."""


@cache
def present(*, pipelines: bool = False) -> dict[str, Peer]:
    """The peers that can be imported, whole pipelines with them where asked."""
    wanted = PEERS | WHOLE_PIPELINES if pipelines else PEERS
    return {name: call for name, (module, call) in wanted.items() if _imports(module)}


def absent() -> list[str]:
    """The names of the others."""
    return [name for name in PEERS if name not in present()]


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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return np.sort(peer(bridged(recording), recording.sampling_rate_hz))
        except Exception as error:  # what a peer raises on a flat or short signal is its own affair, but is said
            print(f"  {peer.__name__} failed on {recording.name}: {type(error).__name__}: {error}")
            return np.empty(0)
