"""The detector beside a device's own scoring, a carefully read truth and other tools; and its cost in biquads.

Without a folder: ../shared/data where that is present, else the simulated recordings that ship.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import numpy as np

from benchmarks.detector import cost, peers, subject
from benchmarks.detector.agreement import (
    APNEA_TOLERANCE_S,
    Agreement,
    agreement,
    breath_agreement,
    event_agreement,
    joined,
)
from benchmarks.detector.alterations import ALTERATIONS, LEAK_LPM
from benchmarks.detector.disturbance import disturbed
from benchmarks.detector.nights import ScoredPart, readable, scored_parts
from benchmarks.detector.samples import STEP_PLACES, Sample, samples
from benchmarks.figures import Requirements, load_now, show
from benchmarks.matching import wilson
from cpap_core import Recording

ROOT = Path(__file__).resolve().parents[2]
BESIDE = ROOT.parent / "shared" / "data"
STEADY = (
    ("gain 0.25", 0.25, 0.0),
    ("gain 4", 4.0, 0.0),
    ("leak +0.5 L/s", 1.0, LEAK_LPM),
    ("leak -0.5 L/s", 1.0, -LEAK_LPM),
)
BUNDLED = ROOT / "assets" / "recordings"


def main(arguments: list[str]) -> int:
    """`./monitor bench detector`."""
    parser = argparse.ArgumentParser(prog="./monitor bench detector", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="with ResMed nights, and recordings beside a truth.json")
    parser.add_argument("--turns", type=int, default=9, help="of the measurement of cost (default 9)")
    parser.add_argument("--cases", type=int, default=200, help="simulated apneas after a disturbance (default 200)")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out")
    given = parser.parse_args(arguments)
    if given.folder is not None and not given.folder.is_dir():
        parser.error(f"{given.folder} is no folder: give one with a device's night folders, or none")
    folder = given.folder or (BESIDE if BESIDE.is_dir() else BUNDLED)
    required = Requirements()
    with _quiet_reader():
        _bench(folder, given, required)
    if required.missed:
        print(f"  not met: {'; '.join(required.missed)}")
    return required.exit_code


@contextmanager
def _quiet_reader() -> Iterator[None]:
    """The reader logs each file and each skipped row; a bench's lines are its own."""
    logger = logging.getLogger("cpap_core")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _bench(folder: Path, given: argparse.Namespace, required: Requirements) -> None:
    parts, read = list(scored_parts(folder)), list(samples(folder))
    print(f"detector: {folder}; {subject.SCORED_BY}; one setting everywhere; {load_now()}")
    with_peers = not given.no_peers
    if not parts and not read:
        print("  There is no device's scoring among these recordings: only what they hold, and what it costs.")
    if read:
        _samples(read, required, with_peers=with_peers)
    if parts:
        _nights(parts, required, with_peers=with_peers)
    _disturbances(given.cases, required)
    recordings = [part.recording for part in parts] or [sample.recording for sample in read] or _unscored(folder)
    if recordings:
        _cost(max(recordings, key=lambda each: len(each.flow_lpm)), given.turns, required, with_peers=with_peers)
    if with_peers:
        for name in peers.absent():
            show(name, f"not installed: {peers.INSTALL}")


def _samples(read: Sequence[Sample], required: Requirements, *, with_peers: bool) -> None:
    """Breaths of the recordings with a carefully read truth."""
    breaths = sum(len(sample.inspirations) for sample in read)
    print(f"Recordings with a carefully read truth: {len(read)}, {breaths} breaths")
    missed, false = _missed_and_false(read)
    required.at_most("breaths missed", missed, 0)
    required.at_most("breaths false", false, 0)
    wrong = sum(sample.gaps_wrong(len(subject.find(sample.recording).gaps)) for sample in read)
    required.at_most("breath gaps wrong", wrong, 0)
    for name, gain, leak in STEADY:
        required.at_most(f"{name}: missed or false", sum(_missed_and_false([s.altered(gain, leak) for s in read])), 0)
    for name, leak in (("leak step +0.5 L/s", LEAK_LPM), ("leak step -0.5 L/s", -LEAK_LPM)):
        steps = np.array([_missed_and_false([s.with_leak_step(place, leak) for s in read]) for place in STEP_PLACES])
        most = steps.max(axis=0)
        show(f"{name}: worst of {len(steps)} places", f"{most[0]} missed, {most[1]} false")
        required.at_most(f"{name}: missed, mean", float(steps[:, 0].mean()), 3)
        required.at_most(f"{name}: false, mean", float(steps[:, 1].mean()), 0)
    if with_peers:
        for name, peer in peers.present(peers.PEERS).items():
            counts = [sample.missed_and_false(peers.breaths_by(peer, sample.recording)) for sample in read]
            show(f"{name}: missed; false", "{}; {}".format(*map(sum, zip(*counts, strict=True))))


