"""`/api/v1/openapi.json`: OpenAPI 3.1, made from the operations and models that answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from .answers import ProblemDetails
from .compatible_docs import PATHS, SCHEMAS
from .operation import Call, Encoded, Operation
from .problems import MEDIA_TYPE, TITLES
from .resource import LONGEST_KEY

REF = "#/components/schemas/{model}"
ABOUT = """\
The rooms of the lab, its patients, and what was recorded. Unknown is null; times are epoch seconds; pressures are in \
cmH2O, flow is in L/min. Everything that goes wrong is `application/problem+json` (RFC 9457), whose `detail` names the \
value, the bound and the remedy. A POST is a command: its `Idempotency-Key` names it, and the same key again does \
nothing and gives the same answer."""


def document_operation(table: Sequence[Operation]) -> Operation:
    """The operation that describes all others, and itself."""
    made: dict[str, bytes] = {}

    async def describe(call: Call) -> Encoded:
        prefix = call.services.prefix
        if prefix not in made:
            made[prefix] = json.dumps(document((*table, operation), prefix)).encode()
        return Encoded(made[prefix])

    operation = Operation(
        method="GET",
        path="/api/v1/openapi.json",
        summary="This description",
        tag="description",
        run=describe,
        answer=dict[str, Any],
    )
    return operation


def document(table: Sequence[Operation], prefix: str = "") -> dict[str, Any]:
    """The OpenAPI document of these operations and of the routes of the earlier server."""
    schemas: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for operation in table:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    _schema(ProblemDetails, "serialization", schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Breathwatch", "version": "1.0.0", "description": ABOUT},
        "servers": [{"url": prefix or "/"}],
        "paths": paths | PATHS,
        "components": {"schemas": dict(sorted((schemas | SCHEMAS).items()))},
    }


def _operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer is not None:
        schema = _schema(operation.answer, "serialization", schemas)
        answer["content"] = {media: {"schema": schema} for media in operation.media}
    elif operation.status != HTTPStatus.NO_CONTENT:
        answer["content"] = {media: {} for media in operation.media}
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": operation.run.__name__,
        "tags": [operation.tag],
        "parameters": _parameters(operation, schemas),
        "responses": {
            str(operation.status): answer,
            **{str(status): _problem(status) for status in operation.all_problems},
        },
    }
    if operation.body is not None:
        content = {"application/json": {"schema": _schema(operation.body, "validation", schemas)}}
        described["requestBody"] = {"required": operation.body_required, "content": content}
    return described


def _parameters(operation: Operation, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    if operation.given is not None:
        schema = operation.given.model_json_schema(ref_template=REF)
        for name, value in schema["properties"].items():
            where = "path" if name in operation.path_names else "query"
            # In an address there is no null: a parameter is there, or it is not.
            options = [each for each in value.get("anyOf", []) if each != {"type": "null"}]
            value = {**value, **options[0]} if options else value
            plain = {key: each for key, each in value.items() if key not in ("anyOf", "title", "description")}
            if plain.get("default", 0) is None:
                del plain["default"]
            required = name in schema.get("required", [])
            parameter = {"name": name, "in": where, "required": required, "schema": plain}
            if "description" in value:
                parameter["description"] = value["description"]
            found.append(parameter)
    if operation.takes_key:
        key = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY}
        description = "Names this command: the same one again does nothing"
        found.append(
            {"name": "Idempotency-Key", "in": "header", "required": True, "schema": key, "description": description}
        )
    return found


def _problem(status: int) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": REF.format(model=ProblemDetails.__name__)}}}
    return {"description": TITLES[status], "content": content}


def _schema(model: Any, mode: JsonSchemaMode, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema of a model, as a reference where it has a name."""
    schema = TypeAdapter(model).json_schema(ref_template=REF, mode=mode)
    schemas.update(schema.pop("$defs", {}))
    if isinstance(model, type) and hasattr(model, "model_fields"):
        schemas[model.__name__] = schema
        return {"$ref": REF.format(model=model.__name__)}
    return schema
