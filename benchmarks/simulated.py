"""`./monitor bench simulated`: breaths and events of simulated patients, whose truth is known, and what it costs."""

from __future__ import annotations

import argparse
import time

from benchmarks.cohort import KIND_NAMES, RATE_HZ, Judged, judge, patient
from benchmarks.figures import Requirements, load_now, show
from cpap_core import RespirationDetector

BREATHS, APNEAS, HYPOPNEAS, PRECISION = 99.9, 98.0, 95.0, 95.0
LISTED = 12


def main(arguments: list[str]) -> int:
    """Simulate, detect, judge; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="./monitor bench simulated",
        description=f"{__doc__} Kinds take turns over the seeds: {', '.join(KIND_NAMES)}.",
    )
    parser.add_argument("--seeds", type=int, default=100, metavar="N", help="patients (default 100)")
    parser.add_argument("--first-seed", type=int, default=0, metavar="S", help="the first of them (default 0)")
    parser.add_argument("--hours", type=float, default=1.0, metavar="H", help="of each (default 1)")
    parser.add_argument("--all-misses", action="store_true", help=f"list all misses, not only {LISTED} of each")
    options = parser.parse_args(arguments)
    if options.seeds < 1 or options.hours < 0.05:
        parser.error("give at least one seed and 0.05 hours")
    requirements = Requirements()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    listed = 10**9 if options.all_misses else LISTED
    print(f"simulated patients, seeds {seeds[0]} to {seeds[-1]}, {options.hours:g} h each; {load_now()}")
    for clean in (True, False):
        judged = Judged()
        for seed in seeds:
            judge(judged, seed, options.hours, clean=clean)
        print("\nclean: no sudden leaks, no missing samples" if clean else "\nwith sudden leaks and missing samples")
        _print(judged, requirements if clean else None, listed)
    _cost()
    return requirements.exit_code


def _print(judged: Judged, requirements: Requirements | None, listed: int) -> None:
    """Print a cohort's figures, the clean one's beside what is required."""
    for name, tally in judged.tallies.items():
        least = BREATHS if name == "breaths" else HYPOPNEAS if name.startswith("hypopnea (") else APNEAS
        said = name.endswith("said")
        for what, share, bound, others in (
            ("sensitivity", tally.sensitivity, least, tally.missed),
            ("precision", tally.precision, BREATHS if name == "breaths" else PRECISION, tally.false),
        ):
            if (said and what == "sensitivity") or (what == "precision" and not said and name not in _BOTH):
                continue
            if requirements is not None and name != "breath gaps":
                requirements.at_least(f"{name}: {what}", _floor(100 * share), bound, "%")
            else:
                show(f"{name}: {what}", f"{100 * share:.2f} %")
            lost = "missed" if what == "sensitivity" else "false"
            show("", f"{tally.hits} right, {len(others)} {lost}{_at(others, listed)}")
    if sum(judged.kinds.values()):
        show("kind of the apneas found", ", ".join(f"{n} {name}" for name, n in judged.kinds.items()))
        show("", f"wrong ones{_at(judged.confused, listed)}")
    if "apneas said" not in judged.tallies:
        show("apneas and hypopneas", "this detector scores none; breath gaps only")


_BOTH = ("breaths", "breath gaps")


def _floor(share: float) -> float:
    """Two decimals, never rounded up to what was not reached."""
    return share if share != share else int(share * 100) / 100


def _at(places: list[tuple[int, float]], listed: int) -> str:
    """Where: seed and second of each."""
    if not places:
        return ""
    more = f" and {len(places) - listed} more" if len(places) > listed else ""
    return ": " + ", ".join(f"{seed}@{second:.1f}" for seed, second in places[:listed]) + more


def _cost() -> None:
    """How long an hour takes to simulate, beside detecting it in the same run."""
    simulating, detecting = [], []
    for seed in range(3, 8):
        simulated, detector = patient(seed, clean=True), RespirationDetector(RATE_HZ)
        begin = time.process_time()
        flow, pressure = simulated.samples(int(3600 * RATE_HZ))
        between = time.process_time()
        detector.update(flow, pressure)
        simulating.append(between - begin)
        detecting.append(time.process_time() - between)
    simulate_s, detect_s = sorted(simulating)[2], sorted(detecting)[2]
    print()
    show("an hour of one patient, simulated in", f"{simulate_s:.2f} s of CPU")
    show("beside detecting the same hour", f"{simulate_s / detect_s:.1f} times")