def _missed_and_false(read: Sequence[Sample]) -> tuple[int, int]:
    counts = [sample.missed_and_false(subject.find(sample.recording).peaks_s) for sample in read]
    return sum(missed for missed, _ in counts), sum(false for _, false in counts)


def _nights(parts: Sequence[ScoredPart], required: Requirements, *, with_peers: bool) -> None:
    """Everything that the device scored or measured."""
    each = [agreement(part, subject.find(part.recording)) for part in parts]
    whole = joined(each)
    print(f"Nights with a device's scoring: {whole.hours:.1f} h, {whole.scored} apneas; a night in a line")
    print(f"  {'':<32}{'h':>6}{'rate':>7}{'calm':>7}{'TV %':>6}{'MV %':>6}{'apneas hit':>12}{'detections':>12}")
    for night, together in groupby(zip(parts, each, strict=True), key=lambda pair: pair[0].night):
        _night_line(night, joined(one for _, one in together))
    _night_line("all", whole)
    _overall(whole, required)
    if with_peers:
        for name, peer in peers.present(peers.PEERS).items():
            one = joined(breath_agreement(part, peers.breaths_by(peer, part.recording)) for part in parts)
            show(f"{name}: rate", f"{one.rate_error:.3f} per min every 2 s, {one.calm_error:.3f} in calm minutes")
            show(f"{name}: gaps over 10 s", _hits(one))
        for name, scorer in peers.present(peers.SCORERS).items():
            one = joined(event_agreement(part, peers.apneas_by(scorer, part.recording)) for part in parts)
            show(f"{name}: apneas", _hits(one))
    _robustness(parts, whole, required)


def _night_line(night: str, one: Agreement) -> None:
    print(
        f"  {night:<32}{one.hours:6.2f}{one.rate_error:7.3f}{one.calm_error:7.3f}{one.volume_error:6.1f}"
        f"{one.ventilation_error:6.1f}{one.hits:>6} of {one.scored:<3}{one.found:>10}"
    )


def _overall(whole: Agreement, required: Requirements) -> None:
    required.at_most("rate every 2 s, mean error", whole.rate_error, 0.38, "per min")
    show("rate known, of when the device knows", f"{100 * len(whole.rate) / max(1, whole.moments):.1f} %")
    required.at_most(f"rate in {len(whole.calm)} calm minutes, quantised", whole.calm_error, 0.055, "per min")
    required.at_least("calm minutes within 1 per min", whole.calm_within_1, 99.7, "%")
    required.at_most("tidal volume, median error", whole.volume_error, 1.5, "%")
    required.at_most("minute ventilation, median error", whole.ventilation_error, 0.8, "%")
    required.at_most("breath certain after its onset, median", float(np.median(whole.certain)), 0.2, "s")
    if not whole.scored:
        return
    show("apneas hit; of detections", _hits(whole))
    show(
        "hits that overlap without the tolerance", f"{whole.strict} of {whole.hits} (tolerance {APNEA_TOLERANCE_S:g} s)"
    )
    required.at_least("apneas hit, of the device's", 100 * whole.hits / whole.scored, 100 * 20 / 22, "%")
    required.at_most("detections for each of its apneas", whole.found / whole.scored, 25 / 22)
    required.at_least("obstructive or central as the device", 100 * whole.right / max(1, whole.hits), 100, "% of hits")
    show("kind told", f"{whole.known} of {whole.hits} hits, {whole.right} as the device")
    if whole.hits:
        required.at_most("alarm after its onset, median", float(np.median(whole.delays)), 10.2, "s")
        required.at_most("alarm after its onset, 9 of 10", float(np.percentile(whole.delays, 90)), 11.5, "s")


