"""A pressure sent at the station: how long until it is on the screen of the room's page, and with how many requests."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page

from benchmarks.chromium import running
from benchmarks.figures import Requirements, show
from benchmarks.process import Server
from tests.ui.bedside import Bedside, Device

MOST_S = 1.0
LIVE_MS = 20_000
ROOM = 101
CLOCK = "performance.timeOrigin + performance.now()"
WATCH = f"""(wanted) => {{
  const all = (root) => [...root.querySelectorAll("*")]
    .flatMap((el) => [el, ...(el.shadowRoot ? all(el.shadowRoot) : [])]);
  const fate = all(document).find((el) => el.classList.contains('fate'));
  window.seenAt = null;
  new MutationObserver((_, observer) => {{
    if (!fate.textContent.includes(wanted)) return;
    observer.disconnect();
    requestAnimationFrame(() => {{ window.seenAt = {CLOCK}; }});
  }}).observe(fate, {{ childList: true, characterData: true, subtree: true }});
}}"""
SEND = f"""(pressure) => {{
  const field = document.querySelector('dialog .stepper-value');
  field.value = pressure;
  field.dispatchEvent(new Event('input'));
  const sentAt = {CLOCK};
  document.querySelector('dialog .command .primary').click();
  return sentAt;
}}"""


def main(arguments: list[str]) -> int:
    """`./monitor bench command`."""
    parser = argparse.ArgumentParser(prog="./monitor bench command", description=__doc__)
    parser.add_argument("--commands", type=int, default=100, help="how many pressures are sent (default 100)")
    parser.add_argument("--rooms", type=int, default=16, help="rooms with a live device (default 16)")
    options = parser.parse_args(arguments)
    if options.commands < 1 or options.rooms < 1:
        parser.error("--commands and --rooms: at least 1 of each")
    print(f"command: {options.commands} commands, {options.rooms} rooms; two Chromium windows", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="breathwatch-bench-") as folder,
        Server(Path(folder)) as server,
        Bedside() as bedside,
        running() as browser,
    ):
        for number in range(ROOM, ROOM + options.rooms):
            bedside.start(Device(server.url, number))  # which apply what they are told
        station = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
        bed = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
        return _measure(server, station, bed, options.commands)


def _measure(server: Server, station: Page, bed: Page, commands: int) -> int:
    bed.goto(f"{server.url}/room?room={ROOM}")
    bed.locator(".live-pill[data-kind=live]").wait_for(timeout=LIVE_MS)
    station.goto(f"{server.url}/wall")
    station.locator(".live-pill[data-kind=live]").wait_for(timeout=LIVE_MS)
    station.get_by_role("button", name=f"Room {ROOM}: pictures and pressure").click()
    station.locator("dialog .stepper-value").wait_for()
    asked: list[str] = []
    for page in (station, bed):
        page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    took_s = []
    for at in range(commands):
        pressure = 4 + at % 17
        bed.evaluate(WATCH, f" {pressure} cmH₂O at ")
        sent = station.evaluate(SEND, str(pressure))
        bed.wait_for_function("window.seenAt !== null", timeout=LIVE_MS)
        took_s.append((float(bed.evaluate("window.seenAt")) - float(sent)) / 1000)
        bed.wait_for_timeout(60 + 37 * at % 200)  # not in step with the pushes
    ordered = sorted(1000 * one for one in took_s)
    tenths = [ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (0, 50, 90, 95, 99)]
    words = "  ".join(f"{name} {ms:.0f}" for name, ms in zip(("min", "p50", "p90", "p95", "p99"), tenths, strict=True))
    show("on the other screen after", f"{words}  max {ordered[-1]:.0f} ms, mean {statistics.mean(ordered):.0f} ms")
    required = Requirements()
    required.at_most("slowest", ordered[-1] / 1000, MOST_S, "s")
    required.at_most("HTTP requests of both pages", len(asked), 0)
    return required.exit_code
