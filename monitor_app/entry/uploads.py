"""`POST /entry/upload`: a recording on its way to the disk, never whole in memory (F8, F12, F14)."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import tempfile
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from tornado.http1connection import HTTP1Connection
from tornado.web import RequestHandler, stream_request_body

from monitor_app.origins import Origins

from .desk import KINDS, MOST_UPLOADS, Desk, Sheet, is_wanted_kind, shown_name, too_large

log = logging.getLogger(__name__)

FORM_HEADER = "X-Form-Secret"
NAME_HEADER = "X-File-Name"
READ_ON = 4
"""Of a recording that is too large so many times the limit are read and dropped, so that the answer is heard."""

IDLE_S = 60.0

Route = tuple[str, type[RequestHandler], dict[str, Any]]


@stream_request_body
class UploadHandler(RequestHandler):
    """Takes the bytes of a file as the body, its name and the form's secret as headers."""

    def initialize(self, desk: Desk, origins: Origins) -> None:
        """Take the desk, and where our pages may come from."""
        self.desk = desk
        self.origins = origins
        self.sheet: Sheet | None = None
        self.name = ""
        self.refusal: tuple[int, str] | None = None
        self.received = 0
        self.digest = hashlib.sha256()
        self.file: IO[bytes] | None = None
        self.path: Path | None = None
        self.is_gone = self.is_writing = False
        self._idle: asyncio.TimerHandle | None = None

    def prepare(self) -> None:
        """Refuse what can be refused before a byte is read."""
        if self.request.method != "POST":
            return
        self.sheet = self.desk.sheet(self.request.headers.get(FORM_HEADER, ""))
        if self.sheet is None or not self._is_own_page():
            self._answer(403, "This form is no longer open: load the page again")
            return
        limit = self.desk.limit_bytes
        connection = self.request.connection
        assert isinstance(connection, HTTP1Connection)
        connection.set_max_body_size(READ_ON * limit)
        self.name = shown_name(unquote(self.request.headers.get(NAME_HEADER, "")))
        announced = int(self.request.headers.get("Content-Length", "0"))
        if announced > READ_ON * limit:
            self._answer(413, too_large(self.name, announced, limit))
        elif announced > limit:
            self.refusal = 413, too_large(self.name, announced, limit)
        elif not is_wanted_kind(self.name):
            self.refusal = (
                415,
                f"{self.name} is no recording: choose a file named {', '.join(KINDS[:-1])} or {KINDS[-1]}",
            )
        elif self.desk.uploads >= MOST_UPLOADS:
            self.refusal = 503, f"{MOST_UPLOADS} recordings are being loaded just now: try again in a minute"
        else:
            self._open()
        self._watch()

    async def data_received(self, chunk: bytes) -> None:
        """Put what came to the disk, in a thread: the disk may be slow."""
        self._watch()
        self.received += len(chunk)
        if self.received > self.desk.limit_bytes and self.refusal is None:
            self.refusal = 413, too_large(self.name, self.received, self.desk.limit_bytes)
        if self.refusal is None and self.sheet is not None and not self.sheet.is_open:
            self.refusal = 409, "The form was reset: nothing of this recording is kept"
        if self.refusal is not None:
            self._clean()
        elif self.file is not None:
            self.is_writing = True
            try:
                await asyncio.get_running_loop().run_in_executor(self.desk.threads, self._take, self.file, chunk)
            except OSError as error:
                log.error("An upload could not be written: %s", error)
                self.refusal = 507, f"The server cannot store {self.name}: {error.strerror or error}"
            finally:
                self.is_writing = False
            if self.is_gone:
                self._clean()

    async def post(self) -> None:
        """All of it is there: hand it to the desk."""
        if self.refusal is None and self.sheet is not None and not self.sheet.is_open:
            self.refusal = 409, "The form was reset: nothing of this recording is kept"
        if self.refusal is not None or self.file is None or self.path is None or self.sheet is None:
            self._answer(*(self.refusal or (400, "Nothing came")))
            return
        self.file.close()
        path, self.path = self.path, None
        self.desk.load(self.sheet, path, self.name, self.digest.hexdigest())
        self._answer(202, "")

    def on_connection_close(self) -> None:
        """The person left in the middle."""
        self.is_gone = True
        if not self.is_writing:
            self._clean()

    def on_finish(self) -> None:
        """Whatever happened, nothing remains."""
        self._clean()

    def _is_own_page(self) -> bool:
        origin = self.request.headers.get("Origin")
        return origin is None or self.origins.admits(origin, self.request.host)

    def _open(self) -> None:
        try:
            handle, name = tempfile.mkstemp(dir=self.desk.folder)
        except OSError as error:
            self.refusal = 507, f"The server cannot store {self.name}: {error.strerror or error}"
            return
        self.file, self.path = open(handle, "wb", buffering=0), Path(name)  # noqa: SIM115, PTH123
        self.desk.uploads += 1
        if self.sheet is not None:
            self.desk.supersede(self.sheet)

    def _take(self, file: IO[bytes], chunk: bytes) -> None:
        self.digest.update(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[file.write(rest) :]

    def _watch(self) -> None:
        """End a connection on which nothing comes any more."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._give_up)

    def _give_up(self) -> None:
        if not self._finished:
            connection = self.request.connection
            assert isinstance(connection, HTTP1Connection)
            connection.stream.close()

    def _clean(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self.file is not None:
            self.file.close()
            self.file = None
            self.desk.uploads -= 1
        if self.path is not None:
            self.desk.remove(self.path)
            self.path = None

    def _answer(self, status: int, message: str) -> None:
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.finish({"message": message})


def upload_routes(desk: Desk, origins: Origins) -> list[Route]:
    """Where recordings are sent to."""
    return [(r"/entry/upload", UploadHandler, {"desk": desk, "origins": origins})]
