"""A page in Chromium under measurement: where its main thread spends its time, its frames, its heap, its bytes."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests import browser as chromium

PROBE = (Path(__file__).parent / "browser_probe.js").read_text()
LIVE_WITHIN_S = 30.0
POLL_MS = 100
PARTS = {"script": "ScriptDuration", "layout": "LayoutDuration", "style": "RecalcStyleDuration"}


@dataclass(frozen=True, slots=True)
class Work:
    """What the main thread did in a stretch of time."""

    share: float
    """Of the wall clock's time, in tasks: what stands in their way while the machine is busy counts too."""
    own_share: float
    """Processor time of those tasks alone."""
    parts: dict[str, float]
    """Shares of script, layout, style, and of the rest: painting, canvases, compositing."""
    frame_ms: list[float]
    """Our own painting in each frame."""
    long_task_ms: list[float]
    """Tasks over 50 ms."""
    pushes: int


class MeasuredPage:
    """A page in a profile of its own, watched by Chromium's own accounts."""

    def __init__(self, browser: Browser, viewport: tuple[int, int]) -> None:
        self.context = browser.new_context(viewport={"width": viewport[0], "height": viewport[1]})
        self.page: Page = self.context.new_page()
        self.page.add_init_script(PROBE)
        self.received: Counter[str] = Counter()
        """Bytes: of files with an empty cache, and of the WebSocket's messages until the page was live."""
        self._frames: list[tuple[float, int]] = []
        self._wall, self._own, self._network = (self.context.new_cdp_session(self.page) for _ in range(3))
        self._wall.send("Performance.enable", {"timeDomain": "timeTicks"})
        self._own.send("Performance.enable", {"timeDomain": "threadTicks"})

    def open(self, url: str, *, live: bool = True) -> dict[str, float | None]:
        """Open a page; gives the times in ms since the navigation at which it was seen and live, None if it was not."""
        self._network.on("Network.webSocketFrameReceived", self._took_frame)
        self._network.on("Network.loadingFinished", self._took_file)
        self._network.send("Network.enable")
        self.page.goto(url)
        self.wait_until(lambda bench: bench["liveMs" if live else "skeletonMs"] is not None)
        self._network.send("Network.disable")
        bench = dict(self.page.evaluate("(bench.done = true, bench)"))
        navigated = _metrics(self._wall)["NavigationStart"]
        until = navigated + (bench["liveMs"] or float("inf")) / 1000
        self.received["pushes"] = sum(size for at, size in self._frames if at <= until)
        return bench

    def wait_until(self, condition: Any) -> None:
        """Wait for what the probe has noted; what never comes is for the verdicts to say."""
        for _ in range(int(LIVE_WITHIN_S * 1000 / POLL_MS)):
            if condition(self._bench()):
                return
            self.page.wait_for_timeout(POLL_MS)

    def work(self, seconds: float) -> Work:
        """Watch the main thread for so long."""
        self.page.evaluate("bench.frameMs = []; bench.longTaskMs = []")
        before, own_before = _metrics(self._wall), _metrics(self._own)
        self.page.wait_for_timeout(seconds * 1000)
        after, own_after = _metrics(self._wall), _metrics(self._own)
        bench = self._bench()
        elapsed_s = after["Timestamp"] - before["Timestamp"]
        own_s = own_after["TaskDuration"] - own_before["TaskDuration"]
        parts = {name: (after[key] - before[key]) / elapsed_s for name, key in PARTS.items()}
        share = (after["TaskDuration"] - before["TaskDuration"]) / elapsed_s
        parts["paint and the rest"] = share - sum(parts.values())
        return Work(share, own_s / elapsed_s, parts, bench["frameMs"], bench["longTaskMs"], len(bench["frameMs"]))

    def heap_mb(self) -> float:
        """JavaScript's heap after a full collection, in MB (10^6 bytes)."""
        self._wall.send("HeapProfiler.collectGarbage")
        used: float = self._wall.send("Runtime.getHeapUsage")["usedSize"]
        return used / 1e6

    def close(self) -> None:
        """Close it and its profile."""
        self.context.close()

    def _bench(self) -> dict[str, Any]:
        return dict(self.page.evaluate("bench"))

    def _took_frame(self, event: dict[str, Any]) -> None:
        response = event["response"]
        text = response["payloadData"]
        size = len(text.encode() if response["opcode"] == 1 else base64.b64decode(text))
        self._frames.append((event["timestamp"], size))

    def _took_file(self, event: dict[str, Any]) -> None:
        self.received["files"] += int(event["encodedDataLength"])


@contextmanager
def running() -> Iterator[Browser]:
    """Chromium as the tests find it, without a GPU; on the cores of whoever starts it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def _metrics(session: Any) -> dict[str, float]:
    return {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
