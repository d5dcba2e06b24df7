"""A pause that both rules found is shown once, and neither rule's times are changed (CLINICAL: never mixed up)."""

from __future__ import annotations

from cpap_core.shown import one_of_each
from cpap_core.types import EventKind, OpenEvent, RespiratoryEvent


def event(kind: EventKind, onset_s: float, duration_s: float) -> RespiratoryEvent:
    return RespiratoryEvent(0, kind, onset_s, onset_s + 10, duration_s)


GAP = event(EventKind.BREATH_GAP, 100, 24)
SCORED = event(EventKind.OBSTRUCTIVE_APNEA, 103, 20)
HYPOPNEA = event(EventKind.HYPOPNEA, 98, 30)


def test_what_the_flow_rule_says_stands_for_the_gap_that_it_fills() -> None:
    assert one_of_each([SCORED, GAP]) == [SCORED]


def test_while_a_pause_lasts_it_is_the_gap_whose_clock_the_alarm_follows() -> None:
    open_gap = OpenEvent(0, EventKind.BREATH_GAP, 100, 110)
    open_apnea = OpenEvent(-1, EventKind.APNEA, 103, 111)
    assert one_of_each([open_gap, open_apnea]) == [open_gap]
    assert one_of_each([open_gap, SCORED]) == [open_gap]
    assert one_of_each([GAP, open_apnea]) == [GAP]


def test_each_stands_alone_where_the_other_rule_found_nothing_like_it() -> None:
    later = event(EventKind.CENTRAL_APNEA, 200, 12)
    barely = event(EventKind.CENTRAL_APNEA, 121, 15)
    assert one_of_each([later, GAP]) == [GAP, later]
    assert one_of_each([barely, GAP]) == [GAP, barely]
    assert one_of_each([HYPOPNEA, GAP]) == [HYPOPNEA, GAP]


def test_one_long_apnea_stands_for_all_gaps_in_it() -> None:
    long = event(EventKind.APNEA, 100, 60)
    gaps = [event(EventKind.BREATH_GAP, at, 14) for at in (101, 118, 140)]
    after = event(EventKind.BREATH_GAP, 160, 14)
    assert one_of_each([*gaps, long, after]) == [long, after]


def test_a_gap_whose_end_never_came_to_the_disk_hides_no_later_apnea() -> None:
    """A full queue may refuse an event's end (Restart): the review of that night still shows what followed."""
    endless = OpenEvent(0, EventKind.BREATH_GAP, 100, 110)
    apneas = [event(EventKind.CENTRAL_APNEA, at, 15) for at in (300, 500, 700)]
    gap = event(EventKind.BREATH_GAP, 498, 18)
    assert one_of_each([endless, *apneas]) == [endless, *apneas]
    assert one_of_each([endless, *apneas, gap]) == [endless, *apneas]


def test_a_pause_that_lasts_is_shown_until_it_ends_whatever_else_is_known() -> None:
    open_gap = OpenEvent(7, EventKind.BREATH_GAP, 100, 110)
    for onset in range(50, 150, 5):
        for duration in range(10, 60, 5):
            assert open_gap in one_of_each([event(EventKind.APNEA, onset, duration), open_gap])
