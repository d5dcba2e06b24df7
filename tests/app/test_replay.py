"""`./monitor replay` against the contract's server side (F48; DESIGN.md, Contract: Command)."""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cpap_core.readers.errors import RecordingError
from cpap_core.types import Recording
from monitor_app.bedside import replay
from tests.app.contract_server import ContractServer, contract_server


def recording(n: int = 2000, pauses: tuple[tuple[int, int], ...] = (), rate_hz: float = 25.0) -> Recording:
    flow = np.arange(n, dtype=np.float32)
    pressure = np.full(n, 8.25, np.float32)
    for first, stop in pauses:
        flow[first:stop] = pressure[first:stop] = math.nan
    return Recording(flow, pressure, rate_hz, 5000.0, n / rate_hz, 0.0, name="night", has_date=True)


@pytest.fixture
def server() -> Iterator[ContractServer]:
    """A server in a thread of its own, since the command runs its own event loop."""
    started, stopped = threading.Event(), threading.Event()
    found: list[ContractServer] = []

    async def main() -> None:
        async with contract_server() as running:
            found.append(running)
            started.set()
            await asyncio.to_thread(stopped.wait)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    started.wait(5)
    yield found[0]
    stopped.set()
    thread.join(5)


@pytest.fixture
def command(server: ContractServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command on a recording as the shell would."""

    def run(night: Recording | Exception, *options: str) -> int:
        def read(path: Path) -> Recording:
            if isinstance(night, Exception):
                raise night
            return night

        monkeypatch.setattr(replay, "read_recording", read)
        parser = argparse.ArgumentParser()
        replay.add_arguments(parser)
        return replay.run(parser.parse_args(["night.edf", "--room", "101", "--server", server.url, *options]))

    return run


def only_stream(server: ContractServer) -> str:
    (stream,) = server.stored
    return stream


def test_at_speed_0_everything_arrives_exactly_and_the_code_is_0(
    command: Callable[..., int], server: ContractServer, capsys: pytest.CaptureFixture[str]
) -> None:
    night = recording(100_000)
    assert command(night, "--speed", "0") == 0
    stream = only_stream(server)
    np.testing.assert_array_equal(server.values(stream)[:, 0], night.flow_lpm)
    np.testing.assert_array_equal(server.values(stream)[:, 1], night.airway_pressure_cmh2o)
    assert server.ended == [stream]
    assert max(server.frame_sizes) > 50_000
    assert "All 100,000 samples (1:06:40) are on the server's disk." in capsys.readouterr().out


def test_long_pauses_are_jumps_and_short_ones_nan(command: Callable[..., int], server: ContractServer) -> None:
    night = recording(5000, pauses=((100, 120), (1000, 4000), (4800, 5000)))
    assert command(night, "--speed", "0", "--room", "7") == 0
    stored = server.stored[only_stream(server)]
    assert sorted(stored) == [*range(1000), *range(4000, 5000)]
    assert all(math.isnan(stored[i][0]) for i in range(100, 120))


def test_a_long_pause_at_the_end_is_not_sent_nor_any_at_the_beginning() -> None:
    values = np.ones((1000, 2), np.float32)
    values[:300, 0] = values[700:] = math.nan
    assert list(replay.signal_stretches(values, 250)) == [(300, 700)]
    assert list(replay.signal_stretches(values, 301)) == [(300, 1000)]


def test_faster_than_time_it_sends_small_frames_on_time(command: Callable[..., int], server: ContractServer) -> None:
    start = time.monotonic()
    assert command(recording(500), "--speed", "20") == 0
    assert 1.0 <= time.monotonic() - start < 2.0
    assert len(server.frame_sizes) >= 5
    assert max(server.frame_sizes) == 12 + 50 * 8


def test_each_run_is_a_new_stream_unless_one_is_named(command: Callable[..., int], server: ContractServer) -> None:
    for _ in range(2):
        assert command(recording(50), "--speed", "0") == 0
    assert len(server.stored) == 2
    for _ in range(2):
        assert command(recording(50), "--speed", "0", "--stream-id", "again") == 0
    assert len(server.stored["again"]) == 50
    assert server.duplicates == 0


def test_its_start_is_now_or_the_recordings(command: Callable[..., int], server: ContractServer) -> None:
    before = time.time()
    command(recording(50), "--speed", "0")
    command(recording(50), "--speed", "0", "--recorded-time")
    assert before <= server.hellos[0]["start_time"] <= time.time()
    assert server.hellos[1]["start_time"] == 5000.0


def test_a_recording_without_pressure_has_one_channel(command: Callable[..., int], server: ContractServer) -> None:
    night = Recording(np.ones(50, np.float32), None, 25.0, 0.0, 2.0, 0.0)
    assert command(night, "--speed", "0") == 0
    assert server.hellos[0]["channels"] == [{"name": "flow", "unit": "L/min"}]


def test_it_outlives_lost_connections(command: Callable[..., int], server: ContractServer) -> None:
    night = recording(3000)
    threading.Timer(0.5, server.loop.call_soon_threadsafe, (server.kill_connections,)).start()
    assert command(night, "--speed", "100") == 0
    assert len(server.hellos) == 2
    np.testing.assert_array_equal(server.values(only_stream(server))[:, 0], night.flow_lpm)


def test_ctrl_c_says_what_is_stored_and_how_to_go_on(
    command: Callable[..., int], server: ContractServer, capsys: pytest.CaptureFixture[str]
) -> None:
    # Shells start what runs in their background with Ctrl-C ignored, this test perhaps among it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.6, os.kill, (os.getpid(), signal.SIGINT)).start()
        assert command(recording(2500)) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    stored = server.next_sample[only_stream(server)]
    assert 0 < stored < 2500
    said = capsys.readouterr().out
    assert f"The server's disk has the first {stored:,} of 2,500 samples" in said
    assert f"--stream-id {only_stream(server)}" in said
    assert command(recording(2500), "--speed", "0", "--stream-id", only_stream(server)) == 0
    assert len(server.stored[only_stream(server)]) == 2500


@pytest.mark.parametrize(
    ("night", "line"),
    [
        (RecordingError("night.edf: no flow channel"), "monitor replay: night.edf: no flow channel"),
        (FileNotFoundError(2, "No such file or directory", "x"), "monitor replay: [Errno 2]"),
        (recording(100, pauses=((0, 100),)), "monitor replay: night has no sample of flow to send"),
        (recording(0), "monitor replay: night has no sample of flow to send"),
    ],
)
def test_what_cannot_be_sent_is_said_in_one_line(
    night: Recording | Exception, line: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(night) == 2
    said = capsys.readouterr().err
    assert said.startswith(line)
    assert said.count("\n") == 1


def test_a_refusal_is_said_in_one_line(
    command: Callable[..., int], server: ContractServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.refuse, server.refuse_times = (4401, "no permission"), 9
    assert command(recording(50)) == 1
    assert capsys.readouterr().err.strip() == (
        "monitor replay: Room 101: the server does not permit this device: no permission"
    )


@pytest.mark.parametrize("speed", ["-1", "601", "nan", "fast"])
def test_a_speed_is_0_or_up_to_600(speed: str, command: Callable[..., int]) -> None:
    with pytest.raises(SystemExit):
        command(recording(50), "--speed", speed)
