"""A process to be killed: streams counting samples into a store and prints every acknowledgement.

Usage: python -m tests.store.device_process DATA_FILE STREAM_ID
"""

from __future__ import annotations

import os
import random
import sys
from collections import deque
from concurrent.futures import Future

import numpy as np

from cpap_core.types import Breath, EventKind, OpenEvent, RespiratoryEvent
from store import Store

SAMPLES_PER_BREATH = 100
IN_FLIGHT = 24


def breath(index: int) -> Breath:
    return Breath(index, index + 1, 1.0, 2.0, 500.0, 30.0)


def main(data_file: str, stream_id: str) -> None:
    store = Store(data_file, gather_s=0.002)
    stays = store.open_stays()
    stay = stays[0] if stays else store.begin_stay(101, None, 0.0).result()
    recording = store.begin_recording(stay.id, stream_id, "simulated", 25.0, [], 0.0).result()
    print(f"welcome {recording.next_sample}", flush=True)
    # A device's own memory: what it resends after a crash overlaps what is stored.
    first = max(0, recording.next_sample - random.randrange(300))
    in_flight: deque[Future[int]] = deque()
    while True:
        n_samples = random.choice((1, 3, 12, 25, 700))
        flow = np.arange(first, first + n_samples, dtype=np.float32)
        written = store.append_samples(recording.id, first, flow, -flow, 0.0)
        written.add_done_callback(lambda done: os.write(1, f"ack {done.result()}\n".encode()))
        in_flight.append(written)
        known = range(first // SAMPLES_PER_BREATH, (first + n_samples) // SAMPLES_PER_BREATH)
        store.put_breaths(recording.id, known.start, [breath(index) for index in known])
        for index in known:
            store.put_event(recording.id, OpenEvent(index, EventKind.BREATH_GAP, index, index + 10))
            store.put_event(recording.id, RespiratoryEvent(index, EventKind.BREATH_GAP, index, index + 10, 12.0))
        first += n_samples
        if len(in_flight) > IN_FLIGHT:
            in_flight.popleft().result()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
