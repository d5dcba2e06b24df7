"""F8, F11, F12, F14: recordings on their way through the desk, and the process that reads them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from monitor_app.analysis import AnalysisFailed, Analyst
from monitor_app.entry import SAMPLES, Desk, Loading
from monitor_app.entry.desk import is_wanted_kind, shown_name, too_large

CALM = SAMPLES["calm"].path
STUBBORN = """
import json, os, sys, time
for line in sys.stdin:
    path = json.loads(line)["path"]
    if "crash" in path: os.kill(os.getpid(), 9)
    if "hang" in path: time.sleep(60)
    if "babble" in path: print("no JSON", flush=True)
    else: print(json.dumps({"breaths": 1, "pid": os.getpid(), "leaves": "grow" in path}), flush=True)
"""


class CountingAnalyst:
    """Stands for the process: says how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def analyze(self, path: Path, name: str) -> dict[str, Any]:
        """Count."""
        self.asked.append(name)
        await self.go_on.wait()
        if path.read_text() == "bad":  # noqa: ASYNC240
            raise AnalysisFailed(f"{name}: no good")
        return {"breaths": len(self.asked), "name": name}

    async def close(self) -> None:
        """Nothing to end."""


def at_desk(folder: Path, story: Callable[[Desk, CountingAnalyst], Awaitable[None]]) -> None:
    """Run a story at a desk of its own; nothing lies on it afterwards."""

    async def run() -> None:
        analyst = CountingAnalyst()
        desk = Desk(folder / "uploads", analyst, 1 << 20)  # type: ignore[arg-type]
        await story(desk, analyst)
        await desk.close()
        assert list(desk.folder.iterdir()) == []

    asyncio.run(run())


def put(desk: Desk, name: str, content: str) -> tuple[Path, str]:
    """A file as an upload leaves it, and its digest."""
    path = desk.folder / name
    path.write_text(content)
    return path, hashlib.sha256(content.encode()).hexdigest()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):  # a busy machine
        while not condition():  # noqa: ASYNC110  # the desk tells nobody that a file is gone
            await asyncio.sleep(0.01)


@pytest.mark.holds("F8.3")
def test_the_same_recording_is_analysed_once_and_the_form_hears_that_it_had_it(tmp_path: Path) -> None:
    async def story(desk: Desk, analyst: CountingAnalyst) -> None:
        told: list[Loading] = []
        sheet = desk.open(told.append)
        for name in ("one.txt", "copy of one.txt"):
            path, digest = put(desk, name, "same")
            desk.load(sheet, path, name, digest)
            await until(lambda: told and told[-1].phase == "loaded")
            await until(lambda path=path: not path.exists())
            told.append(Loading("seen", ""))
        loaded = [loading for loading in told if loading.phase == "loaded"]
        assert [loading.again for loading in loaded] == [False, True]
        assert [loading.result["name"] for loading in loaded if loading.result] == ["one.txt", "copy of one.txt"]
        assert analyst.asked == ["one.txt"]

    at_desk(tmp_path, story)


@pytest.mark.holds("F8.3", "F15.1")
def test_another_form_gets_the_result_but_did_not_have_it(tmp_path: Path) -> None:
    async def story(desk: Desk, analyst: CountingAnalyst) -> None:
        for _ in range(2):
            told: list[Loading] = []
            sheet = desk.open(told.append)
            desk.load(sheet, *(put(desk, "a.txt", "same")[0], "a.txt", put(desk, "a.txt", "same")[1]))
            await until(lambda told=told: told and told[-1].phase == "loaded")
            assert not told[-1].again
        assert len(analyst.asked) == 1

    at_desk(tmp_path, story)


@pytest.mark.holds("F11.2", "F14.2")
def test_what_is_under_way_for_a_form_that_was_reset_comes_to_nothing(tmp_path: Path) -> None:
    async def story(desk: Desk, analyst: CountingAnalyst) -> None:
        told: list[Loading] = []
        sheet = desk.open(told.append)
        analyst.go_on.clear()
        path, digest = put(desk, "a.txt", "slow")
        desk.load(sheet, path, "a.txt", digest)
        await until(lambda: analyst.asked)
        desk.leave(sheet)
        analyst.go_on.set()
        await until(lambda: not path.exists())
        assert [loading.phase for loading in told] == ["analysing"]
        assert sheet.task is not None
        assert sheet.task.cancelled()
        assert desk.sheet(sheet.secret) is None
        path, digest = put(desk, "b.txt", "at once")
        desk.load(sheet, path, "b.txt", digest)
        desk.leave(sheet)
        await until(lambda: not path.exists())

    at_desk(tmp_path, story)


@pytest.mark.holds("F14.1", "F14.2")
def test_an_analysis_that_fails_is_told_in_words_and_leaves_nothing(tmp_path: Path) -> None:
    async def story(desk: Desk, _analyst: CountingAnalyst) -> None:
        told: list[Loading] = []
        sheet = desk.open(told.append)
        path, digest = put(desk, "a.txt", "bad")
        desk.load(sheet, path, "a.txt", digest)
        await until(lambda: told and told[-1].phase == "failed")
        assert told[-1].message == "a.txt: no good"
        await until(lambda: not path.exists())

    at_desk(tmp_path, story)


