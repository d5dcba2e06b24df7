"""`./monitor bench [NAME] [options]`: lists the benchmarks, or runs one."""

from __future__ import annotations

import importlib
import sys

BENCHES = {
    "detector": "breaths and apneas beside a device's own scoring, beside other tools, and what it costs in biquads",
    "push": "pushes to many browsers: latency, continuity, cost, beside a bare broadcast and the plain way",
    "browser": "a page in Chromium: share of its main thread, painting, time until live, bytes, heap",
    "initial": "what a page costs that joins: bytes until it is live, and time",
    "joins": "a burst of browsers after a restart, ten that leave at once, and the event loop's pauses in quiet",
    "command": "a pressure from the station to the room's page in two Chromium windows: how long until it is seen",
    "churn": "pages that stall and come back among many that watch: no gap, no double, nobody held up",
    "sessions": "the server's memory after thousands of pages that opened and closed",
    "memory": "the server's memory over an hour of recording time of 16 rooms",
    "backup": "a backup of a large store while devices stream: how long, and whether acknowledgements wait",
    "review": "a stored night of 8 h: opening it, zooming into it, what it holds up, and the same in Chromium",
    "simulated": "breaths and events of simulated patients, whose truth is known exactly",
    "start": "from the command to the first page, and after a restart with a full store",
}


def main(arguments: list[str]) -> int:
    """Run one bench; gives the exit code."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: ./monitor bench NAME [options]\n")
        for name, text in BENCHES.items():
            print(f"  {name:<10} {text}")
        print("\n./monitor bench NAME --help says more. A bench ends with 1 where a requirement is not met.")
        return 0
    if arguments[0] not in BENCHES:
        print(f"There is no bench {arguments[0]!r}. They are: {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    code: int = importlib.import_module(f"benchmarks.{arguments[0]}").main(arguments[1:])
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
