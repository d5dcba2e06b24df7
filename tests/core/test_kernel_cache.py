"""Kernels come from disk as machine code, but never older than any source of their package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cpap_core.kernels import jit

ENTRY = """
from .jit import entry
from .other import answer

@entry
def ask():
    return answer()
"""
OTHER = """
from .jit import inner

@inner
def answer():
    return {}
"""
ASK = "from tiny.asked import ask; print(ask(), sum(ask.stats.cache_hits.values()))"


def asked(folder: Path) -> list[int]:
    """What a new process is answered, and how often it took machine code from disk."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", ASK]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


def test_a_change_of_any_module_compiles_anew_and_nothing_else_does(tmp_path: Path) -> None:
    package = tmp_path / "tiny"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "jit.py").write_bytes(Path(jit.__file__).read_bytes())
    (package / "asked.py").write_text(ENTRY)
    (package / "other.py").write_text(OTHER.format(1))
    assert asked(tmp_path) == [1, 0]
    assert asked(tmp_path) == [1, 1]
    (package / "other.py").write_text(OTHER.format(2))
    assert asked(tmp_path) == [2, 0]
    assert asked(tmp_path) == [2, 1]
