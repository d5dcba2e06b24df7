"""`/health` is 200 and `healthy` only while ingest, detector, store and push all work (F32)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from store import StoreBehind
from tests.app.api_server import ApiServer, with_api
from tests.app.ward_helpers import Link, feed_breathing, spec


async def health(api: ApiServer) -> tuple[int, str]:
    """Status, and the word that comes with it."""
    status, body = await api.ask("/health")
    return status, body["status"]


@pytest.mark.holds("F32.1")
def test_a_detector_that_fails(tmp_path: Path) -> None:
    async def story(api: ApiServer) -> None:
        room, trace = await api.ward.streams.open(101, spec("s"), Link())
        feed_breathing(api.ward, room, trace, 5)
        assert await health(api) == (200, "healthy")

        def fail(*_: Any) -> None:
            raise ZeroDivisionError

        trace.detector.update = fail  # type: ignore[method-assign]
        feed_breathing(api.ward, room, trace, 5)
        assert await health(api) == (503, "unhealthy")
        assert (await api.ask("/health"))[1]["faulted_rooms"] == [101]

    with_api(tmp_path, story)


@pytest.mark.holds("F32.1")
def test_samples_that_cannot_be_queued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(api: ApiServer) -> None:
        room, trace = await api.ward.streams.open(101, spec("s"), Link())
        feed_breathing(api.ward, room, trace, 5)
        assert await health(api) == (200, "healthy")

        def full(*_: Any, **__: Any) -> None:
            raise StoreBehind("the queue is full")

        with monkeypatch.context() as patch:
            patch.setattr(api.ward.store, "append_samples", full)
            feed_breathing(api.ward, room, trace, 5)
            assert await health(api) == (503, "unhealthy")
            assert (await api.ask("/health"))[1]["rooms_behind"] == [101]

    with_api(tmp_path, story)


@pytest.mark.holds("F32.1")
def test_a_store_that_cannot_write(tmp_path: Path) -> None:
    """Its file has been taken away; it is put back before the end, so that what waits is written."""

    async def story(api: ApiServer) -> None:
        assert await health(api) == (200, "healthy")
        path = api.ward.store.path
        path.rename(path.with_suffix(".away"))
        api.ward.store.set_meta("key", "value")
        for _ in range(100):
            if (await health(api))[0] == 503:
                break
        answer = await api.ask("/health")
        path.with_suffix(".away").rename(path)
        assert (answer[0], answer[1]["store"]["ok"]) == (503, False)
        assert "removed or replaced" in answer[1]["store"]["last_error"]

    with_api(tmp_path, story)


@pytest.mark.holds("F32.1")
def test_a_push_that_stands_still(tmp_path: Path) -> None:
    async def story(api: ApiServer) -> None:
        api.figures["push"] = {"tick_age_s": 0.2}
        assert await health(api) == (200, "healthy")
        api.figures["push"] = {"tick_age_s": 2.5}
        assert await health(api) == (503, "unhealthy")
        assert (await api.ask("/health"))[1]["push"] == {"ok": False}

    with_api(tmp_path, story)
