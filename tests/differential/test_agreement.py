"""Our validator and the mock providers say yes to the same requests, and mean the same by them.

The mock is written from the providers' documents and shares nothing with the adapters; so what
both agree on, over anything hypothesis can think of, is hardly a mistake of one of them.
"""

from typing import Any

import msgspec
from hypothesis import assume, event, example, given, settings
from hypothesis import strategies as st

from gateway.model.inputs import UrlInput
from gateway.model.request import CreateVideo
from providers.contract import InputForm, Role, VideoSpec
from tests.differential.bench import accepts, submit
from tests.differential.wishes import TARGETS, Target, Wish, changed, inputs_of, wishes
from tests.strategies import CALM

PICTORY = next(target for target in TARGETS if target.name == "pictory/pixverse5.5")
FRAMES = next(target for target in TARGETS if target.name == "useapi-pixverse/v3.5")
V4 = next(target for target in TARGETS if target.name == "useapi-pixverse/v4")

FRAME_INPUTS = inputs_of(InputForm.UPLOAD, [Role.FIRST_FRAME, Role.LAST_FRAME], 0)
PICTURES = [UrlInput(f"https://pictures.example/{n}.png") for n in range(4)]


def wish(target: Target, **values: Any) -> Wish:
    return Wish(target, CreateVideo(model=target.name, **values))


def frames(**values: Any) -> Wish:
    return wish(FRAMES, **FRAME_INPUTS, **values)


@settings(CALM, max_examples=300)
@given(wishes() | wishes(right=True))
@example(wish(PICTORY, prompt="x" * 4))
@example(wish(PICTORY, prompt="x" * 5))
@example(wish(PICTORY, prompt="x" * 5000))
@example(wish(PICTORY, prompt="x" * 5001))
@example(wish(PICTORY, prompt="👍👍"))
@example(wish(PICTORY, prompt="👍👍👍"))
@example(wish(PICTORY, prompt="👍" * 2501))
@example(wish(PICTORY, prompt="👍" * 5001))
@example(wish(PICTORY, prompt="e\u0301" * 2500))
@example(wish(PICTORY, prompt="नमस्ते"))
@example(wish(PICTORY, prompt="Three of them", reference_images=tuple(PICTURES[:3])))
@example(wish(PICTORY, prompt="Four of them", reference_images=tuple(PICTURES)))
@example(
    wish(PICTORY, prompt="Both", first_frame=PICTURES[0], reference_images=tuple(PICTURES[:1]))
)
@example(wish(PICTORY, prompt="Both", first_frame=PICTURES[0], extend_video=PICTURES[1]))
@example(frames(prompt="x" * 2048))
@example(frames(prompt="x" * 2049))
@example(frames(prompt="👍" * 1025))
@example(frames(seed=0))
@example(frames(seed=1))
@example(frames(seed=2147483647))
@example(frames(seed=2147483648))
@example(frames(seconds=8, resolution="1080p", motion_mode="fast", remove_watermark=False))
@example(frames(seconds=10))
@example(wish(V4, prompt="x" * 2048, negative_prompt="x" * 2048))
@example(wish(V4, prompt="x", negative_prompt="x" * 2049))
def test_we_accept_a_request_for_a_target_if_and_only_if_the_provider_does(wish: Wish) -> None:
    event("accepted" if wish.accepted else "refused")
    assert accepts(wish) is wish.accepted, (wish.verdict, submit(wish).said)


@CALM
@given(wishes(right=True))
def test_what_we_send_decodes_to_what_was_asked(wish: Wish) -> None:
    spec = wish.verdict
    assert isinstance(spec, VideoSpec), spec
    taken = submit(wish)
    assert taken.order is not None, taken.said
    read = READERS[wish.target.capabilities.provider](taken.order)
    asked = msgspec.to_builtins(spec)
    for name, value in read.items():
        assert value == asked[name], name
    wanted = {name for name, value in asked.items() if value not in (None, {}, [])}
    assert wanted - {"model", "mode"} - read.keys() <= {"resolution", "options"}


def of_pictory(order: Any) -> dict[str, Any]:
    """A Pictory order in our words."""
    return {
        "prompt": order["prompt"],
        "model": order.get("model", "pixverse5.5"),
        "seconds": int(order["duration"].removesuffix("s")),
        "aspect_ratio": order["aspectRatio"],
    }


def of_pixverse(order: Any) -> dict[str, Any]:
    """A PixVerse order in our words; what extends a film has no shape of its own."""
    read = {
        "prompt": order.get("prompt"),
        "seconds": order["duration"],
        "seed": order.get("seed"),
        "negative_prompt": order.get("negative_prompt"),
    }
    if "video_path" not in order:
        read |= {
            "model": order["model"],
            "resolution": order["quality"],
            "aspect_ratio": order["aspect_ratio"],
            "motion_mode": order["motion_mode"],
            "remove_watermark": order["remove_watermark"],
        }
    return read


READERS = {"pictory": of_pictory, "useapi-pixverse": of_pixverse}


