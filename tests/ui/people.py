"""Patients and what was measured of them, brought in as an existing client does; and small pictures that differ."""

from __future__ import annotations

import base64
import io
from urllib.request import Request, urlopen

from PIL import Image

from tests.app.live_server import LiveServer


def picture(shade: int) -> bytes:
    """A small PNG of one shade."""
    made = io.BytesIO()
    Image.new("RGB", (320, 120), (shade % 256, 90, 120)).save(made, "PNG")
    return made.getvalue()


def measure(
    ward: LiveServer,
    room: int,
    mrn: int,
    *,
    name: str = "",
    pressure: int | str = 9,
    rate: float | str = 14.25,
    apneas: int | str = 0,
    image: bytes | None = None,
) -> None:
    """Admit a patient, and measure where pressure and rate are given."""
    body = {"patient_mrn": mrn, "room_number": room, "patient_name": name, "CPAP_pressure": pressure}
    body |= {"breath_rate": rate, "apnea_count": apneas, "flow_image": base64.b64encode(image or b"").decode()}
    status, said = ward.post("/add_patient", body)
    assert status == 200, said


def admit(ward: LiveServer, room: int, mrn: int, name: str = "") -> None:
    """Admit a patient without any measurement."""
    measure(ward, room, mrn, name=name, pressure="", rate="", apneas="")


def discharge(ward: LiveServer, room: int) -> None:
    """End a room's stay by the API."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"discharge-{room}"}
    urlopen(Request(f"{ward.url}/api/v1/rooms/{room}/discharge", b"{}", headers), timeout=20).close()
