"""The log: it rotates, it never floods, a full or hanging disk does not hold up the server, and nobody is named."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.bokeh_client import BokehPage
from monitor_app import config, logs
from monitor_app.ward import StreamRefused, Ward
from tests.app.live_server import ROOT, LiveServer
from tests.app.raw_device import RawDevice
from tests.app.ward_helpers import Clock, Link, feed_breathing, in_ward, spec

MAIN = """
import logging
from monitor_app import config, logs
with logs.writing(config.load({})):
    for text in range(20_000):
        logging.getLogger("x").error("".join(chr(97 + int(digit)) for digit in str(text)) * 20)
    print("done", flush=True)
"""


def words() -> Iterator[str]:
    """Texts that differ in more than their numbers."""
    return map("".join, itertools.product("abcdefghij", repeat=5))


def settings(path: Path, **given: object) -> config.Settings:
    return config.load({"MONITOR_LOG_FILE": str(path), "MONITOR_LOG_MAX_MB": "1", "MONITOR_LOG_FILES": "3"}, **given)


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """The root logger is left as it was found."""
    level = logging.getLogger().level
    yield logging.getLogger("breathwatch.test")
    logging.getLogger().setLevel(level)


def test_the_file_rotates(tmp_path: Path, log: logging.Logger, capfd: pytest.CaptureFixture[str]) -> None:
    """No more than so many files of so many MB, however much there is to say."""
    path = tmp_path / "logs" / "server.log"
    with logs.writing(settings(path)):
        for batch in itertools.islice(batches(), 100):
            for word in batch:
                log.warning("%s %s", word, "x" * 400)
            _drain()
        log.warning("words")
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["server.log", "server.log.1", "server.log.2"]
    assert all(file.stat().st_size <= 1 << 20 for file in files)
    assert path.read_text().endswith("WARNING breathwatch.test: words\n")
    assert "WARNING breathwatch.test: words\n" in capfd.readouterr().err, "standard error has it, too"


def batches() -> Iterator[list[str]]:
    """Texts, a hundred at a time."""
    found = words()
    while batch := list(itertools.islice(found, 100)):
        yield batch


def _drain() -> None:
    """Let the log's thread catch up."""
    (handler,) = (h for h in logging.getLogger().handlers if isinstance(h, logs._Handover))
    while not handler._waiting.empty():
        pass


def record(message: str, level: int = logging.WARNING) -> logging.LogRecord:
    made = logging.LogRecord("monitor_app.ingest", level, "", 0, message, None, None)
    made.message = message
    return made


def said(records: Iterator[logging.LogRecord]) -> list[str]:
    return [str(found.msg) for found in records]


def test_the_same_message_is_written_once_a_minute() -> None:
    """A device that is refused each second all night: a line a minute, with how often; another room is another line."""
    repeats = logs.Repeats()
    lines: list[str] = []
    for second in range(8 * 3600):
        lines += said(repeats.take(record(f"Room 101: device refused with 4400: sample {second} goes back"), second))
        lines += said(repeats.due(second))
    assert lines[0] == "Room 101: device refused with 4400: sample 0 goes back"
    assert lines[1] == "Room 101: device refused with 4400: sample 60 goes back (the same message, 60 times)"
    assert len(lines) == 8 * 60
    assert said(repeats.take(record("Room 102: device refused with 4400: sample 7 goes back"), 29_000)) != []
    assert said(repeats.take(record("Room 101: no hello"), 29_000)) == ["Room 101: no hello"]
    assert said(repeats.due(40_000)) == [
        "Room 101: device refused with 4400: sample 28799 goes back (the same message, 59 times)"
    ]
    assert said(repeats.due(50_000)) == []
    assert said(repeats.take(record("Room 101: no hello"), 50_001)) == ["Room 101: no hello"], "after a quiet minute"


def test_what_is_remembered_of_messages_is_bounded() -> None:
    repeats = logs.Repeats()
    for word in itertools.islice(words(), 5000):
        assert len(said(repeats.take(record(word), 0.0))) == 1
    assert len(repeats._known) == logs.MOST_KNOWN
    list(repeats.take(record("jjjjj"), 0.0))
    list(repeats.take(record("jjjjj"), 0.0))
    assert said(repeats.rest()) == ["jjjjj (the same message, 1 times)"]


def test_a_log_that_nobody_reads_holds_up_nobody() -> None:
    """Standard error on a pipe that is full and not read: the server goes on, and it can end."""
    with subprocess.Popen(
        [sys.executable, "-c", MAIN], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "done\n"
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()


def test_a_full_disk_stops_no_server(tmp_path: Path) -> None:
    """Logging to a full disk: the server starts, serves and ends; standard error says it once."""
    with LiveServer(tmp_path / "data", MONITOR_LOG_FILE="/dev/full", MONITOR_LOG_LEVEL="DEBUG") as server:
        for _ in range(20):
            assert server.get("/nothing")[0] == 404
        assert server.get("/health")[0] == 200
        server.stop()
        assert server.process is not None
        assert server.process.returncode == 0
        assert server.log.count("The log file /dev/full cannot be written: [Errno 28]") == 1
        assert "404 GET /nothing" in server.log
        assert server.log.count("404 GET /nothing") < 5, "the same message is not written each time"


def test_a_log_file_that_cannot_be_opened_is_told_of_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "monitor_app.cli", "serve", "--port", "0", "--data", str(tmp_path / "data")]
    environment = {"MONITOR_LOG_FILE": str(tmp_path / "file" / "log"), "PATH": ""}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"monitor: MONITOR_LOG_FILE is {tmp_path / 'file' / 'log'}, which cannot be written")


