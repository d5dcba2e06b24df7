"""What is stored, by HTTP: recordings, their samples, breaths, events and marks, in parts that are bounded."""

from __future__ import annotations

import asyncio
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.app.api_server import ApiServer, with_api
from tests.app.ward_helpers import feed_breathing, feed_pause, spec

N = 25 * 90


async def record(api: ApiServer) -> int:
    """A recording of 60 s of breathing, 20 s of pause and 10 s of breathing, with a mark; gives its id."""
    await api.ward.stays.admit(101, 7, by="test")
    room, trace = await api.ward.streams.open(101, spec("s"), None)
    feed_breathing(api.ward, room, trace, 60)
    await api.ward.stays.mark(101, "lights_off", by="test", mark_id="m")
    feed_pause(api.ward, room, trace, 20)
    feed_breathing(api.ward, room, trace, 10)
    await api.ward.streams.stored(trace)
    assert trace.recording_id is not None
    return trace.recording_id


async def binary(api: ApiServer, path: str) -> tuple[np.ndarray, str]:
    """Samples of shape (n_samples, n_columns), and the names of the columns."""

    def fetch() -> tuple[bytes, str]:
        with urllib.request.urlopen(api.url + path) as answer:
            return answer.read(), answer.headers["Breathwatch-Columns"]

    body, columns = await asyncio.to_thread(fetch)
    return np.frombuffer(body, "<f4").reshape(-1, columns.count(",") + 1), columns


def test_a_recording_and_all_that_is_in_it(tmp_path: Path) -> None:
    async def story(api: ApiServer) -> None:
        number = await record(api)
        one = f"/api/v1/recordings/{number}"
        recording = (await api.ask(one))[1]
        assert (recording["room"], recording["mrn"], recording["samples"]) == (101, 7, N)
        assert await api.ask("/api/v1/recordings") == (200, [recording])

        stored = api.ward.store.read_samples(number, 0, N)
        values, columns = await binary(api, one + "/samples")
        assert columns == "flow_lpm,airway_pressure_cmh2o"
        assert np.array_equal(values[:, 0], stored.flow_lpm)
        assert np.array_equal(values[:, 1], stored.airway_pressure_cmh2o)
        assert np.array_equal((await binary(api, one + f"/samples?first={N - 10}&n=100"))[0], values[-10:])
        assert len((await binary(api, one + f"/samples?first={N + 5}"))[0]) == 0
        lines = (await api.ask(one + "/samples?format=csv&first=25&n=2"))[1].splitlines()
        assert lines[0] == "time_s,flow_lpm,airway_pressure_cmh2o"
        assert lines[1] == f"1.000000,{values[25, 0]:.7g},{values[25, 1]:.7g}"
        assert len(lines) == 3

        found = (await api.ask(one + "/breaths"))[1]
        assert [breath["onset_s"] for breath in found] == [each.onset_s for each in api.ward.store.breaths_of(number)]
        assert len(found) > 10
        assert (await api.ask(one + "/breaths?first=2&n=3"))[1] == found[2:5]
        gap, apnea = (await api.ask(one + "/events"))[1]
        assert (gap["id"], gap["kind"], apnea["id"], apnea["kind"]) == (0, "breath_gap", -1, "apnea")
        assert gap["duration_s"] > apnea["duration_s"] > 10
        (mark,) = (await api.ask(one + "/marks"))[1]
        assert (mark["kind"], mark["onset_s"], mark["text"]) == ("lights_off", 60.0, "Lights off")

    with_api(tmp_path, story)


def test_recordings_are_found_by_patient_and_room(tmp_path: Path) -> None:
    async def story(api: ApiServer) -> None:
        for room in (101, 102, 103):
            _room, trace = await api.ward.streams.open(room, spec(f"s{room}"), None)
            feed_breathing(api.ward, _room, trace, 2)
            await api.ward.streams.stored(trace)
        await api.ward.stays.admit(102, 7, by="test")

        async def found(query: str) -> list[int]:
            return [each["room"] for each in (await api.ask("/api/v1/recordings" + query))[1]]

        assert await found("") == [103, 102, 101]
        assert await found("?mrn=7") == [102]
        assert await found("?room=101") == [101]
        assert await found("?limit=1") == [103]
        assert await found("?before=2") == [101]

    with_api(tmp_path, story)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/999", 404, "No recording 999 is stored"),
        ("/999/samples", 404, "No recording 999"),
        ("/999/breaths", 404, "No recording 999"),
        ("/999/events", 404, "No recording 999"),
        ("/999/marks", 404, "No recording 999"),
        ("/1/samples?n=262145", 400, "n is '262145'"),
        ("/1/samples?n=32769&format=csv", 400, "at most 32768 samples are given as csv"),
        ("/1/samples?format=mp3", 400, "format is 'mp3'"),
        ("/1/breaths?n=10001", 400, "n is '10001'"),
    ],
)
def test_what_is_not_there_or_too_much(tmp_path: Path, path: str, status: int, words: str) -> None:
    async def story(api: ApiServer) -> None:
        answer: tuple[int, Any] = await api.ask("/api/v1/recordings" + path)
        assert answer[0] == status
        assert words in answer[1]["detail"]

    with_api(tmp_path, story)


def test_the_lab_says_its_name_and_time_zone(tmp_path: Path) -> None:
    async def story(api: ApiServer) -> None:
        assert await api.ask("/api/v1/site") == (200, {"lab_name": "Sleep Lab", "time_zone": "UTC"})

    with_api(tmp_path, story)
