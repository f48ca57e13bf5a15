import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import FieldFault
from gateway.model.request import (
    _READERS,
    MAX_PROMPT,
    MAX_UNKNOWN,
    MAX_URL,
    CreateVideo,
    CreateVideoBody,
    InlineInput,
    StoredInput,
    UrlInput,
    parse_create,
)
from providers.contract import Mode, Role
from tests.strategies import CALM, json_values, objects

PNG = base64.b64encode(b"\x89PNG").decode()
URL = "https://example.com/a.png"
FIELDS = tuple(_READERS)


def good(body: object, **options: Any) -> CreateVideo:
    parsed = parse_create(body, **options)
    assert isinstance(parsed, CreateVideo), parsed
    return parsed


def bad(body: object, **options: Any) -> dict[str, FieldFault]:
    """The faults by pointer."""
    parsed = parse_create(body, **options)
    assert not isinstance(parsed, CreateVideo), parsed
    assert parsed
    return {fault.pointer: fault for fault in parsed}


def fault_of(name: str, value: object) -> FieldFault:
    """The one fault that a field has by itself."""
    faults = bad({"prompt": "a", "first_frame": URL} | {name: value})
    assert list(faults) == [f"/{name}"]
    return faults[f"/{name}"]


# --- what is taken ----------------------------------------------------------------


def test_a_prompt_is_enough() -> None:
    asked = good({"prompt": "a lighthouse"})
    assert asked == CreateVideo(prompt="a lighthouse")
    assert (asked.model, asked.mode, asked.inputs) == ("default", Mode.TEXT, {})


def test_a_picture_is_enough() -> None:
    asked = good({"first_frame": URL})
    assert asked.prompt is None
    assert asked.mode is Mode.FIRST_FRAME
    assert asked.inputs == {Role.FIRST_FRAME: UrlInput(URL)}


def test_every_field_is_read() -> None:
    asked = good(
        {
            "model": "pictory/veo3.1",
            "prompt": "a lighthouse",
            "seconds": 8,
            "aspect_ratio": "9:16",
            "resolution": "720p",
            "first_frame": {"url": URL},
            "last_frame": f"data:image/png;base64,{PNG}",
            "seed": 0,
            "metadata": {"order": "7"},
        }
    )
    assert asked == CreateVideo(
        model="pictory/veo3.1",
        prompt="a lighthouse",
        seconds=8,
        aspect_ratio="9:16",
        resolution="720p",
        first_frame=UrlInput(URL),
        last_frame=InlineInput(b"\x89PNG"),
        seed=0,
        metadata={"order": "7"},
    )
    assert asked.mode is Mode.FIRST_LAST_FRAME


@pytest.mark.parametrize("name", sorted(set(FIELDS) - {"prompt"}))
def test_null_means_left_out(name: str) -> None:
    assert good({"prompt": "a", name: None}) == CreateVideo(prompt="a")


def test_text_is_taken_as_it_stands() -> None:
    prompt = " \ufeffe\u0301 👨‍👩‍👧 नमस्ते \u2028 "
    assert good({"prompt": prompt}).prompt == prompt


@pytest.mark.parametrize(
    ("given", "seconds"), [(7, 7), ("8", 8), ("00008", 8), (0, 0), ("99999", 99_999)]
)
def test_seconds_may_be_digits_in_a_string(given: object, seconds: int) -> None:
    assert good({"prompt": "a", "seconds": given}).seconds == seconds


@pytest.mark.parametrize("given", ["", "8s", "-8", "8.0", " 8", "\u0668", "²", "000008", [8], 9.5])
def test_seconds_in_any_other_form_are_of_the_wrong_type(given: object) -> None:
    assert fault_of("seconds", given).code == "wrong_type"


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
    ],
)
def test_a_body_that_is_no_object_is_named_for_what_it_is(body: object, kind: str) -> None:
    assert bad(body)[""].detail == f"expected a JSON object, got {kind}"


