"""Who may import whom, held over the syntax tree: nothing reaches upward."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("cpap_core", "store", "monitor_app", "tests", "benchmarks")
MODULES = sorted(path for package in OURS[:3] for path in (ROOT / package).rglob("*.py"))

# A part of the house, and which of ours it may import. The first part that fits a module counts.
MAY_IMPORT = {
    "cpap_core": ["cpap_core"],
    "store": ["store", "cpap_core.types"],
    "monitor_app.ward": ["monitor_app.ward", "monitor_app.config", "store", "cpap_core"],
    "monitor_app.bedside": ["monitor_app.bedside", "cpap_core"],
    "monitor_app.notebook": ["monitor_app.notebook", "monitor_app.push", "monitor_app.views.cells", "cpap_core"],
}
# A part of the house, and what it must not import from anywhere.
MUST_NOT_IMPORT = {
    "cpap_core": ["panel", "bokeh", "tornado", "param", "sqlite3", "sqlite_utils"],
    "store": ["panel", "bokeh", "tornado", "param", "numba"],
    "monitor_app.ward": ["panel", "bokeh", "sqlite3", "sqlite_utils"],
    "monitor_app.ingest": ["panel", "bokeh", "sqlite3", "sqlite_utils"],
    "monitor_app.api": ["panel", "bokeh", "sqlite3", "sqlite_utils"],
    "monitor_app.bedside": ["panel", "bokeh", "sqlite3", "sqlite_utils"],
    "monitor_app.views": ["store", "sqlite3", "sqlite_utils"],
}
# What only one place may import.
ONLY_IN = {
    "numba": ["cpap_core.kernels.jit", "cpap_core.simulate.mechanics"],
    "edfio": ["cpap_core.readers", "cpap_core.simulate.writing"],
}
# These wire everything, so only they and the command line's own parts know them.
TOP = {"monitor_app.cli": [], "monitor_app.server": ["monitor_app.cli", "monitor_app.demo"]}


def name_of(path: Path) -> str:
    """Return a module's dotted name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[str]:
    """Yield what a module imports, wherever in it; `from a import b` as `a.b`, since b may be a module."""
    package = name_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def within(module: str, parts: list[str] | tuple[str, ...]) -> bool:
    """Say whether a module is one of these parts or lies in one."""
    return any(module == part or module.startswith(part + ".") for part in parts)


def test_there_are_modules_to_look_at() -> None:
    assert {name_of(path).split(".")[0] for path in MODULES} == set(OURS[:3])


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_keep_to_the_house(path: Path) -> None:
    module = name_of(path)
    for imported in imports_of(path):
        said = f"{module} imports {imported}"
        for part, allowed in MAY_IMPORT.items():
            if within(module, [part]) and within(imported, OURS):
                assert within(imported, allowed), said
        for part, forbidden in MUST_NOT_IMPORT.items():
            assert not (within(module, [part]) and within(imported, forbidden)), said
        for library, places in ONLY_IN.items():
            assert not within(imported, [library]) or within(module, places), said
        for top, users in TOP.items():
            assert not within(imported, [top]) or within(module, users), said
        assert not within(imported, ("tests", "benchmarks")), said


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("cpap_core", ["panel", "bokeh", "tornado", "sqlite_utils"]),
        ("store", ["panel", "bokeh", "tornado", "numba"]),
        ("monitor_app.ward", ["panel", "bokeh"]),
    ],
)
def test_importing_a_part_loads_nothing_above_it(module: str, absent: list[str]) -> None:
    question = f"import sys, {module}; print(*(name for name in {absent} if name in sys.modules))"
    answer = subprocess.run([sys.executable, "-c", question], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []


def test_no_module_is_called_utils() -> None:
    assert [path for path in MODULES if path.stem in ("utils", "util", "helpers", "misc")] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_is_much_over_300_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350
