"""Take a picture of every page at three sizes: `.venv/bin/python docs/page_pictures.py`; takes about three minutes.

A server with simulated devices in its rooms, a stored night, and a measurement; `docs/pages.md` shows the pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

from playwright.sync_api import Page, sync_playwright  # noqa: E402
from screenshots import IMAGES, free_port  # noqa: E402

from benchmarks.nights import put_night  # noqa: E402
from store import Store  # noqa: E402
from tests import browser  # noqa: E402

SIZES = ((1920, 1080), (1366, 768), (1024, 768))
ROOMS = 6
NIGHT_HOURS = 8.0
PATIENTS = {101: ("Abara, Ada", 204112), 102: ("Brandt, Karl", 204149), 103: ("Castillo, Maria", 204186)}
MEASURED_ROOM, MEASURED_MRN = 108, 204300
"""A room without a device, whose patient has measurements."""


def main() -> None:
    """Prepare the ward, then take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=IMAGES / "pages")
    parser.add_argument("--minutes", type=float, default=1.5, help="of the live rooms before the first picture")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        with Store(Path(folder) / "breathwatch.sqlite") as store:
            night = put_night(store, room=103, mrn=204186, name="Castillo, Maria", hours=NIGHT_HOURS, seed=4)
            store.end_stay(night.stay_id, 1_795_300_000.0 + NIGHT_HOURS * 3600).result(timeout=30)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        given = {**os.environ, "MONITOR_LAB_NAME": "Sleep Lab North", "MONITOR_TIME_ZONE": "Europe/Oslo"}
        serve = [sys.executable, "-m", "monitor_app.cli", "serve", "--port", str(port), "--data", folder]
        devices = [sys.executable, "-m", "monitor_app.bedside.simulated", "--server", url, "--rooms", str(ROOMS)]
        running = [subprocess.Popen(serve, cwd=ROOT, env=given)]
        try:
            until(lambda: bool(get(f"{url}/api/v1/rooms") is not None), "the server")
            running.append(subprocess.Popen(devices, cwd=ROOT))
            admit(url)
            time.sleep(60 * options.minutes)
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(executable_path=browser.find(), args=browser.FLAGS)
                for width, height in SIZES:
                    page = chromium.new_page(viewport={"width": width, "height": height})
                    for name, prepare in VIEWS.items():
                        prepare(page, url, night.recording_id)
                        page.screenshot(path=options.to / f"{name}-{width}.png")
                    page.close()
                chromium.close()
        finally:
            for process in reversed(running):
                process.terminate()
                process.wait(timeout=20)


def admit(url: str) -> None:
    """Patients into the rooms, and measurements of one who has no device."""
    for room, (name, mrn) in PATIENTS.items():
        post(f"{url}/api/v1/rooms/{room}/admission", {"mrn": mrn, "patient_name": name})
    post(f"{url}/api/v1/rooms/{MEASURED_ROOM}/admission", {"mrn": MEASURED_MRN, "patient_name": "Hoshino, Takumi"})
    for pressure, rate, apneas in ((6, 15.2, 4), (8, 14.6, 2), (10, 14.1, 0)):
        body = {"pressure_cmh2o": pressure, "respiratory_rate_per_min": rate, "apnea_count": apneas}
        post(f"{url}/api/v1/rooms/{MEASURED_ROOM}/measurements", body)


def opened(address: str, wait_s: float = 4.0) -> Callable[[Page, str, int], None]:
    """What opens a page and gives it time to live."""

    def prepare(page: Page, url: str, recording: int) -> None:
        page.goto(url + address.format(recording=recording))
        page.wait_for_timeout(1000 * wait_s)

    return prepare


def dialog(page: Page, url: str, recording: int) -> None:
    """A room's dialog over the wall."""
    opened("/wall")(page, url, recording)
    page.get_by_label("Room 101: pictures and pressure").click()
    page.wait_for_timeout(2500)


def stay(page: Page, url: str, recording: int) -> None:
    """What can be done with a stay, on the room's page."""
    opened("/room?room=102")(page, url, recording)
    page.get_by_role("button", name="Stay").click()
    page.wait_for_timeout(1200)


def entry(page: Page, url: str, recording: int) -> None:
    """The form with a sample recording."""
    opened("/entry", 2.5)(page, url, recording)
    page.get_by_label("Sample recordings").select_option(index=2)
    page.wait_for_timeout(6000)


def patients(page: Page, url: str, recording: int) -> None:
    """A patient's section, open."""
    opened("/patients", 2.5)(page, url, recording)
    page.get_by_text("Hoshino, Takumi").click()
    page.wait_for_timeout(1500)


VIEWS: dict[str, Callable[[Page, str, int], None]] = {
    "wall": opened("/wall"),
    "dialog": dialog,
    "room": opened("/room?room=101"),
    "stay": stay,
    "entry": entry,
    "patients": patients,
    "recordings": opened("/review"),
    "review": opened("/review?recording={recording}", 6.0),
}


def post(url: str, body: dict[str, object]) -> None:
    """Command something, as a program does."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20):
        pass


def get(url: str) -> object:
    """What an address gives, or None while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)
    except OSError:
        return None


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for at most a minute."""
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"Waited a minute for {what}")
        time.sleep(0.3)


if __name__ == "__main__":
    main()
