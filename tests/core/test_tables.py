"""What a detector found comes as columns; objects are made of them for who asks, and say the same."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import astuple, fields
from typing import Any

import numpy as np
import pytest

from cpap_core import DetectorOutput, EventKind, RespirationDetector
from cpap_core.types import EVENT_KINDS, Breath, Onset, OpenEvent, RespiratoryEvent
from tests.core.test_detector_chunks import probe_of, wild

RATE_HZ = 25.0


def found() -> DetectorOutput:
    """All that a stretch of wild breathing and its pauses make certain."""
    flow = np.concatenate([wild(seed, RATE_HZ, 400) for seed in (3, 5)])
    detector = RespirationDetector(RATE_HZ)
    return detector.update(flow, probe_of(flow, RATE_HZ))


def test_a_table_has_the_columns_and_the_values_of_its_objects() -> None:
    output = found()
    tables = output.tables
    for table, objects, kind in (
        (tables.onsets, output.onsets, Onset),
        (tables.breaths, output.breaths, Breath),
        (tables.opened, output.opened, OpenEvent),
        (tables.events, output.events, RespiratoryEvent),
    ):
        assert len(table) == len(objects) > 5
        assert table.dtype.names == tuple(field.name for field in fields(kind))
        for name in table.dtype.names:
            said = [getattr(one, name) for one in objects]
            if name == "kind":
                said = [EVENT_KINDS.index(kind) for kind in said]
            np.testing.assert_array_equal(table[name], np.array([np.nan if one is None else one for one in said]))
    assert {event.kind for event in output.events} > {EventKind.BREATH_GAP}


def test_an_output_that_is_kept_stays_as_it_was_while_its_detector_goes_on() -> None:
    flow = wild(3, RATE_HZ, 400)
    detector = RespirationDetector(RATE_HZ)
    kept = [detector.update(flow[:4000]), detector.update(flow[4000:])]
    detector.update(flow)
    again = RespirationDetector(RATE_HZ)
    assert kept == [again.update(flow[:4000]), again.update(flow[4000:])]
    for copied in (copy.deepcopy(kept), pickle.loads(pickle.dumps(kept))):
        assert copied == kept
        assert copied[0].tables.breaths.tobytes() == kept[0].tables.breaths.tobytes()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda detector: pickle.loads(pickle.dumps(detector))])
def test_a_copied_or_pickled_detector_goes_on_by_itself(copied: Callable[[Any], Any]) -> None:
    flow = wild(3, RATE_HZ, 400)
    detector, whole = RespirationDetector(RATE_HZ), RespirationDetector(RATE_HZ)
    whole.update(flow)
    detector.update(flow[:4000])
    counted = detector.breath_count
    other = copied(detector)
    other.update(flow[4000:])
    assert (other.breath_count, other.samples_seen) == (whole.breath_count, len(flow))
    assert (detector.breath_count, detector.samples_seen) == (counted, 4000)
    other.count_on(700, 8, 5)
    assert (other.breath_count, other.breath_gap_count, other.scored_count) == (700, 8, 5)
    detector.update(flow[4000:])
    assert detector.vitals() == whole.vitals()


def test_lists_are_made_once_and_belong_to_their_output() -> None:
    output = found()
    assert output.breaths is output.breaths
    assert all(type(value) is float for value in astuple(output.onsets[0]))
    silent = RespirationDetector(RATE_HZ).update([])
    silent.onsets.append(Onset(1.0, 1.2))
    assert RespirationDetector(RATE_HZ).update([]).onsets == []
    assert not len(silent.tables.onsets)


def test_outputs_are_equal_when_they_say_the_same() -> None:
    output = found()
    put_together = DetectorOutput(output.onsets, output.breaths, output.opened, output.events)
    assert put_together == output
    assert put_together != DetectorOutput(output.onsets)
    assert repr(DetectorOutput()) == "DetectorOutput(onsets=[], breaths=[], opened=[], events=[])"


def test_counts_go_on_from_what_was_counted_before_and_so_do_the_numbers_of_open_events() -> None:
    time_s = np.arange(0, 120, 1 / RATE_HZ)
    breathing = 30 * np.sin(np.pi * time_s / 2)
    detector = RespirationDetector(RATE_HZ)
    opened = detector.update(np.where(time_s < 100, breathing, 0.0)).opened
    assert sorted(event.id for event in opened) == [-1, 0]
    detector.count_on(500, 8, 5)
    assert (detector.breath_count, detector.breath_gap_count, detector.scored_count) == (500, 8, 5)
    assert sorted(event.id for event in detector.update(breathing).events) == [-5, 7]
    assert detector.breath_count > 520
