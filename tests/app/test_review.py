"""What the review is answered: recordings found, one with all that happened in it, and any range of its signals."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from benchmarks.nights import StoredNight, put_night
from cpap_core.rules import BREATHS_IN_MEANS
from monitor_app.push.packing import unpack
from monitor_app.records import Records, export, review
from monitor_app.records.night import Nights
from store import MarkKind, NotFound, Store

START = 1_795_300_000.0
OSLO = ZoneInfo("Europe/Oslo")
HOLE_S = (1800.0, 2400.0)
MARKS = ((300.0, "lights off"), (600.0, "=HYPERLINK(1)"))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, StoredNight, StoredNight]]:
    """Two nights of one patient, an hour and less, the later with a hole and marks; and one of somebody else."""
    with Store(tmp_path_factory.mktemp("review") / "store.sqlite") as store:
        earlier = put_night(store, room=101, mrn=7, name="Abara, Ada", hours=0.2, seed=2, start_time=START - 86400)
        put_night(store, room=102, mrn=8, name="Brandt, 100 %", hours=0.1, seed=3, start_time=START)
        later = put_night(
            store, room=103, mrn=7, hours=1, seed=4, start_time=START, hole_s=HOLE_S, marks=MARKS, device="blower"
        )
        yield store, earlier, later


def samples_of(store: Store, recording_id: int) -> np.ndarray:
    recording = store.recording(recording_id)
    assert recording is not None
    return store.read_samples(recording_id, 0, recording.next_sample).flow_lpm


@pytest.mark.parametrize(
    ("search", "rooms"),
    [
        ("", [103, 102, 101]),
        ("ada", [103, 101]),
        ("7", [103, 101]),
        ("102", [102]),
        ("%", [102]),
        ("BLOW", [103]),
        ("x", []),
    ],
)
def test_recordings_are_found_newest_first(
    stored: tuple[Store, StoredNight, StoredNight], search: str, rooms: list[int]
) -> None:
    """By name, MRN, room or device; a wildcard is a letter like any other."""
    found = review.list_recordings(stored[0], search, None, START)
    assert [one["room"] for one in found["recordings"]] == rooms
    assert found["more"] is False


@pytest.mark.holds("F18.1")
def test_the_latest_recording_of_a_patient_comes_with_the_earlier_ones(
    stored: tuple[Store, StoredNight, StoredNight],
) -> None:
    store, earlier, later = stored
    assert review.latest_of_patient(store, 7) == later.recording_id
    found = review.open_recording(store, later.recording_id, START)
    assert [one["recording"] for one in found["others"]] == [later.recording_id, earlier.recording_id]


@pytest.mark.holds("F51.2")
def test_a_recording_comes_with_its_events_marks_and_pressures(stored: tuple[Store, StoredNight, StoredNight]) -> None:
    store, _, later = stored
    found = review.open_recording(store, later.recording_id, START)
    assert [event[1] for event in found["events"]] == [round(onset, 2) for onset in later.events]
    assert 0 < len(later.events) < len(store.events_of(later.recording_id)), "a pause of both rules is there once"
    assert [(mark[0], mark[2]) for mark in found["marks"]] == list(MARKS)
    assert [(time_s, pressure) for time_s, pressure, *_ in found["commands"]] == [
        (600.0, 5), (1200.0, 6), (1800.0, 7), (2400.0, 8), (3000.0, 9)
    ]  # fmt: skip
    assert found["is_running"] is False


@pytest.mark.parametrize(("start_s", "end_s"), [(0, 3600), (100, 1900), (500, 700), (500, 530), (3590, 9999)])
def test_a_window_loses_no_extreme_and_shows_the_gap(
    stored: tuple[Store, StoredNight, StoredNight], start_s: float, end_s: float
) -> None:
    store, _, later = stored
    flow = samples_of(store, later.recording_id)[: int(end_s * 25) + 1]
    pieces = 200
    found = review.window(store, Nights(), later.recording_id, start_s, end_s, pieces)["flow"]
    lowest = unpack(found["lowest"])
    highest = unpack(found.get("highest", found["lowest"]))
    assert len(lowest) <= 2 * pieces + 2
    size = round(found["step_s"] * 25)
    first = round(found["start_s"] * 25)
    for at, (low, high) in enumerate(zip(lowest, highest, strict=True)):
        part = flow[first + at * size : first + (at + 1) * size]
        if np.isnan(part).all():
            # The blocks at its borders may see a neighbour.
            around = flow[first + (at - 1) * size : first + (at + 2) * size]
            assert low is None or not np.isnan(around).all()
        else:
            assert low is not None and high is not None
            assert low / 10 <= np.nanmin(part) + 0.051
            assert high / 10 >= np.nanmax(part) - 0.051
    if start_s <= HOLE_S[0] < end_s:
        hidden = [
            low for at, low in enumerate(lowest) if 1830 < found["start_s"] + at * found["step_s"] < min(2370, end_s)
        ]
        assert hidden and set(hidden) == {None}


def test_rate_and_leak_are_those_of_the_last_breaths(stored: tuple[Store, StoredNight, StoredNight]) -> None:
    """As the detector has them, by a slow twin; none across the hole."""
    store, _, later = stored
    night = Nights().get(store, later.recording_id)
    flow = samples_of(store, later.recording_id)
    begin = 0
    for at in range(len(night.onsets_s)):
        onset = night.onsets_s[at]
        if at and np.isnan(flow[int(night.onsets_s[at - 1] * 25) : int(onset * 25)]).sum() >= 250:
            begin = at
        before = max(begin, at - BREATHS_IN_MEANS)
        if before == at:
            assert np.isnan(night.rate_per_min[at])
            continue
        assert night.rate_per_min[at] == pytest.approx(60 * (at - before) / (onset - night.onsets_s[before]))
        cut = flow[int(np.floor(night.onsets_s[before] * 25)) : int(np.floor(onset * 25))]
        assert night.leak_lpm[at] == pytest.approx(np.nanmean(cut.astype(np.float64)), abs=1e-6)
    assert begin > 0


def test_what_comes_later_is_taken_in_without_reading_all_again(tmp_path: Path) -> None:
    """A night that grew is the same as one that was read whole; what is on disk already is not read again."""
    with Store(tmp_path / "store.sqlite") as store:
        night = put_night(store, room=1, mrn=None, hours=0.1, goes_on=True)
        nights = Nights()
        known = nights.get(store, night.recording_id)
        read_before = known.end
        more = np.linspace(-20, 20, 2500, dtype=np.float32)
        store.append_samples(night.recording_id, known.end, more, more, time.time()).result(timeout=10)
        asked: list[int] = []
        segments = store.segments
        store.segments = lambda recording_id, first=0: (asked.append(first), segments(recording_id, first))[1]  # type: ignore[method-assign]
        grown = nights.get(store, night.recording_id)
        assert grown is known
        assert asked and min(asked) > read_before - 25 * 60
        store.segments = segments  # type: ignore[method-assign]
        whole = Nights().get(store, night.recording_id)
        pieces = [one.wave(store, 0, 0, 1e6, 100) for one in (grown, whole)]
        np.testing.assert_array_equal(pieces[0].lowest, pieces[1].lowest)
        np.testing.assert_array_equal(grown.leak_lpm, whole.leak_lpm)
        nights.get(store, night.recording_id)
        assert review.open_recording(store, night.recording_id, time.time())["is_running"] is True


def test_the_nights_that_are_kept_are_bounded(stored: tuple[Store, StoredNight, StoredNight]) -> None:
    store, earlier, later = stored
    nights = Nights(most_bytes=1)
    for recording in (earlier.recording_id, later.recording_id, earlier.recording_id):
        nights.get(store, recording)
        assert len(nights) == 1


def test_a_recording_that_is_not_there_says_so(stored: tuple[Store, StoredNight, StoredNight]) -> None:
    store = stored[0]
    for ask in (
        lambda: review.open_recording(store, 999, START),
        lambda: review.window(store, Nights(), 999, 0, 1, 100),
        lambda: export.name_of(store, 999, OSLO),
    ):
        with pytest.raises(NotFound, match="999"):
            ask()
    with pytest.raises(NotFound, match="MRN 999"):
        review.latest_of_patient(store, 999)


@pytest.mark.holds("F51.3")
def test_the_table_has_every_stored_sample_with_what_happened(stored: tuple[Store, StoredNight, StoredNight]) -> None:
    """In the lab's time; what was not recorded has no rows, and no text is a formula."""
    store, _, later = stored
    rows = list(csv.DictReader(io.StringIO("".join(export.rows(store, later.recording_id, OSLO, 0, 1e9)))))
    recording = store.recording(later.recording_id)
    assert recording is not None
    assert len(rows) == recording.stored_samples
    assert rows[0]["time"] == "2026-11-21T23:26:40.000+01:00"
    first = store.read_samples(later.recording_id, 0, 1)
    assert first.airway_pressure_cmh2o is not None
    assert rows[0]["flow_lpm"] == f"{first.flow_lpm[0]:.3f}"
    assert rows[0]["airway_pressure_cmh2o"] == f"{first.airway_pressure_cmh2o[0]:.3f}"
    assert {row["recording_time_s"]: row["mark"] for row in rows if row["mark"]} == {
        "300.000": "lights off",
        "600.000": "'=HYPERLINK(1)",
    }
    assert sum(bool(row["breath"]) for row in rows) == len(store.breath_columns(later.recording_id))
    assert sum(bool(row["event"]) for row in rows) == len(store.events_of(later.recording_id)), "each rule's"
    assert not [row for row in rows if HOLE_S[0] < float(row["recording_time_s"]) < HOLE_S[1] - 0.01]


