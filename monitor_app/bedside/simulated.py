"""The demo's devices: simulated patients in one process, each on the real ingest as any other device.

Run by `./monitor demo` as a child: `python -m monitor_app.bedside.simulated --server URL --rooms N --seed S`. They
outlive a restart of the server, but not, with `--follow-parent`, the process that began them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import stat
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from monitor_app.bedside.device import BedsideDevice
from monitor_app.bedside.link import LinkRefusedError, LinkTiming

if TYPE_CHECKING:
    from cpap_core.simulate import SimulatedDevice

_FIRST_ROOM = 101
_FRAME_S = 0.2
_PARENT_CHECK_S = 0.5

_SURNAMES = (
    "Abara Brandt Castillo Dimitrov Eriksen Fontaine Garber Hoshino Ivanova Jansen Kowalski Lindqvist Moreau Nakamura "
    "Okafor Petrov Quist Rossi Sato Tanaka Usman Varga Weber Xu Yilmaz Zamora"
)
_FIRST_NAMES = (
    "Ada Karl Maria Pavel Liv Anaïs Samuel Taro Nadia Ruben Basia Elin Marc Yuki Ngozi Ivan Hedda Sara Kenji Mei Amina "
    "Tibor Jonas Lan Deniz Luz Noor Emil Greta"
)

_OPEN = {"critical_pressure_cmh2o": -5, "obstructive_events_per_h": 0}

_TRAITS: tuple[tuple[int, dict[str, Any]], ...] = (
    # Rooms from 101 on: the pressure they begin with, and what is particular about the patient. 101 is the one to
    # raise to 12, 110 the one whom that does not change; each has an event a minute or so, for who looks for two.
    (
        4,
        {
            "critical_pressure_cmh2o": 6.5,
            "obstructive_events_per_h": 50,
            "central_events_per_h": 0,
            "first_event_s": 20,
            "sighs_per_h": 4,
        },
    ),
    (11, {"critical_pressure_cmh2o": 7, "respiratory_rate_per_min": 14, "tidal_volume_ml": 510}),
    (8, _OPEN | {"respiratory_rate_per_min": 12.5, "tidal_volume_ml": 560}),
    (6, {"critical_pressure_cmh2o": 8, "typical_event_s": 24, "obstructive_events_per_h": 45, "first_event_s": 70}),
    (7, _OPEN | {"respiratory_rate_per_min": 16, "tidal_volume_ml": 390, "leak_lpm": 9}),
    (10, {"critical_pressure_cmh2o": 8.5, "typical_event_s": 22, "obstructive_events_per_h": 20}),
    (13, _OPEN | {"first_leak_s": 70, "leak_episodes_per_h": 4, "respiratory_rate_per_min": 13}),
    (9, {"critical_pressure_cmh2o": 4, "tidal_volume_ml": 530, "heartbeat_lpm": 0.9}),
    (8, _OPEN | {"respiratory_rate_per_min": 18, "tidal_volume_ml": 400}),
    (11, _OPEN | {"central_events_per_h": 50, "first_central_s": 45, "heartbeat_lpm": 1.2}),
    (8, {"critical_pressure_cmh2o": 7, "obstructive_events_per_h": 25, "respiratory_rate_per_min": 15}),
    (10, _OPEN | {"leak_lpm": 7, "variability": 0.11}),
    (9, _OPEN | {"respiratory_rate_per_min": 13, "tidal_volume_ml": 470}),
    (12, {"critical_pressure_cmh2o": 8, "leak_episodes_per_h": 2, "respiratory_rate_per_min": 16}),
    (5, {"critical_pressure_cmh2o": 7, "obstructive_events_per_h": 35, "typical_event_s": 15, "first_event_s": 200}),
    (8, _OPEN | {"respiratory_rate_per_min": 14, "variability": 0.04}),
)


class DemoPatient(NamedTuple):
    """Somebody invented, to be admitted to a room of the demo."""

    room: int
    mrn: int
    name: str
    pressure_cmh2o: int


def demo_patients(n: int) -> list[DemoPatient]:
    """Invent the patients of the first `n` rooms, always the same."""
    surnames, first_names = _SURNAMES.split(), _FIRST_NAMES.split()
    return [
        DemoPatient(
            room=_FIRST_ROOM + k,
            mrn=204_112 + 37 * k,
            name=f"{surnames[k % len(surnames)]}, {first_names[k % len(first_names)]}",
            pressure_cmh2o=_TRAITS[k % len(_TRAITS)][0],
        )
        for k in range(n)
    ]


def demo_device(k: int, seed: int, *, keep_truth: bool = False) -> SimulatedDevice:
    """Make the simulated patient and device of the `k`-th room; only the first of a kind has its events on cue."""
    # Imported here: the parent may end while numba loads, and has to be known before.
    from cpap_core.simulate import SimulatedDevice, SimulatedPatient

    pressure, particular = _TRAITS[k % len(_TRAITS)]
    traits = {"pressure_cmh2o": float(pressure)} | particular
    if k >= len(_TRAITS):
        traits |= {"first_event_s": None, "first_central_s": None, "first_leak_s": None}
    return SimulatedDevice(SimulatedPatient(seed * 1000 + k, keep_truth=keep_truth, **traits))


async def stream(device: SimulatedDevice, link: BedsideDevice, offset_s: float) -> None:
    """Measure in real time, `offset_s` after the others so that a ward's frames do not come in one instant."""
    await asyncio.sleep(offset_s)
    start = time.monotonic()
    frames = 0
    while True:
        frames += 1
        await asyncio.sleep(start + frames * _FRAME_S - time.monotonic())
        chunk = device.read_until(time.monotonic() - start)
        if chunk.airway_pressure_cmh2o is not None and len(chunk.flow_lpm):
            link.send(chunk.first_sample, np.column_stack([chunk.flow_lpm, chunk.airway_pressure_cmh2o]))


