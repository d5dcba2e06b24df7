"""The log: written by a thread of its own, so that no full or hanging disk holds up the server, and never a flood."""

from __future__ import annotations

import copy
import logging
import logging.handlers
import os
import queue
import re
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .config import PREFIX, ConfigError, Settings

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
NOISY = ("bokeh", "panel", "tornado.access")
"""They say little below a warning that a ward wants to read."""

WITH_OWN_HANDLERS = ("bokeh", "panel")
"""Once imported they write to the terminal themselves: on the event loop, without bound, and past the log file."""

MOST_WAITING = 5000
MOST_CHARACTERS = 8000
"""Of a message; Bokeh repeats what a page sent, which may be as long as the whole file."""

WINDOW_S = 60.0
"""Within it the same message is written once, then how often it came."""

MOST_KNOWN = 1000
CLOSE_S = 2.0
TICK_S = 1.0

_LATER_NUMBERS = re.compile(r"(?<![\d.])(?<!room=)(?<!rooms/)(?<!oom )(?<!with )\d[\d.]*")
"""Seconds, indices, ports; rooms, and the code that a device is refused with, make another message of it."""


@contextmanager
def writing(settings: Settings) -> Iterator[None]:
    """Write the log to standard error, and to the file if one is set, until the end of the block.

    Raises
    ------
    ConfigError
        The log file cannot be opened.
    """
    targets: list[logging.Handler] = [_Stderr()]
    if settings.log_file:
        path = Path(settings.log_file)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            targets.append(_File(path, settings.log_max_mb << 20, settings.log_files - 1, targets[0]))
        except OSError as error:
            raise ConfigError(f"{PREFIX}LOG_FILE is {path}, which cannot be written: {error.strerror}") from error
    handler = _Handover(targets)
    root = logging.getLogger()
    root.setLevel(settings.log_level.upper())
    root.addHandler(handler)
    for library in map(logging.getLogger, WITH_OWN_HANDLERS):
        library.handlers.clear()
        library.propagate = True
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


@dataclass(slots=True)
class _Known:
    newest: logging.LogRecord
    until: float
    times: int = 0


class Repeats:
    """Lets the first of equal messages through, and each minute says how often it came again.

    Messages are equal where they differ in later numbers only: the first is the room's, the others are indices that a
    refused device changes each second.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int, str, str], _Known] = OrderedDict()

    def take(self, record: logging.LogRecord, now: float) -> Iterator[logging.LogRecord]:
        """Give what is to be written now that this came."""
        first, *later = re.split(r"(?<=\d)(?=\D)", record.message, maxsplit=1)
        words = first + "".join(_LATER_NUMBERS.sub("#", rest) for rest in later)
        key = (record.name, record.levelno, words, _cause(record.exc_text))
        known = self._known.get(key)
        if known is not None:
            known.newest, known.times = record, known.times + 1
            return
        if len(self._known) >= MOST_KNOWN:
            yield from self._say(self._known.popitem(last=False)[1])
        self._known[key] = _Known(record, now + WINDOW_S)
        yield record

    def due(self, now: float) -> Iterator[logging.LogRecord]:
        """Give the sums of what came again in the last minute; what did not is new the next time."""
        for key, known in list(self._known.items()):
            if known.until <= now:
                if known.times:
                    yield from self._say(known)
                    known.times, known.until = 0, now + WINDOW_S
                else:
                    del self._known[key]

    def rest(self) -> Iterator[logging.LogRecord]:
        """Give all sums, at the end."""
        for known in self._known.values():
            yield from self._say(known)

    @staticmethod
    def _say(known: _Known) -> Iterator[logging.LogRecord]:
        if known.times:
            known.newest.msg = f"{known.newest.message} (the same message, {known.times} times)"
            known.newest.exc_text = None
            yield known.newest


class _Handover(logging.Handler):
    """Takes records from any thread without waiting; its own thread writes them."""

    def __init__(self, targets: list[logging.Handler]) -> None:
        super().__init__()
        self._targets = targets
        self._waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(MOST_WAITING)
        self._lost = 0
        self._closing = threading.Event()
        for target in targets:
            target.setFormatter(logging.Formatter(FORMAT))
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record as text, so that nothing it refers to is looked at later; a full queue loses it."""
        try:
            message = _shortened(record.getMessage())
            text = copy.copy(record)
            if text.exc_info:
                text.exc_text = _shortened(logging.Formatter().formatException(text.exc_info))
            text.msg, text.message, text.args, text.exc_info = message, message, None, None
            self._waiting.put_nowait(text)
        except queue.Full:
            self._lost += 1
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Write what waits, but not for long: a disk that hangs must not keep the server from ending."""
        self._closing.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(CLOSE_S)
        super().close()

    def _run(self) -> None:
        repeats = Repeats()
        looked_at = time.monotonic()
        while True:
            with suppress(queue.Empty):
                record = self._waiting.get(timeout=TICK_S)
                if record is not None:
                    self._write(repeats.take(record, time.monotonic()))
            if time.monotonic() - looked_at >= TICK_S:
                looked_at = time.monotonic()
                self._write(repeats.due(looked_at))
            if self._lost and self._waiting.empty():
                lost, self._lost = self._lost, 0
                self._write(iter([_record(f"{lost} messages were lost: the log could not be written fast enough")]))
            if self._closing.is_set() and self._waiting.empty():
                self._write(repeats.rest())
                for target in self._targets:
                    target.close()
                return

    def _write(self, records: Iterator[logging.LogRecord]) -> None:
        for record in records:
            for target in self._targets:
                target.handle(record)


class _Stderr(logging.Handler):
    """Standard error, past Python's buffer and without a lock: a pipe that nobody reads would hold both at the exit."""

    def createLock(self) -> None:  # noqa: N802
        """Only the log's thread comes here."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; where nobody takes it, nothing can be said."""
        left = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
        with suppress(OSError, ValueError, AttributeError):
            while left:
                left = left[os.write(sys.stderr.fileno(), left) :]

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Lose the record."""


class _File(logging.handlers.RotatingFileHandler):
    """The log file, put aside at its size; a full disk loses records, is told of once, and is tried again."""

    def __init__(self, path: Path, max_bytes: int, others: int, elsewhere: logging.Handler) -> None:
        self._elsewhere = elsewhere
        self._is_failing = self._has_failed = False
        super().__init__(path, maxBytes=max_bytes, backupCount=others, encoding="utf-8", errors="backslashreplace")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        self._is_failing = False
        super().emit(record)
        self._has_failed = self._is_failing

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say so on standard error, once for each time that it begins."""
        self._is_failing = True
        if not self._has_failed:
            error = sys.exc_info()[1]
            self._elsewhere.handle(_record(f"The log file {self.baseFilename} cannot be written: {error}"))


def _shortened(text: str) -> str:
    """Beginning and end, where the cause of a traceback stands."""
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]} ... {len(text) - 2 * half} characters left out ... {text[-half:]}"


def _cause(exc_text: str | None) -> str:
    """Where an error was raised, and its kind: another one under the same words is news."""
    lines = (exc_text or "").splitlines()
    places = [line for line in lines if line.startswith("  File ")]
    return "".join([*places[-1:], *(line.partition(":")[0] for line in lines[-1:])])


def _record(message: str) -> logging.LogRecord:
    return logging.LogRecord(__name__, logging.ERROR, __file__, 0, message, None, None)
