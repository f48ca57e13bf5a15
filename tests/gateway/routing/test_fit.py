from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.model.errors import FieldFault
from gateway.model.request import CreateVideo, InlineInput, Input, StoredInput, UrlInput
from gateway.routing.fit import Fit, fit
from providers.contract import Capabilities, InputForm, Mode, Offer, VideoSpec
from providers.registry import ADAPTERS
from tests.strategies import CALM, ROWS

PICTORY = ADAPTERS["pictory"].capabilities
PIXVERSE = ADAPTERS["useapi-pixverse"].capabilities
URL = UrlInput("https://example.com/a.png")
ASCII, EMOJI, FAMILY, ACCENT = "a", "👍", "👨‍👩‍👧‍👦", "e\u0301"
NAMED = [
    pytest.param(capabilities, offer, id=f"{offer.model} {offer.mode.value}")
    for capabilities, offer in ROWS
]


def request_for(offer: Offer, picture: Input = URL, **values: Any) -> CreateVideo:
    """The least that this offer takes."""
    frames = {Mode.TEXT: 0, Mode.FIRST_FRAME: 1, Mode.FIRST_LAST_FRAME: 2}[offer.mode]
    given: dict[str, Any] = dict.fromkeys(["first_frame", "last_frame"][:frames], picture)
    if offer.prompt_required:
        given["prompt"] = "a" * max(offer.prompt_min, 1)
    return CreateVideo(**(given | values))


def fitted(
    request: CreateVideo, capabilities: Capabilities, offer: Offer, *, public_url: bool = True
) -> Fit:
    return fit(request, capabilities, offer.model, public_url=public_url)


def codes(found: Fit) -> dict[str, str]:
    assert not isinstance(found, VideoSpec), found
    return {fault.pointer: fault.code for fault in found}


# --- what fits --------------------------------------------------------------------


@pytest.mark.parametrize(("capabilities", "offer"), NAMED)
def test_what_is_left_out_becomes_the_first_of_each_table(
    capabilities: Capabilities, offer: Offer
) -> None:
    assert fitted(request_for(offer), capabilities, offer) == VideoSpec(
        model=offer.model,
        mode=offer.mode,
        prompt=request_for(offer).prompt,
        seconds=offer.seconds[0],
        aspect_ratio=offer.aspect_ratios[0],
        resolution=offer.resolutions[0] if offer.resolutions else None,
        seed=None,
    )


def test_the_defaults_are_those_of_the_providers_pages() -> None:
    firsts = {
        (row.model, row.mode.value): (row.seconds[0], row.aspect_ratios[0], row.resolutions[:1])
        for _, row in ROWS
    }
    assert firsts == {
        ("pixverse5.5", "text"): (5, "16:9", ()),
        ("pixverse5.5", "first_frame"): (5, "16:9", ()),
        ("veo3.1", "text"): (4, "16:9", ()),
        ("veo3.1", "first_frame"): (4, "16:9", ()),
        ("veo3.1_fast", "text"): (4, "16:9", ()),
        ("veo3.1_fast", "first_frame"): (4, "16:9", ()),
        ("v3.5", "first_last_frame"): (5, "16:9", ("720p",)),
        ("v4", "text"): (5, "16:9", ("540p",)),
        ("v4", "first_frame"): (5, "16:9", ("540p",)),
    }


