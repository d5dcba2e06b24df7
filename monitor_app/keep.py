"""`./monitor backup` and `./monitor restore` (F52): the whole store in one file, and back."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor_app import config
from monitor_app.config import DATA_FILE, Settings

if TYPE_CHECKING:
    from store import Contents


def add_commands(commands: Any) -> None:
    """Describe both commands to the parser."""
    text = "copies the whole store into one file, while the server runs"
    backup = commands.add_parser("backup", help=text, description=text)
    backup.add_argument("file", type=Path, metavar="FILE", help="the backup; in a folder it gets the time as its name")
    backup.add_argument("--replace", action="store_true", help="replace a backup of that name")
    text = "puts a backup in the place of the store, with the server stopped; what was there is kept aside"
    restore = commands.add_parser("restore", help=text, description=text)
    restore.add_argument("file", type=Path, metavar="FILE", help="a backup")
    for command, run in ((backup, _backup), (restore, _restore)):
        command.add_argument("--data", help="folder of the store (default: MONITOR_DATA, else data)")
        command.set_defaults(run=run)


def _backup(args: argparse.Namespace) -> int:
    from store import StoreError, back_up

    settings = config.load(data=args.data)
    target: Path = args.file
    if target.is_dir():
        target /= f"breathwatch-{datetime.now(settings.zone):%Y%m%d-%H%M%S}.sqlite"
    # Whoever writes the ward's samples comes first.
    os.nice(10)
    begun = time.monotonic()
    try:
        found = back_up(settings.data / DATA_FILE, target, replace=args.replace, progress=_progress("Copied"))
    except StoreError as error:
        print(f"monitor backup: {error}", file=sys.stderr)
        return 1
    print(f"{target}: {_words(found, settings)}; checked, in {time.monotonic() - begun:.1f} s")
    return 0


def _restore(args: argparse.Namespace) -> int:
    from store import StoreError, StoreLocked, restore

    settings = config.load(data=args.data)
    data_file = settings.data / DATA_FILE
    try:
        found, aside = restore(args.file, data_file, progress=_progress("Copied"))
    except StoreLocked as error:
        print(f"monitor restore: {error}. A restore needs the server stopped.", file=sys.stderr)
        return 1
    except StoreError as error:
        print(f"monitor restore: {error}", file=sys.stderr)
        return 1
    print(f"{data_file} is now {args.file}: {_words(found, settings)}")
    if aside is not None:
        print(f"What was there before is kept as {aside}; remove it when it is not needed any more")
    return 0


def _words(found: Contents, settings: Settings) -> str:
    """What a file holds, as people say it."""
    parts = [
        f"{found.patients} patients",
        f"{found.stays} stays",
        f"{found.recordings} recordings",
        f"{found.size_bytes / 1e6:.1f} MB",
    ]
    if found.newest_received_at is not None:
        newest = datetime.fromtimestamp(found.newest_received_at, settings.zone)
        parts.append(f"newest sample of {newest:%Y-%m-%d %H:%M:%S %Z}")
    return ", ".join(parts)


def _progress(what: str) -> Callable[[float], None] | None:
    """Tell a person at a terminal how far it is."""
    if not sys.stderr.isatty():
        return None

    def tell(done: float) -> None:
        print(f"\r{what} {done:4.0%}", end="\n" if done >= 1 else "", file=sys.stderr, flush=True)

    return tell
