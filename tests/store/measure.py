"""What the store costs: python -m tests.store.measure [FOLDER]

Prints commits per second, the processor's share of 16 rooms at 10 frames/s, and 500 one-second blobs in one commit.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

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
        recordings = begin(store, N_ROOMS)
        lengths = [2, 3] * int(LIVE_S * FRAMES_PER_S / 2)  # 25 samples/s in 10 frames/s
        flow = np.zeros(3, dtype=np.float32)
        first = 0
        commits, used_s, started = store.health()["commits"], time.process_time(), time.perf_counter()
        for tick, n_samples in enumerate(lengths):
            for position, recording in enumerate(recordings):
                due = started + (tick + position / N_ROOMS) / FRAMES_PER_S
                time.sleep(max(0.0, due - time.perf_counter()))
                store.append_samples(recording, first, flow[:n_samples], flow[:n_samples], 0.0)
            first += n_samples
        elapsed_s = time.perf_counter() - started
        share = (time.process_time() - used_s) / elapsed_s
        health = store.health()
        print(
            f"{N_ROOMS} rooms x {FRAMES_PER_S} frames/s: {100 * share:.1f} % of a core (sender included), "
            f"{(health['commits'] - commits) / elapsed_s:.0f} commits/s, queued to on disk: median "
            f"{1000 * (health['commit_latency_p50_s'] or 0):.1f} ms, p99 "
            f"{1000 * (health['commit_latency_p99_s'] or 0):.1f} ms"
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


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as temporary:
            main(Path(temporary))
