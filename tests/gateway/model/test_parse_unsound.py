"""What is sound of a body that is not."""

from typing import Any

import msgspec
import pytest
from hypothesis import given

from gateway.model.parse import (
    Parsed,
    Unreadable,
    parse_create,
)
from gateway.model.request import CreateVideo
from providers.contract import Mode
from tests.gateway.model.reading_support import (
    BODIES,
    URL,
    bad,
    brief,
    fault_of,
    good,
)
from tests.strategies import CALM


def sound(body: object, **options: Any) -> CreateVideo | None:
    found = parse_create(body, **options)
    assert isinstance(found, Unreadable)
    return None if found.sound is None else found.sound.request


def lost(body: object) -> set[str]:
    found = parse_create(body)
    assert isinstance(found, Unreadable)
    return set(found.lost)


def test_what_is_sound_of_a_body_is_kept_without_what_is_not() -> None:
    body = {"prompt": 5, "duration": "7", "seed": -1, "metadata": {"a": 1}, "size": "big"}
    assert sound(body) == CreateVideo(seconds=7, seed=-1)
    assert lost(body) == {"/prompt", "/metadata", "/size"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("first_frame", "no url"),
        ("image", {"file_id": "a b"}),
        ("images", [URL, 7]),
        ("video", {"link": URL}),
        ("fist_frame", URL),
        ("frame_images", [{"frame_type": "first_frame", "url": "no url"}]),
    ],
)
def test_an_input_that_cannot_be_read_was_given_all_the_same(name: str, value: object) -> None:
    asked = sound({"prompt": "a", name: value})
    assert asked is not None
    assert asked.mode not in {Mode.TEXT, None}
    assert [one.role for one in asked.given] == [
        one[1:] for one in lost({"prompt": "a"} | {name: value})
    ]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"prompt": "a", "model": 7},
        {"prompt": "a", "modle": "pictory/veo3.1"},
        {"prompt": "a", "routing": 7},
        {"prompt": "a", "routing": {"fallback": ["a"]}},
        {"prompt": "a", "fallbacks": []},
        {"prompt": "a", "frame_images": [{"url": URL}]},
    ],
    ids=brief,
)
def test_without_what_was_asked_of_whom_nothing_else_can_be_said(body: object) -> None:
    assert sound(body) is None


def test_a_field_given_twice_is_as_good_as_one_that_cannot_be_read() -> None:
    body = {"prompt": "a", "seconds": 5, "duration": 8, "routing": {"queues": True}}
    assert sound(body) == CreateVideo(prompt="a")
    assert lost(body) == {"/seconds", "/routing/queue"}


def test_who_misspells_a_name_has_not_forgotten_it() -> None:
    assert list(bad({"propmt": "a"})) == ["/propmt"]
    assert lost({"propmt": "a"}) == {"/prompt"}
    found = parse_create({"prompt": "a", "vidoe": "video_1"}, extends=True)
    assert isinstance(found, Unreadable)
    assert [fault.pointer for fault in found.faults] == ["/vidoe"]


def test_an_extension_needs_a_video() -> None:
    body = {"prompt": "a"}
    found = parse_create(body, extends=True)
    assert isinstance(found, Unreadable)
    assert [(fault.pointer, fault.code) for fault in found.faults] == [("/video", "required")]
    asked = sound(body, extends=True)
    assert asked is not None
    assert asked.mode is Mode.EXTEND_VIDEO
    assert isinstance(parse_create(body | {"video": "video_1"}, extends=True), Parsed)


@pytest.mark.parametrize("name", ["seconds", "seed"])
@pytest.mark.parametrize("value", [-1, "-7", -(2**63)])
def test_a_number_below_zero_is_for_the_model_to_refuse(name: str, value: object) -> None:
    assert getattr(good({"prompt": "a", name: value}), name) == int(str(value))


@pytest.mark.parametrize(("name", "value"), [("seconds", "8.0"), ("seed", "abc")])
def test_a_number_as_text_is_told_what_it_says(name: str, value: str) -> None:
    assert fault_of(name, value).detail == f"{value!r} is no whole number"


def test_no_name_is_suggested_that_is_hardly_alike() -> None:
    assert fault_of("audio", "on").nearest is None


@CALM
@given(BODIES)
def test_what_is_sound_of_any_body_could_be_stored(body: object) -> None:
    found = parse_create(body)
    if isinstance(found, Unreadable) and found.sound is not None:
        asked = found.sound.request
        assert msgspec.json.decode(msgspec.json.encode(asked), type=CreateVideo) == asked