async def run_room(server: str, k: int, rooms: int, seed: int) -> None:
    """Keep one room's device running; return only when the server will not have it."""
    device = demo_device(k, seed)
    link = BedsideDevice(
        server,
        _FIRST_ROOM + k,
        stream_id=f"demo-{_FIRST_ROOM + k}-{uuid.uuid4().hex[:12]}",
        sampling_rate_hz=device.sampling_rate_hz,
        start_time=time.time(),
        device_name="simulated patient",
        token=os.environ.get("MONITOR_TOKEN"),
        set_pressure=device.set_pressure,
        timing=LinkTiming(longest_wait_s=1.0),
    )
    measuring = asyncio.create_task(stream(device, link, _FRAME_S * k / rooms))
    try:
        await link.run()
    except LinkRefusedError as error:
        print(f"demo devices: {error}", file=sys.stderr, flush=True)
    finally:
        measuring.cancel()


async def parent_is_gone(parent: int) -> None:
    """Return when the process that began this one has ended, or has closed the pipe that is our standard input."""
    loop, closed = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            closed.set()

    if stat.S_ISFIFO(os.fstat(0).st_mode):
        loop.add_reader(0, read)
    while os.getppid() == parent and not closed.is_set():
        try:
            await asyncio.wait_for(closed.wait(), _PARENT_CHECK_S)
        except TimeoutError:
            continue


async def run_ward(server: str, rooms: int, seed: int, *, parent: int | None) -> int:
    """Run all rooms until the parent is gone (0) or the server has refused every one of them (1)."""
    ward = asyncio.create_task(_all_rooms(server, rooms, seed))
    watch = asyncio.create_task(asyncio.Event().wait() if parent is None else parent_is_gone(parent))
    await asyncio.wait({ward, watch}, return_when=asyncio.FIRST_COMPLETED)
    gone = watch.done()
    for task in (ward, watch):
        task.cancel()
    await asyncio.gather(ward, watch, return_exceptions=True)
    return 0 if gone else 1


async def _all_rooms(server: str, rooms: int, seed: int) -> None:
    await asyncio.gather(*(run_room(server, k, rooms, seed) for k in range(rooms)))


def main(arguments: list[str] | None = None) -> int:
    """Run the demo's devices."""
    parent = os.getppid()
    parser = argparse.ArgumentParser(prog="python -m monitor_app.bedside.simulated", description=__doc__)
    parser.add_argument("--server", required=True, metavar="URL", help="address of the server")
    parser.add_argument("--rooms", type=int, default=16, metavar="N", help="number of patients (default: 16)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="another seed is another night (default: 1)")
    parser.add_argument("--follow-parent", action="store_true", help="end with the process that began this one")
    args = parser.parse_args(arguments)
    try:
        return asyncio.run(run_ward(args.server, args.rooms, args.seed, parent=parent if args.follow_parent else None))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
