from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.model.errors import FieldFault
from gateway.model.inputs import FileInput, FrameInput, InlineInput, Input, StoredInput, VideoInput
from gateway.model.request import CreateVideo
from gateway.routing.fit import fit, spec_as_asked
from providers.contract import ROLES, Capabilities, InputForm, Mode, Offer, VideoSpec
from tests.gateway.routing.rows_support import (
    ALL,
    MADE,
    NAMED,
    NARROW,
    URL,
    WIDE,
    codes,
    fitted,
    inputs_for,
    request_for,
)
from tests.strategies import CALM

# --- what fits --------------------------------------------------------------------


@pytest.mark.parametrize(("table", "offer"), NAMED)
def test_what_is_left_out_becomes_the_first_of_each_list(table: Capabilities, offer: Offer) -> None:
    assert fitted(request_for(offer), table, offer) == VideoSpec(
        model=offer.model,
        mode=offer.mode,
        prompt=request_for(offer).prompt,
        seconds=offer.seconds[0],
        aspect_ratio=next(iter(offer.aspect_ratios), None),
        resolution=next(iter(offer.resolutions), None),
        motion_mode=next(iter(offer.motion_modes), None),
        remove_watermark=offer.watermark,
    )


def test_what_is_given_is_kept() -> None:
    request = request_for(
        WIDE,
        seconds=8,
        aspect_ratio="9:16",
        resolution="1080p",
        seed=7,
        negative_prompt="fog",
        motion_mode="fast",
        remove_watermark=False,
        provider_options={"made": {"style": "clay", "level": 3, "loop": False}, "other": {"x": 1}},
    )
    assert fitted(request, MADE, WIDE) == VideoSpec(
        model="wide",
        mode=Mode.TEXT,
        prompt="aaaaa",
        seconds=8,
        aspect_ratio="9:16",
        resolution="1080p",
        seed=7,
        negative_prompt="fog",
        motion_mode="fast",
        remove_watermark=False,
        options={"style": "clay", "level": 3, "loop": False},
    )


