"""What bytes are, by their first few."""

EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpeg",
    "image/gif": ".gif",
    "image/webp": ".webp",
}
"""Image types and the ends of their names (useapi.net: POST files)."""


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


def is_film(data: bytes) -> bool:
    """An MP4 or QuickTime file, or Matroska/WebM."""
    return data[4:8] == b"ftyp" or data.startswith(b"\x1a\x45\xdf\xa3")
