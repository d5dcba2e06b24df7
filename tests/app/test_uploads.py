"""F8, F12, F14: a recording on its way through the socket to the disk; real connections, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from monitor_app.analysis import Analyst
from monitor_app.entry import SAMPLES, Desk, Loading, upload_routes
from monitor_app.entry import uploads as module
from monitor_app.origins import Origins, Place
from tests.app.test_entry_desk import until

LIMIT = 1 << 20
CALM = SAMPLES["calm"].path.read_bytes()


class Uploads:
    """A server that takes uploads, one open form, and what that was told."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder / "uploads", Analyst(), LIMIT)
        self.told: list[Loading] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.sheet = self.desk.open(self.told.append)
        self.server = HTTPServer(Application(upload_routes(self.desk, Origins([], [Place("lab.example", 443)]))))
        (socket,) = bind_sockets(0, "127.0.0.1")
        self.server.add_socket(socket)
        self.port = socket.getsockname()[1]

    def head(self, length: int | None, **headers: str) -> bytes:
        """The head of an upload from our own page, with other headers in place of its own."""
        given: dict[str, str] = {
            "Host": f"127.0.0.1:{self.port}",
            "Origin": f"http://127.0.0.1:{self.port}",
            "X-Form-Secret": self.sheet.secret,
            "X-File-Name": "night.txt",
            **({"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}),
            **{key.replace("_", "-"): value for key, value in headers.items()},
        }
        lines = [f"{key}: {value}" for key, value in given.items() if value]
        return "\r\n".join(["POST /entry/upload HTTP/1.1", *lines, "", ""]).encode()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A socket to it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        return reader, writer

    async def post(self, body: bytes, *, chunked: bool = False, **headers: str) -> tuple[int, str]:
        """Upload, and give the status and the words of the answer."""
        reader, writer = await self.connect()
        writer.write(self.head(None if chunked else len(body), **headers))
        if chunked:
            for at in range(0, len(body), 50_000):
                piece = body[at : at + 50_000]
                writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            writer.write(b"0\r\n\r\n")
        else:
            writer.write(body)
        async with asyncio.timeout(60):
            status = int((await reader.readline()).split()[1])
            while (await reader.readline()).strip():
                pass
            message = json.loads(await reader.readuntil(b"}"))["message"]
        return status, message

    async def outcome(self) -> Loading:
        """What became of the recording, once it is no longer under way."""
        await until(lambda: self.told and self.told[-1].phase != "analysing")
        return self.told.pop()

    @property
    def files(self) -> list[Path]:
        """What lies in the folder."""
        return list(self.desk.folder.iterdir())


def uploading(folder: Path, story: Callable[[Uploads], Awaitable[Any]]) -> None:
    """Run a story; afterwards nothing lies in the folder, and no place is taken."""

    async def run() -> None:
        uploads = Uploads(folder)
        try:
            await story(uploads)
            await until(lambda: not uploads.files)
            assert uploads.desk.uploads == 0
        finally:
            for writer in uploads.writers:
                writer.close()
            uploads.server.stop()
            await uploads.desk.close()

    asyncio.run(run())


@pytest.mark.holds("F8.1", "F14.2")
@pytest.mark.parametrize("chunked", [False, True])
def test_a_recording_is_taken_and_analysed_and_its_file_removed(tmp_path: Path, chunked: bool) -> None:
    async def story(uploads: Uploads) -> None:
        for name in ("night.txt", "night.csv"):
            assert await uploads.post(CALM, chunked=chunked, X_File_Name=name) == (202, "")
            loaded = await uploads.outcome()
            assert (loaded.phase, loaded.name) == ("loaded", name)
            assert loaded.result is not None
            assert loaded.result["breaths"] == 29

    uploading(tmp_path, story)


@pytest.mark.holds("F12.2", "F14.2")
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("factor", [1.01, 5.0])
def test_a_recording_over_the_limit_is_refused_with_both_sizes(tmp_path: Path, chunked: bool, factor: float) -> None:
    async def story(uploads: Uploads) -> None:
        body = b"x" * round(factor * LIMIT)
        try:
            status, message = await uploads.post(body, chunked=chunked)
        except (ConnectionError, asyncio.IncompleteReadError, IndexError):
            assert factor > module.READ_ON  # so much is not even listened to
            return
        assert status == 413
        assert message.startswith("night.txt has ")
        assert "; a recording may have 1 MB at most" in message
        assert uploads.told == []

    uploading(tmp_path, story)


@pytest.mark.holds("F12.2")
def test_what_announces_that_it_is_too_large_is_refused_before_a_byte_is_kept(tmp_path: Path) -> None:
    async def story(uploads: Uploads) -> None:
        reader, writer = await uploads.connect()
        writer.write(uploads.head(2 * LIMIT) + CALM)
        await asyncio.sleep(0.3)
        assert uploads.files == []
        writer.write(bytes(2 * LIMIT - len(CALM)))
        assert b" 413 " in await reader.readline()

    uploading(tmp_path, story)


@pytest.mark.holds("F12.2")
def test_a_recording_of_just_the_limit_is_taken(tmp_path: Path) -> None:
    async def story(uploads: Uploads) -> None:
        body = CALM + b" " * (LIMIT - len(CALM) - 1) + b"\n"
        assert (await uploads.post(body))[0] == 202
        assert (await uploads.outcome()).phase != "analysing"

    uploading(tmp_path, story)


@pytest.mark.holds("F14.1", "F14.2")
@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("night.txt", b"", "night.txt: the file is empty"),
        ("night.edf", b"\x89PNG\r\n\x1a\n" + bytes(500), "night.edf: neither text nor EDF"),
        ("night.edf", b"0       " + b"x" * 100, "night.edf: damaged or no EDF file"),
        ("..%2F..%2Fx.txt", b"hello\n" * 30, "x.txt: none of the first 30 lines has 7 values"),
        ("%3Cscript%3E.txt", b"1,2\n" * 30, "<script>.txt: none of the first"),
    ],
)
def test_what_is_no_recording_is_said_in_words(tmp_path: Path, name: str, body: bytes, words: str) -> None:
    async def story(uploads: Uploads) -> None:
        assert (await uploads.post(body, X_File_Name=name))[0] == 202
        failed = await uploads.outcome()
        assert failed.phase == "failed"
        assert failed.message.startswith(words)

    uploading(tmp_path, story)


