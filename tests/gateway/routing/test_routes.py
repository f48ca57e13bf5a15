from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.config import RouteSettings
from gateway.model.errors import InvalidError
from gateway.model.inputs import InlineInput, UrlInput
from gateway.model.request import CreateVideo, Routing
from gateway.model.strategy import Strategy
from gateway.routing.money import Money, money
from gateway.routing.routes import Arranged, Routes, choices_of
from providers.contract import Mode, Price, Rate
from providers.registry import ADAPTERS
from tests.gateway.routing.rows_support import MADE, WIDE
from tests.strategies import CALM

CAPABILITIES = {name: adapter.capabilities for name, adapter in ADAPTERS.items()}
URL = UrlInput("https://example.com/a.png")
TARGETS = (
    "pictory/pixverse5.5",
    "pictory/veo3.1_fast",
    "pictory/veo3.1",
    "useapi-pixverse/v3.5",
    "useapi-pixverse/v4",
)
FREE = replace(WIDE, model="unpriced", rate=None)
GUESSED = Rate(unit="made_tenths", per_second=8, estimated=True, source="another's list")
SOLD = replace(
    MADE,
    offers=(WIDE, replace(WIDE, model="guessed", rate=GUESSED), FREE),
)
"""A second of `wide` costs 1.6 credits, one of `guessed` is said to cost 0.8."""
PRICED = money("USD", {"made": Decimal("0.04")}, {"made": SOLD})


def routes(*, public_url: bool = True, **named: tuple[str, ...]) -> Routes:
    plain = {name: RouteSettings(targets=targets) for name, targets in named.items()}
    return Routes(providers=CAPABILITIES, routes=plain, public_url=public_url)


def shop(priced: Money = PRICED) -> Routes:
    order = RouteSettings(targets=("made/wide", "made/guessed", "made/unpriced"))
    return Routes(
        providers={"made": SOLD}, routes={"default": order}, public_url=True, money=priced
    )


def asking(model: str = "default", **values: Any) -> CreateVideo:
    parts = {name: values.pop(name) for name in Routing.__struct_fields__ if name in values}
    return CreateVideo(**({"prompt": "hello"} | values), model=model, routing=Routing(**parts))


def refused(rules: Routes, request: CreateVideo) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        choices_of(rules.weigh(request))
    return caught.value


def test_the_targets_are_those_of_the_providers_that_have_an_account() -> None:
    assert routes().targets() == TARGETS
    only = Routes(providers={"pictory": CAPABILITIES["pictory"]}, routes={}, public_url=True)
    assert only.targets() == TARGETS[:3]
    assert refused(only, asking(TARGETS[4])).errors[0].pointer == "/model"


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_is_its_own_route(target: str) -> None:
    last = URL if target.endswith("v3.5") else None
    (choice,) = choices_of(routes().weigh(asking(target, first_frame=URL, last_frame=last)))
    assert choice.target == target


@CALM
@given(st.permutations(TARGETS))
def test_the_order_of_the_route_is_kept(order: list[str]) -> None:
    choices = choices_of(routes(cheap=tuple(order)).weigh(asking("cheap", first_frame=URL)))
    assert [one.target for one in choices] == [one for one in order if not one.endswith("v3.5")]


def test_targets_that_cannot_serve_a_request_are_left_out_silently() -> None:
    rules = routes(default=("useapi-pixverse/v4", "pictory/veo3.1", "pictory/pixverse5.5"))
    choices = choices_of(rules.weigh(asking(seconds=10)))
    assert [(one.target, one.spec.seconds) for one in choices] == [("pictory/pixverse5.5", 10)]


def test_each_choice_has_the_defaults_of_its_own_model() -> None:
    rules = routes(default=("useapi-pixverse/v4", "pictory/veo3.1"))
    specs = [one.spec for one in choices_of(rules.weigh(asking()))]
    assert [(one.seconds, one.resolution) for one in specs] == [(5, "540p"), (4, "1080p")]


