"""docs/operating.md says of the settings what the server does, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from monitor_app import config

PAGE = (Path(__file__).parents[1] / "docs" / "operating.md").read_text(encoding="utf-8")


def settings_table() -> str:
    """The table as it must stand in the page."""
    rows = [f"| `{name}` | {f'`{default}`' if default else ''} | {text} |" for name, default, text in config.table()]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def test_the_settings_table_is_the_code_s() -> None:
    """F12: name, default and help of every setting."""
    assert settings_table() in PAGE, f"put this into docs/operating.md:\n{settings_table()}"


def test_every_variable_in_the_docs_is_known() -> None:
    known = {name for name, _, _ in config.table()}
    root = Path(__file__).parents[1]
    for page in (root / "README.md", *root.glob("docs/*.md")):
        named = set(re.findall(r"\bMONITOR_[A-Z_]+", page.read_text(encoding="utf-8")))
        assert named <= known, f"{page.name} names {sorted(named - known)}"
