"""Recordings from files: which reader a path needs is told by its content, never by its name alone."""

from __future__ import annotations

import logging
from os import PathLike
from pathlib import Path

from cpap_core.readers.edf import is_edf, read_edf_recording
from cpap_core.readers.errors import RecordingError
from cpap_core.readers.resmed import read_night
from cpap_core.readers.text import read_text
from cpap_core.types import Recording

__all__ = ["RecordingError", "read_recording"]

logger = logging.getLogger(__name__)


def read_recording(path: str | PathLike[str]) -> Recording:
    """Read a recording: seven-column text, EDF or EDF+ with a flow channel, or the folder of a ResMed night.

    Parameters
    ----------
    path : str or path
        A file, or a night's folder.

    Returns
    -------
    Recording
        On a uniform grid, with its pauses and its rejected rows as NaN.

    Raises
    ------
    RecordingError
        Where nothing can be made of it; the message is one line.
    """
    location = Path(path).expanduser()
    if location.name in ("", ".."):  # `.` and the like have no name to speak of
        location = location.resolve()
    logger.info("Starting analysis of %s", location.name)
    try:
        if location.is_dir():
            return read_night(location)
        if not location.exists():
            raise RecordingError(f"{location}: no such file or folder")
        if not location.is_file():
            raise RecordingError(f"{location}: neither a file nor a folder: give a recording or a night's folder")
        return read_edf_recording(location) if is_edf(location) else read_text(location)
    except OSError as error:
        raise RecordingError(f"{location}: {error.strerror or error}") from error
