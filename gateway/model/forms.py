"""The forms in which callers give pictures and videos, read as `Input`.

A string is an https or data URL, or the id of an uploaded file or of a video; an object names its
source by one member; a form's file part is its bytes.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from gateway.model.inputs import (
    FileInput,
    FrameInput,
    InlineInput,
    Input,
    UrlInput,
    VideoInput,
    Which,
)
from gateway.model.reading import BLANKS, Reading, Upload, either, entries, members, shown, step
from gateway.model.urls import data_url, web_url
from providers.contract import Role

MAX_REFERENCES: Final = 50
"""Far above every provider: only the faults of each must fit into an answer."""
FRAMES: Final[tuple[Which, ...]] = ("first", "last")
DEFAULT_FRAME: Final[Mapping[Role, Which]] = {
    Role.FIRST_FRAME: "last",
    Role.LAST_FRAME: "first",
    Role.REFERENCE: "last",
}
"""Which frame of a video is meant when nothing is said: the one where the two films meet."""
TYPES: Final = ("image_url", "input_image")
"""What OpenRouter's and OpenAI's input objects say they are; it changes nothing."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FILE: Final = re.compile(r"file_[A-Za-z0-9_-]{1,59}")
_VIDEO: Final = re.compile(r"video_[A-Za-z0-9_-]{1,58}")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_EXPECTED: Final = (
    "an https or data URL, the id of a file (file_…) or of a video (video_…), "
    "or an object that names one"
)

_Source: TypeAlias = Callable[[object, str, Reading, Role], Input | None]


def picture_of(role: Role) -> Callable[[object, str, Reading], Input | None]:
    """The reader of the one input that a role has."""
    return lambda raw, at, reading: read_input(raw, at, reading, role)


def read_input(raw: object, at: str, reading: Reading, role: Role) -> Input | None:
    """One picture or video, in any form."""
    if isinstance(raw, str) and raw.lstrip(BLANKS).startswith("{"):
        return _object(raw, at, reading, role)
    if isinstance(raw, dict):
        return _object(raw, at, reading, role)
    if isinstance(raw, Upload):
        if raw.content:
            return InlineInput(raw.content)
        reading.note(at, "too_short", "the file is empty")
        return None
    return _string(raw, at, reading, role)


def read_references(raw: object, at: str, reading: Reading) -> tuple[Input, ...] | None:
    """Several pictures, in their order; one alone is a list of one."""
    listed = entries(raw, at, reading, most=MAX_REFERENCES)
    if listed is None:
        return None
    read = [read_input(item, place, reading, Role.REFERENCE) for place, item in listed]
    sound = tuple(value for value in read if value is not None)
    return sound if len(sound) == len(read) else None


def _string(raw: object, at: str, reading: Reading, role: Role) -> Input | None:
    if not isinstance(raw, str):
        reading.wrong_type(at, _EXPECTED, raw)
        return None
    if _FILE.fullmatch(raw):
        return FileInput(raw)
    if _VIDEO.fullmatch(raw):
        return _video(raw, at, reading, role)
    if not _SCHEME.match(raw):
        reading.note(at, "bad_url", f"{shown(raw)!r} is none of what is taken: {_EXPECTED}")
        return None
    return _url(raw, at, reading, role)


def _url(raw: object, at: str, reading: Reading, _: Role) -> Input | None:
    if not isinstance(raw, str):
        reading.wrong_type(at, "an https or data URL", raw)
        return None
    if raw.startswith("data:"):
        content = data_url(raw, at, reading)
        return None if content is None else InlineInput(content)
    url = web_url(raw, at, reading)
    return None if url is None else UrlInput(url)


def _image_url(raw: object, at: str, reading: Reading, role: Role) -> Input | None:
    """OpenAI's member: a URL, or an object around one."""
    if not isinstance(raw, dict):
        return _url(raw, at, reading, role)
    found = members(raw, at, reading, ("url",)) or {}
    if "url" not in found:
        reading.note(step(at, "url"), "required", "url is missing")
        return None
    return _url(found["url"], step(at, "url"), reading, role)


def _file(raw: object, at: str, reading: Reading, _: Role) -> Input | None:
    name = _id(raw, at, reading)
    return None if name is None else FileInput(name)


def _video(raw: object, at: str, reading: Reading, role: Role) -> Input | None:
    name = _id(raw, at, reading)
    if name is None:
        return None
    return VideoInput(name) if role is Role.EXTEND else FrameInput(name, DEFAULT_FRAME[role])


def _id(raw: object, at: str, reading: Reading) -> str | None:
    if not isinstance(raw, str):
        reading.wrong_type(at, "an id", raw)
        return None
    if not _ID.fullmatch(raw):
        words = "is no id: these have 1 to 64 letters, digits, dashes and underscores"
        reading.note(at, "bad_id", words)
        return None
    return raw


_SOURCES: Final[Mapping[str, _Source]] = {
    "url": _url,
    "file_id": _file,
    "video": _video,
    "id": _video,
    "image_url": _image_url,
}
"""Members that name where an input comes from; `id` is OpenAI's, for videos to extend."""

_WHOLE: Final = "an extended video is taken whole: leave frame out"
_BARE: Final = "id names a video to extend only: here write file_id or video"


def _object(raw: object, at: str, reading: Reading, role: Role) -> Input | None:
    found = members(raw, at, reading, (*_SOURCES, "frame", "type"))
    if found is None:
        return None
    stray, why = ("frame", _WHOLE) if role is Role.EXTEND else ("id", _BARE)
    sound = _said_type(found, at, reading)
    if stray in found:
        reading.note(step(at, stray), "unsupported_field", why)
        sound = False
    named = [name for name in _SOURCES if name in found]
    if len(named) != 1:
        code = "conflicting_fields" if named else "required"
        words = f"names {' and '.join(named)}" if named else "names no source"
        choice = either(name for name in _SOURCES if name != stray)
        reading.note(at, code, f"an input {words}: give one of {choice}")
        return None
    if named[0] == stray:
        return None
    value = _SOURCES[named[0]](found[named[0]], step(at, named[0]), reading, role)
    if "frame" in found and stray != "frame":
        value = _framed(value, found, at, reading)
    return value if sound else None


def _said_type(found: Mapping[str, Any], at: str, reading: Reading) -> bool:
    said = found.get("type")
    if said is None or said in TYPES:
        return True
    if isinstance(said, str):
        reading.unlisted(step(at, "type"), said, TYPES)
    else:
        reading.wrong_type(step(at, "type"), "a string", said)
    return False


def _framed(
    value: Input | None, found: Mapping[str, Any], at: str, reading: Reading
) -> Input | None:
    place, said = step(at, "frame"), found["frame"]
    if "video" not in found:
        reading.note(place, "conflicting_fields", "frame belongs to video: only films have frames")
        return None
    for which in FRAMES:
        if said == which:
            return FrameInput(value.video, which) if isinstance(value, FrameInput) else value
    if isinstance(said, str):
        reading.unlisted(place, said, FRAMES)
    else:
        reading.wrong_type(place, either(map(repr, FRAMES)), said)
    return None
