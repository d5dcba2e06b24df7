"""docs/features.md says of every clause which tests hold it, and is what the tests say."""

from __future__ import annotations

import ast

import pytest

from tests import features
from tests.clauses import CLAUSES, WAITING


@pytest.mark.parametrize("clause", CLAUSES)
def test_every_clause_has_a_test(clause: str) -> None:
    assert features.held().get(clause), f"no test holds {clause}: {CLAUSES[clause]}"


def test_no_test_names_a_clause_that_does_not_exist() -> None:
    unknown = {clause: tests for clause, tests in features.held().items() if clause not in CLAUSES}
    assert unknown == {}


def test_the_page_is_made_from_the_tests() -> None:
    assert features.TABLE.read_text() == features.page(), "run `python -m tests.features` and commit docs/features.md"


def test_what_waits_is_part_of_a_clause() -> None:
    assert {clause.split(".")[0] for clause in CLAUSES} >= set(WAITING)


def test_markers_are_read_from_functions_classes_and_modules() -> None:
    source = """
import pytest
pytestmark = [pytest.mark.ui, pytest.mark.holds("F1.1")]
@pytest.mark.holds("F2.1", "F2.2")
def test_a(): ...
class TestB:
    @pytest.mark.holds("F3.1")
    async def test_c(self): ...
def test_d(): pytest.mark.holds("F9.9")
"""
    found = sorted(features.markers(ast.parse(source)))
    assert found == [("F1.1", "all"), ("F2.1", "test_a"), ("F2.2", "test_a"), ("F3.1", "test_c")]
