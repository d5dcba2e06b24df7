"""Seven-column text recordings: time in s, then the raw counts of two venturis (F35, F36)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cpap_core.conversion import counts_to_lpm, flow_and_pressure_from_counts, to_samples
from cpap_core.readers.errors import RecordingError, named
from cpap_core.readers.rejected import EXPECTED, MAX_REJECTED_ROWS, Rejected
from cpap_core.readers.time_grid import (
    MAX_PAUSE_S,
    check_rate,
    grid_indices,
    increasing_rows,
    largest_part,
    on_grid,
    reduced,
    reduction,
    sampling_rate,
)
from cpap_core.types import Recording

COLUMNS: Final = (
    "time",
    "venturi 1 p2",
    "venturi 1 p1 inspiratory",
    "venturi 1 p1 expiratory",
    "venturi 2 p2",
    "venturi 2 p1 inspiratory",
    "venturi 2 p1 expiratory",
)
DELIMITERS: Final = (",", ";", "\t", None)
"""None is any white space."""

BLOCK_CHARACTERS = 1 << 22
MAX_LINE_CHARACTERS = 1 << 16
SINGLY_READ_LINES = 32
SAMPLED_LINES = 100
BINARY_WITHIN_LINES = 10
"""A NUL this early means another kind of file; later ones are what a card leaves that lost power, a bad row."""

Lines = NDArray[np.int64]
Table = NDArray[np.float64]


class LineOfRow(Protocol):
    """Says in which line a row is."""

    def __getitem__(self, row: int, /) -> int | np.int64:
        """The line."""


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rows:
    """Usable rows, each with its line; `flow` and `pressure` as in `Recording`, `exact_flow` before rounding."""

    line: NDArray[np.int64]
    time_s: NDArray[np.float64]
    exact_flow_lpm: NDArray[np.float64]
    pressure_cmh2o: NDArray[np.float32]

    def where(self, chosen: NDArray[np.bool_]) -> Rows:
        """Some of the rows."""
        return Rows(self.line[chosen], self.time_s[chosen], self.exact_flow_lpm[chosen], self.pressure_cmh2o[chosen])


def read_text(path: Path) -> Recording:
    """Read a seven-column text recording; rows that cannot be used are logged, kept by line and left as gaps."""
    parser = Parser(path)
    rows = parser.rows()
    rows = rows.where(parser.in_order(rows.line, rows.time_s))
    rate_hz = rate_of(rows.time_s, path.name)
    with named(path.name):
        index = grid_indices(rows.time_s, rate_hz)
    parser.rejected.log()
    first_s, last_s = (float(rows.time_s[0]), float(rows.time_s[-1])) if len(index) else (0.0, 0.0)
    factor = reduction(rate_hz)
    return Recording(
        flow_lpm=reduced(on_grid(to_samples(rows.exact_flow_lpm), index), factor),
        airway_pressure_cmh2o=reduced(on_grid(rows.pressure_cmh2o, index), factor),
        sampling_rate_hz=rate_hz / factor,
        start_time=first_s + (factor - 1) / 2 / rate_hz,
        duration_s=last_s - first_s,
        leakage_l=float(np.trapezoid(rows.exact_flow_lpm, rows.time_s)) / 60,
        rejected_rows=parser.rejected.rows,
        name=path.name,
    )


def rate_of(time_s: NDArray[np.float64], name: str) -> float:
    """The sampling rate of rows in order, if a file of that name may have it."""
    rate_hz = sampling_rate(time_s)
    with named(name):
        check_rate(rate_hz, "the first column must be the time in s")
    return rate_hz


class Parser:
    """Reads one file's rows and notes the lines that it rejects.

    Blocks of lines go through numpy's C parser; only where that refuses a block is it halved, until the few lines
    around the bad one are read singly.

    Parameters
    ----------
    path : path
        The file.
    name : str, optional
        What messages call it.
    listed : int
        So many rejected rows are kept; all are counted.
    """

    def __init__(self, path: Path, name: str | None = None, listed: int = MAX_REJECTED_ROWS) -> None:
        self.path = path
        self.name = path.name if name is None else name
        self.rejected = Rejected(self.name, listed)
        self.delimiter: str | None = None
        self.translation: dict[int, int] = {}

    def parts(self) -> Iterator[Rows]:
        """Rows of seven finite numbers, block by block in the order of the file."""
        for first_line, lines in self._blocks():
            for table, line in self._tables(first_line, lines):
                yield self._rows_of(table, line)

    def rows(self) -> Rows:
        """All rows of seven finite numbers, in the order of the file."""
        parts = [self._rows_of(np.empty((0, len(COLUMNS))), np.empty(0, dtype=np.int64)), *self.parts()]
        return Rows(
            np.concatenate([part.line for part in parts]),
            np.concatenate([part.time_s for part in parts]),
            np.concatenate([part.exact_flow_lpm for part in parts]),
            np.concatenate([part.pressure_cmh2o for part in parts]),
        )

    def in_order(self, line: LineOfRow, time_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which rows to keep: those whose times increase and belong together; the others are rejected."""
        keep = increasing_rows(time_s)
        out_of_order = np.flatnonzero(~keep)
        if len(out_of_order):
            kept_before = np.maximum.accumulate(np.where(keep, time_s, -np.inf))[out_of_order]
            for row, before_s in zip(out_of_order.tolist(), kept_before.tolist(), strict=True):
                self.rejected.add(int(line[row]), _order_fault(float(time_s[row]), before_s))
        part = largest_part(time_s[keep] if len(out_of_order) else time_s)
        if part.stop - part.start < len(time_s) - len(out_of_order):
            kept = np.flatnonzero(keep)
            for row in (*kept[: part.start].tolist(), *kept[part.stop :].tolist()):
                away = f"over {MAX_PAUSE_S / 3600:g} h away from the other rows"
                self.rejected.add(int(line[row]), f"time {time_s[row]:.10g} s is {away}")
                keep[row] = False
        return keep

    def _blocks(self) -> Iterator[tuple[int, list[str]]]:
        """Blocks of whole lines, each with the number of its first; without the header and an end that is blank."""
        line = 1
        with self.path.open(encoding="utf-8-sig", errors="replace") as file:
            while text := file.read(BLOCK_CHARACTERS):
                text += file.readline(MAX_LINE_CHARACTERS)
                lines = text.removesuffix("\n").split("\n")
                if len(lines[-1]) >= MAX_LINE_CHARACTERS:
                    number = line + len(lines) - 1
                    raise RecordingError(
                        f"{self.name}: line {number} has over {MAX_LINE_CHARACTERS} characters: {EXPECTED}"
                    )
                if line == 1:
                    header = self._look_at(lines)
                    yield line + header, lines[header:]
                else:
                    yield line, lines
                line += len(lines)
        if line == 1:
            raise RecordingError(f"{self.name}: the file is empty: {EXPECTED}")

    def _look_at(self, lines: list[str]) -> int:
        """Find the delimiter in a file's first lines; returns how many lines the header takes."""
        if any("\0" in line for line in lines[:BINARY_WITHIN_LINES]):
            raise RecordingError(f"{self.name}: neither text nor EDF: give a .txt, .csv or .edf recording")
        sample = [line for line in lines if line.strip()][:SAMPLED_LINES]
        if not sample:
            raise RecordingError(f"{self.name}: the file is empty: {EXPECTED}")
        self.delimiter = max(DELIMITERS, key=lambda delimiter: _seven_column_lines(sample, delimiter))
        if not _seven_column_lines(sample, self.delimiter):
            raise RecordingError(
                f"{self.name}: none of the first {len(sample)} lines has {len(COLUMNS)} values: {EXPECTED}, "
                "parted by comma, semicolon, tab or space"
            )
        if self.delimiter != "," and any(re.search(r"\d,\d", line) for line in sample):
            self.translation |= str.maketrans(",", ".")
        if any('"' in line for line in sample):
            self.translation |= str.maketrans('"', " ")
        first = next(index for index, line in enumerate(lines) if line.strip())
        fields = _fields(lines[first].translate(self.translation), self.delimiter)
        is_header = any(fields) and not any(_is_number(field) for field in fields)
        return first + 1 if is_header else first

    def _tables(self, first_line: int, lines: list[str]) -> Iterator[tuple[Table, Lines]]:
        """The numbers of some lines, with the line of each row."""
        if not any(line.strip() for line in lines):
            return
        if self.translation:
            lines = [line.translate(self.translation) for line in lines]
        try:
            table = np.loadtxt(lines, delimiter=self.delimiter, comments=None, ndmin=2)
        except ValueError:
            table = None
        if table is not None and table.shape == (len(lines), len(COLUMNS)):
            yield table, np.arange(first_line, first_line + len(lines))
        elif len(lines) <= SINGLY_READ_LINES:
            yield self._read_singly(first_line, lines)
        else:
            half = len(lines) // 2
            yield from self._tables(first_line, lines[:half])
            yield from self._tables(first_line + half, lines[half:])

    def _read_singly(self, first_line: int, lines: list[str]) -> tuple[Table, Lines]:
        rows: list[list[float]] = []
        numbers: list[int] = []
        for number, line in enumerate(lines, first_line):
            if not line.strip():
                continue
            fields = _fields(line, self.delimiter)
            fault = _fault(fields)
            if fault:
                self.rejected.add(number, fault)
            else:
                rows.append([float(field) for field in fields])
                numbers.append(number)
        return np.array(rows, dtype=np.float64).reshape(-1, len(COLUMNS)), np.array(numbers, dtype=np.int64)

    def _rows_of(self, table: Table, line: Lines) -> Rows:
        """The rows whose numbers are all finite, converted."""
        finite = np.isfinite(table)
        usable = finite.all(axis=1)
        for row in np.flatnonzero(~usable).tolist():
            column = int(np.argmin(finite[row]))
            self.rejected.add(int(line[row]), f"{COLUMNS[column]} is {table[row, column]}, not a finite number")
        counts = table[usable, 1:]
        return Rows(
            line[usable], table[usable, 0], counts_to_lpm(*counts[:, :3].T), flow_and_pressure_from_counts(counts)[1]
        )


