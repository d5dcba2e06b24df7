"""The machine: Python, the installed packages, what the system lets a process have, the clock, a browser."""

from __future__ import annotations

import os
import re
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.markers import Marker

from .findings import Finding, good, note, wrong

ROOT = Path(__file__).resolve().parents[2]
OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 15)
ENOUGH_FILES = 4096
"""A socket for each page and device, with much room; pages beyond the limit would be turned away."""

FIRST_SENSIBLE_TIME = 1_735_689_600.0
"""2025-01-01, before the first version: a clock whose battery is empty begins in 1970, or when it was made."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")


def examine() -> Iterator[Finding]:
    """Look at the machine."""
    yield python(sys.version_info[:2])
    yield packages(ROOT / "requirements.lock")
    yield open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    yield clock(time.time())
    yield browser()


def python(found: tuple[int, int]) -> Finding:
    """Is this a Python that it was made for?"""
    name = f"{found[0]}.{found[1]} ({sys.executable})"
    if found < OLDEST_PYTHON:
        return wrong("Python", f"{name} is too old", "Install Python 3.11 or newer, then start ./monitor again.")
    if found > NEWEST_PYTHON:
        return note("Python", f"{name} is newer than any that this version was made for")
    return good("Python", name)


def packages(lock: Path) -> Finding:
    """Are the packages those of the lock, each in the version that was tested?"""
    if not lock.exists():
        return note("packages", f"there is no {lock.name} beside the program, so versions are not compared")
    differing = [f"{name} {have or 'missing'} instead of {want}" for name, want, have in _pinned(lock) if have != want]
    if differing:
        named = "; ".join(differing[:5]) + (f"; and {len(differing) - 5} more" if len(differing) > 5 else "")
        return wrong(
            "packages", named, f"Remove {ROOT / '.venv'} and start ./monitor again: it installs what {lock.name} says."
        )
    return good("packages", f"all as {lock.name} says")


def _pinned(lock: Path) -> Iterator[tuple[str, str, str | None]]:
    """Name, wanted and present version of each package that this machine needs."""
    for line in lock.read_text(encoding="utf-8").splitlines():
        found = re.match(r"([\w.-]+)==([^\s;]+)(?:\s*;\s*([^\\]+))?", line)
        if not found or (found[3] and not Marker(found[3].strip()).evaluate()):
            continue
        try:
            present: str | None = version(found[1])
        except PackageNotFoundError:
            present = None
        yield found[1], found[2], present


def open_files(hard_limit: int) -> Finding:
    """May the server hold as many connections as a large lab has pages and devices?"""
    if hard_limit != resource.RLIM_INFINITY and hard_limit < ENOUGH_FILES:
        return wrong(
            "open files",
            f"a process may have {hard_limit} at most, and each page and device needs one",
            f"Allow {ENOUGH_FILES} or more: LimitNOFILE= for a service, nofile in /etc/security/limits.conf.",
        )
    shown = "any number" if hard_limit == resource.RLIM_INFINITY else f"{hard_limit}"
    return good("open files", f"{shown} allowed, which is enough")


def clock(now: float) -> Finding:
    """Is it a time at which this program exists?"""
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < FIRST_SENSIBLE_TIME:
        return wrong(
            "clock", f"it says {shown}", "Set it, and let it be kept by the network: `timedatectl set-ntp true`."
        )
    return good("clock", f"it says {shown}")


def browser() -> Finding:
    """Is there a browser for the tests? The server needs none."""
    named = os.environ.get("CHROMIUM", "")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        return good("Chromium", f"{found}, for ./monitor test only")
    return good("Chromium", "none here; only ./monitor test needs one, and says how to get it")
