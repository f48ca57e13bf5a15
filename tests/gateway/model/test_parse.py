"""What a body says is what the request says."""

import json
from typing import Any

import msgspec
import pytest

from gateway.model.aliases import NAMES
from gateway.model.inputs import (
    FileInput,
    InlineInput,
    UrlInput,
    VideoInput,
)
from gateway.model.request import CreateVideo, Priority, Routing
from providers.contract import Mode
from tests.gateway.model.reading_support import (
    CONTENT,
    DATA,
    URL,
    brief,
    fault_of,
    good,
)


def test_a_prompt_is_enough() -> None:
    asked = good({"prompt": "a lighthouse"})
    assert asked == CreateVideo(prompt="a lighthouse")
    assert (asked.model, asked.mode, asked.given) == ("default", Mode.TEXT, ())


@pytest.mark.parametrize(
    ("field", "mode"),
    [
        ("first_frame", Mode.FIRST_FRAME),
        ("last_frame", None),
        ("reference_images", Mode.REFERENCE_IMAGES),
        ("extend_video", Mode.EXTEND_VIDEO),
    ],
)
def test_an_input_is_enough_whether_or_not_a_model_takes_it(field: str, mode: Mode | None) -> None:
    asked = good({field: URL})
    assert asked.prompt is None
    assert asked.mode is mode
    assert [one.value for one in asked.given] == [UrlInput(URL)]


def test_every_field_is_read() -> None:
    asked = good(
        {
            "model": "pictory/veo3.1",
            "prompt": "a lighthouse",
            "seconds": 8,
            "aspect_ratio": "9:16",
            "resolution": "720p",
            "first_frame": {"url": URL},
            "last_frame": DATA,
            "reference_images": [URL, "file_2"],
            "extend_video": {"video": "video_1"},
            "seed": 0,
            "motion_mode": "fast",
            "remove_watermark": False,
            "negative_prompt": "fog",
            "n": 1,
            "callback_url": "https://example.com/hook",
            "metadata": {"order": "7", "note": ""},
            "provider_options": {"a": {"b": "c", "d": 1, "e": True, "f": ""}},
            "routing": {
                "fallbacks": ["b", "c/d"],
                "max_cost": "0.50",
                "deadline": 60,
                "queue": False,
                "priority": "high",
            },
        }
    )
    assert asked == CreateVideo(
        model="pictory/veo3.1",
        prompt="a lighthouse",
        seconds=8,
        aspect_ratio="9:16",
        resolution="720p",
        first_frame=UrlInput(URL),
        last_frame=InlineInput(CONTENT),
        reference_images=(UrlInput(URL), FileInput("file_2")),
        extend_video=VideoInput("video_1"),
        seed=0,
        motion_mode="fast",
        remove_watermark=False,
        negative_prompt="fog",
        callback_url="https://example.com/hook",
        metadata={"order": "7", "note": ""},
        provider_options={"a": {"b": "c", "d": 1, "e": True, "f": ""}},
        routing=Routing(
            fallbacks=("b", "c/d"),
            max_cost="0.5",
            deadline=60,
            queue=False,
            priority=Priority.HIGH,
        ),
    )


def test_a_form_which_sends_only_text_gives_the_same_request() -> None:
    values: dict[str, Any] = {
        "prompt": "a",
        "seconds": 8,
        "seed": 7,
        "n": 1,
        "remove_watermark": True,
        "metadata": {"a": "b"},
        "provider_options": {"a": {"b": 1}},
        "routing": {"fallbacks": ["x"], "deadline": 9, "queue": False, "priority": "low"},
        "reference_images": [URL, {"file_id": "file_1"}],
        "first_frame": {"video": "video_1"},
    }
    as_text = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }
    assert good(as_text) == good(values)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"prompt"}))
def test_null_means_left_out(name: str) -> None:
    assert good({"prompt": "a", name: None}) == CreateVideo(prompt="a")


@pytest.mark.parametrize(
    "body",
    [
        {"routing": dict.fromkeys(("fallbacks", "max_cost", "deadline", "queue", "priority"))},
        {"provider": {"options": None}},
    ],
)
def test_null_means_left_out_inside_objects_too(body: dict[str, Any]) -> None:
    assert good({"prompt": "a"} | body) == CreateVideo(prompt="a")
    options = {"a": None, "b": {"c": None}}
    asked = good({"prompt": "a", "provider_options": options})
    assert asked.provider_options == {"b": {}}


