"""Take the README's pictures from the running demo: `.venv/bin/python docs/screenshots.py`; takes about five minutes.

The wall is taken when one bed has a breathing pause and another a large leak, the room page during a pause of a patient
who has had some. Nothing is staged: they are the demo's own patients.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from tests import browser  # noqa: E402

IMAGES = ROOT / "docs/images"
LONGEST_WAIT_S = 900.0
LIT = "".join(
    f".bw .band[data-priority={p}] {{ background: var(--alarm-{p}) !important; color: var(--on-alarm-{p}) !important }}"
    for p in ("high", "medium")
)
"""Bands flash: they are taken in their bright half."""


def main() -> None:
    """Start the demo, wait for its patients, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=16)
    parser.add_argument("--minutes", type=float, default=4.0, help="of the night before the first picture")
    parser.add_argument("--to", type=Path, default=IMAGES)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [sys.executable, "-m", "monitor_app.cli", "demo", "--rooms", str(options.rooms), "--port", str(port)]
    environment = {**os.environ, "MONITOR_LAB_NAME": "Sleep Lab North"}
    demo = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser.find(), args=browser.FLAGS)
            page = chromium.new_page(viewport={"width": 1920, "height": 1080})
            take(page, f"http://127.0.0.1:{port}", options.minutes, options.to)
            chromium.close()
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(timeout=20)


def take(page: Page, url: str, minutes: float, folder: Path) -> None:
    """Both pictures."""
    until(lambda: answers(page, f"{url}/wall"), "the demo")
    page.wait_for_timeout(60_000 * minutes)
    bands = page.locator(".tile .band:visible")

    def eventful() -> bool:
        words = " ".join(bands.all_inner_texts())
        return "No breath" in words and "Large leak" in words

    until(eventful, "a pause and a leak at once")
    page.wait_for_timeout(800)  # the bar counts alarms four times a second
    page.screenshot(path=folder / "wall.png", style=LIT)
    rooms = page.request.get(f"{url}/api/v1/rooms").json()
    most = max(rooms, key=lambda room: room["apnea_count"])
    page.goto(f"{url}/room?room={most['room']}")
    pause = page.locator(".page-band:visible", has_text="No breath")
    until(lambda: pause.count() == 1 and seconds(pause.inner_text()) in range(14, 20), "a pause on the room page")
    page.screenshot(path=folder / "room.png", style=LIT)


def answers(page: Page, address: str) -> bool:
    """Whether the page opens."""
    try:
        page.goto(address)
    except Exception:
        return False
    return True


def seconds(band: str) -> int:
    """The seconds of a band such as `!! No breath 12 s`."""
    words = band.split("No breath", 1)[-1].split()
    return int(words[0]) if words and words[0].isdigit() else 0


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for what the patients do in their own time."""
    end = time.monotonic() + LONGEST_WAIT_S
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"Waited {LONGEST_WAIT_S / 60:.0f} min for {what}")
        time.sleep(0.4)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
