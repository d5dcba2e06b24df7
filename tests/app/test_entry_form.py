"""F1 to F4, F7: what is typed into the form, and what of it may be sent."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from monitor_app.entry import EntryForm

RESULT = {"breath_rate_bpm": 15.0, "apnea_count": 3}


def errors_of(**texts: str) -> dict[str, str]:
    return EntryForm().apply(texts)


def value_of(field: str, text: str) -> Any:
    form = EntryForm()
    assert form.apply({field: text}) == {}
    return getattr(form, field)


@pytest.mark.holds("F1.1", "F1.3")
def test_the_form_takes_name_mrn_room_pressure_and_date_of_birth() -> None:
    form = EntryForm()
    texts = {
        "patient_name": " Abara, Ada ",
        "mrn": "204118",
        "room": "107",
        "pressure_cmh2o": "11",
        "date_of_birth": "2015-02-28",
    }
    assert form.apply(texts) == {}
    assert (form.patient_name, form.mrn, form.room) == ("Abara, Ada", 204118, 107)
    assert (form.pressure_cmh2o, form.date_of_birth) == (11, date(2015, 2, 28))
    assert form.apply({"date_of_birth": ""}) == {}
    assert form.date_of_birth is None


@pytest.mark.holds("F1.2")
@pytest.mark.parametrize("field", ["mrn", "room"])
def test_mrn_and_room_are_positive_integers(field: str) -> None:
    assert value_of(field, "007") == 7
    assert value_of(field, " 12 ") == 12
    for wrong in ("0", "-3", "1.0", "1e3", "abc", "1_000", "٣", "1 2", "9" * 31):
        assert errors_of(**{field: wrong})[field].endswith("is not a positive whole number"), wrong
    assert " is above " in errors_of(**{field: "9" * 20})[field]


@pytest.mark.holds("F1.3")
@pytest.mark.parametrize("text", ["yesterday", "2024-02-30", "1700-01-01", "20240101T00"])
def test_a_date_of_birth_that_cannot_be(text: str) -> None:
    assert errors_of(date_of_birth=text)["date_of_birth"].startswith("Date of birth is not ")


@pytest.mark.holds("F1.3")
def test_nobody_is_born_tomorrow() -> None:
    tomorrow = date.today() + timedelta(days=1)
    assert errors_of(date_of_birth=tomorrow.isoformat()) == {
        "date_of_birth": "Date of birth is not between 1880 and today"
    }


@pytest.mark.holds("F2.1")
@pytest.mark.parametrize("text", ["", "   "])
def test_the_pressure_may_be_blank(text: str) -> None:
    assert value_of("pressure_cmh2o", text) is None


@pytest.mark.holds("F2.2")
@pytest.mark.parametrize("text", ["ten", "9.5", "10.0", "1e1", "0x9", "--9", "<b>9</b>", "9 cmH2O", "nan", "１１"])
def test_a_pressure_that_is_no_integer(text: str) -> None:
    assert errors_of(pressure_cmh2o=text) == {"pressure_cmh2o": "CPAP pressure is not an integer"}


@pytest.mark.holds("F2.3")
@pytest.mark.parametrize("text", ["3", "26", "-9", "0", "9" * 30])
def test_a_pressure_outside_of_4_to_25(text: str) -> None:
    assert errors_of(pressure_cmh2o=text) == {"pressure_cmh2o": "CPAP Pressure is not between 4 and 25"}


@pytest.mark.holds("F2.3")
@pytest.mark.parametrize("text", ["4", "25", "007", "+9"])
def test_4_and_25_are_pressures(text: str) -> None:
    assert value_of("pressure_cmh2o", text) == int(text)


@pytest.mark.holds("F3.1")
def test_the_mrn_is_missed_before_the_room() -> None:
    form = EntryForm()
    assert form.missing == {"mrn": "Missing Patient Medical Record Number"}
    form.mrn = 7
    assert form.missing == {"room": "Missing Room Number"}
    form.room = 101
    assert form.missing == {}


@pytest.mark.holds("F4.2")
def test_pressure_and_calculated_data_only_together() -> None:
    form = EntryForm(mrn=7, room=101)
    assert form.measurement is None
    form.pressure_cmh2o = 9
    assert form.measurement is None
    form.result = RESULT
    assert form.measurement == {"pressure_cmh2o": 9, "respiratory_rate_per_min": 15.0, "apnea_count": 3}
    form.pressure_cmh2o = None
    assert form.measurement is None


def test_one_wrong_field_and_nothing_is_taken() -> None:
    """A param model alone would have set the room by the time it refuses the pressure."""
    form = EntryForm(mrn=7, room=101)
    assert form.apply({"mrn": "8", "room": "102", "pressure_cmh2o": "99", "patient_name": "x" * 201}).keys() == {
        "pressure_cmh2o",
        "patient_name",
    }
    assert (form.mrn, form.room, form.patient_name) == (7, 101, "")


@pytest.mark.holds("F6.1")
def test_a_locked_form_takes_no_other_mrn_or_room() -> None:
    form = EntryForm(mrn=7, room=101, locked=True)
    assert "locked" in form.apply({"mrn": "8", "room": "101"})["mrn"]
    assert "locked" in form.apply({"mrn": "7", "room": "102"})["mrn"]
    assert form.apply({"mrn": "007", "room": "101", "patient_name": "Ada", "pressure_cmh2o": "9"}) == {}
    assert (form.patient_name, form.pressure_cmh2o) == ("Ada", 9)


@pytest.mark.holds("F11.1")
def test_a_reset_forgets_everything_and_unlocks() -> None:
    form = EntryForm(mrn=7, room=101, locked=True, result=RESULT, pressure_cmh2o=9, patient_name="Ada")
    form.date_of_birth = date(2000, 1, 1)
    form.reset()
    fresh = EntryForm()
    assert {name: getattr(form, name) for name in form.param if name != "name"} == {
        name: getattr(fresh, name) for name in fresh.param if name != "name"
    }
    assert form.generation == 1