def near(allowed: Sequence[Any], others: Sequence[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.sampled_from([*allowed, *others])


@CALM
@given(st.data(), st.sampled_from(ROWS))
def test_a_spec_comes_back_exactly_when_every_value_given_is_in_the_table(
    data: st.DataObject, row: tuple[Capabilities, Offer]
) -> None:
    capabilities, offer = row
    low, high = offer.seed or (1, 5)
    request = request_for(
        offer,
        seconds=data.draw(near(offer.seconds, (0, 4, 5, 6, 8, 10, 2**63 - 1))),
        aspect_ratio=data.draw(near(offer.aspect_ratios, ("21:9", "3:4", "16 : 9", ""))),
        resolution=data.draw(near(offer.resolutions, ("4K", "720P", "1080p"))),
        seed=data.draw(near((low, high), (low - 1, high + 1, 7))),
    )
    expected = {
        "/seconds": request.seconds in (None, *offer.seconds),
        "/aspect_ratio": request.aspect_ratio in (None, *offer.aspect_ratios),
        "/resolution": request.resolution in (None, *offer.resolutions),
        "/seed": request.seed is None
        or (offer.seed is not None and offer.seed[0] <= request.seed <= offer.seed[1]),
    }
    found = fitted(request, capabilities, offer)
    if all(expected.values()):
        assert isinstance(found, VideoSpec)
        assert found.seconds in offer.seconds
        assert found.aspect_ratio in offer.aspect_ratios
        assert (found.resolution in offer.resolutions) or not offer.resolutions
        assert found.seed == request.seed
    else:
        assert set(codes(found)) == {pointer for pointer, right in expected.items() if not right}


@CALM
@given(st.data(), st.sampled_from(ROWS))
def test_the_nearest_value_mends_what_was_wrong(
    data: st.DataObject, row: tuple[Capabilities, Offer]
) -> None:
    capabilities, offer = row
    seconds = data.draw(st.integers(0, 30))
    assume(seconds not in offer.seconds)
    found = fitted(request_for(offer, seconds=seconds), capabilities, offer)
    assert isinstance(found, tuple)
    (fault,) = found
    assert fault.allowed == offer.seconds
    assert fault.nearest in offer.seconds
    assert isinstance(fault.nearest, int)
    assert abs(fault.nearest - seconds) == min(abs(one - seconds) for one in offer.seconds)
    mended = request_for(offer, seconds=fault.nearest)
    assert isinstance(fitted(mended, capabilities, offer), VideoSpec)


def test_a_fault_says_what_is_taken_and_what_comes_nearest() -> None:
    offer = PIXVERSE.offers[0]
    found = fitted(request_for(offer, resolution="720", seed=0), PIXVERSE, offer)
    assert found == (
        FieldFault(
            pointer="/resolution",
            code="unsupported_value",
            detail="useapi-pixverse/v3.5 takes 720p, 1080p, 540p or 360p, not 720",
            allowed=("720p", "1080p", "540p", "360p"),
            nearest="720p",
            target="useapi-pixverse/v3.5",
        ),
        FieldFault(
            pointer="/seed",
            code="out_of_range",
            detail="useapi-pixverse/v3.5 takes seeds from 1 to 2147483647",
            nearest=1,
            target="useapi-pixverse/v3.5",
        ),
    )


def test_what_a_model_offers_no_choice_of_is_to_be_left_out() -> None:
    offer = PICTORY.offers[0]
    request = request_for(offer, resolution="720p", seed=7)
    assert codes(fitted(request, PICTORY, offer)) == {
        "/resolution": "unsupported_field",
        "/seed": "unsupported_field",
    }


def test_every_fault_is_told_at_once() -> None:
    offer = PICTORY.offers[0]
    request = CreateVideo(
        prompt="a", seconds=7, aspect_ratio="2:1", resolution="8K", seed=1, first_frame=URL
    )
    inline = replace(request, first_frame=InlineInput(b"x"))
    assert list(codes(fitted(inline, PICTORY, offer, public_url=False))) == [
        "/prompt",
        "/seconds",
        "/aspect_ratio",
        "/resolution",
        "/seed",
        "/first_frame",
    ]


# --- prompts ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        (ASCII * 4, "too_short"),
        (ASCII * 5, None),
        (ASCII * 5000, None),
        (ASCII * 5001, "too_long"),
        # Two UTF-16 units each: 5 of them may be asked for by either count.
        (EMOJI * 2, "too_short"),
        (EMOJI * 3, None),
        (EMOJI * 2501, None),
        (EMOJI * 5000, None),
        (EMOJI * 5001, "too_long"),
        # One picture to the eye, seven code points, eleven units.
        (FAMILY, None),
        (FAMILY * 714, None),
        (FAMILY * 715, "too_long"),
        (ACCENT * 2, "too_short"),
        (ACCENT * 3, None),
        (ACCENT * 2500, None),
        (ACCENT * 2501, "too_long"),
    ],
    ids=lambda value: f"{value[:1]!a} x {len(value)}" if isinstance(value, str) else str(value),
)
def test_pictory_takes_prompts_of_5_to_5000_by_any_plausible_count(
    prompt: str, code: str | None
) -> None:
    for offer in PICTORY.offers:
        found = fitted(request_for(offer, prompt=prompt), PICTORY, offer)
        if code is None:
            assert isinstance(found, VideoSpec)
            assert found.prompt == prompt
        else:
            assert codes(found) == {"/prompt": code}


