"""One running server for the tests that only talk to it; each takes a room of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from tests.app.live_server import LiveServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that stays up for all tests."""
    with LiveServer(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def _rooms() -> Callable[[], int]:
    numbers = count(1001)
    return lambda: next(numbers)


@pytest.fixture
def room(_rooms: Callable[[], int]) -> int:
    """A room that no other test uses."""
    return _rooms()