def test_when_no_target_fits_every_reason_of_every_target_is_told() -> None:
    rules = routes(public_url=False, default=TARGETS[1:4])
    request = asking(
        prompt="hey", seconds=7, seed=3, first_frame=InlineInput(b"x"), aspect_ratio="9:16"
    )
    error = refused(rules, request)
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
        ("useapi-pixverse/v3.5", "/model", "unsupported_mode"),
        ("useapi-pixverse/v3.5", "/seconds", "unsupported_value"),
    }
    assert error.status == 422


def test_without_a_public_url_an_inline_picture_goes_where_it_can_be_uploaded() -> None:
    request = asking(first_frame=InlineInput(b"x"))
    order = ("pictory/pixverse5.5", "useapi-pixverse/v4")
    far = choices_of(routes(default=order).weigh(request))
    near = choices_of(routes(public_url=False, default=order).weigh(request))
    assert [one.target for one in far] == list(order)
    assert [one.target for one in near] == ["useapi-pixverse/v4"]
    assert request.mode is Mode.FIRST_FRAME


# --- names ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "nearest"),
    [
        ("pictory/veo3", "pictory/veo3.1"),
        ("useapi-pixverse/v3", "useapi-pixverse/v3.5"),
        ("cheep", "cheap"),
        ("veo3", "pictory/veo3.1"),
        ("??", None),
        ("x" * 200, None),
    ],
)
def test_an_unknown_model_is_answered_with_the_nearest_and_all_there_are(
    model: str, nearest: str | None
) -> None:
    (fault,) = refused(routes(cheap=TARGETS[:1]), asking(model)).errors
    assert (fault.pointer, fault.code) == ("/model", "unknown_model")
    assert fault.nearest == nearest
    assert fault.allowed == ("cheap", *TARGETS)
    assert len(fault.detail) < 200
    assert fault.detail.startswith("there is no route or target ")
    assert fault.detail.endswith(f"; did you mean {nearest!r}?") == (nearest is not None)


def test_an_unknown_name_with_no_other_like_it_is_answered_with_no_guess() -> None:
    (fault,) = refused(routes(), asking("??")).errors
    assert fault.detail == "there is no route or target '??'"


def test_the_answer_says_whether_nothing_is_known_or_some_of_it() -> None:
    assert refused(routes(), asking("none")).detail == "The model is unknown."
    error = refused(shop(), asking(fallbacks=("none",)))
    assert error.detail == "The request names what there is not."
    error = refused(shop(), asking(seconds=7))
    assert error.detail == "No target can serve this request as it is."


def test_the_name_of_a_model_may_hold_a_slash() -> None:
    table = replace(SOLD, offers=(replace(WIDE, model="studio/wide"),))
    rules = Routes(providers={"made": table}, routes={}, public_url=True, money=PRICED)
    request = asking("made/studio/wide", max_cost="0.32", seconds=5)
    (choice,) = choices_of(rules.weigh(request))
    assert (choice.provider, choice.spec.model) == ("made", "studio/wide")
    (fault,) = refused(rules, asking("made/studio/wide", max_cost="0.1", seconds=5)).errors
    assert (fault.code, fault.nearest) == ("too_expensive", "0.32")
    (fault,) = refused(rules, asking("made/studio/wide", max_cost="0.1", seconds=7)).errors
    assert fault.code == "unsupported_value"
    (fault,) = refused(
        replace(rules, money=Money()), asking("made/studio/wide", max_cost="1")
    ).errors
    assert "a credit of made costs (money.credit.made)" in fault.detail


def test_there_is_no_default_unless_one_is_configured() -> None:
    (fault,) = refused(routes(), asking()).errors
    assert fault.code == "unknown_model"


