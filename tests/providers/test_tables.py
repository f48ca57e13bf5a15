"""The capability tables, what their videos cost, and adapters that an operator configured."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import pictory
from providers import useapi_pixverse as useapi
from providers.contract import (
    ROLES,
    Adapter,
    Capabilities,
    Credit,
    HttpResponse,
    InputForm,
    Mode,
    Offer,
    OptionKind,
    Price,
    Rate,
    Role,
    Submission,
    VideoSpec,
    replay,
)
from providers.registry import ADAPTERS
from tests.strategies import CALM, ROWS, account, inputs_of, specs

RATED = [(capabilities, offer) for capabilities, offer in ROWS if offer.rate]


# --- tables -----------------------------------------------------------------------


def test_every_offer_has_a_first_choice_and_names_its_source() -> None:
    for adapter in ADAPTERS.values():
        rows = adapter.capabilities.offers
        assert len({(row.model, row.mode) for row in rows}) == len(rows)
        for row in rows:
            assert row.seconds
            assert row.source
            assert row.prompt_min <= row.prompt_max
            assert (row.references is not None) == (Role.REFERENCE in ROLES[row.mode])
            assert len({option.name for option in row.options}) == len(row.options)
            assert row.rate is None or row.rate.unit == adapter.capabilities.credit.unit
            assert row.rate is None or row.rate.source


def test_an_offer_is_found_by_its_model_and_its_mode() -> None:
    for capabilities, offer in ROWS:
        assert capabilities.offer(offer.model, offer.mode) is offer
        assert capabilities.offer(offer.model, None) is None
        assert capabilities.offer("no model", offer.mode) is None


WIDE, TALL, SQUARE = "16:9", "9:16", "1:1"


def test_pictory_serves_every_mode_with_each_model_in_its_own_shapes() -> None:
    table = pictory.CAPABILITIES
    assert table.credit == Credit(name="AI credit", unit="pictory_credit_tenths", parts=10)
    assert (table.input_form, table.needs_email, table.settings) == (InputForm.URL, False, ())
    assert table.base_url == "https://api.pictory.ai/pictoryapis"
    assert table.poll_seconds == 15
    models = {
        "pixverse5.5": ((5, 8, 10), (WIDE, TALL, SQUARE, "3:4", "4:3"), "720p"),
        "veo3.1_fast": ((4, 6, 8), (WIDE, TALL), "1080p"),
        "veo3.1": ((4, 6, 8), (WIDE, TALL), "1080p"),
    }
    modes = (Mode.TEXT, Mode.FIRST_FRAME, Mode.REFERENCE_IMAGES, Mode.EXTEND_VIDEO)
    assert [(row.model, row.mode) for row in table.offers] == list(product(models, modes))
    for row in table.offers:
        seconds, ratios, height = models[row.model]
        assert (row.seconds, row.aspect_ratios, row.resolutions) == (seconds, ratios, (height,))
        assert (row.prompt_required, row.prompt_min, row.prompt_max) == (True, 5, 5000)
        assert row.references == ((1, 3) if row.mode is Mode.REFERENCE_IMAGES else None)
        assert (row.seed, row.negative_prompt_max, row.watermark) == (None, None, None)
        assert (row.motion_modes, row.options) == ((), ())


def test_useapi_serves_what_its_three_pages_list() -> None:
    table = useapi.CAPABILITIES
    assert table.credit == Credit(name="PixVerse credit", unit="pixverse_credit")
    assert (table.input_form, table.needs_email) == (InputForm.UPLOAD, True)
    assert (table.max_jobs_limit, table.poll_batch) == (8, 40)
    assert table.base_url == "https://api.useapi.net/v2/pixverse"
    assert table.poll_seconds == 15
    assert [(row.model, row.mode) for row in table.offers] == [
        ("v3.5", Mode.FIRST_LAST_FRAME),
        ("v4", Mode.TEXT),
        ("v4", Mode.FIRST_FRAME),
        ("v4", Mode.FIRST_LAST_FRAME),
        ("v3.5", Mode.EXTEND_VIDEO),
    ]
    frames, *create, extend = table.offers
    for row in (frames, *create):
        assert row.seconds == (5, 8)
        assert row.aspect_ratios == (WIDE, TALL, SQUARE, "4:3", "3:4")
        assert set(row.resolutions) == {"360p", "540p", "720p", "1080p"}
        assert row.motion_modes == ("normal", "fast")
        assert row.seed == (1, 2147483647)
        assert row.watermark is True
        assert row.prompt_max == 2048
    assert (frames.resolutions[0], frames.prompt_required) == ("720p", False)
    assert (frames.negative_prompt_max, frames.options) == (None, ())
    for row in create:
        assert (row.resolutions[0], row.prompt_required) == ("540p", True)
        assert row.negative_prompt_max == 2048
        style, template, sound, speech = row.options
        assert style.name == "style"
        assert style.allowed == ("anime", "3d_animation", "clay", "comic", "cyberpunk")
        assert (template.name, template.kind) == ("template_id", OptionKind.INTEGER)
        assert (template.low, template.high) == (1, 9_007_199_254_740_991)
        assert [sound.name, speech.name] == ["sound_effect_prompt", "lip_sync_tts_prompt"]
        assert (sound.longest, speech.longest) == (2048, 2048)
        assert {style.kind, sound.kind, speech.kind} == {OptionKind.STRING}
        assert all(option.meaning for option in row.options)
    assert (extend.seconds, extend.prompt_required, extend.prompt_max) == ((5, 8), True, 2048)
    assert (extend.aspect_ratios, extend.resolutions, extend.motion_modes) == ((), (), ())
    assert (extend.seed, extend.watermark, extend.negative_prompt_max) == (None, None, None)
    assert (extend.rate, extend.options) == (None, ())


# --- prices -----------------------------------------------------------------------


def price(
    capabilities: Capabilities,
    model: str,
    seconds: int,
    resolution: str | None = None,
    motion: str | None = None,
) -> Price | None:
    row = next(one for one in capabilities.offers if one.model == model)
    assert row.rate is not None
    return row.rate.price(
        VideoSpec(
            model=model,
            mode=row.mode,
            prompt="A lake",
            seconds=seconds,
            resolution=resolution,
            motion_mode=motion,
        )
    )


@pytest.mark.parametrize(
    ("model", "seconds", "tenths"),
    [
        ("pixverse5.5", 5, 80),
        ("pixverse5.5", 8, 128),
        ("pixverse5.5", 10, 160),
        ("veo3.1", 4, 800),
        ("veo3.1", 6, 1200),
        ("veo3.1", 8, 1600),
        ("veo3.1_fast", 4, 400),
        ("veo3.1_fast", 6, 600),
        ("veo3.1_fast", 8, 800),
    ],
)
def test_a_pictory_video_costs_what_its_page_says(model: str, seconds: int, tenths: int) -> None:
    for resolution in (None, "720p", "1080p"):
        assert price(pictory.CAPABILITIES, model, seconds, resolution) == Price(
            amount=tenths, unit="pictory_credit_tenths"
        )
    assert not any(row.rate.estimated for row in pictory.CAPABILITIES.offers if row.rate)


@pytest.mark.parametrize("model", ["v3.5", "v4"])
@pytest.mark.parametrize(
    ("quality", "amount"), [("360p", 45), ("540p", 45), ("720p", 60), ("1080p", 120)]
)
def test_a_pixverse_video_costs_what_the_price_list_of_its_own_api_says(
    model: str, quality: str, amount: int
) -> None:
    for seconds, motion, factor in (
        (5, "normal", 1),
        (5, None, 1),
        (8, "normal", 2),
        (5, "fast", 2),
        (8, "fast", 4),
    ):
        assert price(useapi.CAPABILITIES, model, seconds, quality, motion) == Price(
            amount=amount * factor, unit="pixverse_credit"
        )
    assert all(row.rate.estimated for row in useapi.CAPABILITIES.offers if row.rate)


@pytest.mark.parametrize("resolution", ["480p", None])
def test_a_resolution_that_the_price_list_leaves_out_has_no_price_rather_than_none_to_pay(
    resolution: str | None,
) -> None:
    rate = Rate(unit="coin", per_clip={"720p": 60}, source="a page")
    spec = VideoSpec(model="m", mode=Mode.TEXT, prompt="A lake", seconds=5, resolution=resolution)
    with pytest.raises(KeyError):
        rate.price(spec)


@pytest.mark.parametrize(
    ("capabilities", "offer"),
    RATED,
    ids=[f"{table.provider}/{offer.model} {offer.mode.value}" for table, offer in RATED],
)
def test_every_choice_of_a_rated_offer_is_in_its_price_list(
    capabilities: Capabilities, offer: Offer
) -> None:
    assert offer.rate is not None
    choices = product(offer.seconds, offer.resolutions or (None,), offer.motion_modes or (None,))
    for seconds, resolution, motion in choices:
        spec = VideoSpec(
            model=offer.model,
            mode=offer.mode,
            prompt="A lake",
            seconds=seconds,
            resolution=resolution,
            motion_mode=motion,
        )
        cost = offer.rate.price(spec)
        assert cost.amount > 0
        assert cost.unit == capabilities.credit.unit


@CALM
@given(st.data())
def test_every_video_of_a_rated_offer_costs_something(data: st.DataObject) -> None:
    capabilities, offer = data.draw(st.sampled_from(RATED))
    assert offer.rate is not None
    cost = offer.rate.price(data.draw(specs(offer)))
    assert cost.amount > 0
    assert cost.unit == capabilities.credit.unit


# --- settings ---------------------------------------------------------------------

DEFAULTS = {
    "frames_path": "videos/create-frames-v3",
    "frames_model": "v3.5",
    "create_path": "videos/create-v4",
    "create_model": "v4",
    "extend_path": "videos/extend-v3",
    "extend_model": "v3.5",
}


def configured(**values: str) -> Adapter:
    assert useapi.ADAPTER.configured is not None
    return useapi.ADAPTER.configured(values)


def sent(adapter: Adapter, model: str, mode: Mode) -> tuple[str, str | None]:
    """Path and `model` of the request that asks for a video."""
    asked = Submission(
        account=account("useapi-pixverse", base_url="https://a.example"),
        spec=VideoSpec(model=model, mode=mode, prompt="A lake", seconds=5),
        inputs=dict.fromkeys(ROLES[mode], ("upload/x",)),
        callback_url=None,
        reference="att_1",
    )
    _, (request,) = replay(adapter.submit(asked), [HttpResponse(status=500)])
    body = request.body.decode()
    found = re.search(r'"model":"([^"]*)"', body)
    if found:
        assert body.startswith('{"email":"ops@example.com","model":')
    return request.url.removeprefix("https://a.example/"), found and found[1]


def test_settings_are_the_paths_and_models_of_three_pages_with_their_defaults() -> None:
    settings = useapi.CAPABILITIES.settings
    assert {one.name: one.default for one in settings} == DEFAULTS
    for one in settings:
        assert re.fullmatch(one.pattern, one.default)
        assert one.meaning


@pytest.mark.parametrize(
    ("setting", "good", "bad"),
    [
        (
            "create_path",
            ["videos/create", "v", "videos/create-v4/", "a/b/c_d"],
            ["", "/videos", "../x", "a/../b", "a//b", "a?b", "a#b", "a%2fb", "a b", "a.b", "a\n",
             "https://x", "a\\b", "ä", "a" * 65, "a/" * 9],
        ),
        ("create_model", ["v6", "v5.6", "v5-fast", "pixverse-c1", "a" * 64],
         ["", "a/b", "a b", '"', "-v", ".v", "v\n", "ä", "a" * 65]),
    ],
)  # fmt: skip
def test_settings_take_names_that_are_safe_in_an_address_and_in_a_target(
    setting: str, good: list[str], bad: list[str]
) -> None:
    (pattern,) = [one.pattern for one in useapi.CAPABILITIES.settings if one.name == setting]
    assert all(re.fullmatch(pattern, one) for one in good)
    assert not any(re.fullmatch(pattern, one) for one in bad)


@pytest.mark.parametrize("values", [{}, DEFAULTS], ids=["nothing", "the defaults"])
def test_with_the_defaults_an_adapter_is_as_documented(values: dict[str, str]) -> None:
    adapter = configured(**values)
    assert adapter.capabilities == useapi.CAPABILITIES
    assert sent(adapter, "v3.5", Mode.FIRST_LAST_FRAME) == ("videos/create-frames-v3", None)
    assert sent(adapter, "v4", Mode.FIRST_LAST_FRAME) == ("videos/create-v4", None)
    assert sent(adapter, "v4", Mode.FIRST_FRAME) == ("videos/create-v4", None)
    assert sent(adapter, "v4", Mode.TEXT) == ("videos/create-v4", None)
    assert sent(adapter, "v3.5", Mode.EXTEND_VIDEO) == ("videos/extend-v3", None)


def test_configured_models_are_offered_without_a_price_and_named_in_the_request() -> None:
    adapter = configured(frames_model="v5", create_model="v5.6", extend_model="v6")
    table = adapter.capabilities
    assert [(row.model, row.mode) for row in table.offers] == [
        ("v5", Mode.FIRST_LAST_FRAME),
        ("v5.6", Mode.TEXT),
        ("v5.6", Mode.FIRST_FRAME),
        ("v5.6", Mode.FIRST_LAST_FRAME),
        ("v6", Mode.EXTEND_VIDEO),
    ]
    assert [row.rate for row in table.offers] == [None] * 5
    frames = table.offer("v5", Mode.FIRST_LAST_FRAME)
    assert frames is not None
    assert frames.seconds == (5, 8)
    assert sent(adapter, "v5", Mode.FIRST_LAST_FRAME) == ("videos/create-frames-v3", "v5")
    assert sent(adapter, "v5.6", Mode.FIRST_LAST_FRAME) == ("videos/create-v4", "v5.6")
    assert sent(adapter, "v5.6", Mode.TEXT) == ("videos/create-v4", "v5.6")
    assert sent(adapter, "v6", Mode.EXTEND_VIDEO) == ("videos/extend-v3", "v6")
    assert useapi.ADAPTER.capabilities == useapi.CAPABILITIES


def test_on_another_page_the_model_is_always_named_for_its_default_is_not_known() -> None:
    adapter = configured(frames_path="videos/create-frames", create_path="videos/create")
    assert adapter.capabilities == useapi.CAPABILITIES
    assert sent(adapter, "v3.5", Mode.FIRST_LAST_FRAME) == ("videos/create-frames", "v3.5")
    assert sent(adapter, "v4", Mode.TEXT) == ("videos/create", "v4")
    assert sent(adapter, "v3.5", Mode.EXTEND_VIDEO) == ("videos/extend-v3", None)


def test_where_two_pages_make_the_same_video_the_frames_page_does() -> None:
    adapter = configured(frames_model="v6", create_model="v6", extend_model="v6")
    offers = adapter.capabilities.offers
    assert [row.mode for row in offers] == [
        Mode.FIRST_LAST_FRAME,
        Mode.TEXT,
        Mode.FIRST_FRAME,
        Mode.EXTEND_VIDEO,
    ]
    assert offers[0].source == "useapi.net: POST videos/create-frames-v3"
    assert sent(adapter, "v6", Mode.FIRST_LAST_FRAME) == ("videos/create-frames-v3", "v6")
    assert sent(adapter, "v6", Mode.FIRST_FRAME) == ("videos/create-v4", "v6")


def test_a_video_of_a_model_that_is_set_no_more_is_still_asked_for_by_its_name() -> None:
    adapter = configured(frames_model="v6", frames_path="videos/create-frames")
    assert sent(adapter, "v3.5", Mode.FIRST_LAST_FRAME) == ("videos/create-frames", "v3.5")


def test_a_configured_adapter_can_be_configured_again_and_polls_uploads_and_hears_as_before() -> (
    None
):
    first = configured(create_model="v6")
    assert first.configured is not None
    again = first.configured({})
    assert again.capabilities == useapi.CAPABILITIES
    assert (first.poll, first.upload, first.receive) == (
        useapi.poll,
        useapi.upload,
        useapi.receive,
    )


# --- inputs -----------------------------------------------------------------------


def test_the_made_up_inputs_fit_their_mode() -> None:
    for capabilities, offer in ROWS:
        given = inputs_of(offer, capabilities.input_form, 2)
        assert set(given) == ROLES[offer.mode]
        assert all(len(each) == 1 + (role is Role.REFERENCE) for role, each in given.items())
