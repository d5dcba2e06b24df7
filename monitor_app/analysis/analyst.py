"""The server's side of the process that analyses recordings: it starts it, asks it, and replaces it when it fails."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

MODULE = "monitor_app.analysis.worker"
ROOT = Path(__file__).resolve().parents[2]
MOST_REPLY_BYTES = 4 << 20
LIMIT_S = 120.0
LEVELS = {"ERROR": logging.ERROR, "WARNING": logging.WARNING, "INFO": logging.INFO}


class AnalysisFailed(Exception):  # noqa: N818
    """A recording was not analysed; the message says why, for the person who loaded it."""


class Analyst:
    """Analyses one recording after another in a process of its own.

    Parameters
    ----------
    module : str
        What the process runs.
    limit_s : float
        A recording that takes longer is given up.
    """

    def __init__(self, *, module: str = MODULE, limit_s: float = LIMIT_S) -> None:
        self._module = module
        self._limit_s = limit_s
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self._log_task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process that is there now."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Have the process ready; where it cannot be had, the first recording will say so."""
        async with self._turn:
            with suppress(OSError):
                await self._ready()

    async def analyze(self, path: Path, name: str) -> dict[str, Any]:
        """Analyse a recording when those before it are done.

        Parameters
        ----------
        path : Path
            Where it lies.
        name : str
            What messages call it.

        Returns
        -------
        dict
            As the process gives it (worker.py).

        Raises
        ------
        AnalysisFailed
            It cannot be read, or its analysis crashed or took too long.
        """
        async with self._turn:
            reply = await self._ask(path, name)
            if reply.pop("leaves", False):
                await self._end()
                await self._ready()
        if error := reply.get("error"):
            raise AnalysisFailed(error)
        return reply

    async def close(self) -> None:
        """End the process."""
        self._closed = True
        await self._end()

    async def _ask(self, path: Path, name: str) -> dict[str, Any]:
        try:
            process = await self._ready()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps({"path": str(path), "name": name}).encode() + b"\n")
            async with asyncio.timeout(self._limit_s):
                await process.stdin.drain()
                line = await process.stdout.readline()
            if not line:
                raise OSError("its process ended")
            return dict(json.loads(line))
        except TimeoutError:
            await self._replace()
            raise AnalysisFailed(
                f"{name}: its analysis took longer than {self._limit_s:g} s and was given up: split the recording"
            ) from None
        except asyncio.CancelledError:
            await self._replace()
            raise
        except (OSError, ValueError) as error:
            log.error("The analysis of a recording failed: %s", error)
            await self._replace()
            raise AnalysisFailed(
                f"{name}: the analysis of this recording failed. It is in the server's log; try another recording"
            ) from error

    async def _ready(self) -> Process:
        if self._closed:
            raise OSError("the server is being stopped")
        if self._process is None or self._process.returncode is not None:
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self._module),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                cwd=ROOT,
                env=environment,
                limit=MOST_REPLY_BYTES,
            )
            self._log_task = asyncio.create_task(_pass_on(self._process))
        return self._process

    async def _replace(self) -> None:
        await self._end()
        if not self._closed:
            with suppress(OSError):
                await self._ready()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if self._log_task is not None:
            await self._log_task


async def _pass_on(process: Process) -> None:
    """What the process logs, into our log."""
    assert process.stderr is not None
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:  # longer than any line of a log
            continue
        if not line:
            return
        level, _, message = line.decode(errors="replace").strip().partition(" ")
        if level in LEVELS:
            log.log(LEVELS[level], "%s", message)
        else:
            log.error("%s %s", level, message)
        await asyncio.sleep(0)
