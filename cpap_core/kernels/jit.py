"""The only module that imports numba: how kernels are compiled, and how machine code is kept on disk.

numba looks at the file of the function it keeps, not at the functions that one calls. Here whatever is kept carries a
digest of all sources of this package, so that a change of any of them compiles anew.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit


def _digest() -> str:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.name.encode() + source.read_bytes() for source in sources)).hexdigest()


_SOURCES = _digest()

_PLAIN = {"error_model": "numpy", "_nrt": False}
"""Kernels own no memory: without counts of references (atomic instructions, at each call) they take a quarter less.
Nor do they divide by anything that can be zero: without tests for that there is less to compile. The same is spared by
leaving out, below, the wrappers by which Python or C would call them."""


def entry(function: Callable[..., Any]) -> Any:
    """Compile what Python calls; its machine code, with all it calls, is kept until a source of the package changes."""
    compiled = njit(cache=True, no_cfunc_wrapper=True, **_PLAIN)(function)
    # numba offers no other way to say what machine code depends on; tests/core/test_kernel_cache.py sees it fail.
    compiled._cache._cache_file._source_stamp = _SOURCES
    return compiled


def inner(function: Callable[..., Any]) -> Any:
    """Compile what only kernels call."""
    return njit(no_cfunc_wrapper=True, no_cpython_wrapper=True, **_PLAIN)(function)
