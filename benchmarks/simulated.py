"""`./monitor bench simulated`: breaths and events of simulated patients, whose truth is known, and what it costs."""

from __future__ import annotations

import argparse
import time

from benchmarks.cohort import KIND_NAMES, RATE_HZ, SAID, Judged, judge, patient
from benchmarks.figures import Requirements, load_now, show
from cpap_core import RespirationDetector

MOST_PERCENT = {"breaths": 0.1, "obstructive_apnea": 2.0, "central_apnea": 2.0}
"""Of each so many may be missed, and of breaths as many false."""

MOST_HYPOPNEAS, MOST_FALSE_EVENTS = 5.0, 5.0
WITHOUT_BOUND = ("breath gaps", "weak breaths")
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
        what = name.rpartition(": ")[2]
        if what not in SAID:
            bound = MOST_PERCENT.get(what, MOST_HYPOPNEAS) if what not in WITHOUT_BOUND else None
            _line(requirements, f"{name}: missed", 1 - tally.sensitivity, bound)
            show("", f"{tally.hits} found, {len(tally.missed)} missed{_at(tally.missed, listed)}")
        if what in ("breaths", "breath gaps", *SAID):
            bound = MOST_PERCENT.get(what, MOST_FALSE_EVENTS) if what not in WITHOUT_BOUND else None
            _line(requirements, f"{name}: false", 1 - tally.precision, bound)
            show("", f"{len(tally.false)} false{_at(tally.false, listed)}")
    show("of the false breaths", f"{judged.twice} are a true one found twice")
    if sum(judged.kinds.values()):
        show("kind of the apneas found", ", ".join(f"{n} {name}" for name, n in judged.kinds.items()))
        show("", f"wrong ones{_at(judged.confused, listed)}")
    if not any(name.endswith(SAID) for name in judged.tallies):
        show("apneas and hypopneas", "this detector scores none; breath gaps only")


def _line(requirements: Requirements | None, what: str, share: float, bound: float | None) -> None:
    if requirements is None or bound is None:
        show(what, f"{100 * share:.3g} %")
    else:
        requirements.at_most(what, 100 * share, bound, "%")


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