@pytest.mark.parametrize("character", [ASCII, EMOJI, "ä", "\u2028"], ids=ascii)
@pytest.mark.parametrize(("length", "fits"), [(1, True), (2048, True), (2049, False)])
def test_pixverse_takes_prompts_of_up_to_2048_characters(
    character: str, length: int, *, fits: bool
) -> None:
    for offer in PIXVERSE.offers:
        found = fitted(request_for(offer, prompt=character * length), PIXVERSE, offer)
        if fits:
            assert isinstance(found, VideoSpec)
        else:
            assert codes(found) == {"/prompt": "too_long"}


@pytest.mark.parametrize(("capabilities", "offer"), NAMED)
def test_a_prompt_is_missed_where_it_is_required(capabilities: Capabilities, offer: Offer) -> None:
    found = fitted(request_for(offer, prompt=None), capabilities, offer)
    if offer.prompt_required:
        assert codes(found) == {"/prompt": "required"}
    else:
        assert isinstance(found, VideoSpec)
        assert found.prompt is None


# --- modes and pictures -----------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "mode", "pointer", "detail"),
    [
        (
            "pictory/veo3.1",
            Mode.FIRST_LAST_FRAME,
            "/last_frame",
            "makes videos from text alone or a first frame, not from a first and a last frame",
        ),
        (
            "useapi-pixverse/v3.5",
            Mode.TEXT,
            "/first_frame",
            "makes videos from a first and a last frame, not from text alone",
        ),
        (
            "useapi-pixverse/v3.5",
            Mode.FIRST_FRAME,
            "/last_frame",
            "makes videos from a first and a last frame, not from a first frame",
        ),
        (
            "useapi-pixverse/v4",
            Mode.FIRST_LAST_FRAME,
            "/last_frame",
            "makes videos from a first frame or text alone, not from a first and a last frame",
        ),
        (
            "pictory/none",
            Mode.TEXT,
            "/first_frame",
            "makes videos from nothing, not from text alone",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_mode_that_a_model_lacks_points_at_the_picture_too_many_or_too_few(
    target: str, mode: Mode, pointer: str, detail: str
) -> None:
    provider, _, model = target.partition("/")
    request = request_for(replace(PICTORY.offers[0], mode=mode))
    found = fit(request, ADAPTERS[provider].capabilities, model, public_url=True)
    assert isinstance(found, tuple)
    (fault,) = found
    assert (fault.pointer, fault.code, fault.target) == (pointer, "unsupported_mode", target)
    assert fault.detail == f"{target} {detail}"


@pytest.mark.parametrize("picture", [InlineInput(b"x"), StoredInput("ab", "image/png"), URL])
@pytest.mark.parametrize("public_url", [True, False])
@pytest.mark.parametrize(("capabilities", "offer"), NAMED)
def test_a_picture_we_hold_needs_a_public_url_only_where_the_provider_fetches_it(
    capabilities: Capabilities, offer: Offer, picture: Input, *, public_url: bool
) -> None:
    found = fitted(request_for(offer, picture), capabilities, offer, public_url=public_url)
    missing = (
        capabilities.input_form is InputForm.URL
        and offer.mode is not Mode.TEXT
        and picture is not URL
        and not public_url
    )
    if missing:
        assert codes(found) == {"/first_frame": "needs_public_url"}
    else:
        assert isinstance(found, VideoSpec)
