"""What the store costs: python -m tests.store.measure [FOLDER]

Prints commits per second, the processor's share of 16 rooms at 10 frames/s, and 500 one-second blobs in one commit,
and the same 16 rooms while the retention removes what they recorded before.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from monitor_app.retention import Retention
from store import Store

RATE_HZ = 25
N_ROOMS = 16
FRAMES_PER_S = 10
LIVE_S = 20.0


def begin(store: Store, n_rooms: int) -> list[int]:
    stays = [store.begin_stay(room, None, 0.0) for room in range(1, n_rooms + 1)]
    begun = [
        store.begin_recording(stay.result().id, f"stream-{stay.result().id}", "", RATE_HZ, [], 0.0) for stay in stays
    ]
    return [recording.result().id for recording in begun]


def commits_per_second(folder: Path) -> None:
    with Store(folder / "commits.sqlite", gather_s=0) as store:
        (recording,) = begin(store, 1)
        flow = np.zeros(3, dtype=np.float32)
        n_commits = 2000
        started = time.perf_counter()
        for frame in range(n_commits):
            store.append_samples(recording, 3 * frame, flow, flow, 0.0).result()
        elapsed_s = time.perf_counter() - started
        print(
            f"one frame for each commit: {n_commits / elapsed_s:.0f} commits/s, {1000 * elapsed_s / n_commits:.2f} ms"
        )


def live(folder: Path) -> None:
    with Store(folder / "live.sqlite") as store:
        print(f"{N_ROOMS} rooms x {FRAMES_PER_S} frames/s: {stream(store, begin(store, N_ROOMS), 0)}")


def live_while_trimming(folder: Path) -> None:
    """The retention removes what 16 rooms recorded earlier while these go on; then the file shrinks."""
    now = time.time()
    with Store(folder / "trim.sqlite", max_queued_bytes=1 << 30) as store:
        recordings = begin(store, N_ROOMS)
        day = np.zeros(10_000 * RATE_HZ, dtype=np.float32)
        for age_days in (3, 2, 1):
            for recording in recordings:
                first = (3 - age_days) * len(day)
                written = store.append_samples(recording, first, day, day, now - 86_400 * age_days)
        written.result()
        full = store.space()
        quiet = stream(store, recordings, 3 * len(day))
        keeper = threading.Thread(target=lambda: asyncio.run(Retention(store, 0.5).once()))
        keeper.start()
        trimming = stream(store, recordings, 4 * len(day))
        keeper.join(600)
        space = store.space()
        print(f"{full['file_bytes'] / 2**20:.0f} MiB of {N_ROOMS} rooms, trimming off: {quiet}")
        print(
            f"trimming on: {trimming}; {space['trimmed_samples']} samples went, "
            f"{space['file_bytes'] / 2**20:.0f} MiB are left, write-ahead log {space['wal_bytes'] / 2**20:.0f} MiB"
        )


def stream(store: Store, recordings: list[int], first: int) -> str:
    """Send for 20 s as 16 rooms do, and say what it cost."""
    lengths = [2, 3] * int(LIVE_S * FRAMES_PER_S / 2)  # 25 samples/s in 10 frames/s
    flow = np.zeros(3, dtype=np.float32)
    latencies_s: list[float] = []
    commits, used_s, started = store.health()["commits"], time.process_time(), time.perf_counter()
    for tick, n_samples in enumerate(lengths):
        for position, recording in enumerate(recordings):
            due = started + (tick + position / N_ROOMS) / FRAMES_PER_S
            time.sleep(max(0.0, due - time.perf_counter()))
            sent = time.perf_counter()
            written = store.append_samples(recording, first, flow[:n_samples], flow[:n_samples], time.time())
            written.add_done_callback(lambda _, sent=sent: latencies_s.append(time.perf_counter() - sent))
        first += n_samples
    written.result()
    elapsed_s = time.perf_counter() - started
    share = (time.process_time() - used_s) / elapsed_s
    p50, p99 = np.percentile(latencies_s, (50, 99)) * 1000
    return (
        f"{100 * share:.1f} % of a core (sender included), {(store.health()['commits'] - commits) / elapsed_s:.0f} "
        f"commits/s, queued to on disk: median {p50:.1f} ms, p99 {p99:.1f} ms, max {1000 * max(latencies_s):.1f} ms"
    )


def blobs_in_one_commit(folder: Path) -> None:
    with Store(folder / "blobs.sqlite", gather_s=0.2) as store:
        recordings = begin(store, 500)
        flow = np.zeros(RATE_HZ, dtype=np.float32)
        for turn, name in enumerate(("new rows", "growing rows")):
            commits = store.health()["commits"]
            written = [store.append_samples(recording, RATE_HZ * turn, flow, flow, 0.0) for recording in recordings]
            for future in written:
                future.result()
            health = store.health()
            n_commits = health["commits"] - commits
            print(f"500 one-second blobs, {name}: {n_commits} commit of {1000 * (health['commit_s'] or 0):.1f} ms")


def main(folder: Path) -> None:
    commits_per_second(folder)
    blobs_in_one_commit(folder)
    live(folder)
    live_while_trimming(folder)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as temporary:
            main(Path(temporary))
