"""Processes under measurement: a server on a core of its own, and what Linux says of them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[1]
START_S = 120.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Process:
    """A child with its output in a log, ended when the `with` block ends."""

    def __init__(self, arguments: list[str], *, core: int | None = None, **environment: str) -> None:
        self.arguments, self.core, self.environment = arguments, core, environment
        self.log = tempfile.NamedTemporaryFile(prefix="breathwatch-bench-", suffix=".log")  # noqa: SIM115
        self.popen: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        self.popen = subprocess.Popen(
            self.arguments,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment},
        )
        if self.core is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.popen.pid, {self.core})
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.popen.terminate()
        try:
            self.popen.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.log.close()

    def cpu_s(self) -> float:
        """Processor time of the threads that live, to the ns: the kernel's sums come in steps of 10 ms."""
        threads = Path(f"/proc/{self.popen.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def waited_s(self) -> float:
        """Time that its main thread was ready to run while others had its core."""
        return int(Path(f"/proc/{self.popen.pid}/schedstat").read_text().split()[1]) / 1e9

    def resident_mb(self) -> float:
        """Resident memory in MB (10^6 bytes)."""
        return int(Path(f"/proc/{self.popen.pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self.popen.kill()
        self.popen.wait()

    def check(self) -> None:
        """Raise if it has ended."""
        if self.popen.poll() is not None:
            said = Path(self.log.name).read_text()[-2000:]
            raise RuntimeError(f"{' '.join(self.arguments)} ended with {self.popen.returncode}:\n{said}")


class Server(Process):
    """`serve` on a port of this machine, by default a free one."""

    def __init__(self, data: Path, *, core: int | None = None, port: int | None = None, **environment: str) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-P", "-m", "monitor_app.cli", "serve", "--port", str(self.port)]
        super().__init__([*command, "--data", str(data)], core=core, **environment)

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            wait_for_page(self, f"{self.url}/liveness")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self


def wait_for_page(process: Process, url: str) -> float:
    """Wait until an address answers; gives how long that took, in s."""
    begun = time.monotonic()
    while time.monotonic() - begun < START_S:
        process.check()
        try:
            with urllib.request.urlopen(url, timeout=START_S) as response:
                response.read()
            return time.monotonic() - begun
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(f"{url} did not answer within {START_S:g} s")


def cores() -> tuple[int | None, set[int] | None]:
    """A core for what is measured, and the others for the load; None where there is only one, or no choice."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    mine = sorted(os.sched_getaffinity(0))
    return (mine[0], set(mine[1:])) if len(mine) > 1 else (None, None)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
