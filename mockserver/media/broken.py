"""Films that are wrong in one known way each, for clients that must notice."""

import struct
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from mockserver.media import reading
from mockserver.media.clip import Clip

_PAGE: Final = b"""<!doctype html>
<html><head><title>Sorry</title></head>
<body><h1>This file is being prepared</h1><p>Please try again later.</p></body></html>
"""


def _whole(film: bytes) -> bytes:
    return film


def _ordered(clip: Clip) -> Clip:
    return clip


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A way to be wrong: another clip is rendered, or its bytes are changed, or mislabelled."""

    meaning: str
    content_type: str = "video/mp4"
    clip: Callable[[Clip], Clip] = _ordered
    """What to render in place of the clip that was ordered."""
    spoil: Callable[[bytes], bytes] = _whole
    """What to send in place of the film that was rendered."""


def _box(film: bytes, kind: bytes) -> reading.Box:
    return next(box for box in reading.boxes(film) if box.kind == kind)


def _index_at_end(film: bytes) -> bytes:
    """The index moved behind the pictures, and told that these have moved to the front."""
    moov = _box(film, b"moov")
    index = bytearray(film[moov.start : moov.end])
    at = index.index(b"stco") + 8
    (count,) = struct.unpack_from(">I", index, at)
    for place in range(at + 4, at + 4 + 4 * count, 4):
        (offset,) = struct.unpack_from(">I", index, place)
        struct.pack_into(">I", index, place, offset - len(index))
    return film[: moov.start] + film[moov.end :] + index


def _without_track(film: bytes) -> bytes:
    """The track declared free space."""
    moov = _box(film, b"moov")
    track = next(box for box in reading.boxes(film, moov.content, moov.end) if box.kind == b"trak")
    return film[: track.start + 4] + b"free" + film[track.content :]


def _blank(film: bytes) -> bytes:
    """Zeros for pictures."""
    mdat = _box(film, b"mdat")
    return film[: mdat.content] + bytes(mdat.end - mdat.content) + film[mdat.end :]


def _half_as_long(clip: Clip) -> Clip:
    return msgspec.structs.replace(clip, seconds=clip.seconds / 2)


def _of_another_shape(clip: Clip) -> Clip:
    """Three quarters as wide, and even."""
    return msgspec.structs.replace(clip, width=max(2, clip.width * 3 // 8 * 2))


BROKEN: Final[Mapping[str, Broken]] = {
    "truncated": Broken(
        meaning="The second half of the file is missing.",
        spoil=lambda film: film[: len(film) // 2],
    ),
    "empty": Broken(meaning="There is not one byte.", spoil=lambda _: b""),
    "html": Broken(meaning="An HTML page that is said to be a film.", spoil=lambda _: _PAGE),
    "html-page": Broken(
        meaning="An HTML page that says it is one.",
        content_type="text/html; charset=utf-8",
        spoil=lambda _: _PAGE,
    ),
    "octet-stream": Broken(
        meaning="The film as ordered, with a content type that says nothing.",
        content_type="application/octet-stream",
    ),
    "moov-at-end": Broken(
        meaning="The film as ordered, its index behind its pictures: no player can start early.",
        spoil=_index_at_end,
    ),
    "no-video-track": Broken(meaning="A film whose index has no track.", spoil=_without_track),
    "undecodable": Broken(
        meaning="The index is right, and all the pictures are zeros.", spoil=_blank
    ),
    "wrong-length": Broken(meaning="Half as long as ordered.", clip=_half_as_long),
    "odd-size": Broken(
        meaning="Another width, and so another shape, than ordered.", clip=_of_another_shape
    ),
}
"""Ways to be wrong, by name."""
