"""`./monitor analyze PATH [--json]`: F37's result as text and as JSON, errors in one line."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cpap_core import analyze as analyze_recording
from cpap_core import read_recording
from monitor_app import analyze
from tests.core.recordings import breathing, signal, text_rows, write_edf, write_text

RATE_HZ = 25.0
FLOW = breathing([*np.arange(2.0, 40.0, 4.0), *np.arange(53.0, 90.0, 4.0)], 97.0, RATE_HZ)


@pytest.fixture(autouse=True)
def quiet_logging() -> Iterator[None]:
    """Leave the process's logging as it was."""
    loggers = [logging.getLogger(), logging.getLogger("cpap_core")]
    before = [(logger, logger.handlers[:], logger.level) for logger in loggers]
    yield
    for logger, handlers, level in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    rows = text_rows(FLOW, RATE_HZ, first_s=2.5)
    rows[700] = "bad data,1,2,3,4,5,6"
    return write_text(tmp_path / "night.txt", rows)


@pytest.fixture
def night(tmp_path: Path) -> Path:
    folder = tmp_path / "20240301"
    folder.mkdir()
    for start in (dt.datetime(2024, 3, 1, 23, 0), dt.datetime(2024, 3, 2, 1, 0)):
        write_edf(folder / f"{start:%Y%m%d_%H%M%S}_BRP.edf", signal(FLOW / 60, RATE_HZ), start=start)
    return folder


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    analyze.add_arguments(parser)
    return analyze.run(parser.parse_args([str(argument) for argument in arguments]))


@pytest.mark.holds("F36.2")
def test_the_report_names_file_counts_and_bad_rows_by_line(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(text) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "night.txt"
    for line in ("duration 96.96 s", "breaths 20", "breathing rate 12.38 breaths/min", "apnea count 1"):
        assert line in lines
    assert "line 702: time 'bad data' is not a number" in lines


@pytest.mark.holds("F37.1")
def test_json_is_the_analysis_strictly(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(text, "--json") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == analyze_recording(read_recording(text)).as_dict()


def test_f39_a_night_is_told_by_the_devices_clock(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(night) == 0
    out = capsys.readouterr().out
    assert "2024-03-01 23:00:00" in out
    assert "without signal: 1\n    2024-03-01 23:01:37  for 7103.00 s" in out
    assert "breaths         40" in out


@pytest.mark.holds("F37.4")
def test_f37_a_recording_without_a_breath_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(write_text(tmp_path / "flat.txt", text_rows(FLOW * 0, RATE_HZ))) == 0
    assert "no breath found" in capsys.readouterr().out


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_an_error_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    assert run(tmp_path / "nothing.txt", *option) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"monitor analyze: {tmp_path}/nothing.txt: no such file or folder\n"


def test_several_paths_go_on_after_an_error(text: Path, night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(text, text.with_name("nothing.txt"), night, "--json") == 1
    out, err = capsys.readouterr()
    assert [json.loads(line)["name"] for line in out.splitlines()] == ["night.txt", "20240301"]
    assert err.count("\n") == 1


def test_many_bad_rows_are_counted_and_the_first_are_listed(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text.write_text(text.read_text() + "bad data\n" * 100)
    assert run(text) == 0
    out = capsys.readouterr().out
    assert "rejected rows: 101" in out
    assert out.endswith("and 81 more, all of them with --json\n")


def test_verbose_shows_the_log(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().handlers.clear()
    assert run(text, "--verbose") == 0
    err = capsys.readouterr().err
    assert "INFO Starting analysis of night.txt" in err
    assert "ERROR night.txt line 702: time 'bad data' is not a number; row skipped" in err
