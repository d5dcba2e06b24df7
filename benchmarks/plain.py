"""The yardstick for pushes, the plain way: a source for each room, streamed in each session's periodic callback.

`python -m benchmarks.plain PORT INTERVAL_MS --rooms N --rate HZ`: a bare Bokeh application as its documentation
teaches it, with public names only. Each session's document has a `ColumnDataSource` for each room, a line drawn from
it, and one callback that streams to every source what came since the last, with rollover.
"""

from __future__ import annotations

import argparse
import time
from functools import partial

from bokeh.document import Document
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure
from bokeh.server.server import Server

from benchmarks.devices import FIRST_ROOM, RATE_HZ, samples

WINDOW_S = 30.0


def wall(doc: Document, *, rooms: int, rate_hz: float, interval_ms: int) -> None:
    """Fill a document, and stream to it while its session lives."""
    plot = figure(width=1200, height=800)
    sources = {}
    for place in range(rooms):
        source = sources[FIRST_ROOM + place] = ColumnDataSource({"t": [], "flow": [], "pressure": []})
        plot.line("t", "flow", source=source)
    doc.add_root(plot)
    begun, sent, window = time.monotonic(), 0, int(WINDOW_S * rate_hz)

    def push() -> None:
        nonlocal sent
        until = int((time.monotonic() - begun) * rate_hz)
        for room, source in sources.items():
            flow, pressure = samples(room, sent, until - sent, rate_hz).T
            t = [at / rate_hz for at in range(sent, until)]
            source.stream({"t": t, "flow": flow.tolist(), "pressure": pressure.tolist()}, rollover=window)
        sent = until

    doc.add_periodic_callback(push, interval_ms)


def main() -> None:
    """Run as a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("interval_ms", type=int)
    parser.add_argument("--rooms", type=int, default=32)
    parser.add_argument("--rate", type=float, default=RATE_HZ)
    given = parser.parse_args()
    page = partial(wall, rooms=given.rooms, rate_hz=given.rate, interval_ms=given.interval_ms)
    server = Server({"/wall": page}, port=given.port, address="127.0.0.1")
    server.run_until_shutdown()


if __name__ == "__main__":
    main()