@CALM
@given(wishes(right=True))
def test_inputs_arrive_in_their_roles_and_in_their_order(wish: Wish) -> None:
    taken = submit(wish)
    assert taken.order is not None, taken.said
    names = {
        Role.FIRST_FRAME: ("firstFrameImageUrl", "first_frame_path"),
        Role.LAST_FRAME: ("last_frame_path",),
        Role.REFERENCE: ("referenceImageUrls",),
        Role.EXTEND: ("extendVideoUrl", "video_path"),
    }
    arrived = {
        role: value if isinstance(value, list) else [value]
        for role, spellings in names.items()
        for name in spellings
        if (value := taken.order.get(name))
    }
    assert arrived == taken.inputs


@CALM
@given(wishes(right=True))
def test_the_price_we_tell_is_the_price_that_is_charged(wish: Wish) -> None:
    spec = wish.verdict
    assert isinstance(spec, VideoSpec), spec
    row = wish.target.row(spec.mode)
    assert row is not None
    assume(row.rate is not None)
    assert row.rate is not None
    taken = submit(wish)
    assert row.rate.price(spec).amount == taken.cost


@CALM
@given(wishes(right=True))
def test_a_default_is_what_the_first_value_of_the_table_spelled_out_would_be(wish: Wish) -> None:
    spec = wish.verdict
    assert isinstance(spec, VideoSpec), spec
    row = wish.target.row(spec.mode)
    assert row is not None
    firsts = {
        "seconds": row.seconds,
        "aspect_ratio": row.aspect_ratios,
        "resolution": row.resolutions,
        "motion_mode": row.motion_modes,
    }
    spelled = changed(
        wish,
        **{
            name: values[0]
            for name, values in firsts.items()
            if values and getattr(wish.request, name) is None
        },
    )
    assert spelled.verdict == spec
    assert submit(spelled).sent == submit(wish).sent


@CALM
@given(wishes(right=True), st.data())
def test_a_field_that_the_target_has_not_is_refused_and_never_dropped(
    wish: Wish, data: st.DataObject
) -> None:
    row = wish.target.row(wish.request.mode)
    assert wish.accepted
    assert row is not None
    foreign = {
        name: value
        for name, value, known in (
            ("seed", 7, row.seed is not None),
            ("negative_prompt", "rain", row.negative_prompt_max is not None),
            ("motion_mode", "fast", bool(row.motion_modes)),
            ("remove_watermark", True, row.watermark is not None),
            ("aspect_ratio", "16:9", bool(row.aspect_ratios)),
            ("resolution", "720p", bool(row.resolutions)),
        )
        if not known
    }
    assume(foreign)
    name = data.draw(st.sampled_from(sorted(foreign)))
    verdict = changed(wish, **{name: foreign[name]}).verdict
    assert isinstance(verdict, tuple)
    assert [(fault.pointer, fault.code) for fault in verdict] == [(f"/{name}", "unsupported_field")]


@CALM
@given(wishes())
def test_every_fault_is_told_once_with_its_target_and_a_place_in_the_request(wish: Wish) -> None:
    verdict = wish.verdict
    assume(isinstance(verdict, tuple))
    assert isinstance(verdict, tuple)
    places = [(fault.pointer, fault.code) for fault in verdict]
    assert len(places) == len(set(places))
    fields = set(CreateVideo.__struct_fields__)
    for fault in verdict:
        assert fault.target == wish.target.name
        assert fault.pointer.split("/")[1] in fields
        assert fault.detail


@CALM
@given(wishes())
def test_the_nearest_value_mends_the_fault_it_stands_at(wish: Wish) -> None:
    verdict = wish.verdict
    assume(isinstance(verdict, tuple))
    assert isinstance(verdict, tuple)
    for fault in verdict:
        name = fault.pointer.removeprefix("/")
        if fault.nearest is None or name not in CreateVideo.__struct_fields__:
            continue
        after = changed(wish, **{name: fault.nearest}).verdict
        left = after if isinstance(after, tuple) else ()
        assert fault.pointer not in {one.pointer for one in left}
        assert len(left) == len(verdict) - 1


@CALM
@given(wishes(right=True), st.data())
def test_as_many_faults_as_were_planted_are_found(wish: Wish, data: st.DataObject) -> None:
    row = wish.target.row(wish.request.mode)
    assert row is not None
    bad: dict[str, Any] = {"seconds": 7, "prompt": "x" * (row.prompt_max + 1)}
    if row.aspect_ratios:
        bad["aspect_ratio"] = "21:9"
    if row.resolutions:
        bad["resolution"] = "480p"
    if row.motion_modes:
        bad["motion_mode"] = "slow"
    if row.seed:
        bad["seed"] = row.seed[1] + 1
    if row.negative_prompt_max:
        bad["negative_prompt"] = "x" * (row.negative_prompt_max + 1)
    planted = data.draw(st.lists(st.sampled_from(sorted(bad)), unique=True, min_size=1))
    verdict = changed(wish, **{name: bad[name] for name in planted}).verdict
    assert isinstance(verdict, tuple)
    assert sorted(fault.pointer for fault in verdict) == sorted(f"/{name}" for name in planted)


@CALM
@given(wishes(right=True))
def test_no_option_of_one_provider_reaches_another(wish: Wish) -> None:
    own = wish.target.capabilities.provider
    other = "pictory" if own != "pictory" else "useapi-pixverse"
    options = wish.request.provider_options | {other: {"style": "anime", "x": 1}}
    assert submit(changed(wish, provider_options=options)).sent == submit(wish).sent
