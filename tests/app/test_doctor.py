"""`./monitor doctor` says in words what is wrong with this machine and these settings, and what to do (F12)."""

from __future__ import annotations

import resource
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monitor_app import config
from monitor_app.doctor import Finding, Grade, configuration, machine
from store import Store
from tests.app.live_server import ROOT, LiveServer

NOW = 1_800_000_000.0


def doctor(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-P", "-m", "monitor_app.cli", "doctor", *map(str, arguments)]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


def settings(**environment: str) -> config.Settings:
    return config.load({f"MONITOR_{name}": value for name, value in environment.items()})


def by_topic(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.topic: finding for finding in findings}


@pytest.mark.holds("F12.1")
def test_a_good_machine_beside_its_own_server(server: LiveServer) -> None:
    """The port is taken by the very server, the data file is in use, and that is as it should be."""
    found = doctor("--port", server.port, "--data", server.data, MONITOR_TIME_ZONE="Europe/Oslo")
    assert found.returncode == 0, found.stdout
    assert "Nothing is wrong." in found.stdout
    assert f"Breathwatch answers on 127.0.0.1:{server.port}" in found.stdout
    assert server.process is not None
    assert f"in use by process {server.process.pid}" in found.stdout
    assert "ok    packages: all as requirements.lock says" in found.stdout
    assert found.stderr == ""


@pytest.mark.holds("F12.1")
def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """One run is enough: an unknown setting, a port of somebody else's, a data folder that is a file."""
    (tmp_path / "data").write_text("a file")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        found = doctor("--port", port, "--data", tmp_path / "data", MONITOR_RETENTION_DAY="90")
    assert found.returncode == 1
    assert "MONITOR_RETENTION_DAY is set, and there is no such setting" in found.stdout
    assert "-> Did you mean MONITOR_RETENTION_DAYS?" in found.stdout
    assert "is a file" in " ".join(found.stdout.split()), "long paths are wrapped"
    assert f"127.0.0.1:{port} cannot be opened" in found.stdout
    assert "3 things are wrong. What to do stands under each." in found.stdout


@pytest.mark.holds("F12.1")
def test_a_setting_that_cannot_be_used_is_told_with_the_rest(tmp_path: Path) -> None:
    found = doctor("--data", tmp_path, MONITOR_ALLOWED_ORIGINS="https://wall.example.org/monitor")
    assert found.returncode == 1
    assert "WRONG settings: MONITOR_ALLOWED_ORIGINS: 'https://wall.example.org/monitor' names a page" in found.stdout
    assert "One thing is wrong." in found.stdout


@pytest.mark.parametrize(
    ("version", "grade"), [((3, 10), Grade.WRONG), ((3, 11), Grade.GOOD), ((3, 15), Grade.GOOD), ((3, 16), Grade.NOTE)]
)
def test_python(version: tuple[int, int], grade: Grade) -> None:
    assert machine.python(version).grade is grade


def test_packages_that_are_not_those_of_the_lock(tmp_path: Path) -> None:
    """Another version, one that is missing, and one that this machine does not need."""
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "tornado==1.0 \\\n    --hash=sha256:00\nno-such-package==2.0 \\\n    --hash=sha256:00\n"
        "other-system==1.0 ; sys_platform == 'plan9' \\\n    --hash=sha256:00\n"
    )
    found = machine.packages(lock)
    assert found.grade is Grade.WRONG
    assert found.text.startswith("tornado ") and "instead of 1.0; no-such-package missing instead of 2.0" in found.text
    assert "other-system" not in found.text
    assert ".venv" in found.remedy


@pytest.mark.parametrize(("limit", "grade"), [(1024, Grade.WRONG), (4096, Grade.GOOD), (-1, Grade.GOOD)])
def test_open_files(limit: int, grade: Grade) -> None:
    assert resource.RLIM_INFINITY == -1
    assert machine.open_files(limit).grade is grade


@pytest.mark.parametrize(("now", "grade"), [(0.0, Grade.WRONG), (None, Grade.GOOD)], ids=["1970", "now"])
def test_a_clock_that_has_lost_its_battery(now: float | None, grade: Grade) -> None:
    assert machine.clock(time.time() if now is None else now).grade is grade


