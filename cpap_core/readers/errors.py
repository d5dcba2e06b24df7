"""The one exception of all readers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class RecordingError(ValueError):
    """A recording that cannot be used; the message is one line that names the value, the bound and the remedy."""


@contextmanager
def named(name: str) -> Iterator[None]:
    """Put the file's name before what is wrong with it."""
    try:
        yield
    except RecordingError as error:
        raise RecordingError(f"{name}: {error}") from None
