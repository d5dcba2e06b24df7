"""What existing clients may send: every word of F28 and F34, and anything else that JSON can hold."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor_app.api.compatible_input import InputRefused, PatientUpdate, read_update
from tests.app.flow_pictures import jpeg, png

SENT: dict[str, Any] = {
    "patient_mrn": 7,
    "room_number": 101,
    "patient_name": "Ada",
    "CPAP_pressure": 9,
    "breath_rate": 14.25,
    "apnea_count": 2,
    "flow_image": base64.b64encode(png()).decode(),
}
KEYS = tuple(SENT)
"""In the order in which they are checked."""


def refusal(body: bytes | dict[str, Any]) -> str:
    """The words in which a body is refused."""
    with pytest.raises(InputRefused) as refused:
        read_update(body if isinstance(body, bytes) else json.dumps(body).encode())
    return str(refused.value)


def read(**changed: Any) -> PatientUpdate:
    """What is understood of a body that says these things differently."""
    return read_update(json.dumps({**SENT, **changed}).encode())


@pytest.mark.holds("F28.1")
def test_the_seven_keys_are_understood() -> None:
    assert read() == PatientUpdate(7, 101, "Ada", 9, 14.25, 2, png())


@pytest.mark.holds("F28.6")
@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"", b"{", b"\xff\xfe", b"[" * 100_000, b"NaN"])
def test_what_is_no_dictionary(body: bytes) -> None:
    assert refusal(body) == "Input is not a dictionary"


@pytest.mark.holds("F28.2")
@pytest.mark.parametrize("at", range(7))
def test_a_missing_key_is_named_and_the_first_one_counts(at: int) -> None:
    """All after it are missing, too, and the one before is there."""
    assert refusal({key: SENT[key] for key in KEYS[:at]}) == f"Key {KEYS[at]} is missing from input"


@pytest.mark.holds("F28.2")
def test_keys_are_checked_one_after_the_other() -> None:
    """A wrong MRN comes before a missing picture, a wrong picture after a missing rate."""
    wrong_mrn = {**SENT, "patient_mrn": "x"}
    del wrong_mrn["flow_image"]
    assert refusal(wrong_mrn) == "Key patient_mrn is not an int or numeric string"
    wrong_picture = {**SENT, "flow_image": 1}
    del wrong_picture["breath_rate"]
    assert refusal(wrong_picture) == "Key breath_rate is missing from input"


@pytest.mark.holds("F28.5")
@pytest.mark.parametrize("key", ["patient_mrn", "room_number", "CPAP_pressure", "breath_rate", "apnea_count"])
@pytest.mark.parametrize("value", ["x", "1_0", "٣", "7 8", True, None, [], {}, [1], "1e", "0x10", "--1"])
def test_what_is_no_number(key: str, value: Any) -> None:
    assert refusal({**SENT, key: value}) == f"Key {key} is not an int or numeric string"


@pytest.mark.holds("F28.5")
@pytest.mark.parametrize("value", [9.5, 9.0, "9.5", 1e400])
def test_what_is_no_whole_number(value: float | str) -> None:
    assert refusal({**SENT, "CPAP_pressure": value}) == "Key CPAP_pressure is not an int or numeric string"


@pytest.mark.holds("F28.5")
@pytest.mark.parametrize("key", ["patient_name", "flow_image"])
@pytest.mark.parametrize("value", [1, 1.5, True, None, [], {}])
def test_what_is_no_text(key: str, value: Any) -> None:
    assert refusal({**SENT, key: value}) == f"Key {key} has the incorrect value type"


@pytest.mark.holds("F28.3", "F33.3")
def test_numbers_may_be_texts() -> None:
    """`007` is 7, and `"1"` is 1."""
    texts = read(patient_mrn="007", room_number=" 101 ", CPAP_pressure="+9", breath_rate="14.25", apnea_count="2")
    assert texts == read()


@pytest.mark.holds("F28.3", "F28.4")
@pytest.mark.parametrize("absent", ["", "Not measured"])
def test_what_is_absent(absent: str) -> None:
    nothing = read(patient_name=absent, CPAP_pressure=absent, breath_rate=absent, apnea_count=absent, flow_image=absent)
    assert nothing == PatientUpdate(7, 101, None, None, None, None, None)
    assert not nothing.is_measured
    assert not read(CPAP_pressure=absent).is_measured
    assert not read(breath_rate=absent).is_measured
    assert read(apnea_count=absent, flow_image=absent).is_measured


@pytest.mark.holds("F34.4")
@pytest.mark.parametrize("key", ["patient_mrn", "room_number"])
@pytest.mark.parametrize("absent", ["", "Not measured"])
def test_mrn_and_room_may_not_be_absent(key: str, absent: str) -> None:
    assert refusal({**SENT, key: absent}) == f"Key {key} is not an int or numeric string"


@pytest.mark.holds("F34.1")
@pytest.mark.parametrize("value", [3, 26, -9, 0, "3", 10**40, -(10**40)])
@pytest.mark.parametrize("rate", [14.25, ""])
def test_a_pressure_out_of_range(value: Any, rate: Any) -> None:
    """Also where it would not be used."""
    assert refusal({**SENT, "CPAP_pressure": value, "breath_rate": rate}) == "CPAP Pressure is not between 4 and 25"


@pytest.mark.holds("F34.2")
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.1, "-1", "nan", "Infinity", 10**40, 1e308])
def test_a_rate_that_cannot_be(value: Any) -> None:
    assert "must lie between 0 and 1000 breaths/min" in refusal({**SENT, "breath_rate": value})


@pytest.mark.holds("F34.3")
@pytest.mark.parametrize("value", [-1, "-1", 10**40])
def test_a_count_that_cannot_be(value: Any) -> None:
    assert "must lie between 0 and" in refusal({**SENT, "apnea_count": value})


@pytest.mark.parametrize("key", ["patient_mrn", "room_number"])
@pytest.mark.parametrize("value", [0, -7, "-7", 10**40, 1 << 53])
def test_an_mrn_or_room_that_cannot_be(key: str, value: Any) -> None:
    assert "it is a whole number from 1 to" in refusal({**SENT, key: value})


def test_a_number_with_more_digits_than_python_takes_in() -> None:
    """As a number and as a text; it is a dictionary for all that."""
    body = json.dumps(SENT).encode()
    assert "it is a whole number from 1 to" in refusal(body.replace(b": 7,", b": " + b"9" * 5000 + b","))
    assert "not an int or numeric string" in refusal({**SENT, "patient_mrn": "9" * 5000})


def test_a_name_that_is_too_long_or_no_text() -> None:
    assert "201 characters, at most 200" in refusal({**SENT, "patient_name": "x" * 201})
    assert "half a character" in refusal({**SENT, "patient_name": "\ud800"})


@pytest.mark.holds("F34.6")
@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("%%%", "no base64"),
        ("aGVsbG8", "no base64"),
        ("é" * 8, "no base64"),
        (base64.b64encode(b"GIF89a" + bytes(40)).decode(), "neither a PNG nor a JPEG"),
        (base64.b64encode(b"<svg onload='alert(1)'/>").decode(), "neither a PNG nor a JPEG"),
        (base64.b64encode(png()[:-20]).decode(), "broken PNG"),
        (base64.b64encode(png()[:8]).decode(), "broken PNG"),
        (base64.b64encode(jpeg()[: len(jpeg()) // 2]).decode(), "broken JPEG"),
        (base64.b64encode(png(width=5000, height=4000)).decode(), "5000 x 4000 pixels"),
    ],
)
def test_an_image_that_is_no_image(image: str, words: str) -> None:
    said = refusal({**SENT, "flow_image": image})
    assert said.startswith("Key flow_image is no PNG or JPEG in base64: ")
    assert words in said


@pytest.mark.parametrize("picture", [png(), jpeg()])
def test_pictures_as_clients_send_them(picture: bytes) -> None:
    """With line breaks, and as the address of a picture in a page."""
    plain = base64.b64encode(picture).decode()
    for text in (plain, base64.encodebytes(picture).decode(), f"data:image/png;base64,{plain}"):
        assert read(flow_image=text).flow_image == picture


def test_a_large_body_of_many_parts_is_not_taken_apart() -> None:
    """4 MB of `[1,1,...]` would hold every other thread up for a fifth of a second."""
    assert "more parts" in refusal(b'{"a": [' + b"1," * 100_000 + b"1]}")


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["", "Not measured", "7"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(body=st.binary(max_size=60) | ANY.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=300, deadline=None)
def test_anything_is_understood_or_refused(body: bytes) -> None:
    """Whatever the body: no other error."""
    with pytest.raises(InputRefused):
        read_update(body)


@given(changed=st.dictionaries(st.sampled_from(KEYS), ANY), left_out=st.none() | st.sampled_from(KEYS))
@settings(max_examples=300, deadline=None)
def test_any_seven_values_are_understood_or_refused(changed: dict[str, Any], left_out: str | None) -> None:
    """What is understood is within every bound."""
    body = {**SENT, **changed}
    body.pop(left_out, None)
    try:
        update = read_update(json.dumps(body).encode())
    except InputRefused as error:
        assert str(error)
        return
    assert update.mrn > 0
    assert update.room > 0
    assert update.pressure_cmh2o is None or 4 <= update.pressure_cmh2o <= 25
    assert update.respiratory_rate_per_min is None or 0 <= update.respiratory_rate_per_min <= 1000
    assert update.apnea_count is None or update.apnea_count >= 0
