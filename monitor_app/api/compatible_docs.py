"""How the OpenAPI document describes the routes of the earlier server, and those of the server's own state."""

from __future__ import annotations

from typing import Any

from .compatible_input import KEYS, REQUIRED, TEXT

WORDS = {"type": "string"}
INTEGERS = {"type": "array", "items": {"type": ["integer", "null"]}}
NUMBERS = {"type": "array", "items": {"type": ["number", "null"]}}
TEXTS = {"type": "array", "items": WORDS}


def _answer(description: str, schema: dict[str, Any], media: str = "application/json") -> dict[str, Any]:
    return {"description": description, "content": {media: {"schema": schema}}}


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}


_REFUSED = _answer("What is wrong", WORDS)
_FOREIGN = _answer("A browser asked for a page of another host", WORDS)
_BUSY = _answer("The disk does not answer now", WORDS)

SCHEMAS: dict[str, Any] = {
    "PatientUpdate": {
        "type": "object",
        "title": "PatientUpdate",
        "description": 'All seven keys are needed. "" and "Not measured" mean absent; MRN and room may not be absent.',
        "required": list(KEYS),
        "properties": {
            key: {"type": "string"} if key in TEXT else {"type": ["integer" if key in REQUIRED else "number", "string"]}
            for key in KEYS
        },
    },
    "ListedPatient": {
        "type": "object",
        "title": "ListedPatient",
        "description": "The lists are of one length; a flow_image is a PNG or JPEG in base64, or empty.",
        "required": [
            *("patient_mrn", "room_number", "patient_name", "CPAP_pressure", "breath_rate", "apnea_count"),
            *("flow_image", "timestamp"),
        ],
        "properties": {
            "patient_mrn": {"type": "integer"},
            "room_number": {"type": "integer"},
            "patient_name": WORDS,
            "CPAP_pressure": INTEGERS,
            "breath_rate": NUMBERS,
            "apnea_count": INTEGERS,
            "flow_image": TEXTS,
            "timestamp": TEXTS,
        },
    },
    "Health": {
        "type": "object",
        "title": "Health",
        "required": ["status", "store", "push", "faulted_rooms", "rooms_behind"],
        "properties": {"status": {"enum": ["healthy", "unhealthy"]}},
    },
}
_HEALTH = {"$ref": "#/components/schemas/Health"}

PATHS: dict[str, Any] = {
    "/add_patient": {
        "post": {
            "summary": "Create or update a room's patient, and append a measurement",
            "operationId": "add_patient",
            "tags": ["existing clients"],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PatientUpdate"}}},
            },
            "responses": {
                "200": _answer("Done", {"enum": ["New patient created", "Patient successfully updated"]}),
                "400": _REFUSED,
                "403": _FOREIGN,
                "413": _answer("The body is too large", WORDS),
                "503": _BUSY,
            },
        }
    },
    "/CPAP_query/{room}": {
        "get": {
            "summary": "The pressure that a room's client is to set, in cmH2O; what was commanded is then delivered",
            "operationId": "CPAP_query",
            "tags": ["existing clients"],
            "parameters": [_path("room")],
            "responses": {
                "200": _answer("The pressure, or null", {"type": ["integer", "null"]}),
                "400": _REFUSED,
                "403": _FOREIGN,
            },
        }
    },
    "/new_cpap_pressure/{room}/{value}": {
        "get": {
            "summary": "Command a pressure by GET; POST /api/v1/rooms/{room}/pressure is the way for new programs",
            "operationId": "new_cpap_pressure",
            "tags": ["existing clients"],
            "deprecated": True,
            "parameters": [_path("room"), _path("value")],
            "responses": {
                "200": _answer("Done", WORDS, "text/plain"),
                "400": _answer("What is wrong", WORDS, "text/plain"),
                "403": _answer("Switched off, or asked for by a page of another host", WORDS, "text/plain"),
                "503": _answer("The disk does not answer now", WORDS, "text/plain"),
            },
        }
    },
    "/get_all_patients": {
        "get": {
            "summary": "Each room's patient with all that was measured; times in the lab's time zone",
            "operationId": "get_all_patients",
            "tags": ["existing clients"],
            "responses": {
                "200": _answer(
                    "The patients, by room",
                    {"type": "array", "items": {"$ref": "#/components/schemas/ListedPatient"}},
                )
            },
        }
    },
    "/health": {
        "get": {
            "summary": "Whether ingest, detector, store and push all work",
            "operationId": "health",
            "tags": ["state"],
            "responses": {"200": _answer("They do", _HEALTH), "503": _answer("One does not", _HEALTH)},
        }
    },
    "/liveness": {
        "get": {
            "summary": "Whether the event loop answers",
            "operationId": "liveness",
            "tags": ["state"],
            "responses": {"200": _answer("It does", WORDS, "text/plain")},
        }
    },
    "/metrics": {
        "get": {
            "summary": "What is worth watching, as Prometheus reads it",
            "operationId": "metrics",
            "tags": ["state"],
            "responses": {"200": _answer("Figures", WORDS, "text/plain")},
        }
    },
}
