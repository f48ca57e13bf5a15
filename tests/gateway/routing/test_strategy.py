from collections import Counter
from decimal import Decimal
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.job import Choice
from gateway.model.strategy import Strategy
from gateway.routing.money import Money, money
from gateway.routing.strategy import arranged
from providers.contract import Mode, Price, VideoSpec
from providers.registry import ADAPTERS
from tests.strategies import CALM

TABLES = {name: adapter.capabilities for name, adapter in ADAPTERS.items()}
PICTORY = "pictory"
USEAPI = "useapi-pixverse"
BOTH = money("USD", {PICTORY: Decimal("0.04"), USEAPI: Decimal("0.005")}, TABLES)
"""A tenth of a credit of Pictory costs 0.004, a credit of useapi 0.005."""


def choice(model: str, amount: int | None = None, provider: str = PICTORY) -> Choice:
    spec = VideoSpec(model=model, mode=Mode.TEXT, prompt="hello", seconds=5)
    unit = TABLES[provider].credit.unit
    price = None if amount is None else Price(amount=amount, unit=unit)
    return Choice(provider=provider, spec=spec, price=price)


def cheapest(choices: list[Choice], priced: Money) -> list[str]:
    order = arranged(choices, Strategy.CHEAPEST, {}, priced, Random(0))
    return [one.spec.model for one in order]


@pytest.mark.parametrize("strategy", [Strategy.PRIORITY, Strategy.LEAST_BUSY])
def test_what_needs_no_order_keeps_that_of_the_route(strategy: Strategy) -> None:
    choices = [choice("b", 9), choice("a", 1), choice("c")]
    assert arranged(choices, strategy, {}, BOTH, Random(0)) == tuple(choices)


def test_the_cheapest_in_money_comes_first_whatever_its_credits_are() -> None:
    choices = [choice("dear", 100), choice("cheap", 79, USEAPI), choice("middle", 99)]
    assert cheapest(choices, BOTH) == ["cheap", "middle", "dear"]


def test_prices_that_are_the_same_in_money_keep_the_order_of_the_route() -> None:
    choices = [choice("b", 5), choice("c", 4, USEAPI), choice("a", 5)]
    assert cheapest(choices, BOTH) == ["b", "c", "a"]


def test_without_money_the_credits_of_one_provider_are_compared() -> None:
    choices = [choice("dear", 100), choice("cheap", 10), choice("middle", 99)]
    assert cheapest(choices, Money()) == ["cheap", "middle", "dear"]


def test_without_money_the_targets_of_a_provider_change_places_among_themselves() -> None:
    choices = [
        choice("dear", 100),
        choice("other dear", 9, USEAPI),
        choice("cheap", 10),
        choice("other cheap", 1, USEAPI),
    ]
    assert cheapest(choices, Money()) == ["cheap", "other cheap", "dear", "other dear"]


def test_what_costs_nobody_knows_comes_last() -> None:
    choices = [
        choice("no price"),
        choice("credits only", 1, USEAPI),
        choice("dear", 1000),
        choice("none either", None, USEAPI),
        choice("cheap", 10),
    ]
    half = money("USD", {PICTORY: Decimal("0.04")}, TABLES)
    assert cheapest(choices, half) == [
        "cheap",
        "dear",
        "credits only",
        "no price",
        "none either",
    ]


CHOICES = st.lists(
    st.builds(
        choice,
        st.sampled_from("abcdef"),
        st.none() | st.integers(0, 9),
        st.sampled_from([PICTORY, USEAPI]),
    ),
    unique_by=lambda one: one.target,
)
MONEY = st.sampled_from([Money(), BOTH, money("USD", {USEAPI: Decimal(1)}, TABLES)])


@CALM
@given(
    CHOICES,
    st.sampled_from(Strategy),
    MONEY,
    st.dictionaries(st.sampled_from([f"{PICTORY}/{m}" for m in "abc"]), st.integers(1, 9)),
    st.integers(),
)
def test_no_choice_is_lost_or_added(
    choices: list[Choice], strategy: Strategy, priced: Money, weights: dict[str, int], seed: int
) -> None:
    found = arranged(choices, strategy, weights, priced, Random(seed))
    assert sorted(one.target for one in found) == sorted(one.target for one in choices)


@CALM
@given(CHOICES, MONEY)
def test_costs_that_compare_only_rise(choices: list[Choice], priced: Money) -> None:
    found = arranged(choices, Strategy.CHEAPEST, {}, priced, Random(0))
    costs = [priced.micros(one.provider, one.price) if one.price else None for one in found]
    known = [cost for cost in costs if cost is not None]
    assert known == sorted(known) == costs[: len(known)]
    for provider in (PICTORY, USEAPI):
        own = [one.price.amount for one in found if one.provider == provider and one.price]
        assert own == sorted(own)


def test_the_weighted_order_is_drawn_in_proportion_to_the_weights() -> None:
    choices = [choice("a"), choice("b"), choice("c")]
    weights = {f"{PICTORY}/a": 6, f"{PICTORY}/b": 3, f"{PICTORY}/c": 1}
    rng, draws = Random(7), 20_000
    counted = Counter(
        "".join(
            one.spec.model for one in arranged(choices, Strategy.WEIGHTED, weights, Money(), rng)
        )
        for _ in range(draws)
    )
    share = {"a": 6, "b": 3, "c": 1}
    for first, second, third in permutations("abc"):
        # Each next one is drawn from those that are left.
        chance = share[first] / 10 * share[second] / (share[second] + share[third])
        assert counted[first + second + third] / draws == pytest.approx(chance, abs=0.01)


def test_the_same_chance_gives_the_same_order() -> None:
    choices = [choice(one) for one in "abcdef"]
    one, two = (arranged(choices, Strategy.WEIGHTED, {}, Money(), Random(3)) for _ in range(2))
    assert one == two
