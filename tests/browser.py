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
    # The address bar's two pages, which nobody sees, cost each new window a second of CPU. Chromium takes the last such
    # list, so what Playwright's own has that matters here stands in it too.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,HttpsUpgrades,PaintHolding,"
    "MediaRouter,OptimizationHints,NetworkTimeServiceQuerying,LensOverlay,DestroyProfileOnBrowserClose,"
    "AvoidUnnecessaryBeforeUnloadCheckSync,ThirdPartyStoragePartitioning",
    # Names and addresses beyond loopback lead nowhere, whatever a page asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
]


class NoBrowserError(Exception):
    """Browser tests cannot run here; the message is the one line that says which command mends it."""


def find() -> Path:
    """Return Chromium from `$CHROMIUM`, from the PATH, or Playwright's own.

    Raises
    ------
    NoBrowserError
        There is none, `$CHROMIUM` names something that cannot be run, or Playwright's driver does not start.
    """
    if not driver_works():
        raise NoBrowserError(f"The browser tests need a library that Playwright's driver loads: {library_remedy()}.")
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
        if not found:
            raise NoBrowserError(f"CHROMIUM={named} cannot be run: set it to the path of Chromium, or unset it.")
        return Path(found)
    for name in NAMES:
        found = shutil.which(name)
        if found and works([found, "--version"]):
            return Path(found)
    own = playwrights_own()
    if own.exists():
        return own
    raise NoBrowserError(f"The browser tests need Chromium: {remedy()}, or set CHROMIUM to its path.")


def find_or_install() -> Path:
    """Return what `find` does; as root on Debian or Ubuntu, first install what is missing."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return find()
    if not driver_works():
        install(with_apt("libatomic1"))
    for command in install_commands():
        try:
            return find()
        except NoBrowserError:
            if os.environ.get("CHROMIUM"):
                raise
        print("No Chromium here: installing it for the browser tests.", file=sys.stderr, flush=True)
        install(command)
    return find()


def install_commands() -> list[list[str]]:
    """Return the ways to install Chromium as root, best first.

    Ubuntu's package is a stub that needs snapd, which containers lack; there Playwright's own is the better one.
    """
    own = [sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"]
    return [own, with_apt("chromium")] if distribution() == "ubuntu" else [with_apt("chromium"), own]


def with_apt(package: str) -> list[str]:
    """Return the command that installs a package of the distribution."""
    return ["sh", "-c", f"apt-get update -qq && apt-get install -qq -y --no-install-recommends {package}"]


def install(command: list[str]) -> None:
    """Run an installation; whether it helped is for `find` to say."""
    subprocess.run(command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, stdout=sys.stderr)


def remedy() -> str:
    """Return the command that installs Chromium on this machine, as words in a sentence."""
    if shutil.which("apt-get") and distribution() != "ubuntu":
        return "run `sudo apt-get install chromium`"
    return f"run `{sys.executable} -m playwright install --with-deps chromium`"


def library_remedy() -> str:
    """Return the command that lets Playwright's driver start, as words in a sentence."""
    if shutil.which("apt-get"):
        return "run `sudo apt-get install libatomic1`"
    return f"`{sys.executable} -m playwright --version` says which"


def driver_works() -> bool:
    """Say whether Playwright's driver starts: its Node.js needs libatomic, which a bare Debian lacks."""
    return works([sys.executable, "-m", "playwright", "--version"])


def distribution() -> str:
    """Return the name of the Linux distribution (`debian`, `ubuntu`, ...), '' where there is none."""
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line[3:].strip('"') for line in lines if line.startswith("ID=")), "")


def works(command: list[str]) -> bool:
    """Say whether a program starts: Ubuntu's stub of Chromium does not, it only tells people to use snap."""
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def playwrights_own() -> Path:
    """Return where the installed Playwright keeps its Chromium, whether or not it is there."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)
