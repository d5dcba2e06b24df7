"""One table of operations: what answers a request and what describes it are the same."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from monitor_app.origins import Origins
from monitor_app.records import Records
from monitor_app.ward import Ward
from store import Store

from .bounded import SMALL_BODY_BYTES
from .once import Once

T = TypeVar("T")

BY = "API"
"""Who did it, in the audit trail; there are no accounts yet."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A body that is ready to be sent."""

    body: bytes
    media_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    caching: str = "no-store"


@dataclass(frozen=True, slots=True)
class Services:
    """What the operations work on."""

    ward: Ward
    records: Records
    origins: Origins
    zone: ZoneInfo
    lab: dict[str, str]
    prefix: str = ""
    get_commands: bool = True
    once: Once[Encoded] = field(default_factory=Once)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, checked.

    Attributes
    ----------
    given, body : models
        Its parameters, and what its body says.
    key : str
        Its Idempotency-Key.
    digest : bytes
        Differs where the request does.
    """

    services: Services
    given: Any
    body: Any
    key: str
    digest: bytes

    @property
    def ward(self) -> Ward:
        """The ward."""
        return self.services.ward

    async def ask(self, query: Callable[[Store], T]) -> T:
        """Run a query of the store in a thread."""
        return await self.services.records.ask(query)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method at a path.

    Attributes
    ----------
    path : str
        With the names of its parameters, such as `/api/v1/rooms/{room}`.
    run : callable
        Does it: takes a `Call`, gives what `answer` describes, or `Encoded`.
    given : type of BaseModel
        Its parameters: those that the path names, and the others from the query.
    body, answer : type, optional
        Models of the request's and the answer's JSON.
    media : str
        Type of an answer that is no JSON.
    problems : tuple of int
        What it may answer besides.
    is_once : bool
        Whether its `Idempotency-Key` is remembered here; the ward remembers those of pressures.
    """

    method: str
    path: str
    summary: str
    tag: str
    run: Callable[[Call], Awaitable[Any]]
    given: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: Any = None
    status: int = 200
    media: tuple[str, ...] = ("application/json",)
    problems: tuple[int, ...] = ()
    is_once: bool = True
    body_required: bool = True
    most_bytes: int = SMALL_BODY_BYTES

    @property
    def takes_key(self) -> bool:
        """Whether it is a command, which names itself."""
        return self.method == "POST"

    @property
    def changes(self) -> bool:
        """Whether it changes anything."""
        return self.method not in ("GET", "HEAD")

    @property
    def path_names(self) -> tuple[str, ...]:
        """The parameters that the path names."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))

    @property
    def all_problems(self) -> tuple[int, ...]:
        """Every status of a problem that it may answer with."""
        also = {503} | ({403, 413, 415} if self.changes else set())
        if self.given is not None or self.changes:
            also.add(400)
        if self.takes_key and self.is_once:
            also.add(422)
        return tuple(sorted({*self.problems, *also}))


def pattern(path: str) -> str:
    """The regular expression of a path with named parameters."""
    return re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(path))
