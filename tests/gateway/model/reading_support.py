"""What the tests of the request's reader share."""

import base64
from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from gateway.model.aliases import NAMES
from gateway.model.body import CreateVideoBody
from gateway.model.errors import FieldFault
from gateway.model.parse import Parsed, parse_create
from gateway.model.request import CreateVideo
from tests.strategies import json_values, objects

CONTENT: Final = b"\x89PNG"
PNG: Final = base64.b64encode(CONTENT).decode()
DATA: Final = f"data:image/png;base64,{PNG}"
URL: Final = "https://example.com/a.png"

LIKELY: Final[tuple[Any, ...]] = (
    URL,
    DATA,
    "a",
    "16:9",
    "1280x720",
    8,
    "8",
    "8s",
    True,
    "false",
    "file_1",
    "0.5",
    {},
    {"url": URL},
    {"video": "video_1"},
    {"video": "video_1", "frame": "first"},
    {"file_id": "file_1"},
    {"image_url": {"url": URL}, "type": "image_url"},
    [URL, {"url": URL}],
    [{"frame_type": "last_frame", "url": URL}],
    {"fallbacks": ["a"], "max_cost": 0.25, "deadline": "60", "queue": False, "priority": "low"},
    {"options": {"a": {"b": 1}}},
    {"a": {"b": "c", "d": True}},
    {"a": "b"},
    '{"a": "b"}',
    '["a"]',
)
"""Values that are sound for one field or another."""

assert len(NAMES) == len(set(NAMES))


def parsed(body: object, **options: Any) -> Parsed:
    """What is read from a body that has to be sound; so the documented body takes it too."""
    found = parse_create(body, **options)
    assert isinstance(found, Parsed), found
    if "Upload(" not in repr(body):
        fit_the_document(body)
    return found


def fit_the_document(body: object) -> None:
    """Raise `ValidationError` for what the documented body does not take."""
    msgspec.convert(_counted(body), CreateVideoBody)


def _counted(value: Any) -> Any:
    """The value with 8 for each 8.0: one number to JSON Schema, but not to msgspec."""
    if isinstance(value, dict):
        return {name: _counted(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_counted(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def good(body: object, **options: Any) -> CreateVideo:
    return parsed(body, **options).request


def all_faults(body: object, **options: Any) -> tuple[FieldFault, ...]:
    found = parse_create(body, **options)
    assert not isinstance(found, Parsed), found
    assert found.faults
    return found.faults


def bad(body: object, **options: Any) -> dict[str, FieldFault]:
    """The faults by pointer; no pointer has two."""
    found = all_faults(body, **options)
    assert len({fault.pointer for fault in found}) == len(found), found
    return {fault.pointer: fault for fault in found}


def fault_of(name: str, value: object, **others: Any) -> FieldFault:
    """The one fault that a value gives its field, or something inside it."""
    (fault,) = all_faults({"prompt": "a"} | others | {name: value})
    assert (fault.pointer + "/").startswith(f"/{name}/")
    return fault


def brief(value: object) -> str:
    """A value as part of a test's name."""
    shown = ascii(value)
    return shown if len(shown) <= 60 else f"{shown[:40]}… ({len(shown)})"


FAULTY: Final[dict[str, tuple[Any, str, str]]] = {
    "model": (7, "/model", "wrong_type"),
    "seconds": (True, "/seconds", "wrong_type"),
    "aspect_ratio": ("", "/aspect_ratio", "too_short"),
    "quality": (["720p"], "/quality", "wrong_type"),
    "first_frame": ({"url": "http://x"}, "/first_frame/url", "bad_url"),
    "last_frame": ("ftp://x/y", "/last_frame", "bad_url"),
    "images": ([URL, 7], "/images/1", "wrong_type"),
    "video": ({"id": "a b"}, "/video/id", "bad_id"),
    "seed": (2**63, "/seed", "out_of_range"),
    "motion_mode": ({}, "/motion_mode", "wrong_type"),
    "remove_watermark": ("no", "/remove_watermark", "wrong_type"),
    "negative_prompt": (" ", "/negative_prompt", "too_short"),
    "n": (2, "/n", "unsupported_value"),
    "webhook": ("http://example.com/", "/webhook", "bad_url"),
    "metadata": ({"a": 1}, "/metadata/a", "wrong_type"),
    "replyRef": ("r" * 513, "/replyRef", "too_long"),
    "extra_params": ({"p": {"x": 1.5}}, "/extra_params/p/x", "wrong_type"),
    "routing": ({"deadline": 0}, "/routing/deadline", "out_of_range"),
    "fallbacks": (["a", ""], "/fallbacks/1", "too_short"),
    "promt": ("a", "/promt", "unknown_field"),
    "a/b~c": (1, "/a~1b~0c", "unknown_field"),
}
"""Faults by the field that has them: a value, where the fault is, and its code."""
BODIES: Final = json_values() | objects(*NAMES, likely=st.sampled_from(LIKELY))
"""Anything that may come for a body."""
