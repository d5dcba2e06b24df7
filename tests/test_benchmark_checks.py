"""What the benchmarks hold the server to: every sample of every page once, in order and right; and honest figures."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np
import pytest

from benchmarks import devices
from benchmarks.bokeh_client import PageClient
from benchmarks.continuity import Continuity
from benchmarks.crowd import ClientLoad
from benchmarks.figures import Requirements
from benchmarks.websocket import LoadSocket
from monitor_app.push import wire
from monitor_app.push.packing import pack

ROOM = devices.FIRST_ROOM
WALL = devices.shown_on("/wall")


def a_push(
    kind: str, pulse: int, first: int, n: int, *, epoch: int = 1, removed: tuple[int, ...] = ()
) -> dict[str, Any]:
    waves = [[ROOM, epoch, first, 0.0, packed(devices.shown_samples(ROOM, first, n)[0]), ""]]
    return {"kind": kind, "pulse": pulse, "newest_sample_time": 0.0, "waves": waves, "removed": list(removed)}


def packed(values: list[int]) -> str:
    return pack(np.array(values, float), 1)


def faults_of(*pushes: dict[str, Any]) -> dict[str, int]:
    continuity = Continuity(WALL)
    for one in pushes:
        continuity.take(one)
    return dict(continuity.faults)


SNAPSHOT = a_push("snapshot", 1, 0, 10)


@pytest.mark.parametrize(
    ("pushes", "faults"),
    [
        ([SNAPSHOT, a_push("delta", 2, 10, 5), a_push("delta", 3, 15, 5)], {}),
        ([SNAPSHOT, a_push("delta", 2, 12, 5)], {"gaps": 2}),
        ([SNAPSHOT, a_push("delta", 2, 7, 5)], {"doubles": 3}),
        ([SNAPSHOT, a_push("delta", 3, 10, 5)], {"pulses": 1}),
        ([a_push("delta", 1, 0, 5)], {"orphans": 1}),
        ([SNAPSHOT, a_push("snapshot", 7, 5, 10)], {}),
        ([SNAPSHOT, a_push("snapshot", 2, 0, 8)], {"doubles": 2}),
        ([SNAPSHOT, a_push("snapshot", 2, 12, 5)], {"gaps": 2}),
        ([SNAPSHOT, a_push("delta", 2, 0, 5, epoch=2)], {}),
        ([SNAPSHOT, a_push("delta", 2, 10, 0, removed=(ROOM,)), a_push("delta", 3, 0, 5, epoch=2)], {}),
    ],
    ids=["whole", "gap", "double", "lost push", "no snapshot", "overlap", "backward", "late", "new trace", "removed"],
)
def test_every_sample_must_come_once_and_in_order(pushes: list[dict[str, Any]], faults: dict[str, int]) -> None:
    assert faults_of(*pushes) == faults


def test_a_sample_of_another_room_is_wrong() -> None:
    wrong = a_push("delta", 2, 10, 25)
    wrong["waves"][0][4] = packed(devices.shown_samples(ROOM + 1, 10, 25)[0])
    assert faults_of(SNAPSHOT, wrong)["wrong"] > 15


def test_a_pressure_that_is_missing_or_another_is_wrong() -> None:
    """A room page has two channels, and both are checked."""
    flow, pressure = devices.shown_samples(ROOM, 0, 10)
    for shown, wrong in ((pressure, 0), ([], 10), ([*pressure[:-1], pressure[-1] + 1], 1)):
        continuity = Continuity(devices.shown_on("/room"))
        continuity.take({**SNAPSHOT, "waves": [[ROOM, 1, 0, 0.0, packed(flow), packed(shown)]]})
        assert continuity.faults["wrong"] == wrong


@pytest.mark.parametrize(("rate_hz", "stride"), [(25.0, 1), (100.0, 4)])
def test_a_fast_devices_samples_are_checked_as_the_means_that_the_wall_shows(rate_hz: float, stride: int) -> None:
    flow, pressure = devices.shown_samples(ROOM, 50, 20, rate_hz=rate_hz)
    sent = devices.samples(ROOM, 50 * stride, 20 * stride, rate_hz).astype(float).reshape(20, stride, 2).mean(axis=1)
    assert flow == np.rint(10 * sent[:, 0]).tolist()
    assert pressure == np.rint(100 * sent[:, 1]).tolist()


def as_sent(push: dict[str, Any]) -> bytes:
    """The three frames of a push, as the server writes them."""
    return wire.message("breathwatch-live", {name: [value] for name, value in push.items()}, push["pulse"])


def replayed(pages: int, *reads: bytes) -> list[PageClient]:
    """Pages of the wall in step that hear the same reads."""
    source = {"id": "breathwatch-live", "attributes": {"name": "breathwatch-live"}}

    async def story() -> list[PageClient]:
        crowd = [PageClient("http://127.0.0.1", "/wall", expected=WALL) for _ in range(pages)]
        for page in crowd:
            page._document({"doc": {"roots": [source]}})
            page._pulled.set()
            page.measuring = True
            socket = LoadSocket(page._take, page._take_read)
            socket.upgraded.set_result(None)
            for read in reads:
                socket.data_received(read)
        return crowd

    return asyncio.run(story())


WRONG = a_push("delta", 2, 10, 5)
WRONG["waves"][0][4] = packed([*devices.shown_samples(ROOM, 10, 4)[0], 999])


@pytest.mark.parametrize(
    ("second", "faults"),
    [
        (a_push("delta", 2, 10, 5), {}),
        (a_push("delta", 2, 11, 5), {"gaps": 1}),
        (a_push("delta", 2, 9, 5), {"doubles": 1}),
        (a_push("delta", 3, 10, 5), {"pulses": 1}),
        (WRONG, {"wrong": 1}),
    ],
    ids=["whole", "lost", "doubled", "push lost", "wrong"],
)
@pytest.mark.parametrize("cut", [0, 1, 40, 200], ids=["one read", "cut 1", "cut 40", "cut 200"])
def test_each_page_in_step_is_judged_however_its_bytes_come(
    second: dict[str, Any], faults: dict[str, int], cut: int
) -> None:
    """The same bytes are read once for all pages, and every page answers for them."""
    third = a_push("delta", second["pulse"] + 1, second["waves"][0][2] + 5, 5)
    reads = [as_sent(SNAPSHOT), *([as_sent(second)] if not cut else [as_sent(second)[:cut], as_sent(second)[cut:]])]
    for page in replayed(3, *reads, as_sent(third)):
        assert dict(page.continuity.faults) == faults
        assert page.pushes == 3


def test_a_page_out_of_step_is_not_judged_like_the_others() -> None:
    """The same bytes are whole for a page that had what came before, and not for one that missed it."""
    pushes = [as_sent(push) for push in (SNAPSHOT, a_push("delta", 2, 10, 5), a_push("delta", 3, 15, 5))]
    (whole,), (lacking,) = replayed(1, *pushes), replayed(1, pushes[0], pushes[2])
    assert not whole.continuity.faults
    assert lacking.continuity.faults == {"pulses": 1, "gaps": 5}
    (two_at_once,) = replayed(1, pushes[0], pushes[1] + pushes[2])
    assert not two_at_once.continuity.faults
    assert two_at_once.continuity.position is whole.continuity.position


@pytest.mark.parametrize(
    ("busy_s", "measured_s", "warned"), [(0.0, 10.0, False), (0.05, 0.1, True)], ids=["idle", "busy"]
)
def test_a_client_that_is_the_bottleneck_says_so(
    busy_s: float, measured_s: float, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own lateness is held against the latencies that it measured."""

    async def story() -> None:
        client = ClientLoad()
        for _ in range(10):
            time.sleep(busy_s)  # noqa: ASYNC251
            await asyncio.sleep(0.02)
        client.stop().show([measured_s])

    asyncio.run(story())
    assert ("THE CLIENT ITSELF IS A BOTTLENECK" in capsys.readouterr().out) == warned


def test_a_figure_beyond_its_bound_or_none_at_all_fails_the_bench(capsys: pytest.CaptureFixture[str]) -> None:
    required = Requirements()
    required.at_most("p99", 99.0, 100.0, "ms")
    required.at_least("times below", 250.0, 250.0)
    assert required.exit_code == 0
    required.at_most("p99", 101.0, 100.0, "ms")
    required.at_most("nothing", float("nan"), 100.0, "ms")
    required.at_least("times below", 249.0, 250.0)
    assert (required.exit_code, required.missed) == (1, ["p99", "nothing", "times below"])
    assert capsys.readouterr().out.count("NOT MET") == 3
