"""A connection for each thread that can only query, so readers never wait for the writer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from store.errors import StoreClosed

BUSY_S = 5.0


class Connections:
    """Queries from any thread; what they give is on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._of_thread = threading.local()
        self._guard = threading.Lock()
        self._connections: list[_Connection] = []
        self._readable = True

    def _number(self, query: str, *parameters: Any) -> int:
        found = self._query(query, parameters)
        return int(found[0][0] or 0) if found else 0

    def _query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        connection: _Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._of_thread.connection = self._connect()
        return connection.query(sql, parameters)

    def _connect(self) -> _Connection:
        with self._guard:
            if not self._readable:
                raise StoreClosed("The store is closed: nothing can be read any more")
            for connection in self._connections:
                if not connection.thread.is_alive():
                    connection.close()
            self._connections = [connection for connection in self._connections if connection.thread.is_alive()]
            self._connections.append(_Connection(self._path))
            return self._connections[-1]

    def _close_connections(self) -> None:
        with self._guard:
            self._readable = False
            connections, self._connections = self._connections, []
        for connection in connections:
            connection.close()


class _Connection:
    """One thread's connection. Another thread may close it, but never in mid-query: that crashes the interpreter."""

    def __init__(self, path: Path) -> None:
        self.thread = threading.current_thread()
        self._lock = threading.Lock()
        self._sqlite = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        self._sqlite.execute("PRAGMA query_only = ON")
        self._is_open = True

    def query(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        with self._lock:
            if not self._is_open:
                raise StoreClosed("The store is closed: nothing can be read any more")
            return self._sqlite.execute(sql, parameters).fetchall()

    def close(self) -> None:
        with self._lock:
            self._is_open = False
            self._sqlite.close()
