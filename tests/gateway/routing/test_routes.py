import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InvalidError
from gateway.model.request import CreateVideo, InlineInput, UrlInput
from gateway.routing.routes import Routes
from providers.contract import Role
from providers.registry import ADAPTERS
from tests.strategies import CALM

CAPABILITIES = {name: adapter.capabilities for name, adapter in ADAPTERS.items()}
URL = UrlInput("https://example.com/a.png")
TARGETS = (
    "pictory/pixverse5.5",
    "pictory/veo3.1",
    "pictory/veo3.1_fast",
    "useapi-pixverse/v3.5",
    "useapi-pixverse/v4",
)


def routes(*, public_url: bool = True, **named: tuple[str, ...]) -> Routes:
    return Routes(providers=CAPABILITIES, routes=named, public_url=public_url)


def refused(rules: Routes, request: CreateVideo) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        rules.choices(request)
    return caught.value


def test_the_targets_are_those_of_the_providers_that_have_an_account() -> None:
    assert routes().targets() == TARGETS
    only = Routes(providers={"pictory": CAPABILITIES["pictory"]}, routes={}, public_url=True)
    assert only.targets() == TARGETS[:3]
    assert (
        refused(only, CreateVideo(model=TARGETS[4], prompt="hello")).errors[0].pointer == "/model"
    )


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_is_its_own_route(target: str) -> None:
    last = URL if target.endswith("v3.5") else None
    request = CreateVideo(model=target, prompt="hello", first_frame=URL, last_frame=last)
    (choice,) = routes().choices(request)
    assert choice.target == target


@CALM
@given(st.permutations(TARGETS))
def test_the_order_of_the_route_is_kept(order: list[str]) -> None:
    request = CreateVideo(model="cheap", prompt="hello", first_frame=URL)
    choices = routes(cheap=tuple(order)).choices(request)
    assert [one.target for one in choices] == [one for one in order if not one.endswith("v3.5")]


def test_targets_that_cannot_serve_a_request_are_left_out_silently() -> None:
    rules = routes(default=("useapi-pixverse/v4", "pictory/veo3.1", "pictory/pixverse5.5"))
    choices = rules.choices(CreateVideo(prompt="hello", seconds=10))
    assert [(one.target, one.spec.seconds) for one in choices] == [("pictory/pixverse5.5", 10)]


def test_each_choice_has_the_defaults_of_its_own_model() -> None:
    rules = routes(default=("useapi-pixverse/v4", "pictory/veo3.1"))
    specs = [one.spec for one in rules.choices(CreateVideo(prompt="hello"))]
    assert [(one.seconds, one.resolution) for one in specs] == [(5, "540p"), (4, None)]


def test_when_no_target_fits_every_reason_of_every_target_is_told() -> None:
    rules = routes(public_url=False, default=TARGETS[1:4])
    error = refused(
        rules,
        CreateVideo(
            prompt="hey", seconds=7, seed=3, first_frame=InlineInput(b"x"), aspect_ratio="9:16"
        ),
    )
    told = {(fault.target, fault.pointer, fault.code) for fault in error.errors}
    assert told == {
        ("pictory/veo3.1", "/prompt", "too_short"),
        ("pictory/veo3.1", "/seconds", "unsupported_value"),
        ("pictory/veo3.1", "/seed", "unsupported_field"),
        ("pictory/veo3.1", "/first_frame", "needs_public_url"),
        ("pictory/veo3.1_fast", "/prompt", "too_short"),
        ("pictory/veo3.1_fast", "/seconds", "unsupported_value"),
        ("pictory/veo3.1_fast", "/seed", "unsupported_field"),
        ("pictory/veo3.1_fast", "/first_frame", "needs_public_url"),
        ("useapi-pixverse/v3.5", "/last_frame", "unsupported_mode"),
    }
    assert error.status == 422


def test_without_a_public_url_an_inline_picture_goes_where_it_can_be_uploaded() -> None:
    request = CreateVideo(prompt="hello", first_frame=InlineInput(b"x"))
    order = ("pictory/pixverse5.5", "useapi-pixverse/v4")
    far = routes(default=order).choices(request)
    near = routes(public_url=False, default=order).choices(request)
    assert [one.target for one in far] == list(order)
    assert [one.target for one in near] == ["useapi-pixverse/v4"]
    assert set(request.inputs) == {Role.FIRST_FRAME}


@pytest.mark.parametrize(
    ("model", "nearest"),
    [
        ("pictory/veo3", "pictory/veo3.1"),
        ("useapi-pixverse/v3", "useapi-pixverse/v3.5"),
        ("cheep", "cheap"),
        ("??", None),
        ("x" * 200, None),
    ],
)
def test_an_unknown_model_is_answered_with_the_nearest_and_all_there_are(
    model: str, nearest: str | None
) -> None:
    (fault,) = refused(routes(cheap=TARGETS[:1]), CreateVideo(model=model, prompt="hello")).errors
    assert (fault.pointer, fault.code) == ("/model", "unknown_model")
    assert fault.nearest == nearest
    assert fault.allowed == ("cheap", *TARGETS)
    assert len(fault.detail) < 200


def test_there_is_no_default_unless_one_is_configured() -> None:
    (fault,) = refused(routes(), CreateVideo(prompt="hello")).errors
    assert fault.code == "unknown_model"


@CALM
@given(st.text(max_size=30) | st.sampled_from(["default", *TARGETS]))
def test_any_other_name_is_an_unknown_model(name: str) -> None:
    rules = routes(default=TARGETS)
    request = CreateVideo(model=name, prompt="hello", first_frame=URL)
    if name in {"default", *TARGETS} - {"useapi-pixverse/v3.5"}:
        assert rules.choices(request)
    else:
        assert refused(rules, request).errors
