"""A bedside device: streams samples into a server and loses none that it can keep.

The device's side of the ingest contract, for recordings (`replay`), for the demo's simulated patients (`simulated`) and
as an example for whoever connects a device of their own. A driver hands it samples by their index and runs it::

    device = BedsideDevice(server, 101, stream_id="a-night", sampling_rate_hz=25, start_time=time.time())
    link = asyncio.create_task(device.run())
    device.send(0, flow_and_pressure)
    await device.finish()

The link is the device's own business: it connects, resumes where the server's disk ends, and comes back after any loss.
Only what waiting cannot mend ends it, with `LinkRefusedError`.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import struct
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError

from monitor_app.bedside.buffer import UnacknowledgedSamples
from monitor_app.bedside.link import Heard, LinkLostError, LinkRefusedError, LinkTiming, connect, hang_up, ingest_url

FLOW_AND_PRESSURE = (("flow", "L/min"), ("airway_pressure", "cmH2O"))
"""The channels of most devices: name and unit."""

MINIMUM_PRESSURE_CMH2O, MAXIMUM_PRESSURE_CMH2O = 4, 25
"""What a device can deliver: the hard range of CLINICAL.md."""

_HEADER = struct.Struct("<QI")
_MAX_FRAME_BYTES = 1 << 20
_REFUSALS = {
    4400: "does not understand this device",
    4401: "does not permit this device",
    4413: "finds a frame too large",
}
_ROOM_TAKEN = 4409


class BedsideDevice:
    """One device in one room, for the length of one recording.

    Parameters
    ----------
    server : str
        Address of the server, as a browser would name it.
    room : int
        The bed's place.
    stream_id : str
        Names the recording; the same name after any interruption goes on with the same recording.
    sampling_rate_hz : float
        Samples per second.
    start_time : float
        Epoch seconds of sample 0.
    channels : sequence of (name, unit)
        In the order of the values of a sample.
    device_name : str
        What the server shows as the device.
    token : str or None
        Bearer token, where the server asks for one.
    capacity : int or None
        Most unacknowledged samples kept; None is eight hours of them.
    set_pressure : callable or None
        Called with a commanded pressure in cmH2O; raises ValueError, with the reason in words, to refuse it.
        None: the device delivers no pressure and refuses every command.

    Attributes
    ----------
    connected : bool
        Whether samples are flowing now.
    problem : str or None
        Why they are not, in words.
    """

    def __init__(
        self,
        server: str,
        room: int,
        *,
        stream_id: str,
        sampling_rate_hz: float,
        start_time: float,
        channels: tuple[tuple[str, str], ...] = FLOW_AND_PRESSURE,
        device_name: str = "bedside device",
        token: str | None = None,
        capacity: int | None = None,
        set_pressure: Callable[[float], None] | None = None,
        timing: LinkTiming | None = None,
    ) -> None:
        self.room = room
        self.url = ingest_url(server, room)
        self.connected = False
        self.problem: str | None = f"connecting to {server}"
        self._hello = {
            "type": "hello",
            "protocol": 1,
            "stream_id": stream_id,
            "device": device_name,
            "sampling_rate_hz": sampling_rate_hz,
            "channels": [{"name": name, "unit": unit} for name, unit in channels],
            "start_time": start_time,
        }
        self._token = token
        self._timing = timing or LinkTiming()
        self._set_pressure = set_pressure
        self._frame_samples = (_MAX_FRAME_BYTES - _HEADER.size) // (4 * len(channels))
        self._samples = UnacknowledgedSamples(len(channels), capacity or max(1, math.ceil(8 * 3600 * sampling_rate_hz)))
        self._next_index = 0
        self._replies: deque[str] = deque()
        self._replied: OrderedDict[str, str] = OrderedDict()
        self._finishing = False
        self._ended = False
        self._ever_welcome = asyncio.Event()
        self._something_to_send = asyncio.Event()
        self._acknowledgement = asyncio.Event()
        self._failures = 0
        self._complaint = ""

    @property
    def acknowledged(self) -> int:
        """Index of the first sample that the server does not have on disk."""
        return self._samples.acknowledged

    @property
    def unacknowledged(self) -> int:
        """Number of samples kept here."""
        return self._samples.count

    @property
    def dropped(self) -> int:
        """Number of samples lost because the buffer was full: the server sees a gap."""
        return self._samples.dropped

    def send(self, first_sample: int, values: NDArray[np.float32]) -> None:
        """Stream `values` of shape (n_samples, n_channels); an index beyond the last one leaves a gap."""
        self._samples.append(first_sample, values)
        self._something_to_send.set()

    async def welcome(self) -> int:
        """Wait for the first connection; the index at which this stream goes on."""
        await self._ever_welcome.wait()
        return self.acknowledged

    async def backlog_at_most(self, samples: int) -> None:
        """Wait until no more than so many samples are unacknowledged."""
        while self.unacknowledged > samples:
            self._acknowledgement.clear()
            await self._acknowledgement.wait()

    async def finish(self) -> None:
        """Wait until every sample is acknowledged, then let `run` say goodbye and return."""
        await self.backlog_at_most(0)
        self._finishing = True
        self._something_to_send.set()

    async def run(self) -> None:
        """Keep the link up until `finish`; raise LinkRefusedError when the server will not have this device."""
        while not self._ended:
            try:
                await self._one_connection()
            except LinkLostError as lost:
                self.problem = str(lost)
                if not self._ended:
                    await asyncio.sleep(self._wait_s() if lost.wait_s is None else lost.wait_s)
            finally:
                self.connected = False

    def _wait_s(self) -> float:
        """Doubling, and spread so that a ward's devices do not come back in one instant."""
        longest = min(self._timing.first_wait_s * 2.0 ** min(self._failures, 16), self._timing.longest_wait_s)
        self._failures += 1
        return longest * random.uniform(0.5, 1.0)

    async def _one_connection(self) -> None:
        connection = await connect(self.url, self._token, self._timing.connect_s)
        heard = Heard()
        connection.on_pong = heard.now  # type: ignore[method-assign]
        tasks = [
            asyncio.create_task(self._receive(connection, heard)),
            asyncio.create_task(self._transmit(connection)),
            asyncio.create_task(self._watch(connection, heard)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[1].done():
                # After a goodbye, or a write that failed, the server's last word is still on its way: its close code.
                await asyncio.wait(tasks[:1], timeout=self._timing.heartbeat_s)
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            hang_up(connection)
        if self._ended:
            return
        failures = [o for o in outcomes if isinstance(o, Exception)]
        # What the server said weighs more than the write that failed on the connection it closed.
        failures.sort(key=lambda o: not isinstance(o, LinkRefusedError | LinkLostError))
        for failure in failures:
            if isinstance(failure, WebSocketClosedError | StreamClosedError):
                raise LinkLostError("the connection was lost") from failure
            raise failure

    async def _watch(self, connection: WebSocketClientConnection, heard: Heard) -> None:
        """Ping, and end the connection when nothing at all comes back."""
        start = time.monotonic()
        while True:
            if heard.seconds_ago() > self._timing.silence_s:
                raise LinkLostError(f"the server was silent for {self._timing.silence_s:g} s")
            if not self.connected and time.monotonic() - start > self._timing.welcome_s:
                raise LinkLostError("the server did not answer the hello")
            connection.ping()
            await asyncio.sleep(self._timing.heartbeat_s)

    async def _transmit(self, connection: WebSocketClientConnection) -> None:
        await connection.write_message(json.dumps(self._hello))
        while True:
            self._something_to_send.clear()
            if not self.connected:
                await self._something_to_send.wait()
            elif self._replies:
                await connection.write_message(self._replies[0])
                self._replies.popleft()
            elif found := self._samples.at_or_after(self._next_index, self._frame_samples):
                first, values = found
                self._next_index = first + len(values)
                frame = _HEADER.pack(first, len(values)) + values.astype("<f4", copy=False).tobytes()
                await connection.write_message(frame, binary=True)
            elif self._finishing:
                await connection.write_message('{"type": "end"}')
                self._ended = True
                connection.close()
                return
            else:
                await self._something_to_send.wait()

    async def _receive(self, connection: WebSocketClientConnection, heard: Heard) -> None:
        while (text := await connection.read_message()) is not None:
            heard.now()
            try:
                message = json.loads(text)
                self._take(message["type"], message)
            except (ValueError, KeyError, TypeError) as error:
                raise LinkLostError(f"the server said something unintelligible: {text[:80]!r}") from error
        code, said = connection.close_code, self._complaint or connection.close_reason or ""
        self._complaint = ""
        if code in _REFUSALS:
            raise LinkRefusedError(f"Room {self.room}: the server {_REFUSALS[code]}: {said or f'code {code}'}")
        if code == _ROOM_TAKEN:
            wait_s = self._timing.room_taken_wait_s * random.uniform(0.8, 1.2)
            raise LinkLostError(f"another device is live in room {self.room}", wait_s)
        raise LinkLostError(f"the server closed the connection{f': {said}' if said else ''}")

    def _take(self, kind: str, message: dict[str, Any]) -> None:
        if kind == "welcome":
            self._acknowledge(int(message["next_sample"]))
            self._next_index = int(message["next_sample"])
            self.connected, self.problem = True, None
            self._ever_welcome.set()
            self._something_to_send.set()
        elif kind == "ack":
            # Only an acknowledgement shows that the server works; one that welcomes and breaks is not hurried.
            self._failures = 0
            self._acknowledge(int(message["next_sample"]))
        elif kind == "set_pressure":
            self._command(str(message["command_id"]), message["pressure_cmh2o"])
        elif kind == "error":
            self._complaint = str(message.get("message", ""))

    def _acknowledge(self, next_sample: int) -> None:
        self._samples.acknowledge(next_sample)
        self._acknowledgement.set()

    def _command(self, command_id: str, pressure_cmh2o: Any) -> None:
        """Carry out a command once; the same command again, after a lost answer, gets the same answer."""
        reply = self._replied.get(command_id)
        if reply is None:
            reply = json.dumps(self._carry_out(pressure_cmh2o) | {"command_id": command_id})
            self._replied[command_id] = reply
            if len(self._replied) > 256:
                self._replied.popitem(last=False)
        self._replies.append(reply)
        self._something_to_send.set()

    def _carry_out(self, pressure_cmh2o: Any) -> dict[str, Any]:
        try:
            if self._set_pressure is None:
                raise ValueError("this device delivers no pressure")
            if not MINIMUM_PRESSURE_CMH2O <= pressure_cmh2o <= MAXIMUM_PRESSURE_CMH2O:
                within = f"{MINIMUM_PRESSURE_CMH2O} to {MAXIMUM_PRESSURE_CMH2O} cmH2O"
                raise ValueError(f"the device delivers {within}: got {pressure_cmh2o}")
            self._set_pressure(float(pressure_cmh2o))
        except (ValueError, TypeError) as error:
            return {"type": "refused", "reason": str(error)}
        return {"type": "applied", "pressure_cmh2o": pressure_cmh2o}
