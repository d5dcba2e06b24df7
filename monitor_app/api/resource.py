"""`/api/v1`: checks a request by its operation's models, runs it, and says what goes wrong by RFC 9457."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from tornado.web import HTTPError

from .bounded import SMALL_BODY_BYTES, BoundedHandler
from .foreign import foreign
from .operation import Call, Encoded, Operation, Services
from .problems import MEDIA_TYPE, Problem, field_errors, invalid, problem_of

log = logging.getLogger(__name__)

LONGEST_KEY = 100
_adapters: dict[int, TypeAdapter[Any]] = {}


class ProblemHandler(BoundedHandler):
    """Says everything that goes wrong as `application/problem+json`."""

    allowed: tuple[str, ...] = ()

    def initialize(self, services: Services) -> None:
        """Take what the server is made of."""
        self.services = services

    def prepare(self) -> None:
        """No address but a known one."""
        super().prepare()
        if type(self) is ProblemHandler:
            raise Problem(404, f"There is nothing at {self.request.path[:200]}: see /api/v1/openapi.json")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """The problem, without a traceback."""
        problem = problem_of(kwargs.get("exc_info", (None, None, None))[1])
        if problem is None:
            known = {500: "The server failed on this; its log says on what", 405: self._refused_method()}
            problem = Problem(status_code, known.get(status_code, self._reason))
        if problem.status == 405:
            self.set_header("Allow", ", ".join(self.allowed))
        self.say_json(problem.as_dict(self.request.path), problem.status, MEDIA_TYPE)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """What was refused is no fault of the server's."""
        problem = problem_of(value)
        if problem is not None and problem.status >= 500:
            log.error("%s: %s", self._request_summary(), problem.detail)
        elif problem is None and not isinstance(value, HTTPError):
            log.error("%s failed", self._request_summary(), exc_info=(typ, value, tb))

    def _request_summary(self) -> str:
        # The log names no patients, and an address may.
        return f"{self.request.method} {self.path_shown} ({self.request.remote_ip})"

    @property
    def path_shown(self) -> str:
        """The path as the log has it."""
        return "/api/v1"

    def _refused_method(self) -> str:
        return f"{self.request.method} is not taken here: use {' or '.join(self.allowed)}"


class ResourceHandler(ProblemHandler):
    """The operations at one path."""

    def initialize(self, services: Services, operations: dict[str, Operation]) -> None:  # type: ignore[override]
        """Take what the server is made of, and what may be done here."""
        super().initialize(services)
        self.operations = operations
        self.allowed = tuple(sorted({*operations, *(["HEAD"] if "GET" in operations else [])}))

    @property
    def path_shown(self) -> str:
        """The path with its parameters' names."""
        return next(iter(self.operations.values())).path

    def prepare(self) -> None:
        """Know how large a body may be."""
        super().prepare()
        operation = self.operations.get(self.request.method or "")
        if operation is not None:
            self.most_bytes = operation.most_bytes

    async def _run(self, *path: str) -> None:
        method = "GET" if self.request.method == "HEAD" else str(self.request.method)
        operation = self.operations.get(method)
        if operation is None:
            raise HTTPError(405)
        if len(self.body) > SMALL_BODY_BYTES:
            checked = await asyncio.get_running_loop().run_in_executor(None, self._check, operation, path)
        else:
            checked = self._check(operation, path)
        call = Call(self.services, *checked)
        if operation.takes_key and operation.is_once:
            answer = await self.services.once.run(call.key, call.digest, lambda: self._do(operation, call))
        else:
            answer = await self._do(operation, call)
        for name, value in answer.headers.items():
            self.set_header(name, value)
        self.say(answer.body, answer.media_type, operation.status, answer.caching)

    async def _do(self, operation: Operation, call: Call) -> Encoded:
        answer = await operation.run(call)
        if isinstance(answer, Encoded):
            return answer
        return Encoded(encode(operation.answer, answer))

    def _check(self, operation: Operation, path: tuple[str, ...]) -> tuple[Any, Any, str, bytes]:
        """The parameters, the body, the key and the digest, or a problem that lists all that is wrong."""
        if operation.changes and (refusal := foreign(self.services.origins, self.request)):
            raise Problem(403, refusal)
        if self.is_too_large:
            raise Problem(413, self.too_large)
        errors: list[dict[str, str]] = []
        key = self.request.headers.get("Idempotency-Key", "")
        if operation.takes_key and not 1 <= len(key) <= LONGEST_KEY:
            said = f"has {len(key)} characters" if key else "is missing"
            detail = f"the header Idempotency-Key {said}: name this command with 1 to {LONGEST_KEY} characters"
            errors.append({"in": "header", "pointer": "#/Idempotency-Key", "detail": detail})
        given = self._given(operation, path, errors)
        body = self._body(operation, errors) if operation.body is not None else None
        if errors:
            raise invalid(errors)
        digest = hashlib.sha256(f"{operation.method} {self.request.path}\n".encode())
        digest.update(self.body)
        return given, body, key, digest.digest()

    def _given(self, operation: Operation, path: tuple[str, ...], errors: list[dict[str, str]]) -> Any:
        values: dict[str, Any] = {name: self.get_query_arguments(name)[-1] for name in self.request.query_arguments}
        names = operation.path_names
        errors += [
            {"in": "query", "pointer": f"#/{name}", "detail": f"{name} is in the path already"}
            for name in values.keys() & set(names)
        ]
        values |= dict(zip(names, path, strict=True))
        if operation.given is None:
            if values:
                detail = f"{', '.join(values)[:200]}: this address takes no parameters"
                errors.append({"in": "query", "pointer": "#/", "detail": detail})
            return None
        try:
            return operation.given.model_validate_strings(values, strict=False)
        except ValidationError as error:
            found = field_errors(error, "query")
            errors += [{**each, "in": "path"} if each["pointer"][2:] in names else each for each in found]
            return None

    def _body(self, operation: Operation, errors: list[dict[str, str]]) -> BaseModel | None:
        assert operation.body is not None
        if not self.body and not operation.body_required:
            return operation.body()
        if self.request.headers.get("Content-Type", "").split(";")[0].strip().lower() != "application/json":
            # Also keeps pages of other hosts out: browsers ask before they send JSON elsewhere.
            raise Problem(415, "the body must be application/json, and its Content-Type must say so")
        try:
            return operation.body.model_validate_json(self.body)
        except ValidationError as error:
            errors += field_errors(error, "body")
            return None

    get = head = post = put = patch = delete = options = _run


def encode(model: Any, value: Any) -> bytes:
    """JSON of an answer, after a look whether it is what was promised."""
    if value is None:
        return b""
    adapter = _adapters.get(id(model))
    if adapter is None:
        adapter = _adapters[id(model)] = TypeAdapter(model)
    return adapter.dump_json(adapter.validate_python(value))
