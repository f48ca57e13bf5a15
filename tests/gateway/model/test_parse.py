import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model.aliases import ALIASES, FIELDS, NAMES
from gateway.model.inputs import (
    FileInput,
    FrameInput,
    InlineInput,
    StoredInput,
    UrlInput,
    VideoInput,
)
from gateway.model.parse import (
    MAX_CALLBACK,
    MAX_DEADLINE,
    MAX_FALLBACKS,
    MAX_PROMPT,
    MAX_UNKNOWN,
    Parsed,
    Unreadable,
    Upload,
    parse_create,
)
from gateway.model.reading import MAX_PARTS
from gateway.model.request import CreateVideo, Priority, Routing
from providers.contract import Mode
from tests.gateway.model.reading_support import (
    CONTENT,
    DATA,
    LIKELY,
    URL,
    all_faults,
    bad,
    brief,
    fault_of,
    fit_the_document,
    good,
)
from tests.strategies import CALM, json_values, objects

# --- what is taken ----------------------------------------------------------------


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


# --- faults -----------------------------------------------------------------------


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


FAULTY: dict[str, tuple[Any, str, str]] = {
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


# --- whatever comes ---------------------------------------------------------------

BODIES = json_values() | objects(*NAMES, likely=st.sampled_from(LIKELY))


@CALM
@given(BODIES)
def test_any_json_value_is_a_request_or_a_list_of_faults_that_can_be_answered(
    body: object,
) -> None:
    found = parse_create(body)
    if isinstance(found, Parsed):
        asked = found.request
        assert isinstance(body, dict)
        assert set(body) <= set(NAMES)
        assert asked.prompt is not None or asked.given
        assert msgspec.json.decode(msgspec.json.encode(asked), type=CreateVideo) == asked
    else:
        assert found.faults
        assert len(set(found.faults)) == len(found.faults)
        assert all(fault.code and fault.detail for fault in found.faults)
        assert json.loads(msgspec.json.encode(found.faults))


@CALM
@given(BODIES)
def test_every_pointer_leads_to_a_place_in_the_body(body: object) -> None:
    found = parse_create(body)
    for fault in () if isinstance(found, Parsed) else found.faults:
        if fault.code != "required" and "…" not in fault.pointer and "\ufffd" not in fault.pointer:
            at: Any = body
            for part in fault.pointer.split("/")[1:]:
                at = json.loads(at) if isinstance(at, str) else at
                name = part.replace("~1", "/").replace("~0", "~")
                at = at[int(name)] if isinstance(at, list) else at[name]


@CALM
@given(objects(*NAMES, likely=st.sampled_from(LIKELY)), st.sampled_from(sorted(FAULTY)))
@example({"prompt": None}, "first_frame")
@example({f"f{n}": n for n in range(MAX_UNKNOWN)}, "promt")
def test_one_more_fault_hides_no_other(body: dict[str, Any], name: str) -> None:
    names = {name, *(other for group in alike() if name in group for other in group)}
    # Nothing is null: a prompt that is null is missing only as long as no picture is given.
    rest = {key: one for key, one in body.items() if key not in names and one is not None}
    value, pointer, code = FAULTY[name]
    before = parse_create({"prompt": "a"} | rest)
    # Before all others, for of very many unknown names only the first are told one by one.
    after = all_faults({name: value, "prompt": "a"} | rest)
    if not isinstance(before, Parsed):
        unknown = sum(fault.code == "unknown_field" for fault in before.faults)
        assert unknown >= MAX_UNKNOWN or set(before.faults) <= set(after)
    assert (pointer, code) in {(fault.pointer, fault.code) for fault in after}


def alike() -> list[set[str]]:
    """Names that mean the same field, and so cannot be given together."""
    groups = [{field, *others} for field, others in ALIASES.items()]
    frames = {"frame_images", *groups[FIELDS.index("first_frame")]}
    frames |= groups[FIELDS.index("last_frame")]
    return [
        *groups,
        frames,
        {"size", *groups[FIELDS.index("aspect_ratio")], *groups[FIELDS.index("resolution")]},
        {"routing", "fallbacks"},
        {"metadata", "replyRef"},
        {"provider", *groups[FIELDS.index("provider_options")]},
    ]


PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
INPUTS = (
    st.builds(UrlInput, PLAIN)
    | st.builds(StoredInput, PLAIN, st.just("image/png"), st.none() | PLAIN)
    | st.builds(InlineInput, st.binary())
    | st.builds(FileInput, PLAIN)
    | st.builds(FrameInput, PLAIN, st.sampled_from(["first", "last"]))
    | st.builds(VideoInput, PLAIN)
)
WHOLE = st.integers(0, 2**63 - 1)


@CALM
@given(
    st.builds(
        CreateVideo,
        model=PLAIN,
        prompt=st.none() | PLAIN,
        seconds=st.none() | WHOLE,
        aspect_ratio=st.none() | PLAIN,
        resolution=st.none() | PLAIN,
        first_frame=st.none() | INPUTS,
        last_frame=st.none() | INPUTS,
        reference_images=st.lists(INPUTS, max_size=3).map(tuple),
        extend_video=st.none() | INPUTS,
        seed=st.none() | WHOLE,
        motion_mode=st.none() | PLAIN,
        remove_watermark=st.none() | st.booleans(),
        negative_prompt=st.none() | PLAIN,
        callback_url=st.none() | PLAIN,
        metadata=st.dictionaries(PLAIN, PLAIN, max_size=3),
        provider_options=st.dictionaries(
            PLAIN,
            st.dictionaries(PLAIN, PLAIN | WHOLE | st.booleans(), max_size=2),
            max_size=2,
        ),
        routing=st.builds(
            Routing,
            fallbacks=st.lists(PLAIN, max_size=2).map(tuple),
            max_cost=st.none() | PLAIN,
            deadline=st.none() | WHOLE,
            queue=st.booleans(),
        ),
    )
)
def test_a_request_is_the_same_after_it_was_stored(asked: CreateVideo) -> None:
    stored = msgspec.json.encode(asked).decode()
    assert msgspec.json.decode(stored, type=CreateVideo) == asked


@CALM
@given(BODIES)
def test_what_is_taken_is_what_the_documented_body_takes(body: Any) -> None:
    if isinstance(parse_create(body), Parsed):
        fit_the_document(body)


# --- what is sound of a body that is not -------------------------------------------


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
