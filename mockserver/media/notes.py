"""What each picture says of itself: JSON in user data (SEI) that no stream copy takes away."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from mockserver.media.bits import nal, payload_of
from mockserver.media.clip import Clip

UUID: Final = bytes.fromhex("f11e9a7e6d0c4b5fa1d25b7ac0de2f11")
"""Whose user data it is."""
SEI: Final = 6
"""The NAL unit type of supplemental enhancement information."""
_UNREGISTERED: Final = 5
"""The SEI payload type of user data under a UUID."""
_TYPE_BITS: Final = 0x1F


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Which picture of which job it is."""

    job: str
    segment: int
    frame: int
    of: int
    """How many pictures the job's film has."""
    prompt: str
    """A short digest of the caption."""


def notes_of(clip: Clip) -> list[Note]:
    """The notes of a clip's pictures."""
    return [
        Note(job=clip.job, segment=clip.segment, frame=frame, of=clip.pictures, prompt=clip.prompt)
        for frame in range(clip.pictures)
    ]


def unit(note: Note) -> bytes:
    """A note as a NAL unit."""
    content = UUID + msgspec.json.encode(note)
    long, rest = divmod(len(content), 255)
    return nal(SEI, bytes([_UNREGISTERED]) + b"\xff" * long + bytes([rest]) + content + b"\x80")


def note_in(units: Iterable[bytes]) -> Note | None:
    """The note among the NAL units of a picture."""
    for one in units:
        if one and one[0] & _TYPE_BITS == SEI:
            for kind, content in _messages(payload_of(one)):
                if kind == _UNREGISTERED and content.startswith(UUID):
                    try:
                        return msgspec.json.decode(content[len(UUID) :], type=Note)
                    except msgspec.MsgspecError:
                        continue
    return None


def _messages(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """The messages of an SEI payload: type and content, as far as they are whole."""
    at = 0

    def number() -> int:
        nonlocal at
        value = 0
        while at < len(payload):
            byte = payload[at]
            at += 1
            value += byte
            if byte < 255:  # noqa: PLR2004 - the byte that says "and more"
                break
        return value

    while len(payload) - at > 2:  # noqa: PLR2004 - type and size; what is left are trailing bits
        kind, size = number(), number()
        yield kind, payload[at : at + size]
        at += size