def test_every_fault_is_told_at_once_with_its_pointer() -> None:
    faults = bad(
        {
            "model": 7,
            "seconds": True,
            "aspect_ratio": "",
            "resolution": ["720p"],
            "last_frame": "ftp://x/y",
            "seed": -1,
            "metadata": [],
            "promt": "a",
            "a/b~c": 1,
        }
    )
    assert {pointer: fault.code for pointer, fault in faults.items()} == {
        "/promt": "unknown_field",
        "/a~1b~0c": "unknown_field",
        "/model": "wrong_type",
        "/seconds": "wrong_type",
        "/aspect_ratio": "too_short",
        "/resolution": "wrong_type",
        "/last_frame": "bad_url",
        "/seed": "out_of_range",
        "/metadata": "wrong_type",
        "/first_frame": "required",
    }


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("promt", "prompt"),
        ("second", "seconds"),
        ("aspectRatio", "aspect_ratio"),
        ("firstFrame", "first_frame"),
        ("meta_data", "metadata"),
        ("zzzz", None),
    ],
)
def test_an_unknown_field_is_answered_with_the_nearest_name(name: str, nearest: str | None) -> None:
    fault = bad({"prompt": "a", name: 1})[f"/{name}"]
    assert fault.nearest == nearest
    assert fault.allowed == FIELDS
    assert (f"did you mean {nearest!r}?" in fault.detail) == (nearest is not None)


def test_a_long_unknown_name_is_cut() -> None:
    (pointer,) = bad({"prompt": "a", "x" * 100_000: 1})
    assert pointer == "/" + "x" * 63 + "…"


def test_of_very_many_unknown_fields_only_some_are_told_one_by_one() -> None:
    faults = parse_create({"prompt": "a"} | {f"f{n}": n for n in range(10_000)})
    assert isinstance(faults, tuple)
    assert len(faults) == MAX_UNKNOWN + 1
    assert faults[-1].detail == f"there are {10_000 - MAX_UNKNOWN} more unknown fields"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/prompt"),
        ({"prompt": None}, "/prompt"),
        ({"last_frame": URL}, "/first_frame"),
        ({"prompt": "a", "last_frame": URL, "first_frame": None}, "/first_frame"),
    ],
)
def test_what_is_missing_is_told_by_name(body: object, pointer: str) -> None:
    assert {at: fault.code for at, fault in bad(body).items()} == {pointer: "required"}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("prompt", "", "too_short"),
        ("prompt", "a" * (MAX_PROMPT + 1), "too_long"),
        ("prompt", "👍" * (MAX_PROMPT + 1), "too_long"),
        ("prompt", "a\0", "bad_character"),
        ("prompt", "a\ud83d", "bad_character"),
        ("prompt", {"text": "a"}, "wrong_type"),
        ("model", "m" * 201, "too_long"),
        ("aspect_ratio", 1.5, "wrong_type"),
        ("resolution", 720, "wrong_type"),
        ("seconds", -1, "out_of_range"),
        ("seconds", 10**400, "out_of_range"),
        ("seconds", float("nan"), "wrong_type"),
        ("seed", True, "wrong_type"),
        ("seed", 1.0, "wrong_type"),
        ("seed", "1", "wrong_type"),
        ("seed", 2**63, "out_of_range"),
    ],
)
def test_a_value_that_nobody_could_take_is_refused(name: str, value: object, code: str) -> None:
    assert fault_of(name, value).code == code


def test_limits_themselves_are_still_taken() -> None:
    asked = good({"prompt": "👍" * MAX_PROMPT, "model": "m" * 200, "seed": 2**63 - 1})
    assert asked.prompt == "👍" * MAX_PROMPT
    assert asked.seed == 2**63 - 1