def test_a_clock_behind_what_is_stored(tmp_path: Path) -> None:
    """The newest sample cannot come from the future."""
    path = tmp_path / "breathwatch.sqlite"
    with Store(path) as store:
        stay = store.begin_stay(1, None, NOW).result(5)
        recording = store.begin_recording(stay.id, "s", "d", 25, [{"name": "flow", "unit": "L/min"}], NOW).result(5)
        store.append_samples(recording.id, 0, [0.0] * 25, None, NOW).result(5)
    zone = settings(TIME_ZONE="Europe/Oslo")
    assert [found.grade for found in configuration.data_file(path, zone, NOW - 60)] == [Grade.GOOD]
    good, wrong = configuration.data_file(path, zone, NOW - 86_400)
    assert (good.grade, wrong.grade, wrong.topic) == (Grade.GOOD, Grade.WRONG, "clock")
    assert "2027-01-14 09:00 CET" in wrong.text and "received at 2027-01-15 09:00 CET" in wrong.text


def test_a_data_file_of_a_later_version(tmp_path: Path) -> None:
    path = tmp_path / "breathwatch.sqlite"
    Store(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('breathwatch', '9', '')")
    raw.close()
    (found,) = configuration.data_file(path, settings(), NOW)
    assert found.grade is Grade.WRONG
    assert "install the version that wrote it" in found.text


def test_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Little room is told, a network's file system refused, and nothing is left behind."""
    usage = configuration.shutil.disk_usage(tmp_path)
    for free, grade in ((1 << 20, Grade.WRONG), (1 << 30, Grade.NOTE), (1 << 40, Grade.GOOD)):
        room = usage._replace(free=free)
        monkeypatch.setattr(configuration.shutil, "disk_usage", lambda _path, room=room: room)
        found = by_topic(list(configuration.data_folder(tmp_path / "new")))
        assert found["disk space"].grade is grade
        assert found["data folder"].grade is Grade.GOOD
    monkeypatch.setattr(configuration, "file_system_of", lambda _path: "nfs4")
    assert by_topic(list(configuration.data_folder(tmp_path)))["data folder"].grade is Grade.WRONG
    assert list(tmp_path.iterdir()) == []


def test_the_file_system_of_a_folder(tmp_path: Path) -> None:
    """The nearest mount counts, and of two on one point the later; a space is written as a number."""
    mounts = tmp_path / "mountinfo"
    lines = ["1 0 8:1 / / rw - ext4 /dev/a rw", "2 1 0:3 / /srv rw - xfs /dev/b rw", "3 1 0:4 / /srv rw - nfs4 h:/x rw"]
    mounts.write_text("\n".join([*lines, r"4 1 0:5 / /a\040lab rw shared:7 - cifs //h/x rw"]))
    for folder, kind in (("/srv/breathwatch", "nfs4"), ("/srvx", "ext4"), ("/a lab/data", "cifs"), ("/", "ext4")):
        assert configuration.file_system_of(Path(folder), mounts) == kind
    assert configuration.file_system_of(Path("/srv"), tmp_path / "absent") == ""


@pytest.mark.parametrize(
    ("given", "grade", "words"),
    [
        ({}, Grade.GOOD, "only those on this machine"),
        ({"PREFIX": "/monitor"}, Grade.NOTE, "only pages of this machine are let in"),
        ({"ALLOWED_ORIGINS": "https://wall.example.org"}, Grade.GOOD, "pages of wall.example.org:443 are let in"),
    ],
)
def test_how_browsers_get_here(given: dict[str, str], grade: Grade, words: str) -> None:
    found = configuration.origins(settings(**given))
    assert found.grade is grade
    assert words in found.text


@pytest.mark.parametrize("host", ["0.0.0.0", "::1", "lab-server"])
def test_an_address_that_the_server_refuses(host: str) -> None:
    found = configuration.address(settings(HOST=host))
    assert found.grade is Grade.WRONG
    assert "proxy in front" in found.remedy
