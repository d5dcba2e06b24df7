"""Pictures of a flow as clients make them."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image


@cache
def png(width: int = 64, height: int = 32) -> bytes:
    """A PNG."""
    return _drawn("PNG", width, height)


@cache
def jpeg(width: int = 640, height: int = 320) -> bytes:
    """A JPEG."""
    return _drawn("JPEG", width, height)


@cache
def noisy(width: int = 450, height: int = 450) -> bytes:
    """A PNG of some 200 kB."""
    return _saved(Image.effect_noise((width, height), 60), "PNG")


def _drawn(form: str, width: int, height: int) -> bytes:
    return _saved(Image.linear_gradient("L").resize((width, height)), form)


def _saved(image: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    image.save(out, form)
    return out.getvalue()
