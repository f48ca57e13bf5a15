import json
from typing import Any

import pytest

from gateway.model.parse import MAX_CALLBACK, MAX_PROMPT, Parsed, Upload, parse_create
from gateway.model.reading import MAX_PARTS, MAX_UNKNOWN, either, kind, nearest, shown, step
from gateway.model.urls import MAX_URL
from tests.gateway.model.reading_support import (
    DATA,
    PNG,
    URL,
    all_faults,
    bad,
    brief,
    fault_of,
    good,
)

# --- words ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("prompt", "", "must not be empty"),
        ("prompt", " ", "must say something; it is blank"),
        ("prompt", "a\0", "must not hold a NUL character"),
        ("prompt", "\ud83d", "must not hold half of a character (a lone surrogate)"),
        (
            "prompt",
            "a" * (MAX_PROMPT + 1),
            f"has {MAX_PROMPT + 1} characters; at most {MAX_PROMPT} are taken",
        ),
        ("model", 7, "expected a string, got a number"),
        ("seed", "x", "'x' is no whole number"),
        ("seed", True, "expected a whole number, got a boolean"),
        ("seed", 2**63, f"must be between {-(2**63)} and {2**63 - 1}"),
        ("remove_watermark", 1.5, "expected true or false, got a number with a fraction"),
        (
            "size",
            "big",
            "'big' is no size: write width and height in pixels, as in 1280x720",
        ),
        ("n", 2, "one request makes one video: send it again for another"),
        ("metadata", [], "expected an object, got an array"),
        ("metadata", {f"k{n}": "" for n in range(17)}, "has 17 entries; at most 16 are taken"),
        ("metadata", {"": "v"}, "the name must not be empty"),
        ("routing", 7, "expected an object, got a number"),
        ("routing", {"fallback": "a"}, "there is no field 'fallback'; did you mean 'fallbacks'?"),
        (
            "routing",
            {"fallbacks": []},
            "is empty: name at least one, or leave the field out",
        ),
        ("routing", {"fallbacks": ["a"] * 21}, "has 21 entries; at most 20 are taken"),
        ("routing", {"max_cost": True}, "expected a decimal amount, got a boolean"),
        (
            "routing",
            {"max_cost": 0},
            'must be a positive amount with at most 6 decimals, as in "0.50"',
        ),
        ("routing", {"deadline": 0}, "must be between 1 and 604800"),
        (
            "provider_options",
            {"p": {"o": []}},
            "expected a string, a whole number or a boolean, got an array",
        ),
        ("provider_options", {"p": {"o": 2**63}}, f"must be between {-(2**63)} and {2**63 - 1}"),
        ("frame_images", URL, "expected an object, got a string"),
        ("frame_images", [{"url": URL}], "say which frame it is: first_frame or last_frame"),
        ("frame_images", [{"frame_type": 1}], "expected a string, got a number"),
        (
            "frame_images",
            [{"frame_type": "middle"}],
            "must be first_frame or last_frame, not 'middle'",
        ),
        ("frame_images", [{}] * 11, "has 11 entries; at most 10 are taken"),
        ("zzzz", 1, "there is no field 'zzzz'"),
        ("promt", 1, "there is no field 'promt'; did you mean 'prompt'?"),
    ],
    ids=brief,
)
def test_a_fault_says_what_is_wrong_with_the_value(name: str, value: Any, detail: str) -> None:
    assert fault_of(name, value).detail == detail


