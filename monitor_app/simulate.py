"""`./monitor simulate PATH`: a night of a simulated patient as a recording, and its truth beside it (F49)."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from cpap_core.simulate.traits import KINDS, PatientTraits

MOST_HOURS = 36.0
START_TIME = 1_767_222_000.0
"""2025-12-31 23:00 UTC: the same arguments make the same file."""

_OWN = ("pressure_cmh2o", "critical_pressure_cmh2o", "leak_lpm", "leak_episodes_per_h", "dropouts_per_h")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    kinds = "\n".join(f"  {name:<12} {text}" for name, (text, _) in KINDS.items())
    traits = "\n".join(f"  {field.name:<28} {field.default}" for field in fields(PatientTraits))
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        f"kinds of patient:\n{kinds}\n\ntraits, with what they are unless the kind or you say otherwise:\n{traits}\n\n"
        "examples:\n"
        "  ./monitor simulate night.edf --kind obstructive --then 1800=12 --truth night.json\n"
        "  ./monitor simulate leaky.txt --leaks-per-h 6 --dropouts-per-h 4 --hours 0.5\n"
        "The same arguments make the same file. docs/simulated-patient.md says how it is done."
    )
    parser.add_argument("path", metavar="PATH", type=Path, help="recording to write: .txt (raw counts) or .edf (EDF+)")
    parser.add_argument("--truth", metavar="PATH", type=Path, help="breaths and events as they were: .json or .csv")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another night (default 1)")
    parser.add_argument("--hours", type=float, default=1.0, help=f"length, up to {MOST_HOURS:g} (default 1)")
    parser.add_argument("--kind", choices=list(KINDS), default="obstructive", help="default obstructive")
    parser.add_argument("--pressure", dest="pressure_cmh2o", metavar="CMH2O", type=float, help="set pressure")
    parser.add_argument(
        "--then",
        metavar="S=CMH2O",
        action="append",
        default=[],
        help="another pressure from this second on; repeatable",
    )
    parser.add_argument(
        "--critical", dest="critical_pressure_cmh2o", metavar="CMH2O", type=float, help="where the airway collapses"
    )
    parser.add_argument("--leak", dest="leak_lpm", metavar="LPM", type=float, help="steady leak at 10 cmH2O")
    parser.add_argument(
        "--leaks-per-h", dest="leak_episodes_per_h", metavar="N", type=float, help="sudden leaks at 10 cmH2O"
    )
    parser.add_argument("--dropouts-per-h", metavar="N", type=float, help="stretches without samples")
    parser.add_argument("--rate", metavar="HZ", type=float, default=25.0, help="samples per second (default 25)")
    parser.add_argument(
        "--trait", metavar="NAME=VALUE", action="append", default=[], help="any other trait; repeatable"
    )


def run(args: argparse.Namespace) -> int:
    """Simulate and write; returns the exit code, 2 where the arguments make no patient."""
    try:
        return _simulate(args)
    except (ValueError, OSError) as error:
        print(f"monitor simulate: {error}", file=sys.stderr)
        return 2


def _simulate(args: argparse.Namespace) -> int:
    # Imported here: whoever reads the help need not wait for numba.
    from cpap_core.simulate import SimulatedDevice, SimulatedPatient
    from cpap_core.simulate.recorded import record
    from cpap_core.simulate.writing import write_edf, write_text, write_truth

    suffix = _suffix(args.path, (".txt", ".edf"))
    if args.truth is not None:
        _suffix(args.truth, (".json", ".csv"))
    if not 0 < args.hours <= MOST_HOURS:
        raise ValueError(f"--hours is {args.hours:g}; it lies above 0, up to {MOST_HOURS:g}")
    seconds = max(1, round(args.hours * 3600))
    device = SimulatedDevice(SimulatedPatient(args.seed, args.rate, **_traits(args)))
    commands = sorted(_command(text, seconds) for text in args.then)
    recording = record(device, seconds, commands=commands, start_time=START_TIME, name=args.path.name)
    truth = device.patient.truth
    if suffix == ".edf":
        write_edf(args.path, recording, truth)
    else:
        write_text(args.path, recording)
    if args.truth is not None:
        about = {
            "recording": args.path.name,
            "kind": args.kind,
            "seed": args.seed,
            "sampling_rate_hz": args.rate,
            "duration_s": seconds,
            "commands": [{"at_s": at, "pressure_cmh2o": pressure} for at, pressure in commands],
            "traits": asdict(device.patient.traits),
        }
        write_truth(args.truth, truth, about)
    kinds = [event.kind.value.replace("_", " ") for event in truth.events]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)) or "no events"
    print(f"{args.path}: {seconds} s, {len(truth.breaths)} breaths, {counted}")
    return 0


def _suffix(path: Path, allowed: tuple[str, ...]) -> str:
    suffix = path.suffix.lower()
    if suffix not in allowed:
        raise ValueError(f"{path.name} ends with {suffix or 'nothing'}; let it end with {' or '.join(allowed)}")
    return suffix


def _traits(args: argparse.Namespace) -> dict[str, Any]:
    """The kind's traits, then what was said."""
    traits: dict[str, Any] = dict(KINDS[args.kind][1])
    traits |= {name: value for name in _OWN if (value := getattr(args, name)) is not None}
    for text in args.trait:
        name, value = _pair(text, "--trait", "NAME=VALUE")
        traits[name] = value
    return traits


def _command(text: str, seconds: int) -> tuple[float, float]:
    at, pressure = _pair(text, "--then", "S=CMH2O")
    at_s = float(at)
    if not 0 <= at_s < seconds:
        raise ValueError(f"--then {text} lies outside the recording of {seconds} s; choose a second within")
    return at_s, pressure


def _pair(text: str, option: str, form: str) -> tuple[str, float]:
    name, sign, value = text.partition("=")
    try:
        if not sign:
            raise ValueError
        return name.strip(), float(value)
    except ValueError:
        raise ValueError(f"{option} {text} is no {form}; write it so, for instance 1800=12") from None