@CALM
@given(st.text(max_size=30) | st.sampled_from(["default", *TARGETS]))
def test_any_other_name_is_an_unknown_model(name: str) -> None:
    rules = routes(default=TARGETS)
    request = asking(name, first_frame=URL)
    if name in {"default", *TARGETS} - {"useapi-pixverse/v3.5"}:
        assert choices_of(rules.weigh(request))
    else:
        assert refused(rules, request).errors


def test_an_option_for_a_provider_that_nobody_knows_is_a_fault_of_the_request() -> None:
    options: dict[str, dict[str, Any]] = {"pictori": {"x": 1}, "gone": {}, "useapi-pixverse": {}}
    request = asking(TARGETS[0], provider_options=options)
    rules = replace(routes(), known=("gone",))
    (fault,) = refused(rules, request).errors
    assert (fault.pointer, fault.code) == ("/provider_options/pictori", "unknown_provider")
    assert fault.nearest == "pictory"
    assert fault.allowed == ("pictory", "useapi-pixverse", "gone")
    assert fault.target is None


# --- fallbacks --------------------------------------------------------------------


def test_fallbacks_come_after_the_model_and_each_target_once() -> None:
    rules = routes(cheap=("pictory/pixverse5.5", "useapi-pixverse/v4"))
    request = asking(
        "pictory/veo3.1",
        fallbacks=("useapi-pixverse/v4", "cheap", "pictory/veo3.1", "useapi-pixverse/v4"),
    )
    order = ["pictory/veo3.1", "useapi-pixverse/v4", "pictory/pixverse5.5"]
    assert [one.target for one in choices_of(rules.weigh(request))] == order
    assert [one.target for one in rules.weigh(request)] == order


def test_every_unknown_fallback_is_a_fault_at_its_own_place() -> None:
    request = asking("pictory/veo3.1", fallbacks=("veo", "pictory/veo3.1_fast", "pictory/veo3"))
    error = refused(routes(), request)
    assert [(fault.pointer, fault.code) for fault in error.errors] == [
        ("/routing/fallbacks/0", "unknown_model"),
        ("/routing/fallbacks/2", "unknown_model"),
    ]
    with pytest.raises(InvalidError):
        routes().weigh(request)


def test_unknown_names_hide_no_reason_of_the_targets_that_there_are() -> None:
    request = asking("none", fallbacks=("made/wide",), seconds=7, provider_options={"x": {}})
    error = refused(shop(), request)
    assert [(fault.pointer, fault.target) for fault in error.errors] == [
        ("/model", None),
        ("/provider_options/x", None),
        ("/seconds", "made/wide"),
    ]


# --- prices -----------------------------------------------------------------------


def test_a_choice_has_the_price_of_its_list_and_says_whose_list_it_is() -> None:
    wide, guessed, unpriced = choices_of(shop(Money()).weigh(asking(seconds=8)))
    assert (wide.price, wide.estimated) == (Price(amount=128, unit="made_tenths"), False)
    assert (guessed.price, guessed.estimated) == (Price(amount=64, unit="made_tenths"), True)
    assert (unpriced.price, unpriced.estimated) == (None, False)


@pytest.mark.parametrize(
    ("limit", "taken"),
    [
        ("0.32", ["made/wide", "made/guessed"]),
        ("0.319999", ["made/guessed"]),
        ("0.16", ["made/guessed"]),
        ("100", ["made/wide", "made/guessed"]),
    ],
)
def test_what_costs_more_than_the_limit_or_nobody_knows_what_is_left_out(
    limit: str, taken: list[str]
) -> None:
    choices = choices_of(shop().weigh(asking(max_cost=limit)))
    assert [one.target for one in choices] == taken


def test_when_everything_is_too_expensive_every_price_is_told() -> None:
    error = refused(shop(), asking(max_cost="0.1"))
    assert [(fault.target, fault.pointer, fault.code) for fault in error.errors] == [
        ("made/wide", "/routing/max_cost", "too_expensive"),
        ("made/guessed", "/routing/max_cost", "too_expensive"),
        ("made/unpriced", "/routing/max_cost", "price_unknown"),
    ]
    assert error.errors[0].detail == "costs 0.32 USD on made/wide, more than 0.1"
    assert error.errors[0].nearest == "0.32"


