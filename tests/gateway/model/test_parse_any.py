"""Whatever comes for a body."""

import json
from typing import Any

import msgspec
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
    MAX_UNKNOWN,
    Parsed,
    parse_create,
)
from gateway.model.request import CreateVideo, Routing
from tests.gateway.model.reading_support import (
    BODIES,
    FAULTY,
    LIKELY,
    all_faults,
    fit_the_document,
)
from tests.strategies import CALM, objects


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
