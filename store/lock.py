"""One process writes to a data file: a lock that the kernel drops with the process, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from store.errors import StoreLocked


class DataFileLock:
    """An exclusive lock on a file beside the data file.

    The file itself stays behind after a crash and means nothing: only the kernel's lock on it counts, and `kill -9`
    ends that too. It names the process that holds it, for the message to the one that comes second.
    """

    def __init__(self, data_file: Path) -> None:
        self.path = data_file.with_name(data_file.name + ".lock")
        # close-on-exec (Python's default) keeps the lock from living on in a child.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            who = f"process {holder}" if holder else "another process"
            raise StoreLocked(
                f"The data file {data_file} is in use by {who}: stop it, or choose another data folder"
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let another process have the data file; may be called twice."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def holder_of(data_file: Path) -> str | None:
    """The number of the process that writes to a data file, None where nobody does."""
    try:
        descriptor = os.open(data_file.with_name(data_file.name + ".lock"), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
    finally:
        os.close(descriptor)
    return None
