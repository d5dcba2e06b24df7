"""A simulated recording as a file: raw counts in seven columns, or EDF+ with the true events; and its truth."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import edfio
import numpy as np
from numpy.typing import NDArray

from cpap_core.conversion import (
    AREA_RATIO,
    CMH2O_PER_COUNT,
    COUNT_AT_ZERO,
    FLOW_UNITS_LPM,
    MOIST_AIR_KG_PER_M3,
    PA_PER_CMH2O,
    UPSTREAM_AREA_M2,
)
from cpap_core.simulate.truth import Truth
from cpap_core.types import EventKind, Recording, Samples

HEADER = "time_s,v1_p2,v1_p1_ins,v1_p1_exp,v2_p2,v2_p1_ins,v2_p1_exp"
TRUTH_COLUMNS = (
    "what",
    "onset_s",
    "duration_s",
    "kind",
    "cause",
    "reduction",
    "peak_s",
    "inspiratory_time_s",
    "expiratory_time_s",
    "tidal_volume_ml",
    "peak_flow_lpm",
    "share",
    "leak_lpm",
)
ANNOTATIONS: Final = {
    EventKind.OBSTRUCTIVE_APNEA: "Obstructive Apnea",
    EventKind.CENTRAL_APNEA: "Central Apnea",
    EventKind.HYPOPNEA: "Hypopnea",
}
"""As devices name them. The onset is where the event begins, as EDF+ has it, not where it ends, as on ResMed cards."""

EDF_STEPS: Final = {"L/s": 0.002, "cmH2O": 0.02}
"""Those of a ResMed device."""


def counts_from_flow(flow_lpm: Samples, airway_pressure_cmh2o: Samples) -> NDArray[np.float64]:
    """Raw counts of one venturi, shape (n_samples, 3): the inverse of `flow_and_pressure_from_counts`."""
    flow = flow_lpm.astype(np.float64) / FLOW_UNITS_LPM["m3/s"]
    difference_pa = (flow / UPSTREAM_AREA_M2) ** 2 * MOIST_AIR_KG_PER_M3 * (AREA_RATIO**2 - 1) / 2
    upstream = COUNT_AT_ZERO + np.rint(airway_pressure_cmh2o / CMH2O_PER_COUNT)
    neck = upstream - difference_pa / PA_PER_CMH2O / CMH2O_PER_COUNT
    # The side that the air comes from has the higher pressure; which one that is gives the direction.
    other = upstream - 6
    inwards = flow >= 0
    return np.stack([neck, np.where(inwards, upstream, other), np.where(inwards, other, upstream)], axis=1)


def text_rows(flow_lpm: Samples, airway_pressure_cmh2o: Samples, rate_hz: float) -> Iterator[str]:
    """The rows of a seven-column recording without its header; a missing sample has NaN for counts."""
    for index, (neck, inspiratory, expiratory) in enumerate(counts_from_flow(flow_lpm, airway_pressure_cmh2o).tolist()):
        time = f"{index / rate_hz:.{3 if rate_hz > 100 else 2}f}"
        if neck != neck:
            yield f"{time},NaN,NaN,NaN,NaN,NaN,NaN"
        else:
            yield (
                f"{time},{neck:.2f},{inspiratory:.0f},{expiratory:.0f},{neck:.0f},{inspiratory:.0f},{expiratory:.0f}"
            )


def write_text(path: Path, recording: Recording) -> None:
    """Write raw counts in seven columns; both venturis alike, as devices with one flow path have them."""
    rows = text_rows(recording.flow_lpm, _pressure_of(recording), recording.sampling_rate_hz)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(HEADER + "\n")
        file.writelines(row + "\n" for row in rows)


def write_edf(path: Path, recording: Recording, truth: Truth) -> None:
    """Write EDF+ with the true events as annotations.

    Raises
    ------
    ValueError
        Samples are missing, which EDF cannot say.
    """
    pressure = _pressure_of(recording)
    missing = int(np.isnan(recording.flow_lpm).sum())
    if missing:
        raise ValueError(f"EDF has no word for missing samples, and {missing} are: write .txt, or leave dropouts out")
    start = dt.datetime.fromtimestamp(recording.start_time, dt.UTC)
    rate = recording.sampling_rate_hz
    edfio.Edf(
        [
            _signal(recording.flow_lpm / FLOW_UNITS_LPM["L/s"], rate, "Flow", "L/s", (-4.0, 6.0)),
            _signal(pressure, rate, "Airway pressure", "cmH2O", (0.0, 40.0)),
        ],
        recording=edfio.Recording(startdate=start.date(), equipment_code="simulated"),
        starttime=start.time().replace(microsecond=0),
        annotations=[
            edfio.EdfAnnotation(round(event.onset_s, 2), round(event.duration_s, 2), ANNOTATIONS[event.kind])
            for event in truth.events
        ],
    ).write(path)


def _signal(values: Samples, rate_hz: float, label: str, unit: str, limits: tuple[float, float]) -> edfio.EdfSignal:
    """One channel in the device's steps; what lies beyond the limits stands at them."""
    steps = EDF_STEPS[unit]
    return edfio.EdfSignal(
        np.clip(values.astype(np.float64), *limits),
        rate_hz,
        label=label,
        physical_dimension=unit,
        physical_range=limits,
        digital_range=(round(limits[0] / steps), round(limits[1] / steps)),
    )


def _pressure_of(recording: Recording) -> Samples:
    if recording.airway_pressure_cmh2o is None:
        raise ValueError("a simulated recording has an airway pressure, and this one has none: simulate it anew")
    return recording.airway_pressure_cmh2o


def truth_rows(truth: Truth) -> list[dict[str, Any]]:
    """Breaths, events and leaks in the order of their onset, times in s, with the columns that each has."""
    rows = [
        {"what": "breath", "duration_s": b.inspiratory_time_s + b.expiratory_time_s, "share": share}
        | {name: getattr(b, name) for name in TRUTH_COLUMNS if hasattr(b, name)}
        for b, share in zip(truth.breaths, truth.shares, strict=True)
    ]
    rows += [{"what": "event"} | asdict(event) for event in truth.events]
    rows += [{"what": "leak"} | asdict(leak) for leak in truth.leaks]
    return sorted(
        ({name: _short(value) for name, value in row.items()} for row in rows), key=lambda row: float(row["onset_s"])
    )


def write_truth(path: Path, truth: Truth, about: dict[str, Any]) -> None:
    """Write the truth: as CSV where the path ends so, else as JSON together with what it is about."""
    rows = truth_rows(truth)
    if path.suffix.lower() == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, TRUTH_COLUMNS)
            table.writeheader()
            table.writerows(rows)
        return
    plural = {"breath": "breaths", "event": "events", "leak": "leaks"}
    lists: dict[str, list[dict[str, Any]]] = {name: [] for name in plural.values()}
    for row in rows:
        lists[plural[row.pop("what")]].append(row)
    path.write_text(json.dumps(about | lists, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
