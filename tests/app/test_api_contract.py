"""The description of the API and what is served are one, and nothing that can be sent breaks it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from openapi_spec_validator import validate

from monitor_app.api import api_routes
from monitor_app.api.operation import pattern
from monitor_app.api.routes import operations
from tests.app.live_server import LiveServer

EXAMPLES = 10
"""Generated requests for each operation, besides those at every bound."""


@pytest.fixture(scope="module")
def described(server: LiveServer) -> dict[str, Any]:
    """The description as the server gives it."""
    status, body = server.get("/api/v1/openapi.json")
    assert status == 200
    return json.loads(body)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that may be filled with nonsense."""
    with LiveServer(tmp_path_factory.mktemp("contract") / "data") as running:
        yield running


def test_the_description_is_valid_openapi_3_1(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1.")
    validate(described)


def test_every_route_is_described_and_nothing_else(described: dict[str, Any]) -> None:
    """Both ways: by the addresses that the server knows, and by the methods of each."""
    nothing: Any = SimpleNamespace(ward=None)
    routes = {route[0] for route in api_routes(nothing, dict)} - {r"/api/v1(?:/.*)?"}
    shapes = {re.sub(r"\([^)]*\)", "{}", route.replace("\\", "")) for route in routes}
    assert {re.sub(r"\{\w+\}", "{}", path) for path in described["paths"]} == shapes
    table = {(each.path, each.method.lower()) for each in operations()}
    found = {(path, method) for path, methods in described["paths"].items() for method in methods}
    assert {each for each in found if each[0].startswith("/api/v1")} == table
    assert all(pattern(path) in routes for path, _method in table)


def test_every_operation_is_well_described(described: dict[str, Any]) -> None:
    """A name of its own, a sentence, and every problem that it may answer as RFC 9457 has it."""
    each = [operation for methods in described["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in each}) == len(each)
    assert all(operation["summary"] for operation in each)
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            problems = {status for status in operation["responses"] if status >= "400"}
            if path.startswith("/api/v1"):
                contents = [operation["responses"][status]["content"] for status in problems]
                assert all(set(content) == {"application/problem+json"} for content in contents)
                keys = [named["name"] for named in operation["parameters"] if named["in"] == "header"]
                assert keys == (["Idempotency-Key"] if method == "post" else [])


def test_schemathesis_finds_nothing(own_server: LiveServer, tmp_path: Path) -> None:
    """About a thousand requests, right and wrong, to all operations: no server error, nothing that is not described.

    That a well-made request is taken is not asked: it depends on who is in the room.
    """
    person = {"mrn": 7, "patient_name": "Ada"}
    for room in (1, 101):
        key = f"k{room}"
        assert (
            own_server.post(f"/api/v1/rooms/{room}/admission", {**person, "mrn": room}, Idempotency_Key=key)[0] == 200
        )
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{own_server.url}/api/v1/openapi.json"),
        *("--max-examples", str(EXAMPLES), "--seed", "1", "--phases", "coverage,fuzzing,stateful"),
        *("--exclude-checks", "positive_data_acceptance", "--request-timeout", "10", "--no-color"),
        *("--generation-database", "none", "--warnings", "off"),
    ]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-2000:]
    assert int(re.search(r"(\d+) generated, \1 passed", ended.stdout)[1]) > 500  # type: ignore[index]
    assert "Traceback" not in own_server.log
    assert own_server.get("/health")[0] == 200
