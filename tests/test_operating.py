"""docs/operating.md says of the settings what the server does, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor_app import config

PAGE = (Path(__file__).parents[1] / "docs" / "operating.md").read_text(encoding="utf-8")


def settings_table() -> str:
    """The table as it must stand in the page."""
    rows = [f"| `{name}` | {f'`{default}`' if default else ''} | {text} |" for name, default, text in config.table()]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


@pytest.mark.holds("F12.1")
def test_the_settings_table_is_the_code_s() -> None:
    """F12: name, default and help of every setting."""
    assert settings_table() in PAGE, f"put this into docs/operating.md:\n{settings_table()}"


def test_every_variable_in_the_docs_is_known() -> None:
    known = {name for name, _, _ in config.table()} | set().union(*READ_ELSEWHERE.values())
    root = Path(__file__).parents[1]
    for page in (root / "README.md", *root.glob("docs/*.md")):
        named = set(re.findall(r"\bMONITOR_[A-Z_]+", page.read_text(encoding="utf-8")))
        assert named <= known, f"{page.name} names {sorted(named - known)}"


READ_ELSEWHERE = {
    "bedside/replay.py": {"MONITOR_URL", "MONITOR_TOKEN"},
    "bedside/simulated.py": {"MONITOR_TOKEN"},
    "notebook/lab.py": {"MONITOR_URL", "MONITOR_TOKEN"},
    "doctor/machine.py": {"CHROMIUM"},
}
"""What devices and the tests' browser are told; the server's settings are read in one place."""


@pytest.mark.holds("F12.1")
def test_no_setting_of_the_server_is_read_anywhere_else() -> None:
    package = Path(config.__file__).parent
    for path in package.rglob("*.py"):
        place = path.relative_to(package).as_posix()
        if place != "config.py":
            text = path.read_text(encoding="utf-8")
            read = set(re.findall(r"""(?:environ(?:\.get\(|\[)|getenv\()\s*["'](\w+)["']""", text))
            assert read == READ_ELSEWHERE.get(place, set()), place


@pytest.mark.holds("F12.1")
@pytest.mark.parametrize(
    "name",
    ["HOST", "PORT", "DATA", "TIME_ZONE", "ALLOWED_ORIGINS", "PREFIX", "QUEUE_MIB", "RETENTION_DAYS", "MAX_UPLOAD_MB"],
)
def test_what_differs_between_development_and_production_is_a_setting(name: str) -> None:
    """Address, port, data folder, time zone, origins, prefix and limits: each taken from its variable."""
    given = {"HOST": "localhost", "PORT": "6000", "DATA": "/srv/x", "TIME_ZONE": "Europe/Oslo", "PREFIX": "/monitor"}
    value = {**given, "ALLOWED_ORIGINS": "wall.example.org:443"}.get(name, "7")
    default, changed = config.load({}), config.load({f"MONITOR_{name}": value})
    assert str(getattr(changed, name.lower())).removesuffix(".0") == value
    assert str(getattr(default, name.lower())) != value
    assert (f"MONITOR_{name}", str(getattr(default, name.lower()))) in {(row[0], row[1]) for row in config.table()}