# --- pictures ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "HTTPS://EXAMPLE.com/A",
        "https://example.com:8443/a?b=c&d=%20#e",
        "https://[2001:db8::1]/a",
        "https://пример.example/ä.png",
        "https://example.com/" + "a" * (MAX_URL - 20),
    ],
    ids=["plain", "capitals", "query", "IPv6", "not ASCII", "longest"],
)
def test_an_https_url_is_taken_as_it_stands(url: str) -> None:
    assert good({"first_frame": url}).first_frame == UrlInput(url)
    assert good({"first_frame": {"url": url}}).first_frame == UrlInput(url)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("http://example.com/a.png", "bad_url"),
        ("ftp://example.com/a.png", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
        ("//example.com/a.png", "bad_url"),
        ("example.com/a.png", "bad_url"),
        ("https:///a.png", "bad_url"),
        ("https:", "bad_url"),
        ("", "bad_url"),
        ("https://user@example.com/", "bad_url"),
        ("https://user:pass@example.com/", "bad_url"),
        ("https://@example.com/", "bad_url"),
        ("https://example.com/a b", "bad_url"),
        (" https://example.com/", "bad_url"),
        ("https://example.com/\n", "bad_url"),
        ("https://example.com/\x00", "bad_url"),
        ("https://example.com/\x7f", "bad_url"),
        ("https://example.com/\u3000", "bad_url"),
        ("https://example.com\\@evil.example/", "bad_url"),
        ("https://example.com/\ud800", "bad_url"),
        ("https://example.com:port/", "bad_url"),
        ("https://example.com:99999/", "bad_url"),
        ("https://[::1/", "bad_url"),
        ("https://a\u2100b/", "bad_url"),
        ("https://example.com/" + "a" * (MAX_URL - 19), "too_long"),
        (7, "wrong_type"),
        ([URL], "wrong_type"),
        ({}, "wrong_type"),
        ({"url": URL, "detail": "high"}, "wrong_type"),
        ({"url": 7}, "wrong_type"),
        ({"url": None}, "wrong_type"),
        ({"file_id": "x"}, "wrong_type"),
    ],
)
def test_any_other_url_is_refused(value: object, code: str) -> None:
    assert fault_of("first_frame", value).code == code
    assert fault_of("last_frame", value).code == code


def test_plain_http_is_for_the_hosts_that_are_allowed() -> None:
    def lan(host: str) -> bool:
        return host == "pictures.lan"

    allowed = "http://pictures.lan:8000/a"
    assert good({"first_frame": allowed}, plain_http=lan).first_frame == UrlInput(allowed)
    faults = bad({"first_frame": "http://pictures.lan.example/a"}, plain_http=lan)
    assert faults["/first_frame"].code == "bad_url"
    assert bad({"first_frame": "http://a@pictures.lan/a"}, plain_http=lan)
    assert bad({"first_frame": "ftp://pictures.lan/a"}, plain_http=lan)


@pytest.mark.parametrize(
    "url",
    [
        f"data:image/png;base64,{PNG}",
        f"data:image/png;charset=utf-8;base64,{PNG}",
        f"data:;base64,{PNG}",
    ],
)
def test_a_data_url_is_its_bytes(url: str) -> None:
    assert good({"first_frame": url}).first_frame == InlineInput(b"\x89PNG")
    assert good({"first_frame": {"url": url}}).first_frame == InlineInput(b"\x89PNG")


@pytest.mark.parametrize(
    "url",
    [
        "data:",
        "data:image/png;base64",
        "data:image/png;base64,",
        f"data:image/png,{PNG}",
        "data:image/png;base64,a",
        "data:image/png;base64,****",
        f"data:image/png;base64,{PNG} ",
        f"data:image/png;base64,{PNG}ä",
        f"data:image/png;base64,{PNG}\ud800",
    ],
)
def test_a_data_url_that_cannot_be_decoded_is_refused(url: str) -> None:
    assert fault_of("first_frame", url).code == "bad_url"


# --- metadata ---------------------------------------------------------------------


