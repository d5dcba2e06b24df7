"""A recording that is played is the ward at each of its moments, and a view lets go of a stream that nobody reads."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from cpap_core import Recording, analyze
from cpap_core.shown import one_of_each
from cpap_core.simulate import SimulatedPatient, record
from monitor_app.push import PlaybackSource, Push
from monitor_app.push.playback import check_speed
from monitor_app.views import live
from monitor_app.views.room import LiveRoom, RoomView
from monitor_app.ward import Playback

START = 1_767_222_000.0


@pytest.fixture(scope="module")
def night() -> Recording:
    patient = SimulatedPatient(seed=7, pressure_cmh2o=7, critical_pressure_cmh2o=9.5, first_event_s=20)
    return record(patient, 600, start_time=START, name="night")


def seen(playback: Playback) -> dict[str, Any]:
    """What a view shows, without the count of looks and the trace's number."""
    playback.refresh()
    (room,) = playback.rooms()
    playback.refresh_detail(room)
    return {key: value for key, value in room.values.items() if key != "trace_epoch"}


@pytest.mark.holds("F43.3", "F43.4")
def test_going_to_a_moment_shows_what_playing_up_to_it_shows(night: Recording) -> None:
    played, gone = Playback(night), Playback(night)
    for _ in range(300):
        played.advance(1.0)
    gone.seek(500.0)
    gone.seek(300.0)
    assert seen(played) == seen(gone)
    assert seen(gone)["respiratory_rate_per_min"] is not None or seen(gone)["no_breath_s"] is not None


@pytest.mark.holds("F43.3", "F43.4")
def test_the_events_are_those_of_the_analysis(night: Recording) -> None:
    playback = Playback(night)
    found = analyze(night)
    apneas = found.apneas
    events = one_of_each([*apneas, *found.events])
    assert [event.onset_s for event in playback.events] == [event.onset_s for event in events]
    playback.next_event()
    assert playback.position_s == pytest.approx(events[0].onset_s + 5, abs=0.05)
    playback.next_event()
    assert playback.position_s == pytest.approx(events[1].onset_s + 5, abs=0.05)
    playback.previous_event()
    assert playback.position_s == pytest.approx(events[0].onset_s + 5, abs=0.05)
    playback.seek(1e9)
    playback.is_playing = True
    playback.advance(1.0)
    assert not playback.is_playing
    assert seen(playback)["apnea_count"] == len(apneas)


@pytest.mark.parametrize("speed", [0, 0.5, 601, float("nan"), "2"])
def test_a_speed_that_cannot_be_is_refused(night: Recording, speed: Any) -> None:
    with pytest.raises(ValueError, match="between 1 and 600"):
        check_speed(speed)


def test_what_cannot_be_shown_is_refused_in_words(night: Recording) -> None:
    with pytest.raises(TypeError, match="give a lab"):
        RoomView(3.5)  # type: ignore[arg-type]
    nothing = Recording(np.empty(0, np.float32), None, 25.0, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="no sample"):
        RoomView(nothing)


def test_requests_that_make_no_sense_change_nothing(night: Recording) -> None:
    async def ask() -> list[Push]:
        pushes: list[Push] = []
        source = PlaybackSource(night)
        stream = source.open(None, pushes.append)
        for request in ({"act": "seek", "value": "x"}, {"act": "speed", "value": -1}, {"act": "fly"}, {}):
            stream.ask(request)
        assert (source.playback.position_s, source.playback.speed, source.playback.is_playing) == (30.0, 1.0, False)
        stream.close()
        return pushes

    assert asyncio.run(ask())[0]["kind"] == ["snapshot"]


def test_a_stream_that_nobody_reads_ends_and_begins_again(night: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look() -> None:
        room = LiveRoom(PlaybackSource(night, speed=1, interval_ms=50), room=0)
        assert not room.is_streaming, "nobody looks"
        room._handle_msg({"type": "anew"})
        await asyncio.sleep(0.2)
        assert room.is_streaming
        monkeypatch.setattr(live, "UNREAD_S", 0.1)
        await asyncio.sleep(0.3)
        assert not room.is_streaming
        room._handle_msg({"type": "anew"})
        assert room.is_streaming
        room.end_stream()

    asyncio.run(look())
