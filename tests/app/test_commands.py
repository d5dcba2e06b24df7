"""Pressure commands in the ward: what may be commanded, what counts as set, and what a restart remembers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from monitor_app.ward import CommandRefused, Ward
from tests.app.ward_helpers import Clock, Link, feed_breathing, in_ward, spec


@pytest.mark.holds("F20.2")
def test_the_set_pressure_is_the_applied_one(tmp_path: Path) -> None:
    """A wrong number can hurt: a commanded pressure is shown as set only once the device has applied it."""

    async def story(ward: Ward, clock: Clock) -> None:
        link = Link()
        room, _trace = await ward.streams.open(101, spec("s"), link)
        first = await ward.command_pressure(101, 8, by="A. Reyes")
        ward.device_answered(room, first["command_id"], applied_cmh2o=8)
        second = await ward.command_pressure(101, 12, by="A. Reyes")
        assert second["state"] == "delivered"
        assert second["previous_cmh2o"] == 8
        assert (await ward.summaries())[0]["pressure_cmh2o"] == 8
        ward.device_answered(room, second["command_id"], refusal="mask off")
        assert (await ward.summaries())[0]["pressure_cmh2o"] == 8
        ward.refresh_detail(room)
        newest = room.values["commands"][0]
        assert (newest["state"], newest["reason"], newest["by"]) == ("refused", "mask off", "A. Reyes")

    in_ward(tmp_path, story)


def test_an_overtaken_command_is_not_sent_again(tmp_path: Path) -> None:
    """Two commands while the device was away: the newer goes to the device, the older is superseded."""

    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        await ward.command_pressure(101, 8, by="a")
        await ward.command_pressure(101, 9, by="b")
        link = Link()
        room, _ = await ward.streams.open(101, spec("s"), link)
        ward.send_pending(room)
        assert [m["pressure_cmh2o"] for m in link.heard] == [9]
        ward.refresh_detail(room)
        assert [c["state"] for c in room.values["commands"]] == ["delivered", "superseded"]

    in_ward(tmp_path, story)


def test_a_device_that_applied_something_else_is_not_believed(tmp_path: Path) -> None:
    """A wrong number can hurt: `applied` with another pressure is shown as what it is."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, _ = await ward.streams.open(101, spec("s"), Link())
        command = await ward.command_pressure(101, 12, by="a")
        ward.device_answered(room, command["command_id"], applied_cmh2o=25)
        ward.refresh_detail(room)
        newest = room.values["commands"][0]
        assert newest["state"] == "refused"
        assert "25" in newest["reason"]
        assert (await ward.summaries())[0]["pressure_cmh2o"] is None

    in_ward(tmp_path, story)


@pytest.mark.parametrize("answer", [{"refusal": "\ud800 mask off"}, {"applied_cmh2o": "\ud800"}])
def test_half_a_character_of_a_device_is_kept_out(tmp_path: Path, answer: dict[str, Any]) -> None:
    """It cannot be stored: the device would be told again after each restart, and the API fail on its room."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, _ = await ward.streams.open(101, spec("s"), Link())
        await ward.command_pressure(101, 12, by="a", command_id="k")
        ward.device_answered(room, "k", **answer)
        await ward.command_pressure(101, 11, by="a")
        stored = ward.store.command("k")
        assert stored is not None
        assert (stored.state.value, stored.refusal) == ("refused", room.stay.commands.find("k").refusal)
        assert stored.refusal.encode()

    in_ward(tmp_path, story)


def test_the_first_answer_counts_in_memory_and_on_disk(tmp_path: Path) -> None:
    """A device that answers twice changes nothing by its second answer, and a restart shows the same."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, trace = await ward.streams.open(101, spec("s"), Link())
        feed_breathing(ward, room, trace, 1)
        command = await ward.command_pressure(101, 12, by="a")
        ward.device_answered(room, command["command_id"], applied_cmh2o=12)
        ward.device_answered(room, command["command_id"], refusal="too late")
        assert (await ward.summaries())[0]["pressure_cmh2o"] == 12
        await ward.streams.stored(trace)

    async def after(ward: Ward, clock: Clock) -> None:
        assert (await ward.summaries())[0]["pressure_cmh2o"] == 12

    in_ward(tmp_path, story)
    in_ward(tmp_path, after)


def test_a_key_names_one_command_for_ever(tmp_path: Path) -> None:
    """Idempotency: an old key gives its old command and changes nothing; with another pressure it is refused."""

    async def story(ward: Ward, clock: Clock) -> None:
        room, _ = await ward.streams.open(101, spec("s"), Link())
        for number in range(25):
            command = await ward.command_pressure(101, 8 + number % 3, by="a", command_id=f"k{number}")
            ward.device_answered(room, f"k{number}", applied_cmh2o=command["pressure_cmh2o"])
        assert (await ward.summaries())[0]["pressure_cmh2o"] == 8
        again = await ward.command_pressure(101, 9, by="a", command_id="k1")
        assert (again["state"], again["pressure_cmh2o"]) == ("applied", 9)
        assert (await ward.summaries())[0]["pressure_cmh2o"] == 8
        for key in ("k1", "k24"):
            with pytest.raises(CommandRefused, match="given before"):
                await ward.command_pressure(101, 11, by="a", command_id=key)

    in_ward(tmp_path, story)


def test_a_restart_sends_the_newest_command_whatever_the_clock_did(tmp_path: Path) -> None:
    """After a clock that was set back, an older command must not be taken for the newer."""

    async def before(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        await ward.command_pressure(101, 12, by="a")
        clock.step(-3600)
        await ward.command_pressure(101, 8, by="a")

    async def after(ward: Ward, clock: Clock) -> None:
        link = Link()
        room, _ = await ward.streams.open(101, spec("s"), link)
        ward.send_pending(room)
        assert [message["pressure_cmh2o"] for message in link.heard] == [8]

    in_ward(tmp_path, before)
    in_ward(tmp_path, after)


@pytest.mark.holds("F20.1", "F2.3")
@pytest.mark.parametrize("value", [3, 26, -1, 9.0, "9", None, True])
def test_f20_the_hard_range(tmp_path: Path, value: Any) -> None:
    """F20: 4 to 25, an integer; nothing is stored or sent otherwise."""

    async def story(ward: Ward, clock: Clock) -> None:
        link = Link()
        room, _ = await ward.streams.open(101, spec("s"), link)
        with pytest.raises(CommandRefused):
            await ward.command_pressure(101, value, by="a", reason="because")
        assert link.heard == []
        assert ward.store.commands_of_stay(room.stay.stay_id) == []  # type: ignore[union-attr]

    in_ward(tmp_path, story)


def test_above_the_maximum_for_age_a_reason_is_needed(tmp_path: Path) -> None:
    """CLINICAL: above 20 cmH2O a command needs a reason."""

    async def story(ward: Ward, clock: Clock) -> None:
        await ward.stays.admit(101, 7)
        with pytest.raises(CommandRefused, match="maximum of 20"):
            await ward.command_pressure(101, 21, by="a", reason="  ")
        assert (await ward.command_pressure(101, 21, by="a", reason="obesity hypoventilation"))["pressure_cmh2o"] == 21

    in_ward(tmp_path, story)