TAKEN = (
    "an https or data URL, the id of a file (file_…) or of a video (video_…), "
    "or an object that names one"
)
NO_SOURCE = "give one of url, file_id, video or image_url"


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (
            7,
            f"expected {TAKEN}, got a number",
        ),
        (
            "a.png",
            f"'a.png' is none of what is taken: {TAKEN}",
        ),
        (Upload(b"", "a.png"), "the file is empty"),
        ({"url": 7}, "expected an https or data URL, got a number"),
        ({"file_id": 7}, "expected an id, got a number"),
        (
            {"file_id": "a b"},
            "is no id: these have 1 to 64 letters, digits, dashes and underscores",
        ),
        ({}, f"an input names no source: {NO_SOURCE}"),
        ({"url": URL, "file_id": "a"}, f"an input names url and file_id: {NO_SOURCE}"),
        ({"image_url": {}}, "url is missing"),
        ({"id": "v"}, "id names a video to extend only: here write file_id or video"),
        ({"url": URL, "type": "x"}, "must be image_url or input_image, not 'x'"),
        ({"url": URL, "type": 7}, "expected a string, got a number"),
        ({"video": "v", "frame": "middle"}, "must be first or last, not 'middle'"),
        ({"video": "v", "frame": 1}, "expected 'first' or 'last', got a number"),
        ({"url": URL, "frame": "last"}, "frame belongs to video: only films have frames"),
        ("https://example.com/a b", "holds spaces, backslashes or control characters"),
        ("https://example.com/\ud800", "holds half of a character (a lone surrogate)"),
        ("ftp://example.com/a", "must be an https URL"),
        ("https://user@example.com/", "must not carry a user name or password"),
        (
            "http://example.com/a",
            "must be https (plain http only to addresses in network.allow_private)",
        ),
        (
            URL.ljust(MAX_URL + 1, "a"),
            f"has {MAX_URL + 1} characters; at most {MAX_URL} are taken",
        ),
        ("data:image/png", "a data URL has the form data:image/png;base64,…"),
        (f"data:image/png,x;base64,{PNG}", "a data URL has the form data:image/png;base64,…"),
        (f"{DATA}*", "the data URL's base64 cannot be decoded"),
        ("data:;base64,", "the data URL is empty"),
    ],
    ids=brief,
)
def test_a_fault_says_what_is_wrong_with_an_input(value: Any, detail: str) -> None:
    assert fault_of("first_frame", value).detail == detail


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ({}, "an input names no source: give one of url, file_id, video, id or image_url"),
        ({"video": "v", "frame": "last"}, "an extended video is taken whole: leave frame out"),
    ],
    ids=brief,
)
def test_a_fault_says_what_is_wrong_with_a_video_to_extend(value: Any, detail: str) -> None:
    assert fault_of("extend_video", value).detail == detail


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"seconds": 5}, "say what the video shows: prompt is missing"),
        (
            {"prompt": "a", "seconds": 5, "duration": 5},
            "seconds and duration say the same thing: give one of them",
        ),
        (
            {"prompt": "a", "images": URL, "reference_images": URL, "input_references": URL},
            "reference_images, input_references and images say the same thing: give one of them",
        ),
        (
            {"prompt": "a", "size": "1280x720", "ratio": "16:9"},
            "size says what ratio says too: give one or the other",
        ),
        (
            {"prompt": "a", "replyRef": "1", "metadata": {"replyRef": "1"}},
            "replyRef and metadata.replyRef say the same thing: give one of them",
        ),
        (
            {"prompt": "a", "replyRef": "1", "metadata": {f"k{n}": "" for n in range(16)}},
            "is an entry of metadata, which has 16 already",
        ),
    ],
    ids=brief,
)
def test_a_fault_of_several_fields_names_them(body: dict[str, Any], detail: str) -> None:
    (fault,) = all_faults(body)
    assert fault.detail == detail


def test_a_field_with_three_values_is_told_at_the_last_of_them() -> None:
    (fault,) = all_faults({"images": URL, "reference_images": URL, "input_references": URL})
    assert (fault.pointer, fault.code) == ("/images", "conflicting_fields")


def test_unknown_fields_are_counted_only_where_they_are_not_told() -> None:
    faults = all_faults({"prompt": "a"} | {f"f{n}": n for n in range(MAX_UNKNOWN)})
    assert len(faults) == MAX_UNKNOWN
    faults = all_faults({"prompt": "a"} | {f"f{n}": n for n in range(MAX_UNKNOWN + 1)})
    assert faults[-1].detail.startswith("there ")
    assert faults[-1].pointer == ""


def test_what_is_no_object_is_of_the_wrong_type() -> None:
    (fault,) = all_faults([])
    assert (fault.pointer, fault.code) == ("", "wrong_type")


@pytest.mark.parametrize("body", [[], {"prompt": "a"}])
def test_where_a_video_is_extended_any_body_without_one_is_told_so(body: object) -> None:
    fault = all_faults(body, extends=True)[-1]
    assert (fault.pointer, fault.code) == ("/video", "required")
    assert fault.detail == "say which video to extend: video is missing"


def test_a_callback_that_is_too_long_is_told_its_own_limit() -> None:
    url = "https://example.com/".ljust(MAX_CALLBACK + 1, "p")
    words = f"has {MAX_CALLBACK + 1} characters; at most {MAX_CALLBACK} are taken"
    assert fault_of("callback_url", url).detail == words


# --- help -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "allowed", "nearest_one"),
    [
        ("n", 3, (1,), 1),
        ("routing", {"deadline": 0}, (), 1),
        ("frame_images", [{"frame_type": "last"}], ("first_frame", "last_frame"), "last_frame"),
        ("frame_images", [{"frame_type": "??"}], ("first_frame", "last_frame"), "first_frame"),
        ("first_frame", {"video": "v", "frame": "lst"}, ("first", "last"), "last"),
        ("first_frame", {"video": "v", "frame": "end"}, ("first", "last"), "first"),
        (
            "first_frame",
            {"url": URL, "type": "image"},
            ("image_url", "input_image"),
            "image_url",
        ),
    ],
    ids=brief,
)
def test_a_fault_has_the_values_that_would_do(
    name: str, value: Any, allowed: tuple[Any, ...], nearest_one: Any
) -> None:
    fault = fault_of(name, value)
    assert (fault.allowed, fault.nearest) == (allowed, nearest_one)


