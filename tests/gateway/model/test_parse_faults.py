"""What is refused of a body: every fault, at its place, with what to do."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.aliases import FIELDS
from gateway.model.parse import (
    MAX_CALLBACK,
    MAX_DEADLINE,
    MAX_FALLBACKS,
    MAX_PROMPT,
    MAX_UNKNOWN,
    Upload,
)
from gateway.model.reading import MAX_PARTS
from tests.gateway.model.reading_support import (
    DATA,
    FAULTY,
    URL,
    all_faults,
    bad,
    brief,
    fault_of,
    good,
)
from tests.strategies import CALM


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        (1.5, "a number with a fraction"),
        ("x", "a string"),
        ([], "an array"),
        (Upload(b"x", "x.png"), "a file"),
    ],
)
def test_a_body_that_is_no_object_is_named_for_what_it_is(body: object, kind: str) -> None:
    assert bad(body)[""].detail == f"expected a JSON object, got {kind}"


@CALM
@given(st.sets(st.sampled_from(sorted(FAULTY)), min_size=1), st.booleans())
def test_every_fault_is_told_once_with_its_pointer(names: set[str], promptless: bool) -> None:  # noqa: FBT001
    body = {name: FAULTY[name][0] for name in names}
    expected = {FAULTY[name][1]: FAULTY[name][2] for name in names}
    subjects = {"first_frame", "last_frame", "images", "video", "promt"}
    if not promptless:
        body["prompt"] = "a"
    elif not names & subjects:
        expected["/prompt"] = "required"
    assert {pointer: fault.code for pointer, fault in bad(body).items()} == expected


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("promt", "prompt"),
        ("second", "seconds"),
        ("aspect-ratio", "aspect_ratio"),
        ("firstFrame", "first_frame"),
        ("first_frame_path", "first_frame"),
        ("last_frame_path", "last_frame"),
        ("meta_data", "metadata"),
        ("referenceImages", "referenceImageUrls"),
        ("web_hook", "webhook"),
        ("zzzz", None),
    ],
)
def test_an_unknown_field_is_answered_with_the_nearest_name(name: str, nearest: str | None) -> None:
    fault = bad({"prompt": "a", name: 1})[f"/{name}"]
    assert fault.code == "unknown_field"
    assert fault.nearest == nearest
    assert fault.allowed == FIELDS
    assert (f"did you mean {nearest!r}?" in fault.detail) == (nearest is not None)


@pytest.mark.parametrize(
    ("body", "pointer", "nearest"),
    [
        ({"routing": {"fallback": ["a"]}}, "/routing/fallback", "fallbacks"),
        ({"routing": '{"maxCost": 1}'}, "/routing/maxCost", "max_cost"),
        ({"first_frame": {"url": URL, "detail": "high"}}, "/first_frame/detail", None),
        ({"images": [{"file": "x", "url": URL}]}, "/images/0/file", "file_id"),
        ({"provider": {"order": ["x"]}}, "/provider/order", None),
        (
            {"frame_images": [{"frame_type": "first_frame", "url": URL, "file": 1}]},
            "/frame_images/0/file",
            "file_id",
        ),
    ],
)
def test_an_unknown_field_inside_an_object_is_one_too(
    body: dict[str, Any], pointer: str, nearest: str | None
) -> None:
    fault = bad({"prompt": "a"} | body)[pointer]
    assert (fault.code, fault.nearest) == ("unknown_field", nearest)


def test_a_long_unknown_name_is_cut() -> None:
    (pointer,) = bad({"prompt": "a", "x" * 100_000: 1})
    assert pointer == "/" + "x" * 63 + "…"


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (MAX_UNKNOWN + 1, "there is one more unknown field"),
        (MAX_UNKNOWN + 2, "there are 2 more unknown fields"),
        (10_000, f"there are {10_000 - MAX_UNKNOWN} more unknown fields"),
    ],
)
def test_of_very_many_unknown_fields_only_some_are_told_one_by_one(count: int, told: str) -> None:
    faults = all_faults({"prompt": "a"} | {f"f{n}": n for n in range(count)})
    assert len(faults) == MAX_UNKNOWN + 1
    assert faults[-1].detail == told


@pytest.mark.parametrize("body", [{}, {"prompt": None}, {"seconds": 8}, {"first_frame": None}])
def test_what_says_nothing_of_the_video_is_missing_a_prompt(body: object) -> None:
    assert {at: fault.code for at, fault in bad(body).items()} == {"/prompt": "required"}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("prompt", "", "too_short"),
        ("prompt", "  \n\t ", "too_short"),
        ("prompt", "a" * (MAX_PROMPT + 1), "too_long"),
        ("prompt", "👍" * (MAX_PROMPT + 1), "too_long"),
        ("prompt", "a\0", "bad_character"),
        ("prompt", "a\ud83d", "bad_character"),
        ("prompt", {"text": "a"}, "wrong_type"),
        ("prompt", Upload(b"a", "a.txt"), "wrong_type"),
        ("model", "m" * 201, "too_long"),
        ("aspect_ratio", 1.5, "wrong_type"),
        ("resolution", 720, "wrong_type"),
        ("seconds", -(2**63) - 1, "out_of_range"),
        ("seconds", 10**400, "out_of_range"),
        ("seconds", "9" * 19, "out_of_range"),
        ("seconds", float("nan"), "wrong_type"),
        ("seed", True, "wrong_type"),
        ("seed", 1.5, "wrong_type"),
        ("seed", float("inf"), "wrong_type"),
        ("seed", 1e300, "out_of_range"),
        ("seed", "x", "wrong_type"),
        ("seed", "-", "wrong_type"),
        ("seed", 2**63, "out_of_range"),
        ("remove_watermark", "True", "wrong_type"),
        ("remove_watermark", 1, "wrong_type"),
        ("n", 0, "unsupported_value"),
        ("n", "2", "unsupported_value"),
        ("n", True, "wrong_type"),
        ("callback_url", DATA, "bad_url"),
        ("callback_url", "https://example.com/".ljust(MAX_CALLBACK + 1, "p"), "too_long"),
        ("callback_url", 7, "wrong_type"),
        ("callback_url", "https://user@example.com/", "bad_url"),
        ("callback_url", "", "too_short"),
        ("size", "1280*720", "bad_size"),
        ("size", "big", "bad_size"),
        ("size", "0x0", "bad_size"),
        ("size", 1280, "wrong_type"),
        ("routing", [], "wrong_type"),
        ("routing", "a", "wrong_type"),
        ("routing", {"deadline": MAX_DEADLINE + 1}, "out_of_range"),
        ("routing", {"deadline": 0}, "out_of_range"),
        ("routing", {"deadline": 1.5}, "wrong_type"),
        ("routing", {"queue": "maybe"}, "wrong_type"),
        ("routing", {"fallbacks": []}, "too_short"),
        ("routing", {"fallbacks": ["a"] * (MAX_FALLBACKS + 1)}, "too_long"),
        ("routing", {"fallbacks": {"a": 1}}, "wrong_type"),
        ("routing", {"fallbacks": [None]}, "wrong_type"),
        ("provider_options", [], "wrong_type"),
        ("provider_options", {"a": []}, "wrong_type"),
        ("provider_options", {"": {}}, "too_short"),
        ("provider_options", {"a": {"": 1}}, "too_short"),
        ("provider_options", {"a": {"x" * 65: 1}}, "too_long"),
        ("provider_options", {"a": {"b": {"c": 1}}}, "wrong_type"),
        ("provider_options", {"a": {"b": "\0"}}, "bad_character"),
        ("provider_options", {"a": {"b": 2**63}}, "out_of_range"),
        ("provider_options", {f"p{n}": {} for n in range(21)}, "too_long"),
        ("provider_options", {"a": {f"o{n}": 1 for n in range(51)}}, "too_long"),
        ("provider", "x", "wrong_type"),
        ("metadata", "text", "wrong_type"),
        ("metadata", '{"a": "b", "a": "c"}', "wrong_type"),
        ("metadata", "{" * 100, "wrong_type"),
        ("metadata", '{"a": ' + "[" * 100_000, "wrong_type"),
        ("metadata", json.dumps({str(n): "" for n in range(MAX_PARTS + 1)}), "wrong_type"),
        ("metadata", {f"k{n}": "v" for n in range(17)}, "too_long"),
        ("metadata", {"k" * 65: "v"}, "too_long"),
        ("metadata", {"": "v"}, "too_short"),
        ("metadata", {"k": "v" * 513}, "too_long"),
        ("metadata", {"k": None}, "wrong_type"),
        ("metadata", {"k": {"deep": "v"}}, "wrong_type"),
        ("metadata", {"k\0": "v"}, "bad_character"),
        ("metadata", {"k": "\ud800"}, "bad_character"),
        ("metadata", '{"k": "\\ud800"}', "bad_character"),
        ("replyRef", 7, "wrong_type"),
        ("replyRef", "r" * 513, "too_long"),
        ("frame_images", [], "too_short"),
        ("frame_images", URL, "wrong_type"),
        ("frame_images", [{"frame_type": "first_frame"}], "required"),
        ("frame_images", [{"url": URL}], "required"),
        ("frame_images", [{"url": URL, "frame_type": 1}], "wrong_type"),
        ("frame_images", [{"url": URL, "frame_type": "middle"}], "unsupported_value"),
    ],
    ids=brief,
)
def test_a_value_that_nobody_could_take_is_refused(name: str, value: object, code: str) -> None:
    assert fault_of(name, value).code == code


def test_limits_themselves_are_still_taken() -> None:
    most = {f"{n:02}".ljust(64, "k"): "v" * 512 for n in range(16)}
    callback = "https://example.com/".ljust(MAX_CALLBACK, "p")
    asked = good(
        {
            "prompt": "👍" * MAX_PROMPT,
            "negative_prompt": "👍" * MAX_PROMPT,
            "model": "m" * 200,
            "seed": 2**63 - 1,
            "metadata": most,
            "callback_url": callback,
            "provider_options": {"p" * 64: {"o" * 64: "v" * MAX_PROMPT, "i": -(2**63)}},
            "routing": {"deadline": MAX_DEADLINE, "fallbacks": ["f"] * MAX_FALLBACKS},
        }
    )
    assert asked.prompt == "👍" * MAX_PROMPT
    assert (asked.seed, asked.metadata, asked.callback_url) == (2**63 - 1, most, callback)
    assert good({"prompt": "a", "metadata": {}}).metadata == {}
    assert good({"prompt": "a", "replyRef": "r" * 512}).metadata == {"replyRef": "r" * 512}
    assert good({"prompt": "a", "seconds": 8, "routing": {"deadline": 1}}).routing.deadline == 1


def test_a_number_out_of_range_has_the_nearest_one() -> None:
    assert fault_of("seed", 2**63).nearest == 2**63 - 1
    assert fault_of("routing", {"deadline": 10**9}).nearest == MAX_DEADLINE
    assert fault_of("n", 3).allowed == (1,)


def test_every_wrong_entry_of_metadata_is_told_at_its_own_place() -> None:
    faults = bad({"prompt": "a", "metadata": {"a": 7, "fine": "v", "b" * 70: "", "c/d": None}})
    assert {at: (fault.code, fault.detail) for at, fault in faults.items()} == {
        "/metadata/a": ("wrong_type", "expected a string, got a number"),
        f"/metadata/{'b' * 63}…": (
            "too_long",
            "the name has 70 characters; at most 64 are taken",
        ),
        "/metadata/c~1d": ("wrong_type", "expected a string, got null"),
    }


def test_a_callback_may_go_over_plain_http_where_the_operator_allows_it() -> None:
    url = "http://10.0.0.1/hook"
    asked = good({"prompt": "a", "callback_url": url}, plain_http=lambda host: host == "10.0.0.1")
    assert asked.callback_url == url
    assert bad({"prompt": "a", "callback_url": url})["/callback_url"].code == "bad_url"
