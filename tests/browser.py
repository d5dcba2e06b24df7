"""Find Chromium for the browser tests, or install it; without one they fail, they are never skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # /dev/shm is tiny in containers.
    "--disable-dev-shm-usage",
    # Alarms sound on kiosks without a click, which start with this flag too.
    "--autoplay-policy=no-user-gesture-required",
    # Names and addresses beyond loopback lead nowhere, whatever a page asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
]


class NoBrowserError(Exception):
    """No Chromium here; the message is the one line that says which command installs it."""


def find() -> Path:
    """Return Chromium from `$CHROMIUM`, from the PATH, or Playwright's own.

    Raises
    ------
    NoBrowserError
        There is none, or `$CHROMIUM` names something that cannot be run.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
        if not found:
            raise NoBrowserError(
                f"CHROMIUM={named} is not a program that can be run: set it to Chromium's path, or unset it."
            )
        return Path(found)
    for name in NAMES:
        found = shutil.which(name)
        if found and works(Path(found)):
            return Path(found)
    own = playwrights_own()
    if own.exists():
        return own
    raise NoBrowserError(f"The browser tests need Chromium: {remedy()}, or set CHROMIUM to its path.")


def find_or_install() -> Path:
    """Return what `find` does; as root on Debian or Ubuntu, install Chromium first where there is none."""
    try:
        return find()
    except NoBrowserError:
        if os.environ.get("CHROMIUM") or os.geteuid() != 0 or not shutil.which("apt-get"):
            raise
    print("No Chromium here: installing it for the browser tests.", file=sys.stderr, flush=True)
    for command in install_commands():
        status = subprocess.run(command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, stdout=sys.stderr)
        if status.returncode == 0:
            try:
                return find()
            except NoBrowserError:
                continue
    return find()


def install_commands() -> list[list[str]]:
    """Return the ways to install Chromium as root, best first.

    Ubuntu's package is a stub that needs snapd, which containers lack; there Playwright's own is the better one.
    """
    apt = ["sh", "-c", "apt-get update -q && apt-get install -q -y --no-install-recommends chromium"]
    own = [sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"]
    return [own, apt] if distribution() == "ubuntu" else [apt, own]


def remedy() -> str:
    """Return the command that installs Chromium on this machine, as words in a sentence."""
    if shutil.which("apt-get") and distribution() != "ubuntu":
        return "run `sudo apt-get install chromium`"
    return f"run `{sys.executable} -m playwright install --with-deps chromium`"


def distribution() -> str:
    """Return the name of the Linux distribution (`debian`, `ubuntu`, ...), '' where there is none."""
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line[3:].strip('"') for line in lines if line.startswith("ID=")), "")


def works(browser: Path) -> bool:
    """Say whether the program starts: Ubuntu's stub does not, it only tells people to use snap."""
    try:
        answer = subprocess.run(
            [browser, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def playwrights_own() -> Path:
    """Return where the installed Playwright keeps its Chromium, whether or not it is there."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)