def test_without_money_a_limit_can_be_kept_by_nobody() -> None:
    error = refused(shop(Money()), asking(max_cost="100", seconds=7))
    codes = [(fault.target, fault.code) for fault in error.errors]
    assert codes == [
        (target, code)
        for target in ("made/wide", "made/guessed", "made/unpriced")
        for code in ("unsupported_value", "price_unknown")
    ]
    assert "money.credit.made" in error.errors[1].detail


def test_a_limit_that_cannot_be_kept_is_told_beside_what_is_wrong_with_the_rest() -> None:
    error = refused(shop(), asking(max_cost="100", seconds=7))
    assert [(fault.target, fault.code) for fault in error.errors] == [
        ("made/wide", "unsupported_value"),
        ("made/guessed", "unsupported_value"),
        ("made/unpriced", "unsupported_value"),
        ("made/unpriced", "price_unknown"),
    ]
    words = "nobody knows what made/unpriced costs: it has no price list"
    assert error.errors[-1].detail == words


@pytest.mark.parametrize(
    "priced",
    [
        Money(),
        Money(currency="USD"),
        Money(currency="USD", credits={"other": 1}),
        Money(credits={"made": 1}),
    ],
)
def test_a_price_needs_a_currency_and_what_a_credit_of_the_provider_costs(priced: Money) -> None:
    words = (
        "nobody knows what made/wide costs: the gateway's settings do not say what a credit of "
        "made costs (money.credit.made)"
    )
    for seconds in (5, 7):
        error = refused(shop(priced), asking("made/wide", max_cost="100", seconds=seconds))
        assert error.errors[-1].detail == words


def test_weighing_shows_every_target_whether_it_can_or_not() -> None:
    weighed = shop().weigh(asking(max_cost="0.2"))
    assert [(one.target, one.choice is not None, one.price) for one in weighed] == [
        ("made/wide", False, Price(amount=80, unit="made_tenths")),
        ("made/guessed", True, Price(amount=40, unit="made_tenths")),
        ("made/unpriced", False, None),
    ]
    assert [len(one.faults) for one in weighed] == [1, 0, 1]
    weighed = shop().weigh(asking(seconds=7))
    assert [(one.target, one.choice, one.price) for one in weighed] == [
        ("made/wide", None, None),
        ("made/guessed", None, None),
        ("made/unpriced", None, None),
    ]


@CALM
@given(
    st.sampled_from(["default", *TARGETS]),
    st.lists(st.sampled_from(["default", *TARGETS]), max_size=3),
    st.sampled_from([None, 5, 7, 8, 10]),
    st.sampled_from([None, "0.1", "10"]),
)
def test_every_target_either_has_a_choice_or_reasons(
    model: str, fallbacks: list[str], seconds: int | None, limit: str | None
) -> None:
    rules = replace(routes(default=TARGETS), money=Money(currency="USD", credits={"pictory": 4000}))
    request = asking(model, fallbacks=tuple(fallbacks), seconds=seconds, max_cost=limit)
    weighed = rules.weigh(request)
    assert len({one.target for one in weighed}) == len(weighed)
    for one in weighed:
        assert (one.choice is None) == bool(one.faults)
        assert all(fault.target == one.target for fault in one.faults)
        assert one.choice is None or one.choice.target == one.target
    if any(one.choice for one in weighed):
        assert choices_of(weighed) == tuple(one.choice for one in weighed if one.choice)
    else:
        assert refused(rules, request).errors


# --- the order that is frozen -------------------------------------------------------------

