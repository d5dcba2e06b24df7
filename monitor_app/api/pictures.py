"""Flow pictures: base64 of a PNG or JPEG in, the same out; nothing that is no picture is kept (F34)."""

from __future__ import annotations

import binascii
import io
import re

MOST_PIXELS = 16_000_000
SLICE = 3 << 14
"""Base64 is made and taken apart by slices, so that no other thread waits long for its turn; 3 bytes are 4 letters."""

DATA_URL = re.compile(r"data:image/[\w.+-]{1,30};base64,", re.ASCII | re.IGNORECASE)
SIGNATURES = {b"\x89PNG\r\n\x1a\n": ("PNG", "image/png"), b"\xff\xd8\xff": ("JPEG", "image/jpeg")}


class NoPictureError(ValueError):
    """What was sent is no picture; the message says why."""


def media_type(picture: bytes) -> str:
    """`image/png` or `image/jpeg` of a stored picture."""
    return _kind(picture)[1]


def decode(text: str) -> bytes:
    """The picture that is in a text in base64, checked as far as that is possible without drawing it.

    White space and the head of a `data:` address are let pass. Slow: for a thread.

    Raises
    ------
    NoPictureError
        It is no base64, no PNG or JPEG, broken, or has too many pixels.
    """
    head = DATA_URL.match(text)
    begin = head.end() if head else 0
    text = "".join("".join(text[at : at + SLICE].split()) for at in range(begin, len(text), SLICE))
    try:
        parts = [
            binascii.a2b_base64(text[at : at + SLICE].encode("ascii"), strict_mode=True)
            for at in range(0, len(text), SLICE)
        ]
    except (binascii.Error, UnicodeEncodeError) as error:
        raise NoPictureError(f"it is no base64 ({str(error)[:80]})") from None
    picture = b"".join(parts)
    _check(picture)
    return picture


def encode(picture: bytes) -> list[bytes]:
    """A picture in base64, in parts."""
    return [binascii.b2a_base64(picture[at : at + SLICE], newline=False) for at in range(0, len(picture), SLICE)]


def _kind(picture: bytes) -> tuple[str, str]:
    for signature, kind in SIGNATURES.items():
        if picture.startswith(signature):
            return kind
    raise NoPictureError("it is neither a PNG nor a JPEG")


def _check(picture: bytes) -> None:
    from PIL import Image  # half of the API never sees a picture

    name, _media_type = _kind(picture)
    try:
        with Image.open(io.BytesIO(picture), formats=[name]) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise NoPictureError(f"it has {width} x {height} pixels, at most {MOST_PIXELS} in all are taken")
            if name == "PNG":
                image.verify()
            else:
                # A JPEG has no checksums: an eighth of its size shows whether it is all there.
                image.draft("L", (max(1, width // 8), max(1, height // 8)))
                image.load()
    except NoPictureError:
        raise
    except Exception as error:
        # Pillow raises whatever its parsers stumble over: OSError, SyntaxError, struct.error and more.
        raise NoPictureError(f"it is a broken {name} ({str(error)[:80]})") from None