def _seven_column_lines(sample: list[str], delimiter: str | None) -> int:
    """How many lines a delimiter parts into seven values, the first being allowed to be a header of words."""
    rows = [_fields(line.replace('"', " "), delimiter) for line in sample]
    return sum(
        len(row) == len(COLUMNS) and (index == 0 or any(_is_number(field.replace(",", ".")) for field in row))
        for index, row in enumerate(rows)
    )


def _fields(line: str, delimiter: str | None) -> list[str]:
    """A line's values; one delimiter at the end of a line parts nothing."""
    fields = [field.strip() for field in line.split(delimiter)]
    return fields[:-1] if len(fields) == len(COLUMNS) + 1 and not fields[-1] else fields


def _fault(fields: list[str]) -> str:
    """Why a row's values are not seven numbers; empty when they are."""
    if len(fields) != len(COLUMNS):
        return f"{len(fields)} values, expected {len(COLUMNS)}"
    for name, field in zip(COLUMNS, fields, strict=True):
        if not field:
            return f"{name} is missing"
        if not _is_number(field):
            return f"{name} {field[:40]!r} is not a number"
    return ""


def _is_number(field: str) -> bool:
    """Whether a field is a number as in other programs' text; Python alone would take `1_000` for one, too."""
    try:
        float(field)
    except ValueError:
        return False
    return field.isascii() and "_" not in field


def _order_fault(time_s: float, kept_before_s: float) -> str:
    if time_s == kept_before_s:
        return f"time {time_s:.10g} s is there twice"
    if time_s < kept_before_s:
        return f"time {time_s:.10g} s goes back behind {kept_before_s:.10g} s"
    return f"time {time_s:.10g} s is ahead of the rows after it"
