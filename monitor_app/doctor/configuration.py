"""The configuration: settings, the data folder and its disk, the time zone, the port, how browsers get here."""

from __future__ import annotations

import difflib
import http.client
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from monitor_app import config
from monitor_app.config import DATA_FILE, Settings
from monitor_app.origins import is_loopback
from store import StoreError
from store.inspection import check_ours, contents, open_for_reading
from store.lock import holder_of

from .findings import Finding, good, note, wrong

OF_COMMANDS = {"MONITOR_URL", "MONITOR_TOKEN"}
"""Variables that `replay` reads; all others are settings."""

NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "gluster", "sshfs", "davfs", "lustre", "beegfs")
LITTLE_BYTES, VERY_LITTLE_BYTES = 5 << 30, 512 << 20
CLOCK_BEHIND_S = 600.0
ANSWERS_WITHIN_S = 3.0


def unknown_variables(environ: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Is there a variable that looks like a setting and is none? A slip of the pen is otherwise never noticed."""
    known = {name for name, _default, _text in config.table()} | OF_COMMANDS
    for name in sorted(os.environ if environ is None else environ):
        if name.startswith(config.PREFIX) and name not in known:
            near = difflib.get_close_matches(name, sorted(known), 1)
            remedy = f"Did you mean {near[0]}?" if near else "Remove it; `./monitor serve --help` lists all settings."
            yield wrong("settings", f"{name} is set, and there is no such setting", remedy)


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at what the settings point to."""
    yield from data_folder(settings.data)
    yield from data_file(settings.data / DATA_FILE, settings, time.time())
    yield time_zone(settings)
    yield address(settings)
    yield origins(settings)


def data_folder(folder: Path) -> Iterator[Finding]:
    """Can it be written, does it lie on a local disk, and is there room?"""
    folder = folder.absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    user = f"user {os.geteuid()}"
    if not there.is_dir():
        yield wrong("data folder", f"{there} is a file", "Name a folder with --data or MONITOR_DATA.")
        return
    try:
        with tempfile.TemporaryFile(dir=there, prefix=".breathwatch-doctor-") as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        yield wrong(
            "data folder",
            f"{there} cannot be written to by {user}: {error.strerror}",
            f"Give it to the server's user, as by `chown -R breathwatch {there}`, or choose another --data.",
        )
        return
    kind = file_system_of(there)
    if any(name in kind for name in NETWORK_FILE_SYSTEMS):
        yield wrong(
            "data folder",
            f"{there} lies on a network file system ({kind}), where the store may be damaged",
            "Choose a folder on a disk of this machine with --data or MONITOR_DATA.",
        )
    elif there == folder:
        yield good("data folder", f"{folder} can be written to")
    else:
        yield good("data folder", f"{folder} is not there yet; the server makes it")
    free = shutil.disk_usage(there).free
    room = f"{free / 1e9:.1f} GB free"
    if free < VERY_LITTLE_BYTES:
        yield wrong(
            "disk space", room, "Make room, or choose a larger disk with --data; 100 Hz need 2 GB a month and room."
        )
    elif free < LITTLE_BYTES:
        yield note(
            "disk space",
            room,
            "It may not last: docs/operating.md says how much a room needs, and MONITOR_RETENTION_DAYS limits it.",
        )
    else:
        yield good("disk space", room)


def file_system_of(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The kind of file system that a folder lies on; '' where the system does not tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    best, kind = Path(), ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].replace("\\040", " "))
        # The last of those mounted on one point is the one that is seen.
        if folder.resolve().is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, kind = point, after.split()[0]
    return kind


def data_file(path: Path, settings: Settings, now: float) -> Iterator[Finding]:
    """Is what is stored ours, of a version that this one can read, and not from the future?"""
    if not path.exists():
        yield good("data file", "none yet; the server makes it")
        return
    try:
        connection = open_for_reading(path)
        try:
            check_ours(connection, path)
            found = contents(connection)
        finally:
            connection.close()
    except (StoreError, OSError) as error:
        yield wrong("data file", str(error), "Restore a backup: `./monitor restore FILE`, with the server stopped.")
        return
    holder = holder_of(path)
    use = f", in use by process {holder}" if holder else ", not in use"
    yield good(
        "data file", f"{found.patients} patients, {found.recordings} recordings, {found.size_bytes / 1e6:.1f} MB{use}"
    )
    newest = found.newest_received_at
    if newest is not None and newest > now + CLOCK_BEHIND_S:
        shown = [f"{datetime.fromtimestamp(at, settings.zone):%Y-%m-%d %H:%M %Z}" for at in (now, newest)]
        yield wrong(
            "clock",
            f"it says {shown[0]}, and the newest sample was received at {shown[1]}",
            "Set it, and let it be kept by the network: `timedatectl set-ntp true`.",
        )


def time_zone(settings: Settings) -> Finding:
    """Does the lab's time agree with its wall clock?"""
    now = f"{datetime.now(settings.zone):%H:%M}"
    if settings.time_zone:
        return good("time zone", f"{settings.zone}, where it is {now}")
    if str(settings.zone) in ("UTC", "Etc/UTC"):
        return note(
            "time zone",
            f"the machine's own is UTC, where it is {now}",
            "Where the lab's clock shows another time, set MONITOR_TIME_ZONE, such as Europe/Oslo.",
        )
    return good("time zone", f"{settings.zone} (the machine's own), where it is {now}")


def address(settings: Settings) -> Finding:
    """Would the server listen there?"""
    if ":" in settings.host or not is_loopback(settings.host):
        return wrong(
            "address",
            f"the server does not listen on {settings.host}: there are no accounts yet to sign in with",
            "Leave it at 127.0.0.1 and put a proxy in front, as docs/deployment.md says.",
        )
    return port(settings)


def port(settings: Settings) -> Finding:
    """Is the port free, or is it our own server that has it?"""
    if settings.port == 0:
        return good("port", "any that is free")
    where = f"{settings.host}:{settings.port}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
            return good("port", f"{where} is free")
        except PermissionError:
            return wrong(
                "port",
                f"{where} may not be opened by user {os.geteuid()}",
                "Choose a --port from 1024 on, and put a proxy in front.",
            )
        except OSError as error:
            taken = error.strerror
    if _is_ours(settings):
        return good("port", f"Breathwatch answers on {where}")
    return wrong(
        "port",
        f"{where} cannot be opened ({taken}), and what is there is not Breathwatch under {settings.prefix or '/'}",
        "Stop it, or choose another --port.",
    )


def _is_ours(settings: Settings) -> bool:
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=ANSWERS_WITHIN_S)
    try:
        connection.request("GET", f"{settings.prefix}/liveness")
        answer = connection.getresponse()
        return answer.status == 200 and answer.read(16) == b"ok\n"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def origins(settings: Settings) -> Finding:
    """Can browsers elsewhere get here? By a proxy only, whose name must be known."""
    places = ", ".join(map(str, settings.origins))
    if places:
        return good("browsers", f"pages of {places} are let in, and of this machine")
    if settings.prefix:
        return note(
            "browsers",
            f"MONITOR_PREFIX is {settings.prefix}, as behind a proxy, and only pages of this machine are let in",
            "Set MONITOR_ALLOWED_ORIGINS to what browsers show in their address bar, such as wall.example.org:443.",
        )
    return good("browsers", "only those on this machine are let in; docs/deployment.md says how others are")
