import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import Settings
from mockserver.pictory import rules as pictory_rules
from mockserver.pictory.rules import Fault
from mockserver.pixverse.rules import CREATE_V4, ENDPOINTS, FRAMES_V3, Endpoint, decoded
from mockserver.wire.rules import Count, length
from tests.mockserver.drivers import PICTORY, USEAPI, VIDEOS, Open

EMOJI = "😀"
JSON = {"Content-Type": "application/json"}
NESTED = b'{"prompt":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
HOSTILE = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"prompt": "\\ud800 alone"}',
    b'{"prompt": "nul \\u0000 inside"}',
    b'{"prompt": "\xff not utf-8"}',
    b'{"prompt": "hello", "seed": 1e999}',
    b'{"prompt": "hello", "seed": ' + b"9" * 5000 + b"}",
    b"\xef\xbb\xbf{}",
    NESTED,
]


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: repr(body[:40]))
async def test_hostile_json_is_a_bad_request_and_never_a_crash(opened: Open, body: bytes) -> None:
    async with opened() as (mock, client):
        for path, headers in (
            ("/pictoryapis/v1/aistudio/videos", PICTORY),
            (f"{VIDEOS}/create-v4", USEAPI),
            ("/v2/pixverse/accounts/a@example.com", USEAPI),
        ):
            answer = await client.http.post(path, content=body, headers=headers | JSON)
            assert answer.status_code == 400
        assert mock.ledger.charges == ()


async def test_a_form_number_too_long_for_python_is_a_fault_of_its_field(opened: Open) -> None:
    async with opened() as (_, client):
        parts: Any = {"prompt": (None, "dawn"), "seed": (None, "9" * 5000)}
        answer = await client.http.post(f"{VIDEOS}/create-v4", files=parts, headers=USEAPI)

        assert answer.status_code == 400
        assert answer.json()["error"].startswith("seed")


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Disposition: form-data; name",
        b"Content-Disposition: form-data; name*=utf-8\0''a",
        b"Content-Disposition: form-data; name*=",
        b"Content-Transfer-Encoding: uuencode",
        b"Content-Type: multipart/mixed; boundary=y",
    ],
)
async def test_a_form_that_breaks_the_parser_is_a_bad_request(opened: Open, line: bytes) -> None:
    async with opened() as (_, client):
        body = b"--x\r\n" + line + b"\r\n\r\nhello\r\n--x--\r\n"
        headers = USEAPI | {"Content-Type": "multipart/form-data; boundary=x"}
        answer = await client.http.post(f"{VIDEOS}/create-v4", content=body, headers=headers)

        assert answer.status_code == 400


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    assert pictory_rules.decoded(body)
    for endpoint in ENDPOINTS:
        assert decoded(endpoint, body, ())


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*pictory_rules.FIELDS, *FRAMES_V3.fields, "unknown"]),
        st.none() | st.integers() | st.text(st.characters()) | st.lists(st.text()),
    )
)
def test_any_object_is_decoded_or_refused_and_unknown_fields_are_dropped(
    body: dict[str, Any],
) -> None:
    order = pictory_rules.decoded(body)
    if isinstance(order, dict):
        assert set(order) <= set(pictory_rules.FIELDS)
    for endpoint in ENDPOINTS:
        made = decoded(endpoint, body, ())
        if isinstance(made, dict):
            assert set(made) <= {*endpoint.fields, *endpoint.defaults}


def test_what_was_left_out_is_filled_in() -> None:
    assert pictory_rules.decoded(b'{"prompt": "A drone", "model": "veo3.1", "x": 1}') == {
        "prompt": "A drone",
        "model": "veo3.1",
        "aspectRatio": "16:9",
        "duration": "4s",
    }
    assert decoded(CREATE_V4, b'{"prompt": "dawn", "style": null}', ()) == {
        "prompt": "dawn",
        "model": "v4",
        "quality": "540p",
        "duration": 5,
        "motion_mode": "normal",
        "aspect_ratio": "16:9",
        "remove_watermark": True,
    }


def test_a_field_with_two_faults_is_named_once() -> None:
    body = {
        "prompt": "A drone",
        "firstFrameImageUrl": "https://example.com/a.png",
        "referenceImageUrls": [],
    }

    assert pictory_rules.decoded(body) == [
        Fault(
            "referenceImageUrls",
            "must not be combined with firstFrameImageUrl; must be an array of 1 to 3 items",
        )
    ]


@given(st.text(st.characters()))
def test_characters_are_counted_in_both_ways(text: str) -> None:
    astral = sum(letter > "\uffff" for letter in text)

    assert length(text, "code_points") == len(text)
    assert length(text, "utf16") == len(text) + astral


@pytest.mark.parametrize(("count", "emojis"), [("code_points", 2048), ("utf16", 1024)])
def test_the_count_decides_how_many_emojis_fit(count: Count, emojis: int) -> None:
    def fits(number: int) -> bool:
        body = {"prompt": EMOJI * number}
        return isinstance(decoded(CREATE_V4, body, (), count=count), dict)

    assert fits(emojis)
    assert not fits(emojis + 1)


@pytest.mark.parametrize(("count", "status"), [("code_points", 400), ("utf16", 200)])
async def test_the_setting_reaches_both_providers(opened: Open, count: Count, status: int) -> None:
    async with opened(Settings(clock="frozen", prompt_count=count)) as (_, client):
        assert (await client.pictory(EMOJI * 3)).status_code == status
        other = {400: 200, 200: 400}[status]
        assert (await client.text_video(EMOJI * 2000)).status_code == other


def test_settings_know_the_ways_of_counting() -> None:
    assert get_args(Count) == ("code_points", "utf16")
    with pytest.raises(ValueError, match="prompt_count"):
        Settings(prompt_count="bytes")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({"motion_mode": "fast"}, True),
        ({"motion_mode": "fast", "duration": 8}, False),
        ({"motion_mode": "fast", "quality": "1080p"}, False),
        ({"quality": "1080p"}, True),
        ({"quality": "1080p", "duration": 8}, False),
        ({"quality": "720p", "duration": 8}, True),
    ],
)
@pytest.mark.parametrize("endpoint", [CREATE_V4, ENDPOINTS[4]], ids=lambda each: each.path)
def test_combinations_are_refused_of_old_models_and_only_when_asked(
    endpoint: Endpoint,
    change: dict[str, Any],
    good: bool,  # noqa: FBT001
) -> None:
    body = {"prompt": "dawn", **change}

    assert isinstance(decoded(endpoint, body, ()), dict)
    fits = isinstance(decoded(endpoint, body, (), strict=True), dict)
    assert fits is (good or endpoint is not CREATE_V4)


async def test_the_switch_for_combinations_reaches_the_wire(opened: Open) -> None:
    body: dict[str, Any] = {"duration": 8, "quality": "1080p"}
    for strict, status in ((False, 200), (True, 400)):
        settings_ = Settings(clock="frozen", strict_combinations=strict)
        async with opened(settings_) as (_, client):
            assert (await client.text_video(**body)).status_code == status


def test_the_decoders_read_what_json_writes() -> None:
    body = {"prompt": f"été {EMOJI}", "seed": 7}

    made = decoded(CREATE_V4, json.dumps(body).encode(), ())
    assert isinstance(made, dict)
    assert made["prompt"] == body["prompt"]
