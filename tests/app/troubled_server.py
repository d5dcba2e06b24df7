"""The real server with a way to trouble it from outside: `python -m tests.app.troubled_server serve`.

A flow of `TROUBLE_LPM` makes the detector of that room raise; SIGUSR1 blocks the event loop for `TROUBLE_BLOCKS_S`;
`TROUBLE_TOKEN_EXPIRES_S` is how long a page's token is good for, `TROUBLE_VERSION` the version that pages are told.
"""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import Any

import numpy as np

from cpap_core import RespirationDetector
from monitor_app import assets, cli, server
from monitor_app.ward import trace
from tests.app.live_server import LiveServer

TROUBLE_LPM = 199.0


class TroubledServer(LiveServer):
    """The same as a process of its own."""

    module = "tests.app.troubled_server"

    def block(self) -> None:
        """Block its event loop."""
        self.signal(signal.SIGUSR1)


class FragileDetector(RespirationDetector):
    """Raises where the flow is `TROUBLE_LPM`."""

    def update(self, flow_lpm: Any, *rest: Any, **named: Any) -> Any:
        """Take samples, or raise."""
        if np.any(np.asarray(flow_lpm) == TROUBLE_LPM):
            raise RuntimeError("a detector broken by a test")
        return super().update(flow_lpm, *rest, **named)


def main() -> None:
    """Serve."""
    seconds = float(os.environ.get("TROUBLE_BLOCKS_S", "6"))
    signal.signal(signal.SIGUSR1, lambda _number, _frame: time.sleep(seconds))
    trace.RespirationDetector = FragileDetector  # type: ignore[misc]
    if expires := os.environ.get("TROUBLE_TOKEN_EXPIRES_S"):
        server.get_server = partial(server.get_server, session_token_expiration=int(expires))  # type: ignore[attr-defined]
    if version := os.environ.get("TROUBLE_VERSION"):
        assets.version = lambda: version  # type: ignore[assignment]
    cli.main()


if __name__ == "__main__":
    main()
