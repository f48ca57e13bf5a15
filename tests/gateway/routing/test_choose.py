from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.job import Choice
from gateway.model.strategy import Strategy
from gateway.routing.choose import choose
from providers.contract import Mode, VideoSpec
from tests.strategies import CALM

IN_ORDER = (Strategy.PRIORITY, Strategy.CHEAPEST, Strategy.WEIGHTED)


class Free(NamedTuple):
    """A slot, as far as choosing goes."""

    provider: str
    account: str = "main"
    load: float = 0.0


def choice(provider: str, model: str = "m", tier: int = 0) -> Choice:
    spec = VideoSpec(model=model, mode=Mode.TEXT, prompt="hello", seconds=5, aspect_ratio="16:9")
    return Choice(provider=provider, spec=spec, tier=tier)


@pytest.mark.parametrize("strategy", IN_ORDER)
def test_the_first_choice_with_a_free_slot_is_taken(strategy: Strategy) -> None:
    choices = [choice("a"), choice("b"), choice("c")]
    assert choose(choices, [Free("c"), Free("b", load=0.9)], strategy) == (1, Free("b", load=0.9))


def test_without_a_strategy_the_order_counts() -> None:
    assert choose([choice("a"), choice("b")], [Free("b"), Free("a", load=0.5)]) == (
        0,
        Free("a", load=0.5),
    )


@pytest.mark.parametrize("strategy", Strategy)
def test_among_the_accounts_of_a_provider_the_one_with_the_least_load_is_taken(
    strategy: Strategy,
) -> None:
    free = [Free("b", "x", 0.9), Free("a", "one", 0.5), Free("a", "two", 0.25)]
    assert choose([choice("a")], free, strategy) == (0, Free("a", "two", 0.25))


@pytest.mark.parametrize("strategy", Strategy)
def test_among_accounts_with_the_same_load_the_name_decides(strategy: Strategy) -> None:
    free = [Free("a", "two", 0.5), Free("a", "one", 0.5)]
    assert choose([choice("a")], free, strategy) == (0, Free("a", "one", 0.5))


def test_the_least_busy_account_is_taken_whosever_it_is() -> None:
    free = [Free("a", load=0.5), Free("b", load=0.25)]
    choices = [choice("a"), choice("b")]
    assert choose(choices, free, Strategy.LEAST_BUSY) == (1, free[1])


def test_of_two_that_are_as_busy_the_first_choice_is_taken() -> None:
    free = [Free("b", "a", 0.5), Free("a", "z", 0.5)]
    choices = [choice("a", "x"), choice("a", "y"), choice("b")]
    assert choose(choices, free, Strategy.LEAST_BUSY) == (0, free[1])


def test_a_fallback_waits_until_no_slot_of_the_model_is_free_however_busy_it_is() -> None:
    choices = [choice("a"), choice("b"), choice("c", tier=1)]
    free = [Free("c", load=0.0), Free("b", load=0.9)]
    assert choose(choices, free, Strategy.LEAST_BUSY) == (1, free[1])
    assert choose(choices, free[:1], Strategy.LEAST_BUSY) == (2, free[0])


@pytest.mark.parametrize("strategy", Strategy)
def test_without_a_fitting_slot_nothing_is_chosen(strategy: Strategy) -> None:
    assert choose([choice("a")], [Free("b")], strategy) is None
    assert choose([choice("a")], list[Free](), strategy) is None
    assert choose([], [Free("a")], strategy) is None


FREE = st.lists(
    st.builds(Free, st.sampled_from("abcd"), st.sampled_from("xyz"), st.sampled_from([0.0, 0.5]))
)


@CALM
@given(st.lists(st.sampled_from("abc")), FREE, st.sampled_from(IN_ORDER))
def test_no_earlier_choice_is_passed_over(
    wanted: list[str], free: list[Free], strategy: Strategy
) -> None:
    found = choose([choice(one) for one in wanted], free, strategy)
    providers = {one.provider for one in free}
    if found is None:
        assert not set(wanted) & providers
    else:
        index, slot = found
        assert slot.provider == wanted[index]
        assert not set(wanted[:index]) & providers
        own = [one for one in free if one.provider == slot.provider]
        assert (slot.load, slot.account) == min((one.load, one.account) for one in own)


@CALM
@given(st.lists(st.sampled_from("abc")), FREE)
def test_nobody_less_busy_is_passed_over_by_the_least_busy(
    wanted: list[str], free: list[Free]
) -> None:
    found = choose([choice(one) for one in wanted], free, Strategy.LEAST_BUSY)
    fitting = [one for one in free if one.provider in wanted]
    assert (found is None) == (not fitting)
    if found is not None:
        assert wanted[found[0]] == found[1].provider
        assert found[1].load == min(one.load for one in fitting)
