"""`./monitor replay`: a bedside device that streams a recording into a running server (F48)."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cpap_core.readers import read_recording
from cpap_core.types import Recording
from monitor_app.bedside.device import FLOW_AND_PRESSURE, BedsideDevice
from monitor_app.bedside.link import LinkRefusedError

DEFAULT_SERVER = "http://127.0.0.1:5006"
HIGHEST_SPEED = 600.0

_FRAME_S = 0.1
"""Between two frames, whatever the speed: well inside the contract's 0.5 s."""
_PAUSE_S = 10.0
"""From this length on a stretch without any signal is a jump of the index instead of NaN samples."""
_LARGE_FRAME = 8_192
_FULL_SPEED_WINDOW = 16 * _LARGE_FRAME
"""Unacknowledged samples at speed 0: enough to keep a server busy, little enough that its pongs come in time."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("path", type=Path, metavar="PATH", help="a recording, or the folder of a ResMed night")
    parser.add_argument("--room", type=int, required=True, metavar="R", help="the room to stream into")
    parser.add_argument(
        "--server",
        default=os.environ.get("MONITOR_URL", DEFAULT_SERVER),
        metavar="URL",
        help="address of the server (default: MONITOR_URL, else %(default)s)",
    )
    parser.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="X",
        help="times real time; 1 is real time (default), 0 as fast as the server acknowledges",
    )
    parser.add_argument("--stream-id", metavar="ID", help="go on with this stream instead of beginning a new one")
    parser.add_argument(
        "--recorded-time", action="store_true", help="keep the recording's own date instead of beginning now"
    )


def run(args: argparse.Namespace) -> int:
    """Stream the recording; 0 only when the server has acknowledged every sample.

    Each run is a new stream unless `--stream-id` names one. A second replay of a file is a second night: were its
    stream named after the file, a server that knows the file would acknowledge all of it at once and show nothing.
    An interrupted run prints the option with which it goes on where it stopped.
    """
    try:
        recording = read_recording(args.path)
        replay = Replay(
            recording,
            server=args.server,
            room=args.room,
            speed=args.speed,
            stream_id=args.stream_id,
            start_time=recording.start_time if args.recorded_time and recording.has_date else time.time(),
            token=os.environ.get("MONITOR_TOKEN"),
        )
    except (OSError, ValueError) as error:
        print(f"monitor replay: {error}", file=sys.stderr)
        return 2
    try:
        asyncio.run(replay.run())
    except LinkRefusedError as error:
        print(f"\nmonitor replay: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nStopped. {replay.state()} Go on with --stream-id {replay.stream_id}")
        return 130
    print(f"\nFinished. {replay.state()}")
    return 0 if replay.complete else 1


class Replay:
    """One recording on its way into one room.

    Parameters
    ----------
    recording : Recording
        What is streamed: flow in L/min and, where there is one, airway pressure in cmH2O, exactly as they are.
    server, room, stream_id, start_time, token
        As for `BedsideDevice`; without a `stream_id` a new one is made.
    speed : float
        Times real time; 0 is as fast as the server acknowledges.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        server: str,
        room: int,
        speed: float = 1.0,
        stream_id: str | None = None,
        start_time: float | None = None,
        token: str | None = None,
    ) -> None:
        self.recording = recording
        self.room = room
        self.speed = speed
        self.stream_id = stream_id or f"replay-{uuid.uuid4().hex[:12]}"
        channels = [recording.flow_lpm]
        if recording.airway_pressure_cmh2o is not None:
            channels.append(recording.airway_pressure_cmh2o)
        self._values = np.column_stack(channels).astype(np.float32, copy=False)
        self._rate_hz = recording.sampling_rate_hz
        self._stretches = list(signal_stretches(self._values, max(1, round(_PAUSE_S * self._rate_hz))))
        if not self._stretches:
            raise ValueError(f"{recording.name or 'The recording'} has no sample of flow to send")
        self._end = self._stretches[-1][1]
        # A file can wait, so a full buffer holds the replay up where a sensor's would lose samples.
        self._window = max(_FULL_SPEED_WINDOW, round(8 * 3600 * self._rate_hz)) if speed else _FULL_SPEED_WINDOW
        self._device = BedsideDevice(
            server,
            room,
            stream_id=self.stream_id,
            sampling_rate_hz=self._rate_hz,
            start_time=time.time() if start_time is None else start_time,
            channels=FLOW_AND_PRESSURE[: len(channels)],
            device_name=f"replay of {recording.name}" if recording.name else "replay",
            token=token,
            capacity=self._window,
            set_pressure=self._take_pressure,
        )

    @property
    def complete(self) -> bool:
        """Whether every sample is on the server's disk."""
        return self._device.acknowledged >= self._end and not self._device.dropped

    def state(self) -> str:
        """What the server has, in words."""
        stored = min(self._device.acknowledged, self._end)
        if self.complete:
            return f"All {self._end:,} samples ({_clock(self._end / self._rate_hz)}) are on the server's disk."
        return (
            f"The server's disk has the first {stored:,} of {self._end:,} samples "
            f"({_clock(stored / self._rate_hz)} of {_clock(self._end / self._rate_hz)})."
        )

    async def run(self) -> None:
        """Stream until the server has everything; raise LinkRefusedError when it will not have it."""
        link = asyncio.create_task(self._device.run())
        helpers = [asyncio.create_task(self._feed()), asyncio.create_task(self._report())]
        try:
            await asyncio.wait([link, helpers[0]], return_when=asyncio.FIRST_EXCEPTION)
            if helpers[0].done():
                helpers[0].result()
            await link
        finally:
            for task in (link, *helpers):
                task.cancel()
            await asyncio.gather(link, *helpers, return_exceptions=True)

    async def _feed(self) -> None:
        begin = min(await self._device.welcome(), self._end)
        start = time.monotonic()
        samples_per_s = self.speed * self._rate_hz
        step = min(max(1, round(samples_per_s * _FRAME_S)), _LARGE_FRAME) if self.speed else _LARGE_FRAME
        for first, stop in self._stretches:
            for position in range(max(first, begin), stop, step):
                end = min(position + step, stop)
                if self.speed:
                    await asyncio.sleep(start + (end - begin) / samples_per_s - time.monotonic())
                await self._device.backlog_at_most(self._window - (end - position))
                self._device.send(position, self._values[position:end])
        await self._device.finish()

    async def _report(self) -> None:
        """One line that is written over in a terminal; elsewhere a line for every ten seconds."""
        terminal = sys.stdout.isatty()
        while True:
            await asyncio.sleep(0.5 if terminal else 10)
            line = f"Room {self.room}: {self._progress()}"
            print(f"\r{line:<100.100}" if terminal else line, end="" if terminal else "\n", flush=True)

    def _progress(self) -> str:
        stored = min(self._device.acknowledged, self._end)
        share = (
            f"{_clock(stored / self._rate_hz)} of {_clock(self._end / self._rate_hz)} stored, {stored / self._end:.0%}"
        )
        return f"{share}; {self._device.problem}, trying again" if self._device.problem else share

    def _take_pressure(self, pressure_cmh2o: float) -> None:
        print(f"\nRoom {self.room}: took the command {pressure_cmh2o:g} cmH2O (a recording does not change with it)")


def signal_stretches(values: NDArray[np.float32], shortest_pause: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches of `values` (n_samples, n_channels) that are sent, as (first, stop) sample indices.

    What lies between them are runs of `shortest_pause` or more samples without any signal, which the index jumps over;
    such a run at the end is not sent at all. Shorter runs stay inside a stretch, as NaN. The first stretch begins with
    the first value of flow: a stream that begins with nothing looks to a server like a sensor that is not plugged in.
    """
    flow = np.flatnonzero(~np.isnan(values[:, 0]))
    if not len(flow):
        return
    first = int(flow[0])
    with_signal = first + np.flatnonzero(~np.isnan(values[first:]).all(axis=1))
    for k in np.flatnonzero(np.diff(with_signal) > shortest_pause):
        yield first, int(with_signal[k]) + 1
        first = int(with_signal[k + 1])
    last = int(with_signal[-1]) + 1
    yield first, len(values) if len(values) - last < shortest_pause else last


def _clock(seconds: float) -> str:
    """12345.6 as 3:25:45."""
    minutes, s = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{s:02}"


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 <= speed <= HIGHEST_SPEED:
        raise argparse.ArgumentTypeError(f"a speed is 0 or up to {HIGHEST_SPEED:g} times real time: got {text}")
    return speed