@pytest.mark.holds("F14.2")
def test_what_a_crash_left_behind_goes_when_the_server_starts(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / "tmpleft").write_text("a patient's recording")

    async def story(desk: Desk, _analyst: CountingAnalyst) -> None:
        assert list(desk.folder.iterdir()) == []

    at_desk(tmp_path, story)


@pytest.mark.holds("F8.2")
def test_the_samples_ship_and_are_what_the_list_says(tmp_path: Path) -> None:
    async def story() -> None:
        desk = Desk(tmp_path / "uploads", Analyst(), 1 << 20)
        found: dict[str, dict[str, Any]] = {}
        for key in SAMPLES:
            told: list[Loading] = []
            await desk.load_sample(desk.open(told.append), key)
            await until(lambda told=told: told and told[-1].phase != "analysing")
            assert told[-1].result is not None, told[-1].message
            found[key] = told[-1].result
        assert found["calm"]["apnea_count"] == 0
        assert 20 < found["calm"]["breaths"] < 40
        assert found["apneas"]["apnea_count"] == 3
        assert found["bad-rows"]["rejected_count"] == 5
        assert [line for line, _reason in found["bad-rows"]["rejected_rows"]] == [702, 1502, 1503, 2602, 3302]
        assert found["leaky"]["leakage_l"] > 10 * found["calm"]["leakage_l"]
        assert all(sample.path.stat().st_size < 400_000 for sample in SAMPLES.values())
        await desk.close()

    asyncio.run(story())


@pytest.mark.holds("F8.2")
def test_the_samples_can_be_made_again(tmp_path: Path) -> None:
    from cpap_core.simulate.recordings import main

    main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {sample.path.name for sample in SAMPLES.values()}
    for sample in SAMPLES.values():
        assert (tmp_path / sample.path.name).read_bytes() == sample.path.read_bytes()


@pytest.fixture
def stubborn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A process that crashes, hangs or babbles at a file of that name."""
    (tmp_path / "stubborn_worker.py").write_text(STUBBORN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return "stubborn_worker"


@pytest.mark.holds("F14.1")
def test_a_process_that_crashes_hangs_or_babbles_is_replaced(stubborn: str) -> None:
    async def story() -> None:
        analyst = Analyst(module=stubborn, limit_s=1.0)
        first = await analyst.analyze(Path("good"), "good")
        assert (await analyst.analyze(Path("good"), "good"))["pid"] == first["pid"]
        for path, words in (
            ("crash", "the analysis of this recording failed"),
            ("hang", "took longer than 1 s"),
            ("babble", "the analysis of this recording failed"),
        ):
            with pytest.raises(AnalysisFailed, match=rf"^my\.txt: .*{words}"):
                await analyst.analyze(Path(path), "my.txt")
            assert (await analyst.analyze(Path("good"), "good"))["breaths"] == 1
        grown = (await analyst.analyze(Path("grow"), "good"))["pid"]
        assert (await analyst.analyze(Path("good"), "good"))["pid"] != grown
        task = asyncio.create_task(analyst.analyze(Path("hang"), "left"))
        await asyncio.sleep(0.1)
        task.cancel()
        assert (await analyst.analyze(Path("good"), "good"))["breaths"] == 1
        pid = analyst.pid
        await analyst.close()
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    asyncio.run(story())


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_the_process_yields_to_the_live_path_and_ends_with_the_server() -> None:
    async def story() -> None:
        analyst = Analyst()
        result = await analyst.analyze(CALM, "calm.txt")
        assert result["picture"]
        assert analyst.pid is not None
        assert os.getpriority(os.PRIO_PROCESS, analyst.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
        process = analyst._process
        assert process is not None
        os.kill(analyst.pid, signal.SIGINT)  # a Ctrl-C goes to all of a terminal's processes
        assert (await analyst.analyze(CALM, "calm.txt"))["breaths"] == result["breaths"]
        assert process.stdin is not None
        process.stdin.close()  # as when the server is killed
        async with asyncio.timeout(30):  # a busy machine
            await process.wait()
        await analyst.close()

    asyncio.run(story())


@pytest.mark.holds("F13.1", "F14.1")
@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\nights\\one.txt", "one.txt"),
        ("a\x00b\nc\u202e.txt", "abc.txt"),
        ("", "recording"),
        ("/", "recording"),
        ("<script>.txt", "<script>.txt"),
    ],
)
def test_only_the_base_name_of_a_file_is_shown(given: str, shown: str) -> None:
    assert shown_name(given) == shown
    assert len(shown_name("x" * 5000 + ".txt")) <= 120
    assert shown_name("x" * 5000 + ".txt").endswith(".txt")


@pytest.mark.holds("F8.1")
def test_the_kinds_of_files() -> None:
    assert all(is_wanted_kind(name) for name in ("a.txt", "b.CSV", "night.Edf"))
    assert not any(is_wanted_kind(name) for name in ("a.png", "txt", "a.txt.exe", ""))


@pytest.mark.holds("F12.2")
def test_too_large_names_both_sizes() -> None:
    assert too_large("a.txt", 101 << 20, 100 << 20).startswith(
        "a.txt has 101.0 MB; a recording may have 100 MB at most"
    )