CHEAPEST = RouteSettings(
    targets=("made/wide", "made/guessed", "made/unpriced"), strategy=Strategy.CHEAPEST
)
LEVEL = RouteSettings(targets=("made/wide", "made/guessed"), strategy=Strategy.LEAST_BUSY)
PLAIN = RouteSettings(targets=("made/wide", "made/unpriced"))
CERTAIN = RouteSettings(
    targets=("made/wide", "made/guessed"),
    strategy=Strategy.WEIGHTED,
    weights={"made/wide": 1, "made/guessed": 1_000_000},
)


def frozen(model: str, *fallbacks: str, **routes: RouteSettings) -> Arranged:
    rules = Routes(providers={"made": SOLD}, routes=routes, public_url=True, money=PRICED)
    request = asking(model, fallbacks=fallbacks)
    return rules.arrange(request, choices_of(rules.weigh(request)), Random(1))


def tiers(found: Arranged) -> list[tuple[str, int]]:
    return [(one.spec.model, one.tier) for one in found.choices]


def test_a_plain_route_and_a_target_keep_their_order() -> None:
    found = frozen("a", "made/guessed", a=PLAIN)
    assert tiers(found) == [("wide", 0), ("unpriced", 1), ("guessed", 2)]
    assert found.strategy is Strategy.PRIORITY


def test_the_cheapest_route_is_put_in_order_of_its_prices() -> None:
    found = frozen("a", a=CHEAPEST)
    assert tiers(found) == [("guessed", 0), ("wide", 1), ("unpriced", 2)]
    assert found.strategy is Strategy.CHEAPEST


def test_a_weighted_route_is_drawn_by_its_weights() -> None:
    assert tiers(frozen("a", a=CERTAIN)) == [("guessed", 0), ("wide", 1)]


def test_the_targets_of_the_least_busy_route_are_equals() -> None:
    found = frozen("a", a=LEVEL)
    assert tiers(found) == [("wide", 0), ("guessed", 0)]
    assert found.strategy is Strategy.LEAST_BUSY


def test_fallbacks_come_after_the_model_however_cheap_they_are() -> None:
    found = frozen("made/wide", "a", a=CHEAPEST)
    assert tiers(found) == [("wide", 0), ("guessed", 1), ("unpriced", 2)]
    assert found.strategy is Strategy.PRIORITY


def test_a_fallback_is_no_equal_of_the_least_busy_routes_targets() -> None:
    found = frozen("a", "made/unpriced", a=LEVEL)
    assert tiers(found) == [("wide", 0), ("guessed", 0), ("unpriced", 1)]
    assert found.strategy is Strategy.LEAST_BUSY


def test_a_fallback_to_the_least_busy_route_leaves_the_order_before_it() -> None:
    found = frozen("b", "a", a=LEVEL, b=PLAIN)
    assert tiers(found) == [("wide", 0), ("unpriced", 1), ("guessed", 2)]
    assert found.strategy is Strategy.LEAST_BUSY


@CALM
@given(
    st.sampled_from(["a", "b", "c", "d", "made/wide", "made/unpriced"]),
    st.lists(st.sampled_from(["a", "b", "c", "d", "made/wide", "made/guessed"])),
)
def test_the_frozen_choices_are_those_that_were_weighed(model: str, fallbacks: list[str]) -> None:
    names = {"a": PLAIN, "b": LEVEL, "c": CHEAPEST, "d": CERTAIN}
    rules = Routes(providers={"made": SOLD}, routes=names, public_url=True, money=PRICED)
    request = asking(model, fallbacks=tuple(fallbacks))
    before = choices_of(rules.weigh(request))
    found = rules.arrange(request, before, Random(0)).choices
    assert sorted(one.target for one in found) == sorted(one.target for one in before)
    assert [one.tier for one in found] == sorted(one.tier for one in found)


def test_a_route_of_no_targets_is_no_route() -> None:
    rules = Routes(providers={}, routes={"default": RouteSettings(targets=())}, public_url=True)
    assert refused(rules, asking()).errors[0].code == "unknown_model"
