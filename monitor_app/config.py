"""Every setting in one table: name, default, environment variable, help (F12)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from monitor_app.origins import Place, read_places

PREFIX = "MONITOR_"
DATA_FILE = "breathwatch.sqlite"
"""The store's file in the data folder."""


class ConfigError(ValueError):
    """A setting has a value that cannot be used; the message names the variable, the value and the bound."""


def _setting(default: Any, text: str, *, low: float | None = None, high: float | None = None) -> Any:
    return dataclass_field(default=default, metadata={"help": text, "low": low, "high": high})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The server's settings; each is the environment variable `MONITOR_` and its name in capitals."""

    host: str = _setting("127.0.0.1", "address to listen on")
    port: int = _setting(5006, "port to listen on", low=0, high=65535)
    data: Path = _setting(Path("data"), "folder of the store")  # noqa: RUF009
    lab_name: str = _setting("Sleep Lab", "name of the lab, as every page shows it")
    time_zone: str = _setting("", "IANA time zone of the lab, such as Europe/Oslo; empty is the machine's own")
    prefix: str = _setting("", "path prefix behind a reverse proxy, such as /monitor")
    allowed_origins: str = _setting("", "more host:port names under which browsers reach the server, by commas")
    push_interval_ms: int = _setting(200, "time between two pushes to a page", low=50, high=400)
    encode_once: int = _setting(
        1, "1 sends the same bytes to all pages in step, 0 encodes for each page", low=0, high=1
    )
    compat_get_commands: int = _setting(
        1, "1 lets existing clients command a pressure by GET, 0 refuses that and says how to POST", low=0, high=1
    )
    queue_mib: int = _setting(
        64, "samples that may wait for the disk before acknowledgements are withheld", low=1, high=4096
    )
    retention_days: float = _setting(
        0.0, "days that samples and breaths are kept, such as 90; 0 keeps everything", low=1 / 24, high=36500
    )
    max_upload_mb: int = _setting(100, "size of the largest recording that can be loaded on /entry", low=1, high=10_000)
    log_level: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR")
    log_file: str = _setting("", "file that takes the log too; empty is standard error only")
    log_max_mb: int = _setting(10, "size at which the log file is put aside and a new one begun", low=1, high=10_000)
    log_files: int = _setting(5, "how many log files are kept in all, the present one counted", low=2, high=1000)

    @property
    def zone(self) -> ZoneInfo:
        """The lab's time zone."""
        return ZoneInfo(self.time_zone or _machine_zone())

    @property
    def origins(self) -> list[Place]:
        """The extra places under which browsers reach the server."""
        return read_places(self.allowed_origins)


def _machine_zone() -> str:
    local = Path("/etc/localtime")
    if local.is_symlink():
        _, found, name = str(local.resolve()).partition("zoneinfo/")
        if found:
            return name
    return os.environ.get("TZ") or "UTC"


def load(environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Read the settings; what is given (not None) wins over the environment, the environment over the default.

    Raises
    ------
    ConfigError
        A value is of the wrong type or outside its bounds.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for item in fields(Settings):
        variable = PREFIX + item.name.upper()
        raw = given.get(item.name)
        source = "--" + item.name.replace("_", "-")
        if raw is None:
            raw, source = environ.get(variable), variable
        if raw is not None and (raw != "" or isinstance(item.default, str)):
            if item.name == "prefix":
                raw = str(raw).rstrip("/")
            values[item.name] = _convert(raw, type(item.default), source, item.metadata)
    settings = Settings(**values)
    try:
        settings.zone  # noqa: B018
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(
            f"{PREFIX}TIME_ZONE is {settings.time_zone!r}, which is no IANA time zone; use a name such as Europe/Oslo"
        ) from error
    try:
        settings.origins  # noqa: B018
    except ValueError as error:
        raise ConfigError(f"{PREFIX}ALLOWED_ORIGINS: {error}") from error
    if not re.fullmatch(r"(/[\w.-]+)*", settings.prefix):
        raise ConfigError(f"{PREFIX}PREFIX is {settings.prefix!r}; it is a path of plain words, such as /monitor")
    if settings.log_level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ConfigError(f"{PREFIX}LOG_LEVEL is {settings.log_level!r}; use DEBUG, INFO, WARNING or ERROR")
    return settings


def _convert(raw: Any, kind: type, source: str, bounds: Mapping[str, Any]) -> Any:
    if kind not in (int, float):
        return Path(raw) if issubclass(kind, Path) else str(raw)
    try:
        value = kind(raw)
    except ValueError:
        raise ConfigError(f"{source} is {raw!r}, which is no {'whole ' if kind is int else ''}number") from None
    low, high = bounds["low"], bounds["high"]
    if kind is float:
        # Zero switches off; NaN is within no bounds.
        if value != 0 and not low <= value <= high:
            raise ConfigError(f"{source} is {value:g}; it must be 0 (off) or lie between {low:.2g} and {high:g}")
    elif (low is not None and value < low) or (high is not None and value > high):
        raise ConfigError(f"{source} is {value}; it must lie between {low} and {high}")
    return value


def table() -> list[tuple[str, str, str]]:
    """Variable, default and help of every setting, for `--help` and the docs."""
    return [(PREFIX + item.name.upper(), str(item.default), item.metadata["help"]) for item in fields(Settings)]