def test_a_range_of_the_table_is_that_range(stored: tuple[Store, StoredNight, StoredNight]) -> None:
    store, _, later = stored
    rows = list(csv.DictReader(io.StringIO("".join(export.rows(store, later.recording_id, OSLO, 299.5, 300.5)))))
    assert [float(row["recording_time_s"]) for row in rows] == [round(299.52 + 0.04 * i, 2) for i in range(25)]
    assert [row["mark"] for row in rows if row["mark"]] == ["lights off"]


@pytest.mark.holds("F51.2", "F51.3")
def test_a_mark_without_a_text_is_named_in_the_review_and_the_table(tmp_path: Path) -> None:
    """Lights off, on, and mask refits are marked by one click: their kind is all there is to say."""
    with Store(tmp_path / "store.sqlite") as store:
        night = put_night(store, room=101, mrn=7, hours=0.1, seed=2, start_time=START)
        made = {"recording_id": night.recording_id, "onset_s": 60.0, "by": "test", "at": START}
        stay_id = store.recording(night.recording_id).stay_id
        store.add_mark("one", stay_id=stay_id, kind=MarkKind.LIGHTS_OFF, text="", **made).result()
        store.add_mark("two", stay_id=stay_id, kind=MarkKind.NOTE, text="coughs", **made).result()
        found = review.open_recording(store, night.recording_id, START)
        assert [mark[2] for mark in found["marks"]] == ["Lights off", "coughs"]
        rows = list(csv.DictReader(io.StringIO("".join(export.rows(store, night.recording_id, OSLO, 0, 1e9)))))
        assert [row["mark"] for row in rows if row["mark"]] == ["Lights off; coughs"]


def test_who_asks_for_a_patient_does_not_wait_behind_long_nights(
    stored: tuple[Store, StoredNight, StoredNight],
) -> None:
    """The first look at a recording of a month takes seconds, and several pages may look at such ones."""

    async def story() -> None:
        records, is_done = Records(stored[0]), threading.Event()
        looks = [asyncio.create_task(records.look(lambda _store, _nights: is_done.wait(10))) for _ in range(5)]
        patient = await asyncio.wait_for(records.ask(lambda store: store.patient(7)), 5)
        assert patient is not None
        is_done.set()
        assert await asyncio.gather(*looks) == [True] * 5
        records.close()

    asyncio.run(story())
