"""A recording's flow block by block, so that a file of any size needs little memory: the same samples as a `Recording`.

What the text parser finds lies in temporary files beside the recording, which have no name and are gone with it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from cpap_core.conversion import to_samples
from cpap_core.readers.edf import EdfFlow, is_edf
from cpap_core.readers.errors import RecordingError, named
from cpap_core.readers.text import Parser, rate_of
from cpap_core.readers.time_grid import Times, check_length, grid_blocks, reduced, reduction
from cpap_core.types import RejectedRow, Samples

BLOCK_ROWS = 1 << 17
BLOCK_SAMPLES = 1 << 18


@dataclass(frozen=True, slots=True)
class FlowStream:
    """A recording of which the flow is read, in order, and of the pressure no more than its mean.

    Attributes
    ----------
    name, sampling_rate_hz, start_time, has_date, duration_s
        As of `Recording`.
    n_samples : int
        How many samples the blocks have together.
    leakage_l : float or None
        Of text, by the exact values and times of its rows; None is the trapezoid of the samples.
    mean_pressure_cmh2o : float or None
        Of all valid samples of the airway pressure; None where there are none.
    rejected_rows : tuple of RejectedRow
        The first of them, by line.
    rejected_count : int
        How many rows were rejected in all.
    blocks : callable
        Gives the flow in L/min in arrays of shape (n,), float32; NaN is a gap.
    close : callable
        To be called when it has been read: temporary files go.
    """

    name: str
    sampling_rate_hz: float
    start_time: float
    has_date: bool
    duration_s: float
    n_samples: int
    leakage_l: float | None
    mean_pressure_cmh2o: float | None
    rejected_rows: tuple[RejectedRow, ...]
    rejected_count: int
    blocks: Callable[[], Iterator[Samples]]
    close: Callable[[], None] = lambda: None


def open_flow(path: str | PathLike[str], *, name: str | None = None, listed: int = 1000) -> FlowStream:
    """Open a file to read its flow.

    Parameters
    ----------
    path : str or path
        A seven-column text, or an EDF file with a flow channel.
    name : str, optional
        What messages call it; the file's own name if not given.
    listed : int
        So many rejected rows are kept; all are counted.

    Raises
    ------
    RecordingError
        Where nothing can be made of it.
    """
    location = Path(path)
    called = location.name if name is None else name
    try:
        return _edf_flow(location, called) if is_edf(location) else _text_flow(location, called, listed)
    except OSError as error:
        raise RecordingError(f"{called}: {error.strerror or error}") from error


def _edf_flow(path: Path, name: str) -> FlowStream:
    flow = EdfFlow(path, name)
    factor = reduction(flow.sampling_rate_hz)
    rate_hz = flow.sampling_rate_hz / factor
    n_samples = flow.n_samples // factor
    return FlowStream(
        name=name,
        sampling_rate_hz=rate_hz,
        start_time=flow.start_time + (factor - 1) / 2 / flow.sampling_rate_hz,
        has_date=flow.has_date,
        duration_s=max(n_samples - 1, 0) / rate_hz,
        n_samples=n_samples,
        leakage_l=None,
        mean_pressure_cmh2o=flow.mean_pressure_cmh2o,
        rejected_rows=(),
        rejected_count=0,
        blocks=lambda: _reduced(_placed(flow.blocks()), factor),
    )


def _text_flow(path: Path, name: str, listed: int) -> FlowStream:
    with ExitStack() as owned:
        flow = _text_rows(path, name, listed, owned)
        return replace(flow, close=owned.pop_all().close)


def _text_rows(path: Path, name: str, listed: int, owned: ExitStack) -> FlowStream:
    parser = Parser(path, name, listed)
    flows = owned.enter_context(_Spill(path.parent))
    with _Spill(path.parent) as lines, _Spill(path.parent) as times, _Spill(path.parent) as pressures:
        for rows in parser.parts():
            lines.append(rows.line)
            times.append(rows.time_s)
            flows.append(rows.exact_flow_lpm)
            pressures.append(rows.pressure_cmh2o.astype(np.float64))
        time_s = times.whole(np.float64)
        keep = parser.in_order(lines, time_s)
        mean_pressure_cmh2o = pressures.mean(keep)
    if parser.rejected.count and not keep.all():
        flows = owned.enter_context(flows.only(keep))
        time_s = time_s[keep]
    del keep
    rate_hz = rate_of(time_s, name)
    time_blocks = [time_s[first : first + BLOCK_ROWS] for first in range(0, len(time_s), BLOCK_ROWS)]
    n_samples = 0
    for index in grid_blocks(time_blocks, rate_hz):
        n_samples = int(index[-1]) + 1
    with named(name):
        check_length(time_s, rate_hz, n_samples)
    parser.rejected.log()
    first_s, last_s = (float(time_s[0]), float(time_s[-1])) if len(time_s) else (0.0, 0.0)
    factor = reduction(rate_hz)

    def rows_on_grid() -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        return zip(grid_blocks(time_blocks, rate_hz), flows.blocks(np.float64), strict=True)

    return FlowStream(
        name=name,
        sampling_rate_hz=rate_hz / factor,
        start_time=first_s + (factor - 1) / 2 / rate_hz,
        has_date=False,
        duration_s=last_s - first_s,
        n_samples=n_samples // factor,
        leakage_l=_trapezoid(zip(time_blocks, flows.blocks(np.float64), strict=True)) / 60,
        mean_pressure_cmh2o=mean_pressure_cmh2o,
        rejected_rows=parser.rejected.rows,
        rejected_count=parser.rejected.count,
        blocks=lambda: _reduced(_placed(rows_on_grid()), factor),
    )


def _trapezoid(blocks: Iterable[tuple[Times, NDArray[np.float64]]]) -> float:
    """Integral of values over their times, which come in blocks."""
    total = 0.0
    last: tuple[float, float] | None = None
    for time_s, values in blocks:
        if last is not None:
            total += (time_s[0] - last[0]) * (values[0] + last[1]) / 2
        total += float(np.trapezoid(values, time_s))
        last = float(time_s[-1]), float(values[-1])
    return total


def _placed(blocks: Iterable[tuple[NDArray[np.int64], NDArray[np.float64]]]) -> Iterator[Samples]:
    """Values at their samples of a grid, NaN elsewhere; in blocks of bounded size, however long a pause is."""
    begin = 0
    for index, values in blocks:
        done = 0
        while done < len(index):
            size = min(BLOCK_SAMPLES, int(index[-1]) + 1 - begin)
            until = int(np.searchsorted(index, begin + size))
            block = np.full(size, np.nan, np.float32)
            block[index[done:until] - begin] = to_samples(values[done:until])
            yield block
            begin, done = begin + size, until


def _reduced(blocks: Iterator[Samples], factor: int) -> Iterator[Samples]:
    """`reduced` of samples that come in blocks."""
    if factor == 1:
        yield from blocks
        return
    rest = np.empty(0, np.float32)
    for block in blocks:
        samples = np.concatenate((rest, block))
        whole = len(samples) // factor * factor
        yield reduced(samples[:whole], factor)
        rest = samples[whole:]


class _Spill:
    """Numbers that wait on disk, in a file without a name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def append(self, values: NDArray[Any]) -> None:
        """Put numbers behind the others."""
        self._file.write(values.tobytes())

    def whole(self, dtype: type[np.generic]) -> NDArray[Any]:
        """All of them."""
        self._file.seek(0)
        return np.fromfile(self._file, dtype)

    def blocks(self, dtype: type[np.generic]) -> Iterator[NDArray[Any]]:
        """All of them by `BLOCK_ROWS`."""
        at = 0
        while True:
            self._file.seek(at)
            block = np.fromfile(self._file, dtype, BLOCK_ROWS)
            if not len(block):
                return
            at += block.nbytes
            yield block

    def only(self, keep: NDArray[np.bool_]) -> _Spill:
        """Those that are kept, in another file."""
        kept = _Spill(self._folder)
        for number, block in enumerate(self.blocks(np.float64)):
            kept.append(block[keep[number * BLOCK_ROWS :][: len(block)]])
        return kept

    def mean(self, keep: NDArray[np.bool_]) -> float | None:
        """Mean of those that are kept; None where there are none."""
        rows = int(np.count_nonzero(keep))
        blocks = enumerate(self.blocks(np.float64))
        total = sum(float(block[keep[number * BLOCK_ROWS :][: len(block)]].sum()) for number, block in blocks)
        return total / rows if rows else None

    def __getitem__(self, row: int) -> int:
        """One integer."""
        self._file.seek(8 * row)
        return int.from_bytes(self._file.read(8), "little")

    def __enter__(self) -> _Spill:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