def test_metadata_takes_as_much_as_it_says() -> None:
    most = {f"{n:02}".ljust(64, "k"): "v" * 512 for n in range(16)}
    assert good({"prompt": "a", "metadata": most}).metadata == most
    assert good({"prompt": "a", "metadata": {}}).metadata == {}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("text", "wrong_type"),
        ({f"k{n}": "v" for n in range(17)}, "too_long"),
        ({"k" * 65: "v"}, "too_long"),
        ({"": "v"}, "too_short"),
        ({"k": "v" * 513}, "too_long"),
        ({"k": 7}, "wrong_type"),
        ({"k": None}, "wrong_type"),
        ({"k": {"deep": "v"}}, "wrong_type"),
        ({"k\0": "v"}, "bad_character"),
        ({"k": "\ud800"}, "bad_character"),
    ],
)
def test_metadata_beyond_its_limits_is_refused(value: object, code: str) -> None:
    assert fault_of("metadata", value).code == code


def test_every_wrong_entry_of_metadata_is_told() -> None:
    detail = fault_of("metadata", {"a": 7, "fine": "v", "b" * 70: ""}).detail
    assert detail == (
        "the value of 'a' expected a string, got a number; "
        f"the name of '{'b' * 63}…' has 70 characters; at most 64 are taken; "
        f"the value of '{'b' * 63}…' must not be empty"
    )


# --- whatever comes ---------------------------------------------------------------

LIKELY = st.sampled_from([URL, "a", 8, "8", {"url": URL}, f"data:image/png;base64,{PNG}", {}])


@CALM
@given(json_values() | objects(*FIELDS, likely=LIKELY))
def test_any_json_value_is_a_request_or_a_list_of_faults_that_can_be_answered(
    body: object,
) -> None:
    parsed = parse_create(body)
    if isinstance(parsed, CreateVideo):
        assert isinstance(body, dict)
        assert set(body) <= set(FIELDS)
        assert parsed.prompt is not None or parsed.inputs
        assert msgspec.json.decode(msgspec.json.encode(parsed), type=CreateVideo) == parsed
    else:
        assert parsed
        assert all(fault.code and fault.detail for fault in parsed)
        assert json.loads(msgspec.json.encode(parsed))


PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
INPUTS = (
    st.builds(UrlInput, PLAIN)
    | st.builds(StoredInput, PLAIN, st.just("image/png"))
    | st.builds(InlineInput, st.binary())
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
        seed=st.none() | WHOLE,
        metadata=st.dictionaries(PLAIN, PLAIN, max_size=3),
    )
)
def test_a_request_is_the_same_after_it_was_stored(asked: CreateVideo) -> None:
    stored = msgspec.json.encode(asked).decode()
    assert msgspec.json.decode(stored, type=CreateVideo) == asked


# --- the documented body ----------------------------------------------------------


def test_readers_request_and_documented_body_have_the_same_fields() -> None:
    named = [field.name for field in msgspec.structs.fields(CreateVideo)]
    documented = [field.name for field in msgspec.structs.fields(CreateVideoBody)]
    assert list(FIELDS) == named == documented


def test_every_field_of_the_documented_body_may_be_left_out() -> None:
    for field in msgspec.structs.fields(CreateVideoBody):
        assert not field.required
        default = getattr(CreateVideo(), field.name)
        assert field.default in (default, None)


@CALM
@given(objects(*FIELDS, likely=LIKELY))
def test_what_is_taken_is_what_the_documented_body_takes(body: dict[str, Any]) -> None:
    if not isinstance(parse_create(body), CreateVideo):
        return
    # null is taken for every field, although the schema need not say so.
    given = {name: value for name, value in body.items() if value is not None}
    assert isinstance(msgspec.convert(given, CreateVideoBody), CreateVideoBody)


@pytest.mark.parametrize("prompt", ["", " ", "  \n\t "])
def test_a_blank_prompt_says_nothing(prompt: str) -> None:
    assert bad({"prompt": prompt})["/prompt"].code == "too_short"
