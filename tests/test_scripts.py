"""The pages' modules are joined into one script: a name belongs to one of them, and stands before who imports it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "js"
ORDER = json.loads((FOLDER / "order.json").read_text())
DECLARED = re.compile(
    r"^(?:export )?(?:async )?(?:const|let|var|function\*?|class)\s+(?:\[([^\]]+)\]|\{([^}]+)\}|(\w+))", re.MULTILINE
)
IMPORTED = re.compile(r'^import\s+\{([^}]*)\}\s+from\s+"\./([^"]+)";', re.MULTILINE)


def test_every_module_is_joined_once() -> None:
    assert sorted(ORDER) == sorted(path.name for path in FOLDER.glob("*.js"))


def test_no_name_is_declared_by_two_modules() -> None:
    """Else the whole script is a syntax error, and every page stays blank."""
    owners: dict[str, list[str]] = defaultdict(list)
    for name in ORDER:
        for groups in DECLARED.findall((FOLDER / name).read_text()):
            for declared in re.findall(r"\w+", "".join(groups)):
                owners[declared].append(name)
    assert len(owners) > 100
    assert {declared: names for declared, names in owners.items() if len(names) > 1} == {}


def test_what_is_imported_is_there_and_stands_before() -> None:
    for place, name in enumerate(ORDER):
        for imported, source in IMPORTED.findall((FOLDER / name).read_text()):
            assert source in ORDER[:place], f"{name} imports {source}, which comes after it"
            text = (FOLDER / source).read_text()
            for each in re.findall(r"\w+", imported):
                assert re.search(rf"^export .*\b{each}\b", text, re.MULTILINE), f"{name} imports {each} of {source}"
