"""The calls of two clients of the earlier server, as their programs make them, with nothing changed but the address."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from tests.app.flow_pictures import png
from tests.app.live_server import LiveServer


class TkClient:
    """A desktop program: sends the texts of its labels, and says nothing of their type."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.labels = {"rate": "Not measured", "apneas": "Not measured", "pressure": "", "name": ""}
        self.picture = ""

    def upload(self, mrn: str, room: str) -> tuple[int, str]:
        """Send what stands in the window."""
        window = {
            "patient_name": self.labels["name"],
            "patient_mrn": mrn,
            "room_number": room,
            "CPAP_pressure": self.labels["pressure"],
            "breath_rate": self.labels["rate"],
            "apnea_count": self.labels["apneas"],
            "flow_image": self.picture,
        }
        return answered(urllib.request.Request(self.url + "/add_patient", json.dumps(window).encode()))

    def refresh(self, room: str) -> tuple[int, Any]:
        """What the window's timer asks every 30 s."""
        return answered(urllib.request.Request(f"{self.url}/CPAP_query/{room}"))


class StreamlitStation:
    """A page in Python: numbers are numbers, and a list is asked for again and again."""

    def __init__(self, url: str) -> None:
        self.url = url

    def patients(self) -> list[dict[str, Any]]:
        """All of them."""
        return answered(urllib.request.Request(self.url + "/get_all_patients", headers={"Accept": "*/*"}))[1]

    def send_pressure(self, room: int, value: int) -> tuple[int, str]:
        """By GET, and what is shown is the answer's text."""
        try:
            with urllib.request.urlopen(f"{self.url}/new_cpap_pressure/{room}/{value}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def add(self, **patient: Any) -> tuple[int, str]:
        """With the type that a library sets."""
        headers = {"Content-Type": "application/json"}
        return answered(urllib.request.Request(self.url + "/add_patient", json.dumps(patient).encode(), headers))


def answered(request: urllib.request.Request) -> tuple[int, Any]:
    """Status and what the JSON says."""
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.mark.holds("F28.1", "F28.3", "F28.4", "F29.1", "F30.1", "F31.1", "F31.2", "F33.3")
def test_an_evening_of_a_tk_room_and_a_streamlit_station(server: LiveServer, room: int) -> None:
    bedside, station = TkClient(server.url), StreamlitStation(server.url)
    assert bedside.refresh(str(room)) == (400, "Patient not in database")
    assert bedside.upload(f"0{room}", str(room)) == (200, "New patient created")
    assert bedside.refresh(str(room)) == (200, None)
    (patient,) = [each for each in station.patients() if each["room_number"] == room]
    lists = ("CPAP_pressure", "breath_rate", "apnea_count", "flow_image", "timestamp")
    assert patient == {"patient_mrn": room, "room_number": room, "patient_name": "Not provided"} | {
        key: [] for key in lists
    }

    bedside.labels |= {"name": "Ann Smith", "pressure": "10", "rate": "12.5", "apneas": "3"}
    bedside.picture = base64.b64encode(png()).decode()
    assert bedside.upload(str(room), str(room)) == (200, "Patient successfully updated")
    assert bedside.refresh(str(room)) == (200, 10)
    assert station.send_pressure(room, 14) == (200, f"Room number {room} CPAP pressure updated to 14")
    assert bedside.refresh(str(room)) == (200, 14)
    assert station.send_pressure(room, 26) == (400, "Bad value for room number or new value")

    again = {"patient_mrn": room, "room_number": room, "patient_name": "", "CPAP_pressure": 14}
    assert station.add(**again, breath_rate=13, apnea_count=0, flow_image="")[1] == "Patient successfully updated"
    (patient,) = [each for each in station.patients() if each["room_number"] == room]
    assert patient["patient_name"] == "Ann Smith"
    assert [patient[key] for key in lists[:4]] == [[10, 14], [12.5, 13.0], [3, 0], [bedside.picture, ""]]
    assert base64.b64decode(patient["flow_image"][0]) == png()
    assert len(patient["timestamp"]) == 2
