"""All routes for programs, made from the table of operations."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tornado.web import RequestHandler

from . import patients, recordings, rooms
from .compatible import AddPatientHandler, AllPatientsHandler, NewPressureHandler, PressureQueryHandler
from .metrics import ServerFigures
from .openapi import document_operation
from .operation import Operation, Services, pattern
from .resource import ProblemHandler, ResourceHandler
from .state import HealthHandler, LivenessHandler, MetricsHandler

Route = tuple[str, type[RequestHandler], dict[str, Any]]


def operations() -> tuple[Operation, ...]:
    """Every operation of `/api/v1`."""
    table = (*rooms.OPERATIONS, *patients.OPERATIONS, *recordings.OPERATIONS)
    return (*table, document_operation(table))


def api_routes(services: Services, figures: ServerFigures) -> list[Route]:
    """All routes for programs."""
    at_path: dict[str, dict[str, Operation]] = defaultdict(dict)
    for operation in operations():
        at_path[operation.path][operation.method] = operation
    given = {"services": services}
    state = {"ward": services.ward, "figures": figures}
    return [
        *((pattern(path), ResourceHandler, {**given, "operations": here}) for path, here in at_path.items()),
        (r"/api/v1(?:/.*)?", ProblemHandler, given),
        (r"/add_patient", AddPatientHandler, given),
        (r"/CPAP_query/([^/]*)", PressureQueryHandler, given),
        (r"/new_cpap_pressure/([^/]*)/([^/]*)", NewPressureHandler, given),
        (r"/get_all_patients", AllPatientsHandler, given),
        (r"/health", HealthHandler, state),
        (r"/liveness", LivenessHandler, state),
        (r"/metrics", MetricsHandler, state),
    ]
