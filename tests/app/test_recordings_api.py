"""What is stored, over HTTP and as tables: the same samples, breaths and events that the store has."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from cpap_core.types import Breath, EventKind, RespiratoryEvent
from monitor_app import connect
from monitor_app.notebook import Lab, LabError
from store import Store
from tests.app.live_server import LiveServer, free_port

FLOW = np.linspace(-30, 30, 2000, dtype=np.float32)
PRESSURE = np.full(2000, 9.5, np.float32)
START = 1_767_222_000.0
CHANNELS = [{"name": "flow", "unit": "L/min"}, {"name": "airway_pressure", "unit": "cmH2O"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    data = tmp_path_factory.mktemp("stored") / "data"
    data.mkdir()
    with Store(data / "breathwatch.sqlite") as store:
        for room, mrn in ((101, 7), (102, 8)):
            store.upsert_patient(mrn, "Abara, Ada").result(timeout=10)
            stay = store.begin_stay(room, mrn, START).result(timeout=10)
            made = store.begin_recording(stay.id, f"stream-{room}", "device", 25.0, CHANNELS, START).result(timeout=10)
            store.append_samples(made.id, 0, FLOW[:1000], PRESSURE[:1000], START + 40).result(timeout=10)
            store.append_samples(made.id, 1250, FLOW[1250:], PRESSURE[1250:], START + 80).result(timeout=10)
            breaths = [Breath(float(at), at + 0.7, 1.2, 2.0, 480.0, 31.0) for at in range(4, 40, 4)]
            store.put_breaths(made.id, 0, breaths).result(timeout=10)
            event = RespiratoryEvent(0, EventKind.BREATH_GAP, 40.0, 50.1, 14.0)
            store.put_event(made.id, event).result(timeout=10)
    with LiveServer(data, MONITOR_TIME_ZONE="Europe/Oslo") as running:
        yield running


@pytest.fixture(scope="module")
def lab(server: LiveServer) -> Lab:
    return connect(server.url)


def test_recordings_are_listed_by_patient_and_room(server: LiveServer, lab: Lab) -> None:
    assert [one.room for one in lab.recordings()] == [102, 101]
    (mine,) = lab.recordings(7)
    assert (mine.room, mine.mrn, mine.samples, mine.start_time) == (101, 7, 2000, START)
    assert [one.mrn for one in lab.recordings(room=102)] == [8]
    assert lab.recordings(99) == []
    assert list(lab.recordings().to_dataframe()["room"]) == [102, 101]
    assert lab.rooms().loc[101, "mrn"] == 7


@pytest.mark.holds("F43.4")
def test_samples_come_back_to_the_bit_and_gaps_as_nan(server: LiveServer, lab: Lab) -> None:
    (mine,) = lab.recordings(7)
    loaded = mine.load()
    expected = FLOW.copy()
    expected[1000:1250] = np.nan
    np.testing.assert_array_equal(loaded.flow_lpm, expected)
    assert loaded.airway_pressure_cmh2o is not None
    assert np.nanmax(loaded.airway_pressure_cmh2o) == 9.5
    frame = mine.to_dataframe()
    assert str(frame.index[0]) == "2026-01-01 00:00:00+01:00"
    assert list(frame.columns) == ["flow_lpm", "airway_pressure_cmh2o"]
    part = mine.cut(10.0, 12.0)
    np.testing.assert_array_equal(part.flow_lpm, expected[250:300])
    assert part.start_time == START + 10
    status, text = server.get(f"/api/v1/recordings/{mine.id}/samples?first=998&n=4&format=csv")
    lines = text.decode().splitlines()
    assert (status, lines[0], lines[3]) == (200, "time_s,flow_lpm,airway_pressure_cmh2o", "40.000000,,")


def test_breaths_and_events_are_tables_in_the_labs_time(lab: Lab) -> None:
    (mine,) = lab.recordings(7)
    breaths, events = mine.breaths(), mine.events()
    assert list(breaths["onset_s"][:9]) == list(range(4, 40, 4))
    assert str(breaths["time"].iloc[0]) == "2026-01-01 00:00:04+01:00"
    assert (events["kind"].iloc[0], events["duration_s"].iloc[0]) == ("breath_gap", 14.0)


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/api/v1/recordings?mrn=x", 400, "mrn"),
        ("/api/v1/recordings?room=-1", 400, "room"),
        ("/api/v1/recordings/1/samples?n=262145", 400, "262144"),
        ("/api/v1/recordings/1/samples?format=xml", 400, "format"),
        ("/api/v1/recordings/1/breaths?first=1e3", 400, "first"),
        ("/api/v1/recordings/999/samples", 404, "999"),
        ("/api/v1/recordings/999", 404, "999"),
    ],
)
def test_questions_that_cannot_be_answered_are_refused_in_words(
    server: LiveServer, path: str, status: int, word: str
) -> None:
    got, body = server.get(path)
    assert (got, json.loads(body)["status"]) == (status, status)
    assert word in body.decode() if isinstance(body, bytes) else word in body


def test_a_refusal_is_said_in_the_servers_words(lab: Lab) -> None:
    with pytest.raises(LabError, match="recording 999"):
        lab.recording(999)


def test_nobody_there_is_said_in_words(server: LiveServer) -> None:
    with pytest.raises(LabError, match="is it running"):
        connect(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(LabError, match="begins with http"):
        connect("127.0.0.1:5006")
    with pytest.raises(LabError, match="HTTP 404"):
        connect(f"{server.url}/nowhere")
