"""What may be sent to a provider as a picture, and what as a film."""

from io import BytesIO
from typing import BinaryIO, Final

import msgspec

from gateway.model.media import (
    MAX_PICTURE_BYTES,
    MAX_PICTURE_SIDE,
    SNIFF_BYTES,
    NotMedia,
    picture_facts,
    sniff,
    video_facts,
)
from providers.contract import Role

MAX_FILM_BYTES: Final = 100_000_000
FILMS: Final = frozenset({"video/mp4", "video/quicktime", "video/webm"})


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a file is. Pixels and milliseconds; None where its head does not tell."""

    media_type: str
    bytes: int
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None


def is_film(media_type: str) -> bool:
    """Whether this is a type of film, and not of picture."""
    return media_type in FILMS


def most_bytes(role: Role) -> int:
    """The largest file that is taken for this role."""
    return MAX_FILM_BYTES if role is Role.EXTEND else MAX_PICTURE_BYTES


def misfit(role: Role, media_type: str) -> str | None:
    """Why a file of this type cannot be used for this role, None where it can."""
    if is_film(media_type) == (role is Role.EXTEND):
        return None
    wanted = "a film (MP4, QuickTime or WebM)" if role is Role.EXTEND else "a picture"
    return f"{wanted} is needed here, and this is {media_type}"


def facts_of(content: bytes) -> Facts:
    """What these bytes are, if they are a picture or film that is taken.

    Raises:
        NotMedia: They are neither, or too large.
    """
    return read_facts(BytesIO(content), len(content))


def read_facts(file: BinaryIO, size: int) -> Facts:
    """What a file of `size` bytes is, if it is a picture or film that is taken.

    Raises:
        NotMedia: It is neither, or too large.
    """
    file.seek(0)
    media_type = sniff(file.read(SNIFF_BYTES))
    if media_type is not None and is_film(media_type):
        return _film_facts(file, size, media_type)
    if size > MAX_PICTURE_BYTES:
        raise NotMedia(f"has {size} bytes; at most {MAX_PICTURE_BYTES} are taken")
    file.seek(0)
    facts = picture_facts(file.read())
    if max(facts.width, facts.height) > MAX_PICTURE_SIDE:
        raise NotMedia(
            f"is {facts.width}x{facts.height} pixels; at most {MAX_PICTURE_SIDE} a side are taken"
        )
    return Facts(media_type=facts.media_type, bytes=size, width=facts.width, height=facts.height)


def _film_facts(file: BinaryIO, size: int, media_type: str) -> Facts:
    if size > MAX_FILM_BYTES:
        raise NotMedia(f"has {size} bytes; at most {MAX_FILM_BYTES} are taken")
    if media_type == "video/webm":
        return Facts(media_type=media_type, bytes=size)
    facts = video_facts(file)
    return Facts(
        media_type=media_type,
        bytes=size,
        width=facts.width,
        height=facts.height,
        duration_ms=facts.duration_ms,
    )
