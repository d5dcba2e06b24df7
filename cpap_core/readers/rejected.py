"""The rows of a text recording that cannot be used (F36)."""

from __future__ import annotations

import logging

from cpap_core.readers.errors import RecordingError
from cpap_core.types import RejectedRow

EXPECTED = "expected time in s and six raw counts in each line"
MAX_REJECTED_ROWS = 1_000_000

logger = logging.getLogger(__name__)


class Rejected:
    """The rows that cannot be used: how many, and the first of them by line.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    listed : int
        So many of the first are kept.
    """

    def __init__(self, name: str, listed: int) -> None:
        self.count = 0
        self._name = name
        self._listed = listed
        self._rows: list[RejectedRow] = []

    def add(self, line: int, reason: str) -> None:
        """Note a row, in whatever order."""
        if self.count == MAX_REJECTED_ROWS:
            first = self.rows[0]
            raise RecordingError(
                f"{self._name}: over {MAX_REJECTED_ROWS} rows cannot be used, the first is line "
                f"{first.line} ({first.reason}): {EXPECTED}"
            )
        self.count += 1
        self._rows.append(RejectedRow(line, reason))
        if len(self._rows) > 2 * self._listed:
            self._rows = list(self.rows)

    @property
    def rows(self) -> tuple[RejectedRow, ...]:
        """The first of them, by line."""
        return tuple(sorted(self._rows, key=lambda row: row.line)[: self._listed])

    def log(self) -> None:
        """Log each that is kept as an error (F36)."""
        for row in self.rows:
            logger.error("%s line %d: %s; row skipped", self._name, row.line, row.reason)
        if self.count > self._listed:
            logger.error("%s: %d more rows skipped", self._name, self.count - self._listed)
