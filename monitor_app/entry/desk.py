"""Where recordings are handed in: whose form each is for, its analysis, and nothing done twice (F8, F11, F14)."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monitor_app.analysis import AnalysisFailed, Analyst

from .samples import SAMPLES

log = logging.getLogger(__name__)

MB = 1 << 20
KINDS = (".txt", ".csv", ".edf")
MOST_RESULTS = 32
MOST_UPLOADS = 8
LONGEST_NAME = 120
THREADS = 2


@dataclass(slots=True, eq=False)
class Loading:
    """What a form is told of its recording.

    Attributes
    ----------
    phase : str
        `analysing`, `loaded` or `failed`.
    name : str
        What the person calls the recording.
    message : str
        Why it failed, in words.
    result, result_id : dict, str
        What was found, and the key by which the same form may ask for it again.
    again : bool
        Whether this form had loaded the same recording before.
    """

    phase: str
    name: str
    message: str = ""
    result: dict[str, Any] | None = None
    result_id: str = ""
    again: bool = False


@dataclass(slots=True, eq=False)
class Sheet:
    """A form's place at the desk, from one reset to the next; only who knows its secret can load something into it."""

    tell: Callable[[Loading], None]
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    loaded: set[str] = field(default_factory=set)
    task: asyncio.Task[None] | None = None
    is_open: bool = True


class Desk:
    """Takes recordings and tells each form what was found in its own.

    Parameters
    ----------
    folder : Path
        Where recordings lie while they are read, and no longer; whatever else is there is removed.
    analyst : Analyst
        Who reads them.
    limit_bytes : int
        The longest recording that is taken.
    """

    def __init__(self, folder: Path, analyst: Analyst, limit_bytes: int) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self.uploads = 0
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="uploads")
        self._analyst = analyst
        self._sheets: dict[str, Sheet] = {}
        self._results: OrderedDict[str, tuple[str, dict[str, Any]]] = OrderedDict()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for leftover in folder.iterdir():
            with suppress(OSError):
                leftover.unlink()

    def open(self, tell: Callable[[Loading], None]) -> Sheet:
        """Give a form a place; `tell` hears of its recording."""
        sheet = Sheet(tell)
        self._sheets[sheet.secret] = sheet
        return sheet

    def leave(self, sheet: Sheet) -> None:
        """The form was reset, or its page is gone: what is under way for it comes to nothing."""
        sheet.is_open = False
        self._sheets.pop(sheet.secret, None)
        self.supersede(sheet)

    def sheet(self, secret: str) -> Sheet | None:
        """The form's place that has this secret."""
        return self._sheets.get(secret)

    def known(self, sheet: Sheet, result_id: str) -> dict[str, Any] | None:
        """A result that a form had before its page was connected anew."""
        found = self._results.get(result_id)
        if found is None:
            return None
        sheet.loaded.add(found[0])
        return found[1]

    def supersede(self, sheet: Sheet) -> None:
        """Another recording was chosen: the one before it comes to nothing."""
        if sheet.task is not None:
            sheet.task.cancel()

    def load(self, sheet: Sheet, path: Path, name: str, digest: str, *, is_ours: bool = True) -> None:
        """Have a recording analysed for a form; a file of ours is removed afterwards."""
        self.supersede(sheet)
        sheet.task = asyncio.get_running_loop().create_task(self._load(sheet, path, name, digest))
        if is_ours:
            sheet.task.add_done_callback(lambda _task: self.remove(path))

    def remove(self, path: Path) -> None:
        """Remove a file in a thread: that of a large one takes its time."""
        with suppress(RuntimeError):  # the server is being stopped, and removes all of them
            self.threads.submit(path.unlink, missing_ok=True)

    async def load_sample(self, sheet: Sheet, key: str) -> None:
        """Load one of the bundled recordings.

        Raises
        ------
        AnalysisFailed
            There is none of that name.
        """
        sample = SAMPLES.get(key)
        if sample is None:
            raise AnalysisFailed("There is no such sample recording: choose one of the list")
        content = await asyncio.get_running_loop().run_in_executor(self.threads, sample.path.read_bytes)
        if sheet.is_open:
            self.load(sheet, sample.path, sample.path.name, hashlib.sha256(content).hexdigest(), is_ours=False)

    async def close(self) -> None:
        """Take nothing more, and leave nothing behind."""
        for sheet in list(self._sheets.values()):
            self.leave(sheet)
        await self._analyst.close()
        self.threads.shutdown(wait=False, cancel_futures=True)
        for path in self.folder.iterdir():
            with suppress(OSError):
                path.unlink()

    async def _load(self, sheet: Sheet, path: Path, name: str, digest: str) -> None:
        try:
            sheet.tell(Loading("analysing", name))
            again = digest in sheet.loaded
            result_id = next((key for key, (known, _) in self._results.items() if known == digest), None)
            if result_id is None:
                result_id = secrets.token_urlsafe(18)
                self._results[result_id] = digest, await self._analyst.analyze(path, name)
            self._results.move_to_end(result_id)
            while len(self._results) > MOST_RESULTS:
                self._results.popitem(last=False)
            sheet.loaded.add(digest)
            result = {**self._results[result_id][1], "name": name}
            self._say(sheet, Loading("loaded", name, result=result, result_id=result_id, again=again))
        except AnalysisFailed as error:
            self._say(sheet, Loading("failed", name, str(error)))
        except Exception:
            log.exception("A recording could not be loaded")
            self._say(sheet, Loading("failed", name, "The server failed on this recording. It is in the server's log"))

    def _say(self, sheet: Sheet, loading: Loading) -> None:
        if sheet.is_open:
            sheet.tell(loading)


def shown_name(given: str) -> str:
    """The base name of a file as a person may see it, whatever path or control character was in it."""
    base = given.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character for character in base if character.isprintable()).strip()
    if len(printable) > LONGEST_NAME:
        printable = printable[: LONGEST_NAME - 5] + "…" + printable[-4:]
    return printable or "recording"


def is_wanted_kind(name: str) -> bool:
    """Whether a file is named as recordings are; what it is, its content says."""
    return name.lower().endswith(KINDS)


def too_large(name: str, size_bytes: int, limit_bytes: int) -> str:
    """What is said of a recording that is too large (F12)."""
    return (
        f"{name} has {size_bytes / MB:.1f} MB; a recording may have {limit_bytes / MB:g} MB at most. "
        "Cut it into parts, or have the limit raised (MONITOR_MAX_UPLOAD_MB)"
    )
