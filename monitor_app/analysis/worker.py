"""The process in which recordings are analysed: one after another, at low priority, within bounds of memory and time.

It takes a line of JSON for each recording, `{"path", "name"}`, and gives one back. It lives from the server's start, so
that a recording costs the memory of its own analysis and not that of a new interpreter.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpap_core.detector import warm_up
from cpap_core.readers import RecordingError
from cpap_core.summary import Summary, summarize
from monitor_app.analysis.picture import draw
from monitor_app.upkeep.system import give_memory_back, resident_bytes

NICE = 10
MOST_MEMORY_BYTES = 1 << 30
TOO_GROWN_BYTES = 64 << 20
"""After a recording that left so much behind the process is replaced by a fresh one."""

MOST_PEAKS = 4000
FLOW_STEPS = 10.0
GAP = -32768


def answer(path: str, name: str) -> dict[str, Any]:
    """What a recording holds, or why it cannot be read, as plain data."""
    try:
        return plain(summarize(path, name=name))
    except RecordingError as error:
        return {"error": str(error)}
    except MemoryError:
        bound = MOST_MEMORY_BYTES >> 20
        return {"error": f"{name}: its analysis needs more than {bound} MB of memory: split the recording"}


def plain(found: Summary) -> dict[str, Any]:
    """A summary as JSON takes it; the flow in 0.1 L/min, little-endian int16."""
    return {
        "name": found.name,
        "duration_s": round(found.duration_s, 2),
        "sampling_rate_hz": found.sampling_rate_hz,
        "breaths": len(found.breath_peaks_s),
        "breath_rate_bpm": round(found.breath_rate_bpm, 2),
        "apnea_count": len(found.apneas),
        "apneas": [[round(apnea.onset_s, 2), round(apnea.duration_s, 2)] for apnea in found.apneas[:MOST_PEAKS]],
        "leakage_l": round(found.leakage_l, 3) if np.isfinite(found.leakage_l) else None,
        "mean_pressure_cmh2o": None if found.mean_pressure_cmh2o is None else round(found.mean_pressure_cmh2o, 1),
        "unusable_s": round(found.unusable_s, 2),
        "message": found.message,
        "rejected_count": found.rejected_count,
        "rejected_rows": [[row.line, row.reason] for row in found.rejected_rows],
        "peaks_s": found.breath_peaks_s.round(2).tolist() if len(found.breath_peaks_s) <= MOST_PEAKS else [],
        "stretch_s": found.stretch_s,
        "low": _packed(found.low_lpm),
        "high": _packed(found.high_lpm),
        "picture": base64.b64encode(draw(found)).decode(),
    }


def _packed(values: NDArray[np.float32]) -> str:
    steps = np.clip(np.rint(values * FLOW_STEPS), GAP + 1, -GAP - 1)
    return base64.b64encode(np.where(np.isnan(steps), GAP, steps).astype("<i2").tobytes()).decode()


def main() -> None:
    """Answer until standard input ends, or this process has grown too much."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's, which then ends us
    os.nice(NICE)
    with suppress(ValueError, OSError):  # where the system has no such bound
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed is no reply
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(message)s")
    warm_up()
    fresh = resident_bytes()
    for line in sys.stdin:
        asked = json.loads(line)
        reply = answer(asked["path"], asked["name"])
        give_memory_back()
        grown = resident_bytes() - fresh > TOO_GROWN_BYTES
        print(json.dumps({**reply, "leaves": grown}, allow_nan=False), file=replies, flush=True)
        if grown:
            return


if __name__ == "__main__":
    main()