def near(allowed: Sequence[Any], others: Sequence[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.sampled_from([*allowed, *others])


@st.composite
def wishes(draw: st.DrawFn, offer: Offer) -> tuple[CreateVideo, dict[str, bool]]:
    """A request in an offer's mode, and by pointer whether its table takes what is given."""
    low, high = offer.seed or (1, 5)
    most = offer.negative_prompt_max
    request = request_for(
        offer,
        seconds=draw(near(offer.seconds, (0, 4, 5, 6, 8, 10, 2**63 - 1))),
        aspect_ratio=draw(near(offer.aspect_ratios, ("21:9", "3:4", "16 : 9", ""))),
        resolution=draw(near(offer.resolutions, ("4K", "720P", "1080p"))),
        motion_mode=draw(near(offer.motion_modes, ("fast", "slow"))),
        remove_watermark=draw(st.none() | st.booleans()),
        negative_prompt=draw(st.none() | st.sampled_from(["fog", "f" * ((most or 5) + 1)])),
        seed=draw(near((low, high), (low - 1, high + 1, 7))),
    )
    return request, {
        "/negative_prompt": request.negative_prompt is None
        or (most is not None and len(request.negative_prompt) <= most),
        "/seconds": request.seconds in {None, *offer.seconds},
        "/aspect_ratio": request.aspect_ratio in {None, *offer.aspect_ratios},
        "/resolution": request.resolution in {None, *offer.resolutions},
        "/motion_mode": request.motion_mode in {None, *offer.motion_modes},
        "/remove_watermark": request.remove_watermark is None or offer.watermark is not None,
        "/seed": request.seed is None
        or (offer.seed is not None and offer.seed[0] <= request.seed <= offer.seed[1]),
    }


@CALM
@given(st.data(), st.sampled_from(ALL))
def test_a_spec_comes_back_exactly_when_every_value_given_is_in_the_table(
    data: st.DataObject, row: tuple[Capabilities, Offer]
) -> None:
    table, offer = row
    request, expected = data.draw(wishes(offer))
    found = fitted(request, table, offer)
    if all(expected.values()):
        assert found == spec_as_asked(request, table, offer.model, offer)
    else:
        # In the order of the table above, whatever order the faults were made in.
        assert list(codes(found)) == [pointer for pointer, right in expected.items() if not right]


@CALM
@given(st.data(), st.sampled_from(ALL))
def test_the_nearest_value_mends_what_was_wrong(
    data: st.DataObject, row: tuple[Capabilities, Offer]
) -> None:
    table, offer = row
    seconds = data.draw(st.integers(0, 30))
    assume(seconds not in offer.seconds)
    found = fitted(request_for(offer, seconds=seconds), table, offer)
    assert isinstance(found, tuple)
    (fault,) = found
    assert fault.allowed == offer.seconds
    assert isinstance(fault.nearest, int)
    assert abs(fault.nearest - seconds) == min(abs(one - seconds) for one in offer.seconds)
    assert isinstance(fitted(request_for(offer, seconds=fault.nearest), table, offer), VideoSpec)


def test_a_fault_says_what_is_taken_and_what_comes_nearest() -> None:
    found = fitted(request_for(WIDE, resolution="720", seed=0), MADE, WIDE)
    assert found == (
        FieldFault(
            pointer="/resolution",
            code="unsupported_value",
            detail="made/wide takes 720p or 1080p, not 720",
            allowed=("720p", "1080p"),
            nearest="720p",
            target="made/wide",
        ),
        FieldFault(
            pointer="/seed",
            code="out_of_range",
            detail="made/wide takes seeds from 1 to 99",
            nearest=1,
            target="made/wide",
        ),
    )


def test_what_a_model_offers_no_choice_of_is_to_be_left_out() -> None:
    request = request_for(
        NARROW,
        negative_prompt="fog",
        aspect_ratio="16:9",
        resolution="720p",
        motion_mode="fast",
        remove_watermark=False,
        seed=7,
        provider_options={"made": {"style": "anime"}},
    )
    found = fitted(request, MADE, NARROW)
    assert codes(found) == {
        "/negative_prompt": "unsupported_field",
        "/aspect_ratio": "unsupported_field",
        "/resolution": "unsupported_field",
        "/motion_mode": "unsupported_field",
        "/remove_watermark": "unsupported_field",
        "/seed": "unsupported_field",
        "/provider_options/made/style": "unknown_option",
    }
    assert isinstance(found, tuple)
    assert [fault.detail for fault in found[:-1]] == [
        f"made/narrow {why}: leave it out"
        for why in (
            "takes no negative prompt",
            "makes the video in the shape of its source",
            "offers no choice of resolution",
            "has no motion modes",
            "offers no choice of watermark",
            "takes no seed",
        )
    ]


def test_every_fault_is_told_at_once_and_in_order() -> None:
    request = CreateVideo(
        prompt="a",
        negative_prompt="f" * 11,
        seconds=7,
        aspect_ratio="2:1",
        resolution="8K",
        motion_mode="slow",
        seed=0,
        reference_images=(InlineInput(b"x"),),
        provider_options={"made": {"style": "oil"}},
    )
    assert list(codes(fit(request, MADE, "wide", public_url=False))) == [
        "/prompt",
        "/negative_prompt",
        "/seconds",
        "/aspect_ratio",
        "/resolution",
        "/motion_mode",
        "/seed",
        "/reference_images",
        "/provider_options/made/style",
        "/reference_images/0",
    ]


@pytest.mark.parametrize(
    ("values", "detail"),
    [
        ({"prompt": None}, "needs a prompt"),
        ({"prompt": "a" * 4}, "takes prompts of 5 to 100 characters; this one has 4"),
        ({"prompt": "a" * 101}, "takes prompts of 5 to 100 characters; this one has 101"),
        (
            {"negative_prompt": "f" * 11},
            "takes negative prompts of up to 10 characters; this one has 11",
        ),
        ({"seed": 100}, "takes seeds from 1 to 99"),
    ],
)
def test_a_fault_says_what_the_model_takes(values: dict[str, Any], detail: str) -> None:
    found = fitted(request_for(WIDE, **values), MADE, WIDE)
    assert isinstance(found, tuple)
    (fault,) = found
    assert (fault.detail, fault.target) == (f"made/wide {detail}", "made/wide")


def test_an_input_that_the_provider_cannot_fetch_is_told_with_both_ways_out() -> None:
    offer = MADE.offers[1]
    found = fitted(request_for(offer, FileInput("file_1")), MADE, offer, public=False)
    assert isinstance(found, tuple)
    assert found[0].detail == (
        "made/wide fetches its inputs by URL: give an https URL, or set server.public_url so "
        "that it can fetch this one from the gateway"
    )


@pytest.mark.parametrize(("seed", "nearest"), [(0, 1), (1, None), (99, None), (100, 99)])
def test_a_seed_out_of_range_has_the_nearest_end_of_it(seed: int, nearest: int | None) -> None:
    found = fitted(request_for(WIDE, seed=seed), MADE, WIDE)
    if nearest is None:
        assert isinstance(found, VideoSpec)
    else:
        assert isinstance(found, tuple)
        assert [(fault.code, fault.nearest) for fault in found] == [("out_of_range", nearest)]


def test_no_seconds_at_all_are_not_the_default() -> None:
    assert spec_as_asked(request_for(WIDE, seconds=0), MADE, "wide", WIDE).seconds == 0
    assert codes(fitted(request_for(WIDE, seconds=0), MADE, WIDE)) == {
        "/seconds": "unsupported_value"
    }


def test_a_long_value_is_cut_where_it_is_told() -> None:
    found = fitted(request_for(WIDE, resolution="x" * 200), MADE, WIDE)
    assert isinstance(found, tuple)
    assert len(found[0].detail) < 150


# --- prompts ----------------------------------------------------------------------


@pytest.mark.parametrize(("table", "offer"), NAMED)
def test_a_prompt_is_missed_where_it_is_required(table: Capabilities, offer: Offer) -> None:
    found = fitted(request_for(offer, prompt=None), table, offer)
    if offer.prompt_required:
        assert codes(found) == {"/prompt": "required"}
    else:
        assert isinstance(found, VideoSpec)
        assert found.prompt is None


# --- references -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "code"), [(1, "too_short"), (2, None), (3, None), (4, "too_long")]
)
def test_the_number_of_reference_images_is_the_models(count: int, code: str | None) -> None:
    offer = MADE.offers[2]
    request = request_for(offer, reference_images=(URL,) * count)
    found = fitted(request, MADE, offer)
    if code is None:
        assert isinstance(found, VideoSpec)
    else:
        assert codes(found) == {"/reference_images": code}
        assert isinstance(found, tuple)
        assert found[0].detail == f"made/wide takes 2 to 3 reference images; these are {count}"


# --- modes ------------------------------------------------------------------------

BOTH = "a first frame and reference images together"
ALL_THREE = "a first frame, a last frame and a video to extend together"


@pytest.mark.parametrize(
    ("target", "given", "pointer", "detail"),
    [
        (
            "made/wide",
            {"first_frame": URL, "last_frame": URL},
            "/last_frame",
            "text alone, a first frame or reference images, not from a first and a last frame",
        ),
        (
            "made/wide",
            {"last_frame": URL},
            "/last_frame",
            "text alone, a first frame or reference images, not from a last frame alone",
        ),
        (
            "made/wide",
            {"first_frame": URL, "reference_images": (URL, URL)},
            "/reference_images",
            f"text alone, a first frame or reference images, not from {BOTH}",
        ),
        (
            "made/narrow",
            {"first_frame": URL, "last_frame": URL, "extend_video": URL},
            "/first_frame",
            f"text alone or a video to extend, not from {ALL_THREE}",
        ),
        (
            "made/frames",
            {},
            "/model",
            "a first and a last frame, not from text alone",
        ),
        (
            "made/frames",
            {"first_frame": URL},
            "/model",
            "a first and a last frame, not from a first frame",
        ),
        (
            "made/frames",
            {"last_frame": URL},
            "/model",
            "a first and a last frame, not from a last frame alone",
        ),
    ],
)
def test_a_mode_that_a_model_lacks_points_at_the_input_too_many_or_too_few(
    target: str, given: dict[str, Any], pointer: str, detail: str
) -> None:
    frames = replace(WIDE, model="frames", mode=Mode.FIRST_LAST_FRAME)
    table = replace(MADE, offers=(*MADE.offers, frames))
    request = CreateVideo(prompt="hello", **given)
    found = fit(request, table, target.partition("/")[2], public_url=True)
    assert isinstance(found, tuple)
    (fault,) = found
    assert (fault.pointer, fault.code, fault.target) == (pointer, "unsupported_mode", target)
    assert fault.detail == f"{target} makes videos from {detail}"


def test_a_mode_that_a_model_lacks_hides_no_fault_that_every_row_of_it_has() -> None:
    request = CreateVideo(
        prompt="a" * 101,
        seconds=7,
        aspect_ratio="2:1",
        seed=100,
        last_frame=InlineInput(b"x"),
        provider_options={"made": {"stile": "clay"}},
    )
    assert codes(fit(request, MADE, "wide", public_url=False)) == {
        "/last_frame": "unsupported_mode",
        "/prompt": "too_long",
        "/seconds": "unsupported_value",
        "/aspect_ratio": "unsupported_value",
        "/seed": "out_of_range",
        "/provider_options/made/stile": "unknown_option",
    }


def test_an_input_that_goes_with_no_mode_of_the_model_needs_no_public_url() -> None:
    request = CreateVideo(
        prompt="hello", first_frame=FileInput("file_1"), last_frame=FileInput("file_2")
    )
    found = fit(request, MADE, "wide", public_url=False)
    assert codes(found) == {"/last_frame": "unsupported_mode", "/first_frame": "needs_public_url"}


def test_a_mode_that_a_model_lacks_brings_no_fault_that_some_row_of_it_has_not() -> None:
    # 10 seconds go with a first frame only, 16:9 without one, and 60 characters not with
    # reference images: which of them has to change depends on what becomes of the frames.
    request = CreateVideo(prompt="a" * 60, seconds=10, aspect_ratio="16:9", last_frame=URL)
    assert codes(fit(request, MADE, "wide", public_url=True)) == {"/last_frame": "unsupported_mode"}


def test_a_mode_that_a_model_lacks_has_no_row() -> None:
    request = CreateVideo(prompt="hello", last_frame=URL)
    assert MADE.offer("wide", request.mode) is None
    assert MADE.offer("none", Mode.TEXT) is None
    assert MADE.offer("wide", Mode.TEXT) is WIDE


def test_an_unknown_model_has_one_fault() -> None:
    found = fit(CreateVideo(prompt="hello"), MADE, "none", public_url=True)
    assert found == (
        FieldFault(
            pointer="/model",
            code="unknown_model",
            detail="Made has no model 'none'",
            target="made/none",
        ),
    )


# --- inputs -----------------------------------------------------------------------

HELD: list[Input] = [
    InlineInput(b"x"),
    StoredInput("ab", "image/png"),
    FileInput("file_1"),
    FrameInput("video_1", "last"),
    VideoInput("video_1"),
]


@pytest.mark.parametrize("value", [*HELD, URL], ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("public", [True, False])
@pytest.mark.parametrize(("table", "offer"), NAMED)
def test_an_input_we_hold_needs_a_public_url_only_where_the_provider_fetches_it(
    table: Capabilities, offer: Offer, value: Input, *, public: bool
) -> None:
    request = request_for(offer, value)
    found = fitted(request, table, offer, public=public)
    if table.input_form is InputForm.URL and request.given and value is not URL and not public:
        assert codes(found) == {one.pointer: "needs_public_url" for one in request.given}
    else:
        assert isinstance(found, VideoSpec)


def test_only_the_inputs_that_we_hold_need_a_public_url() -> None:
    offer = MADE.offers[2]
    request = request_for(offer, reference_images=(URL, FileInput("file_1"), URL))
    found = fitted(request, MADE, offer, public=False)
    assert codes(found) == {"/reference_images/1": "needs_public_url"}


# --- whatever comes ---------------------------------------------------------------

TEXTS = st.none() | st.text(max_size=30) | st.sampled_from(["16:9", "720p", "fast", "a" * 6000])
ANY_INPUT = st.sampled_from([*HELD, URL])
REQUESTS = st.builds(
    CreateVideo,
    prompt=TEXTS,
    negative_prompt=TEXTS,
    seconds=st.none() | st.integers(0, 2**63 - 1),
    aspect_ratio=TEXTS,
    resolution=TEXTS,
    motion_mode=TEXTS,
    remove_watermark=st.none() | st.booleans(),
    seed=st.none() | st.integers(0, 2**63 - 1),
    first_frame=st.none() | ANY_INPUT,
    last_frame=st.none() | ANY_INPUT,
    extend_video=st.none() | ANY_INPUT,
    reference_images=st.lists(ANY_INPUT, max_size=4).map(tuple),
    provider_options=st.dictionaries(
        st.sampled_from(["made", "pictory", "useapi-pixverse", "x"]),
        st.dictionaries(
            st.sampled_from(["style", "level", "loop", "template_id"]) | st.text(max_size=3),
            st.text(max_size=9) | st.integers() | st.booleans(),
            max_size=3,
        ),
        max_size=3,
    ),
)


@CALM
@given(REQUESTS, st.sampled_from(ALL), st.booleans())
def test_any_request_fits_or_has_faults_none_of_which_is_told_twice(
    request: CreateVideo,
    row: tuple[Capabilities, Offer],
    public: bool,  # noqa: FBT001
) -> None:
    table, offer = row
    found = fitted(request, table, offer, public=public)
    served = table.offer(offer.model, request.mode)
    if isinstance(found, VideoSpec):
        assert served is not None
        assert found == spec_as_asked(request, table, offer.model, served)
    else:
        assert found
        assert len({(fault.pointer, fault.code) for fault in found}) == len(found)
        assert all(fault.target == f"{table.provider}/{offer.model}" for fault in found)
        modes = [fault for fault in found if fault.code == "unsupported_mode"]
        assert bool(modes) == (served is None)


@CALM
@given(REQUESTS, st.sampled_from(ALL))
def test_what_is_told_with_a_missing_mode_holds_for_every_row(
    request: CreateVideo, row: tuple[Capabilities, Offer]
) -> None:
    table, offer = row
    assume(table.offer(offer.model, request.mode) is None)
    found = fitted(request, table, offer)
    assert isinstance(found, tuple)
    for fault in found[1:]:
        for other in (one for one in table.offers if one.model == offer.model):
            turned = replace(
                request,
                first_frame=None,
                last_frame=None,
                extend_video=None,
                reference_images=(),
            )
            turned = replace(turned, **inputs_for(other.mode, references=2))
            if fault.pointer != "/reference_images":
                assert fault.pointer in codes(fitted(turned, table, other))


@CALM
@given(REQUESTS, st.sampled_from(ALL))
def test_a_wrong_wish_has_a_spec_too(request: CreateVideo, row: tuple[Capabilities, Offer]) -> None:
    table, offer = row
    spec = spec_as_asked(request, table, offer.model, offer)
    assert (spec.model, spec.mode, spec.prompt) == (offer.model, offer.mode, request.prompt)
    assert spec.seconds == (offer.seconds[0] if request.seconds is None else request.seconds)
    assert set(spec.options) == set(request.provider_options.get(table.provider, {}))


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_of_the_contract_is_one_that_a_request_can_have(mode: Mode) -> None:
    request = CreateVideo(prompt="hello", **inputs_for(mode))
    assert request.mode is mode
    assert {one.role for one in request.given} == ROLES[mode]
