from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.aliases import ALIASES
from gateway.model.inputs import FrameInput, InlineInput, UrlInput
from gateway.model.parse import Parsed, Upload, parse_create
from tests.gateway.model.reading_support import CONTENT, DATA, URL, all_faults, bad, good, parsed
from tests.strategies import CALM

VALUES: dict[str, Any] = {
    "model": "pictory/veo3.1",
    "prompt": "a lighthouse",
    "seconds": "8s",
    "size": "1280x720",
    "aspect_ratio": "9:16",
    "resolution": "720p",
    "first_frame": {"image_url": {"url": URL}},
    "last_frame": DATA,
    "reference_images": [URL, {"file_id": "file_1"}],
    "extend_video": {"id": "video_1"},
    "seed": 7,
    "motion_mode": "fast",
    "remove_watermark": True,
    "negative_prompt": "fog",
    "n": 1,
    "callback_url": "https://example.com/hook",
    "metadata": {"a": "b"},
    "provider_options": {"p": {"o": 1}},
    "routing": {"fallbacks": ["x", "y"]},
}
PAIRS = [(name, field) for field, others in ALIASES.items() for name in others]
FRAME = {"frame_type": "first_frame", "type": "image_url", "image_url": {"url": URL}}

UNFOLDED: list[tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = [
    (
        {"fallbacks": ["x", "y"]},
        {"routing": {"fallbacks": ["x", "y"]}},
        {"/routing/fallbacks": "/fallbacks"},
    ),
    ({"fallbacks": "x"}, {"routing": {"fallbacks": ["x"]}}, {"/routing/fallbacks": "/fallbacks"}),
    (
        {"replyRef": "7", "metadata": {"a": ""}},
        {"metadata": {"a": "", "replyRef": "7"}},
        {"/metadata/replyRef": "/replyRef"},
    ),
    ({"replyRef": ""}, {"metadata": {"replyRef": ""}}, {"/metadata/replyRef": "/replyRef"}),
    (
        {"provider": {"options": {"p": {"o": 1}}}},
        {"provider_options": {"p": {"o": 1}}},
        {"/provider_options": "/provider/options"},
    ),
    ({"frame_images": [FRAME]}, {"first_frame": URL}, {"/first_frame": "/frame_images/0"}),
    ({"frame_images": FRAME}, {"first_frame": URL}, {"/first_frame": "/frame_images"}),
    (
        {"frame_images": [{"frame_type": "last_frame", "url": DATA}, FRAME]},
        {"first_frame": URL, "last_frame": DATA},
        {"/first_frame": "/frame_images/1", "/last_frame": "/frame_images/0"},
    ),
    (
        {"frame_images": [{"frame_type": "first_frame", "video": "video_1", "frame": "first"}]},
        {"first_frame": {"video": "video_1", "frame": "first"}},
        {"/first_frame": "/frame_images/0"},
    ),
    (
        {"size": "720x1280"},
        {"aspect_ratio": "9:16", "resolution": "720p"},
        {},
    ),
    ({"images": URL}, {"reference_images": [URL]}, {"/reference_images/0": "/images"}),
    ({"reference_images": URL}, {"reference_images": [URL]}, {}),
]


@pytest.mark.parametrize(("name", "field"), PAIRS)
def test_an_alias_gives_the_same_request_as_the_canonical_name(name: str, field: str) -> None:
    prompt = {} if field == "prompt" else {"prompt": "a"}
    found = parsed({**prompt, name: VALUES[field]})
    assert found.request == good({**prompt, field: VALUES[field]})
    assert found.spelled == {f"/{field}": f"/{name}"}


@CALM
@given(st.data())
def test_any_mixture_of_spellings_gives_the_same_request(data: st.DataObject) -> None:
    fields = data.draw(st.sets(st.sampled_from(sorted(VALUES)))) | {"prompt"}
    if "size" in fields:
        fields -= {"aspect_ratio", "resolution"}
    names = {field: data.draw(st.sampled_from((field, *ALIASES[field]))) for field in fields}
    order = data.draw(st.permutations(sorted(fields)))
    found = parsed({names[field]: VALUES[field] for field in order})
    assert found.request == good({field: VALUES[field] for field in fields})
    assert found.spelled == {f"/{f}": f"/{name}" for f, name in names.items() if f != name}


@pytest.mark.parametrize(("others", "canonical", "spelled"), UNFOLDED)
def test_a_shape_of_another_api_gives_the_same_request(
    others: dict[str, Any], canonical: dict[str, Any], spelled: dict[str, str]
) -> None:
    found = parsed({"prompt": "a"} | others)
    assert found.request == good({"prompt": "a"} | canonical)
    assert {at: place for at, place in found.spelled.items() if at in spelled} == spelled


@pytest.mark.parametrize(
    "given",
    [
        Upload(CONTENT, "first.png"),
        DATA,
        {"image_url": DATA},
        {"image_url": {"url": DATA}},
        {"type": "input_image", "image_url": DATA},
    ],
)
def test_openais_input_reference_is_the_first_frame(given: object) -> None:
    assert good({"input_reference": given}).first_frame == InlineInput(CONTENT)


def test_openais_extend_names_the_video_by_its_id() -> None:
    found = parsed({"video": {"id": "video_1"}, "prompt": "on", "seconds": "8"})
    assert found.request.sources == ("video_1",)


def test_openrouters_body_is_taken_as_it_is() -> None:
    found = parsed(
        {
            "model": "default",
            "prompt": "a lighthouse",
            "duration": 8,
            "resolution": "720p",
            "aspect_ratio": "16:9",
            "frame_images": [FRAME],
            "seed": 7,
            "callback_url": "https://example.com/hook",
            "provider": {"options": {"p": {"o": True}}},
        }
    )
    assert found.request.first_frame == UrlInput(URL)
    references = [{"type": "image_url", "image_url": {"url": URL}}] * 2
    assert good({"input_references": references}).reference_images == (UrlInput(URL),) * 2


def test_the_same_video_may_give_both_frames() -> None:
    asked = good({"first_frame": {"video": "v"}, "last_frame": {"video": "v"}})
    assert (asked.first_frame, asked.last_frame) == (
        FrameInput("v", "last"),
        FrameInput("v", "first"),
    )
    assert asked.sources == ("v",)


# --- conflicts --------------------------------------------------------------------


@pytest.mark.parametrize(("name", "field"), PAIRS)
def test_two_spellings_of_one_field_are_a_conflict_that_names_both(name: str, field: str) -> None:
    body = {"prompt": "a", field: VALUES[field], name: VALUES[field]}
    faults = bad(body)
    assert {at: fault.code for at, fault in faults.items()} == {f"/{name}": "conflicting_fields"}
    assert faults[f"/{name}"].detail.startswith(f"{field} and {name} say the same thing")
    assert all_faults(dict(reversed(body.items()))) == tuple(faults.values())


@pytest.mark.parametrize(
    ("body", "pointer", "named"),
    [
        ({"size": "1280x720", "aspect_ratio": "16:9"}, "/size", "aspect_ratio"),
        ({"size": "1280x720", "quality": "720p"}, "/size", "quality"),
        (
            {"size": "1280x720", "ratio": "16:9", "resolution": "720p"},
            "/size",
            "ratio and resolution",
        ),
        ({"frame_images": [FRAME], "image": URL}, "/frame_images/0", "image and frame_images/0"),
        (
            {"frame_images": [FRAME, FRAME]},
            "/frame_images/1",
            "frame_images/0 and frame_images/1",
        ),
        (
            {"routing": {"fallbacks": ["a"]}, "fallbacks": ["a"]},
            "/fallbacks",
            "routing/fallbacks and fallbacks",
        ),
        ({"metadata": {"replyRef": "1"}, "replyRef": "1"}, "/replyRef", "metadata.replyRef"),
        (
            {"provider": {"options": {}}, "provider_options": {}},
            "/provider/options",
            "provider_options and provider/options",
        ),
        (
            {"seconds": 5, "duration": 5, "prompt": "a"},
            "/duration",
            "seconds and duration",
        ),
    ],
)
def test_what_says_the_same_thing_twice_is_a_conflict(
    body: dict[str, Any], pointer: str, named: str
) -> None:
    faults = bad({"prompt": "a"} | body)
    assert {at: fault.code for at, fault in faults.items()} == {pointer: "conflicting_fields"}
    assert named in faults[pointer].detail


def test_a_conflict_hides_no_fault_of_either_value() -> None:
    faults = all_faults(
        {"prompt": "a", "seconds": 2**63, "duration": "x", "size": "y", "ratio": ""}
    )
    assert {(fault.pointer, fault.code) for fault in faults} == {
        ("/duration", "conflicting_fields"),
        ("/size", "conflicting_fields"),
        ("/seconds", "out_of_range"),
        ("/duration", "wrong_type"),
        ("/size", "bad_size"),
        ("/ratio", "too_short"),
    }


def test_the_seventeenth_entry_of_metadata_may_not_come_as_a_reply_ref() -> None:
    full = {f"k{n}": "" for n in range(16)}
    faults = bad({"prompt": "a", "metadata": full, "replyRef": "7"})
    assert {at: fault.code for at, fault in faults.items()} == {"/replyRef": "too_long"}
    assert isinstance(parse_create({"prompt": "a", "metadata": full}), Parsed)