def test_text_is_taken_as_it_stands() -> None:
    prompt = " \ufeffe\u0301 👨‍👩‍👧 नमस्ते \u2028 "
    assert good({"prompt": prompt, "negative_prompt": prompt}).prompt == prompt


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (7, 7),
        (8.0, 8),
        ("8", 8),
        ("8s", 8),
        ("00008", 8),
        (0, 0),
        ("99999", 99_999),
        (2**63 - 1, 2**63 - 1),
    ],
)
def test_seconds_may_be_digits_with_or_without_the_unit(given: object, seconds: int) -> None:
    assert good({"prompt": "a", "seconds": given}).seconds == seconds
    assert good({"prompt": "a", "duration": given}).seconds == seconds


@pytest.mark.parametrize(
    "given",
    ["", "s", "8 s", "8sec", "8S", "--8", "8.0", " 8", "8\n", "\u0668", "²", [8], 9.5, "9" * 20],
)
def test_seconds_in_any_other_form_are_of_the_wrong_type(given: object) -> None:
    assert fault_of("seconds", given).code == "wrong_type"


@pytest.mark.parametrize(
    ("given", "cost"),
    [
        ("0.50", "0.5"),
        (0.5, "0.5"),
        (0.1, "0.1"),
        (1, "1"),
        ("100", "100"),
        ("007.10", "7.1"),
        (100.0, "100"),
        (0.000001, "0.000001"),
        ("0.000001", "0.000001"),
        ("999999999.999999", "999999999.999999"),
    ],
    ids=brief,
)
def test_a_cost_is_kept_as_the_decimal_number_that_was_written(given: object, cost: str) -> None:
    assert good({"prompt": "a", "routing": {"max_cost": given}}).routing.max_cost == cost


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("0", "out_of_range"),
        (0, "out_of_range"),
        (0.0, "out_of_range"),
        (-1, "out_of_range"),
        ("-1", "out_of_range"),
        ("+1", "out_of_range"),
        ("1e2", "out_of_range"),
        ("1.", "out_of_range"),
        (".5", "out_of_range"),
        ("1,5", "out_of_range"),
        ("", "out_of_range"),
        ("0.0000001", "out_of_range"),
        (1e-7, "out_of_range"),
        (0.1 + 0.2, "out_of_range"),
        (1e300, "out_of_range"),
        (10**400, "out_of_range"),
        (float("nan"), "out_of_range"),
        (float("inf"), "out_of_range"),
        ("\u0661", "out_of_range"),
        (True, "wrong_type"),
        ([1], "wrong_type"),
    ],
    ids=brief,
)
def test_any_other_cost_is_refused(given: object, code: str) -> None:
    fault = fault_of("routing", {"max_cost": given})
    assert (fault.pointer, fault.code) == ("/routing/max_cost", code)


def test_a_cost_with_too_many_digits_to_write_down_is_refused() -> None:
    assert fault_of("routing", {"max_cost": 10**5000}).code == "out_of_range"


@pytest.mark.parametrize("priority", Priority)
def test_a_priority_is_one_of_three_words(priority: Priority) -> None:
    asked = good({"prompt": "a", "routing": {"priority": priority.value}})
    assert asked.routing.priority is priority


def test_what_goes_first_has_the_lowest_rank() -> None:
    ranked = sorted(Priority, key=lambda one: one.rank)
    assert ranked == [Priority.HIGH, Priority.NORMAL, Priority.LOW]
    assert good({"prompt": "a"}).routing.priority.rank == 1


def test_a_request_that_was_stored_before_there_were_priorities_is_a_normal_one() -> None:
    stored = msgspec.json.decode(b'{"prompt":"a","routing":{"queue":false}}', type=CreateVideo)
    assert stored.routing == Routing(queue=False, priority=Priority.NORMAL)


@pytest.mark.parametrize(
    ("given", "code", "nearest"),
    [
        ("hihg", "unsupported_value", "high"),
        ("urgent", "unsupported_value", "normal"),
        ("HIGH", "unsupported_value", "normal"),
        ("", "too_short", None),
        (1, "wrong_type", None),
        (True, "wrong_type", None),
        (["high"], "wrong_type", None),
    ],
    ids=brief,
)
def test_any_other_priority_is_refused(given: object, code: str, nearest: str | None) -> None:
    fault = fault_of("routing", {"priority": given})
    assert (fault.pointer, fault.code) == ("/routing/priority", code)
    assert fault.nearest == nearest
    if code == "unsupported_value":
        assert fault.allowed == ("normal", "low", "high")