def _hits(one: Agreement) -> str:
    return f"{_share(one.hits, one.scored)}; {_share(one.hits, one.found)}"


def _share(hits: int, of: int) -> str:
    if not of:
        return "no detection"
    low, high = wilson(hits, of)
    return f"{hits} of {of} (95 %: {100 * low:.1f} to {100 * high:.1f} %)"


def _robustness(parts: Sequence[ScoredPart], plain: Agreement, required: Requirements) -> None:
    print("The same nights altered; the row that changes most is named")
    print(
        f"  {'':<32}{'rate':>7}{'calm':>7}{'TV %':>6}{'MV %':>6}{'apneas hit':>12}{'detections':>12}{'kind right':>12}"
    )
    for alteration in ALTERATIONS:
        one = joined(
            agreement(part, subject.find(alteration.of(part.recording)), gain=alteration.gain) for part in parts
        )
        print(
            f"  {alteration.name:<32}{one.rate_error:7.3f}{one.calm_error:7.3f}{one.volume_error:6.2f}"
            f"{one.ventilation_error:6.2f}{one.hits:>6} of {one.scored:<3}{one.found:>10}{one.right:>12}"
        )
        row, change = _change(one, plain)
        required.at_most(f"{alteration.name}: change, of {row}", change, 2, "%")
        required.at_least(f"{alteration.name}: apneas hit", one.hits, plain.hits)


ROWS = {"rate": "rate_error", "calm": "calm_error", "TV": "volume_error", "MV": "ventilation_error"}


def _change(one: Agreement, plain: Agreement) -> tuple[str, float]:
    """The row that changes most, and by how much of itself, in %."""
    changes = {
        name: abs(getattr(one, row) / getattr(plain, row) - 1) for name, row in ROWS.items() if getattr(plain, row) > 0
    }
    if not changes:
        return "nothing", float("nan")
    row = max(changes, key=lambda name: changes[name])
    return row, 100 * changes[row]


def _disturbances(cases: int, required: Requirements) -> None:
    made = [(case, subject.find(case.recording)) for case in map(disturbed, range(cases))]
    hits = sum(case.is_found(found.apneas) for case, found in made)
    by_gaps = sum(case.is_found(found.gaps) for case, found in made)
    print(f"Simulated apneas of 12 s or longer after 6 s of one-sided disturbance: {cases}")
    show("found as scored events", _share(hits, cases))
    show("found as breath gaps", _share(by_gaps, cases))
    required.at_least("apneas found after a disturbance", 100 * hits / max(1, cases), 98, "%")


def _unscored(folder: Path) -> list[Recording]:
    """What a folder without scoring holds, with what is found in it."""
    read = list(readable(path for path in sorted(folder.rglob("*")) if path.suffix in (".txt", ".edf", ".csv")))
    for recording in read:
        found = subject.find(recording)
        what = f"{len(found.onsets_s)} breaths, {len(found.gaps)} breath gaps, {len(found.apneas)} apneas"
        show(recording.name, f"{recording.duration_s:.0f} s, {what}")
    return read


def _cost(recording: Recording, turns: int, required: Requirements, *, with_peers: bool) -> None:
    print(f"Processor time against one biquad over the same samples, {turns} turns, on {recording.name}")
    one = cost.one_room(recording, turns, with_peers=with_peers)
    for name, ratio in one.items():
        show(name, str(ratio))
    required.at_most("one room", one["detector"].median, 1.6, "biquads")
    many = cost.many_rooms(recording, turns)
    for name, ratio in many.items():
        show(name, str(ratio))
    if not cost.HAS_ROOMS:
        show("64 rooms in one call", "there is no such call yet; judged one after the other")
    required.at_most("64 rooms", list(many.values())[-1].median, 2, "vectorised biquads")
    show("machine", load_now())
