"""What a recording holds, read block by block: the numbers of F37 for a file of any size, and what a picture needs."""

from __future__ import annotations

import logging
import math
from contextlib import closing
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from cpap_core.analysis import NO_BREATH
from cpap_core.detector import RespirationDetector
from cpap_core.envelope import Envelope
from cpap_core.readers.stream import FlowStream, open_flow
from cpap_core.scoring import INVERTED, LeakWatch, Scoring
from cpap_core.types import DetectorOutput, EventKind, RejectedRow, RespiratoryEvent, Samples

MOST_STRETCHES = 6000
MOST_LISTED = 1000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Summary:
    """A recording without its samples; times in s since the first sample unless said otherwise.

    Attributes
    ----------
    name : str
        The file's name.
    start_time : float
        The recording's own clock at sample 0, in s; epoch seconds where `has_date`.
    sampling_rate_hz, duration_s, leakage_l
        As of `Recording`.
    n_samples : int
        With the gaps.
    mean_pressure_cmh2o : float or None
        Of all valid samples; None where the file has no airway pressure.
    breath_peaks_s : array of shape (n_breaths,), float64
        The inspiratory peaks.
    apneas : tuple of RespiratoryEvent
        By the breath-gap rule.
    scoring : Scoring
        Scored events by flow reduction; since the detector is not given pressure, their type is unclassified.
    unusable_s : float
        All time without a valid sample.
    rejected_rows, rejected_count
        The first rows that could not be used, and how many there were.
    stretch_s : float
        Time that each element of `low_lpm` and `high_lpm` stands for.
    low_lpm, high_lpm : array of shape (n_stretches,), float32
        The least and the most flow of each stretch.
    """

    name: str
    start_time: float
    has_date: bool
    sampling_rate_hz: float
    n_samples: int
    duration_s: float
    leakage_l: float
    mean_pressure_cmh2o: float | None
    breath_peaks_s: np.ndarray[tuple[int], np.dtype[np.float64]]
    apneas: tuple[RespiratoryEvent, ...]
    scoring: Scoring
    unusable_s: float
    rejected_rows: tuple[RejectedRow, ...]
    rejected_count: int
    stretch_s: float
    low_lpm: Samples
    high_lpm: Samples

    @property
    def breath_rate_bpm(self) -> float:
        """Breaths over the duration, in 1/min; 0 where there is no breath."""
        return len(self.breath_peaks_s) / self.duration_s * 60 if self.duration_s > 0 else 0.0

    @property
    def message(self) -> str | None:
        """What the reader should know before the numbers; None when there is nothing."""
        if not len(self.breath_peaks_s):
            return NO_BREATH
        return INVERTED if self.scoring.inverted_s > 0.5 * self.scoring.usable_s else None


def summarize(path: str | PathLike[str], *, name: str | None = None) -> Summary:
    """Read a file and find its breaths and apneas, with little memory whatever its size.

    Parameters
    ----------
    path : str or path
        A seven-column text, or an EDF file with a flow channel; a night's folder is for `read_recording`.
    name : str, optional
        What log and messages call it; the file's own name if not given.

    Returns
    -------
    Summary
        With the numbers that `analyze(read_recording(path))` gives.

    Raises
    ------
    RecordingError
        Where nothing can be made of it.
    """
    called = Path(path).name if name is None else name
    logger.info("Starting analysis of %s", called)
    with closing(open_flow(path, name=called, listed=MOST_LISTED)) as flow:
        return _summary(flow)


def _summary(flow: FlowStream) -> Summary:
    detector = RespirationDetector(flow.sampling_rate_hz)
    envelope = Envelope(flow.n_samples, MOST_STRETCHES)
    peaks: list[float] = []
    apneas: list[RespiratoryEvent] = []
    scored: list[RespiratoryEvent] = []
    leak = LeakWatch()

    def take(output: DetectorOutput) -> None:
        peaks.extend(breath.peak_s for breath in output.breaths)
        leak.take(output.breaths)
        for event in output.events:
            (apneas if event.kind is EventKind.BREATH_GAP else scored).append(event)

    missing, integral, last = 0, 0.0, math.nan
    for block in flow.blocks():
        take(detector.update(block))
        envelope.update(block)
        missing += int(np.isnan(block).sum())
        exact = np.concatenate(([last], block), dtype=np.float64)
        integral += float(np.nansum(exact[1:] + exact[:-1])) / 2
        last = exact[-1]
    take(detector.flush())
    leakage_l = integral / flow.sampling_rate_hz / 60 if flow.leakage_l is None else flow.leakage_l
    if leakage_l < 0:
        logger.warning("%s: leakage is negative: %.4f L", flow.name, leakage_l)
    if not peaks:
        logger.warning("%s: %s", flow.name, NO_BREATH)
    return Summary(
        name=flow.name,
        start_time=flow.start_time,
        has_date=flow.has_date,
        sampling_rate_hz=flow.sampling_rate_hz,
        n_samples=flow.n_samples,
        duration_s=flow.duration_s,
        leakage_l=leakage_l,
        mean_pressure_cmh2o=flow.mean_pressure_cmh2o,
        breath_peaks_s=np.array(peaks),
        apneas=tuple(apneas),
        scoring=Scoring(
            preset="device",
            events=tuple(sorted(scored, key=lambda event: event.onset_s)),
            large_leaks=leak.finish(),
            usable_s=(flow.n_samples - missing) / flow.sampling_rate_hz,
            inverted_s=detector.inverted_s,
        ),
        unusable_s=missing / flow.sampling_rate_hz,
        rejected_rows=flow.rejected_rows,
        rejected_count=flow.rejected_count,
        stretch_s=envelope.width / flow.sampling_rate_hz,
        low_lpm=envelope.low,
        high_lpm=envelope.high,
    )