def test_an_error_keeps_its_traceback(tmp_path: Path, log: logging.Logger) -> None:
    with logs.writing(settings(tmp_path / "log")):
        for _ in range(3):
            try:
                raise ZeroDivisionError("by nothing")
            except ZeroDivisionError:
                log.exception("Room %s failed", 7)
    text = (tmp_path / "log").read_text()
    assert text.count("Traceback") == 1
    assert text.count("ZeroDivisionError: by nothing") == 1
    assert text.rstrip().endswith("Room 7 failed (the same message, 2 times)")


def test_another_error_under_the_same_words_is_news(tmp_path: Path, log: logging.Logger) -> None:
    """A fault must not hide behind one that came a moment before it."""
    with logs.writing(settings(tmp_path / "log")):
        for divisor in (0, "", 0):
            try:
                1 / divisor  # type: ignore[operator]
            except (ZeroDivisionError, TypeError):
                log.exception("A push to the wall failed")
    text = (tmp_path / "log").read_text()
    assert text.count("ZeroDivisionError: ") == 1
    assert text.count("TypeError: ") == 1
    assert text.rstrip().endswith("A push to the wall failed (the same message, 1 times)")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Room 101: device refused with 4409", "Room 101: device refused with 4400"),
        ("500 GET /room?room=101 (127.0.0.1) 12.5ms", "500 GET /room?room=102 (127.0.0.1) 1.5ms"),
    ],
)
def test_another_room_or_reason_is_another_message(tmp_path: Path, log: logging.Logger, one: str, other: str) -> None:
    """Only what counts up is taken for a repetition."""
    with logs.writing(settings(tmp_path / "log")):
        for text in (one, other, one):
            log.warning(text)
    written = (tmp_path / "log").read_text()
    assert other in written
    assert written.rstrip().endswith(f"{one} (the same message, 1 times)")


def test_a_message_is_no_longer_than_a_page(tmp_path: Path, log: logging.Logger) -> None:
    """What somebody sends to be repeated in the log must not push everything else out of the files."""
    with logs.writing(settings(tmp_path / "log")):
        log.error("Unhandled: %r, the end", "x" * 3_000_000)
    text = (tmp_path / "log").read_text()
    assert len(text) < 2 * logs.MOST_CHARACTERS
    assert text.rstrip().endswith("the end")


def test_what_bokeh_says_of_a_page_goes_the_same_way(tmp_path: Path) -> None:
    """Bokeh has a handler of its own, which would hold up the event loop where nobody reads, and leave the file out."""
    with LiveServer(tmp_path / "data", MONITOR_LOG_FILE=str(tmp_path / "log")) as server:

        async def send_nonsense() -> None:
            for _ in range(20):
                page = BokehPage(server.url, "/wall")
                await page.open()
                page._say("PATCH-DOC", {"events": [{"kind": "ModelChanged", "model": {"id": "none"}, "attr": "x"}]})
                await asyncio.sleep(0.05)
                page.leave()

        asyncio.run(send_nonsense())
        server.stop()
        assert "can't resolve reference 'none'" in (tmp_path / "log").read_text()
        assert "ERROR bokeh.server" in server.log
        assert "ERROR:bokeh" not in server.log
        assert server.log.count("Traceback") < 10, "the same message is not written each time"


def test_no_patient_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Names stay in the store: what is logged names rooms, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)

    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 4711, "Ada Lovelace")
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 60)
        await ward.streams.stored(trace)
        with pytest.raises(StreamRefused):
            await ward.streams.open(102, spec("s"), Link())
        ward.device_answered(room, "unknown", refusal="no")

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        trace.detector.update = fail  # type: ignore[method-assign, assignment]
        feed_breathing(ward, room, trace, 1)

    in_ward(tmp_path, story)
    in_ward(tmp_path, _nothing)
    assert "the detector failed" in caplog.text
    assert "stay resumed" in caplog.text
    assert "Lovelace" not in caplog.text
    assert "4711" not in caplog.text


async def _nothing(ward: Ward, clock: Clock) -> None:
    """A restart."""


def test_what_a_device_says_cannot_forge_lines(tmp_path: Path) -> None:
    """A device's words are in the log as one line each."""
    with LiveServer(tmp_path / "data") as server:

        async def connect() -> None:
            async with RawDevice(server.url, 101) as device:
                await device.say(json.dumps({"type": "hello\n2026-01-01 ERROR forged"}))
                await device.hear_type("error")

        asyncio.run(connect())
        server.stop()
        assert "device refused with 4400" in server.log
        assert not any(line.startswith("2026-01-01 ERROR forged") for line in server.log.splitlines())
