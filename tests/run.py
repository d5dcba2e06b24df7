"""What `./monitor test` does: style, types, the fast tests, the browser tests, and a plain summary last."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import browser  # noqa: E402

NOTHING_COLLECTED = 5  # pytest's exit status


@dataclass
class Outcome:
    """How one stage ended; the counts are of tests and stay 0 for checks."""

    name: str
    ok: bool
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    remark: str = ""

    def line(self) -> str:
        """Return this stage's line of the summary."""
        counts = f"{self.passed} passed, {self.failed} failed" if self.passed or self.failed else ""
        skipped = f"{self.skipped} skipped" if self.skipped else ""
        words = ", ".join(part for part in (counts, skipped, self.remark) if part)
        return f"  {self.name:<15}{'ok' if self.ok else 'FAILED':<8}{self.seconds:6.1f} s  {words}".rstrip()


def main(arguments: Sequence[str]) -> int:
    """Run everything, or with pytest's arguments only the tests they choose; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="./monitor test",
        description="Style, types and all tests. Further arguments go to pytest, and then only the tests run.",
        epilog="Examples: ./monitor test; ./monitor test tests/core -k ring; ./monitor test --soak",
    )
    parser.add_argument("--soak", action="store_true", help="also run the tests that take long")
    options, for_pytest = parser.parse_known_args(arguments)
    outcomes = [] if for_pytest else [check(name, command) for name, command in checks().items()]
    outcomes += run_tests(for_pytest, soak=options.soak)
    return summary(outcomes, everything=not for_pytest)


def checks() -> dict[str, list[str]]:
    """Return the checks that are no tests, each with its command."""
    return {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "mypy": ["mypy"],
    }


def check(name: str, command: list[str]) -> Outcome:
    """Run one check."""
    announce(name)
    begun = time.monotonic()
    status = subprocess.run([sys.executable, "-m", *command], cwd=ROOT).returncode
    return Outcome(name, status == 0, time.monotonic() - begun)


def run_tests(for_pytest: list[str], *, soak: bool) -> list[Outcome]:
    """Run the fast tests, then those in a browser: in two processes, since Playwright's event loop stays in its own."""
    without_soak = "" if soak else " and not soak"
    # They mostly wait for sockets, pages and clocks, so several at a time cost little; each has servers of its own.
    # Those in a browser look at the seconds, so they are fewer at a time.
    outcomes = [run_pytest("fast tests", "not ui" + without_soak, for_pytest or at_a_time(3))]
    if for_pytest and not collects("ui" + without_soak, for_pytest):
        return outcomes
    begun = time.monotonic()
    try:
        os.environ["CHROMIUM"] = str(browser.find_or_install())
    except browser.NoBrowserError as problem:
        print(problem, file=sys.stderr)
        return [*outcomes, Outcome("browser tests", False, time.monotonic() - begun, remark=str(problem))]
    return [*outcomes, run_pytest("browser tests", "ui" + without_soak, for_pytest or at_a_time(2))]


def at_a_time(workers: int) -> list[str]:
    """Return pytest's options for so many processes, each of which takes whole files."""
    return ["-n", str(workers), "--dist", "loadfile"]


def collects(marks: str, for_pytest: list[str]) -> bool:
    """Say whether any test has these marks; a run that chooses others needs no browser."""
    command = [sys.executable, "-m", "pytest", "-m", marks, "--collect-only", "-q", *for_pytest]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL).returncode != NOTHING_COLLECTED


def run_pytest(name: str, marks: str, for_pytest: list[str]) -> Outcome:
    """Run the tests with these marks and count them."""
    announce(name)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-m", marks, f"--junit-xml={report}", *for_pytest]
        status = subprocess.run(command, cwd=ROOT).returncode
        counts = count(report)
    ok = status == 0 or (status == NOTHING_COLLECTED and bool(for_pytest))
    return Outcome(name, ok, time.monotonic() - begun, **counts)


def count(report: Path) -> dict[str, int]:
    """Return the numbers of passed, failed and skipped tests in pytest's report; all 0 where it wrote none."""
    if not report.exists():
        return {}
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    total, failures, errors, skipped = (
        sum(int(suite.get(key, 0)) for suite in suites) for key in ("tests", "failures", "errors", "skipped")
    )
    return {"passed": total - failures - errors - skipped, "failed": failures + errors, "skipped": skipped}


def announce(name: str) -> None:
    """Say which stage begins."""
    print(f"\n== {name}", flush=True)


def summary(outcomes: list[Outcome], *, everything: bool) -> int:
    """Print how it ended, in words; return 0 only when tests ran and nothing failed."""
    passed, failed, skipped = (sum(getattr(each, key) for each in outcomes) for key in ("passed", "failed", "skipped"))
    print("\n== summary" if everything else "\n== summary of a part: style and types were not checked")
    for outcome in outcomes:
        print(outcome.line())
    broken = [outcome.name for outcome in outcomes if not outcome.ok]
    if broken:
        print(f"\nNot good: {', '.join(broken)}.")
    elif not passed:
        print("\nNot good: no test ran.")
    else:
        print("\nAll good." if everything else "\nGood, as far as it went.")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if broken or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