def test_a_name_is_shown_whole_up_to_64_characters_and_never_with_half_of_one() -> None:
    assert shown("x" * 64) == "x" * 64
    assert shown("x" * 65) == "x" * 63 + "…"
    assert shown("a\ud800b\udfffc") == "a\ufffdb\ufffdc"


def test_a_pointer_escapes_what_a_pointer_has_a_use_for() -> None:
    assert step("/a", "b~/c") == "/a/b~0~1c"
    assert step("", "~1") == "/~01"
    assert step("/a", 0) == "/a/0"


def test_a_choice_is_said_as_people_say_it() -> None:
    assert either(["a", "b", "c"]) == "a, b or c"
    assert either(["a", "b"]) == "a or b"
    assert either(["a"]) == "a"
    assert either([]) == "nothing"


def test_a_value_is_named_in_the_words_of_json() -> None:
    values: list[Any] = [None, True, 0, 0.5, "", [], {}, Upload(b"", "")]
    assert [kind(value) for value in values] == [
        "null",
        "a boolean",
        "a number",
        "a number with a fraction",
        "a string",
        "an array",
        "an object",
        "a file",
    ]


def test_of_a_novel_only_the_beginning_is_compared() -> None:
    assert nearest("a" * 100 + "b" * 1000, ["a" * 100]) == "a" * 100
    assert nearest("b", ["a"]) is None


# --- places -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "pointer", "code"),
    [
        ({"image_url": {"url": URL, "detail": "high"}}, "/image_url/detail", "unknown_field"),
        ({"image_url": {}}, "/image_url/url", "required"),
        ({"image_url": {"url": 7}}, "/image_url/url", "wrong_type"),
        ({"image_url": [URL]}, "/image_url", "wrong_type"),
        ({"file_id": 7}, "/file_id", "wrong_type"),
        ({"url": URL, "type": 7}, "/type", "wrong_type"),
        ({"url": URL, "type": "x"}, "/type", "unsupported_value"),
        ({"url": URL, "file_id": "a"}, "", "conflicting_fields"),
    ],
    ids=brief,
)
def test_a_fault_of_an_input_is_told_at_the_member_that_has_it(
    value: Any, pointer: str, code: str
) -> None:
    fault = fault_of("first_frame", value)
    assert (fault.pointer, fault.code) == (f"/first_frame{pointer}", code)


@pytest.mark.parametrize(
    ("name", "value", "pointers"),
    [
        ("provider_options", {"a/b": []}, ["/a~1b"]),
        ("provider_options", {"p": {"o": []}}, ["/p/o"]),
        ("provider_options", {"p": {"": 1}}, ["/p/"]),
        ("provider_options", {"p": {"o" * 65: 1}}, [f"/p/{'o' * 63}…"]),
        ("frame_images", [{"url": URL}], ["/0/frame_type"]),
        ("frame_images", [{"frame_type": 1}], ["/0/frame_type"]),
        ("frame_images", [{"frame_type": "middle"}], ["/0/frame_type"]),
        ("frame_images", [7, {"url": URL}], ["/0", "/1/frame_type"]),
    ],
    ids=brief,
)
def test_every_fault_inside_a_field_is_told_at_its_own_place(
    name: str, value: Any, pointers: list[str]
) -> None:
    assert list(bad({"prompt": "a", name: value})) == [f"/{name}{at}" for at in pointers]


def test_what_is_sound_beside_a_fault_is_still_known_by_the_callers_names() -> None:
    found = parse_create({"prompt": "a", "duration": 5, "images": 7, "ratio": "16:9"})
    assert not isinstance(found, Parsed)
    assert found.sound is not None
    assert found.sound.spelled == {"/seconds": "/duration", "/aspect_ratio": "/ratio"}


# --- text that holds JSON ---------------------------------------------------------


@pytest.mark.parametrize("blank", ["", " ", "\t", "\r\n", " \n\t\r "])
def test_an_object_as_text_may_begin_with_blanks(blank: str) -> None:
    text = blank + '{"fallbak": 1}'
    assert bad({"prompt": "a", "routing": text})["/routing/fallbak"].nearest == "fallbacks"
    assert bad({"first_frame": blank + "{}"})["/first_frame"].code == "required"


def test_a_list_as_text_names_each_item_by_its_place() -> None:
    faults = bad({"images": f' ["{URL}", 7, {{"url": 7}}]'})
    assert list(faults) == ["/images/1", "/images/2/url"]


def test_only_what_json_calls_blank_may_stand_before_it() -> None:
    assert fault_of("first_frame", "\u3000{}").code == "bad_url"
    assert fault_of("metadata", "\u3000{}").code == "wrong_type"


def test_an_object_as_text_is_as_large_as_its_marks_are_many() -> None:
    long = {f"k{n}": "X" * 512 for n in range(16)}
    assert good({"prompt": "a", "metadata": json.dumps(long)}).metadata == long
    many = json.dumps({str(n): "" for n in range(MAX_PARTS)})
    assert fault_of("metadata", many).detail == f"has {MAX_PARTS} entries; at most 16 are taken"
