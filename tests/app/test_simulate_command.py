"""`./monitor simulate`: files that our own readers read, the truth beside them, the same for the same arguments."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import edfio
import numpy as np
import pytest

from cpap_core import read_recording
from cpap_core.simulate import KINDS, SimulatedPatient
from monitor_app.cli import main

QUARTER_H = ("--hours", "0.25", "--seed", "3")


def simulate(path: Path, *options: str) -> int:
    return main(["simulate", str(path), *QUARTER_H, *options])


@pytest.mark.holds("F49.5")
@pytest.mark.parametrize("name", ["night.edf", "night.txt"])
def test_the_file_is_read_as_what_the_device_measured(tmp_path: Path, name: str) -> None:
    assert simulate(tmp_path / name) == 0
    recording = read_recording(tmp_path / name)
    flow, pressure = SimulatedPatient(3, **KINDS["obstructive"][1]).samples(25 * 900)
    assert recording.sampling_rate_hz == 25
    assert recording.airway_pressure_cmh2o is not None
    np.testing.assert_allclose(recording.airway_pressure_cmh2o, pressure, atol=0.011)
    if name.endswith(".edf"):
        np.testing.assert_allclose(recording.flow_lpm, flow, atol=0.01)
    else:  # a venturi tells small flows badly: the pressure difference goes with the square
        assert np.quantile(np.abs(recording.flow_lpm - flow), 0.99) < 0.3


@pytest.mark.holds("F49.5")
def test_the_same_arguments_make_the_same_files(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        assert simulate(tmp_path / folder / "night.edf", "--truth", str(tmp_path / folder / "truth.json")) == 0
    for name in ("night.edf", "truth.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.holds("F49.3", "F49.5")
def test_the_truth_is_written_as_json_as_csv_and_as_annotations(tmp_path: Path) -> None:
    edf, as_json, as_csv = tmp_path / "night.edf", tmp_path / "truth.json", tmp_path / "truth.csv"
    assert simulate(edf, "--truth", str(as_json), "--kind", "mixed") == 0
    assert simulate(edf, "--truth", str(as_csv), "--kind", "mixed") == 0
    patient = SimulatedPatient(3, **KINDS["mixed"][1])
    patient.samples(25 * 900)
    written = json.loads(as_json.read_text())
    assert [breath["onset_s"] for breath in written["breaths"]] == [round(b.onset_s, 4) for b in patient.truth.breaths]
    assert [event["kind"] for event in written["events"]] == [event.kind for event in patient.truth.events]
    assert written["traits"]["critical_pressure_cmh2o"] == KINDS["mixed"][1]["critical_pressure_cmh2o"]
    with as_csv.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["onset_s"]) for row in rows] == sorted(float(row["onset_s"]) for row in rows)
    assert sum(row["what"] == "breath" for row in rows) == len(written["breaths"])
    assert sum(row["what"] == "event" for row in rows) == len(written["events"]) > 3
    noted = edfio.read_edf(edf).annotations
    assert [note.text.lower().replace(" ", "_") for note in noted] == [event["kind"] for event in written["events"]]
    assert [note.onset for note in noted] == pytest.approx([e["onset_s"] for e in written["events"]], abs=0.01)


@pytest.mark.holds("F49.1", "F49.5")
def test_a_pressure_commanded_on_the_way_ends_the_apneas(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    assert simulate(tmp_path / "night.txt", "--then", "450=12", "--trait", "sighs_per_h=0", "--truth", str(truth)) == 0
    written = json.loads(truth.read_text())
    onsets = [event["onset_s"] for event in written["events"]]
    assert len(onsets) >= 3
    assert max(onsets) < 450 + 60
    assert written["commands"] == [{"at_s": 450.0, "pressure_cmh2o": 12.0}]


def test_missing_samples_are_rows_that_the_reader_rejects(tmp_path: Path) -> None:
    assert simulate(tmp_path / "night.txt", "--dropouts-per-h", "40") == 0
    recording = read_recording(tmp_path / "night.txt")
    missing = int(
        np.isnan(SimulatedPatient(3, **KINDS["obstructive"][1], dropouts_per_h=40).samples(25 * 900)[0]).sum()
    )
    assert len(recording.rejected_rows) == missing > 100


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("night.wav", (), "night.wav ends with .wav; let it end with .txt or .edf"),
        ("night.edf", ("--dropouts-per-h", "60"), "write .txt, or leave dropouts out"),
        ("night.edf", ("--trait", "shoe_size=43"), "No such traits of a patient: shoe_size"),
        ("night.edf", ("--trait", "tidal_volume_ml=nan"), "tidal_volume_ml lies between 50 and 3000: got nan"),
        ("night.edf", ("--then", "12"), "--then 12 is no S=CMH2O"),
        ("night.edf", ("--then", "5000=12"), "lies outside the recording of 900 s"),
        ("night.edf", ("--then", "50=30"), "delivers 4 to 25 cmH2O: got 30"),
        ("night.edf", ("--hours", "0"), "--hours is 0"),
        ("night.edf", ("--truth", "truth.xls"), "let it end with .json or .csv"),
        ("nowhere/night.txt", (), "nowhere"),
    ],
)
def test_what_cannot_be_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, options: tuple[str, ...], words: str
) -> None:
    assert simulate(tmp_path / name, *options) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.startswith("monitor simulate: ")
    assert said.count("\n") == 1


def test_the_help_names_every_kind_and_trait(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["simulate", "--help"])
    said = capsys.readouterr().out
    assert all(f"  {kind} " in said for kind in KINDS)
    assert "critical_pressure_cmh2o" in said
