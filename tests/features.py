"""`docs/features.md`: every clause with the tests that hold it, made from the tests themselves."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.clauses import CLAUSES, WAITING

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "features.md"
HEAD = """# What it does, and the tests that hold it

Made by `python -m tests.features` from the markers `@pytest.mark.holds(...)` in the tests; `./monitor test` fails where
a clause has no test, or this page is not what the tests say.

| clause | what | held by |
|---|---|---|
"""


@cache
def held() -> dict[str, list[str]]:
    """Each clause that a test names, with those tests as `path::name`."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for clause, name in markers(ast.parse(path.read_text())):
            found.setdefault(clause, []).append(f"{path.relative_to(ROOT / 'tests')}::{name}")
    return found


def markers(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Clause and test of each marker, on functions, classes, and on a whole module as `pytestmark`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                yield from ((clause, node.name) for clause in _clauses(decorator))
        elif isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "pytestmark" for target in node.targets):
            yield from ((clause, "all") for part in ast.walk(node.value) for clause in _clauses(part))


def _clauses(node: ast.AST) -> list[str]:
    is_marker = isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.holds")
    return [str(ast.literal_eval(argument)) for argument in node.args] if is_marker else []  # type: ignore[attr-defined]


def page() -> str:
    """The text of docs/features.md."""
    tests = held()
    rows = [f"| {clause} | {text} | {'<br>'.join(_short(tests.get(clause, [])))} |" for clause, text in CLAUSES.items()]
    waiting = [f"- {clause}: {text}." for clause, text in WAITING.items()]
    return HEAD + "\n".join(rows) + "\n\nWhat waits:\n\n" + "\n".join(waiting) + "\n"


def _short(tests: list[str]) -> list[str]:
    return [f"`{test}`" for test in dict.fromkeys(tests)] or ["**nothing**"]


if __name__ == "__main__":
    TABLE.write_text(page())
    missing = [clause for clause in CLAUSES if clause not in held()]
    print(f"{TABLE.relative_to(ROOT)}: {len(CLAUSES)} clauses, without a test: {', '.join(missing) or 'none'}")
    sys.exit(bool(missing))
