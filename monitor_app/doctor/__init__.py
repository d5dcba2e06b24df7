"""`./monitor doctor`: is this machine, with these settings, fit to serve? What is wrong is said with what to do."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from monitor_app import config
from monitor_app.config import ConfigError

from .findings import Finding, Grade, good, note, wrong

__all__ = ["Finding", "Grade", "add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments: those of `serve`, so that the same configuration is looked at."""
    parser.add_argument("--host", help="address to listen on (default: MONITOR_HOST, else 127.0.0.1)")
    parser.add_argument("--port", help="port to listen on (default: MONITOR_PORT, else 5006)")
    parser.add_argument("--data", help="folder of the store (default: MONITOR_DATA, else data)")


def run(args: argparse.Namespace) -> int:
    """Print what was found; 1 where something is wrong, 0 where at most something is worth knowing."""
    found: list[Finding] = []
    for finding in examine(args):
        print(finding, flush=True)
        found.append(finding)
    n_wrong = sum(finding.grade is Grade.WRONG for finding in found)
    n_notes = sum(finding.grade is Grade.NOTE for finding in found)
    sys.stdout.flush()
    if n_wrong:
        things = "One thing is wrong." if n_wrong == 1 else f"{n_wrong} things are wrong."
        print(f"\n{things} What to do stands under each.")
        return 1
    notes = "" if not n_notes else " One thing is worth knowing." if n_notes == 1 else f" {n_notes} are worth knowing."
    print(f"\nNothing is wrong.{notes}")
    return 0


def examine(args: argparse.Namespace) -> Iterator[Finding]:
    """Look at everything, the cheap and basic things first."""
    from . import configuration, machine

    yield from machine.examine()
    yield from configuration.unknown_variables()
    try:
        settings = config.load(host=args.host, port=args.port, data=args.data)
    except ConfigError as error:
        yield wrong("settings", str(error), "Set it right; `./monitor serve --help` lists all settings.")
        yield note("all else", "not looked at, since it depends on the settings")
        return
    yield good("settings", "all can be used")
    yield from configuration.examine(settings)
