"""What bytes are, by their first few, and how large a picture says it is."""

import io
from collections.abc import Mapping

IMAGES: Mapping[str, str] = {
    "image/png": ".png",
    "image/jpeg": ".jpeg",
    "image/gif": ".gif",
    "image/webp": ".webp",
}
"""Picture types and the ends of their names (useapi.net: POST files)."""

FILMS: Mapping[str, str] = {
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/3gpp": ".3gp",
    "video/x-matroska": ".mkv",
    "video/x-flv": ".flv",
    "video/mpeg": ".mpeg",
    "video/mp2t": ".ts",
    "video/x-msvideo": ".avi",
    "video/x-motion-jpeg": ".mjpeg",
    "video/webm": ".webm",
    "video/ogg": ".ogv",
}
"""Film types and the ends of their names (useapi.net: POST files)."""

SOUNDS: Mapping[str, str] = {
    "audio/wav": ".wav",
    "audio/wave": ".wav",
    "audio/mpeg": ".mp3",
}
"""Sound types and the ends of their names (useapi.net: POST files)."""

EXTENSIONS: Mapping[str, str] = {**IMAGES, **FILMS, **SOUNDS}

_BRANDS = {b"qt  ": "video/quicktime", b"3gp": "video/3gpp", b"3g2": "video/3gpp"}
_STARTS = {
    b"FLV\x01": "video/x-flv",
    b"\x00\x00\x01\xba": "video/mpeg",
    b"\x00\x00\x01\xb3": "video/mpeg",
    b"OggS": "video/ogg",
    b"ID3": "audio/mpeg",
    b"\xff\xfb": "audio/mpeg",
    b"\xff\xf3": "audio/mpeg",
}
_RIFF = {b"AVI ": "video/x-msvideo", b"WAVE": "audio/wav"}
_EBML = b"\x1a\x45\xdf\xa3"
_TS_SYNC, _TS_PACKET = 0x47, 188


def image_type(data: bytes) -> str | None:
    """The media type of a picture; None when it is none that the providers take."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def media_type(data: bytes) -> str | None:
    """The media type of a picture, film or sound; None when it is none that is taken."""
    kinds = (sniffed(data) for sniffed in (image_type, _box_type, _plain_type))
    return next((kind for kind in kinds if kind), None)


def _box_type(data: bytes) -> str | None:
    """MP4 and its relatives, RIFF and Matroska: containers that name their kind further in."""
    if data[4:8] == b"ftyp":
        brands = (kind for brand, kind in _BRANDS.items() if data[8:12].startswith(brand))
        return next(brands, "video/mp4")
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12])
    if data.startswith(_EBML):
        return "video/webm" if b"webm" in data[:64] else "video/x-matroska"
    return None


def _plain_type(data: bytes) -> str | None:
    """Streams that begin with what they are."""
    if data[:1] == data[_TS_PACKET : _TS_PACKET + 1] == bytes([_TS_SYNC]):
        return "video/mp2t"
    return next((kind for start, kind in _STARTS.items() if data.startswith(start)), None)


def is_film(data: bytes) -> bool:
    """A film of any of the types above."""
    return media_type(data) in FILMS


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as the header says; None when it says nothing legible."""
    import imagesize  # noqa: PLC0415 - it brings much along, and most worlds get no picture

    try:
        width, height = imagesize.get(io.BytesIO(data))
    except (ValueError, OSError):
        return None
    return (int(width), int(height)) if min(width, height) > 0 else None