@pytest.mark.holds("F8.1", "F14.1")
def test_another_kind_of_file_is_refused_by_its_name(tmp_path: Path) -> None:
    async def story(uploads: Uploads) -> None:
        status, message = await uploads.post(b"x" * 1000, X_File_Name="holiday.png")
        assert status == 415
        assert message == "holiday.png is no recording: choose a file named .txt, .csv or .edf"

    uploading(tmp_path, story)


@pytest.mark.holds("F14.2", "F11.2")
@pytest.mark.parametrize("how", ["leaves", "resets", "falls silent"])
def test_a_person_who_leaves_in_mid_upload_leaves_nothing(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.3 if how == "falls silent" else 60.0)

    async def story(uploads: Uploads) -> None:
        reader, writer = await uploads.connect()
        writer.write(uploads.head(2 * len(CALM)) + CALM)
        await until(lambda: uploads.files and uploads.files[0].stat().st_size > 100_000)
        if how == "leaves":
            writer.close()
        elif how == "resets":
            uploads.desk.leave(uploads.sheet)
            writer.write(CALM)
            assert b" 409 " in await reader.readline()
        else:
            assert await reader.read() == b""
        await until(lambda: not uploads.files)
        assert uploads.told == []

    uploading(tmp_path, story)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"X_Form_Secret": ""},
        {"X_Form_Secret": "guessed"},
    ],
)
def test_a_foreign_page_cannot_upload(tmp_path: Path, headers: dict[str, str]) -> None:
    """Neither one of another origin nor one that does not know the form's secret."""

    async def story(uploads: Uploads) -> None:
        status, message = await uploads.post(b"", **headers)
        assert (status, message) == (403, "This form is no longer open: load the page again")

    uploading(tmp_path, story)


def test_a_page_under_an_allowed_name_can(tmp_path: Path) -> None:
    async def story(uploads: Uploads) -> None:
        assert (await uploads.post(CALM, Origin="https://lab.example"))[0] == 202
        await uploads.outcome()

    uploading(tmp_path, story)


@pytest.mark.holds("F14.1")
def test_a_disk_that_is_full_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.UploadHandler, "_take", full)

    async def story(uploads: Uploads) -> None:
        status, message = await uploads.post(CALM)
        assert (status, message) == (507, "The server cannot store night.txt: No space left on device")

    uploading(tmp_path, story)


def test_so_many_at_once_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_UPLOADS", 1)

    async def story(uploads: Uploads) -> None:
        _reader, writer = await uploads.connect()
        writer.write(uploads.head(len(CALM)))
        await until(lambda: uploads.files)
        assert (await uploads.post(CALM))[0] == 503
        writer.close()
        await until(lambda: uploads.desk.uploads == 0)
        assert (await uploads.post(CALM))[0] == 202
        await uploads.outcome()

    uploading(tmp_path, story)


def test_an_upload_never_stands_in_memory_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes to the disk in the pieces in which it comes, none above 64 KiB."""
    sizes: list[int] = []
    real = module.UploadHandler._take

    def take(handler: Any, file: Any, chunk: bytes) -> None:
        sizes.append(len(chunk))
        real(handler, file, chunk)

    monkeypatch.setattr(module.UploadHandler, "_take", take)

    async def story(uploads: Uploads) -> None:
        await uploads.post(CALM)
        await uploads.outcome()
        assert sum(sizes) == len(CALM)
        assert max(sizes) <= 1 << 16

    uploading(tmp_path, story)
