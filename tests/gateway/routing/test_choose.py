from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from gateway.model.job import Choice
from gateway.routing.choose import choose
from providers.contract import Mode, VideoSpec
from tests.strategies import CALM


class Free(NamedTuple):
    """A slot, as far as choosing goes."""

    provider: str
    account: str = "main"


def choice(provider: str, model: str = "m") -> Choice:
    spec = VideoSpec(model=model, mode=Mode.TEXT, prompt="hello", seconds=5, aspect_ratio="16:9")
    return Choice(provider=provider, spec=spec)


def test_the_first_choice_with_a_free_slot_is_taken() -> None:
    choices = [choice("a"), choice("b"), choice("c")]
    assert choose(choices, [Free("c"), Free("b")]) == (1, Free("b"))


def test_among_slots_of_one_provider_the_first_is_taken() -> None:
    free = [Free("b"), Free("a", "one"), Free("a", "two")]
    assert choose([choice("a")], free) == (0, Free("a", "one"))


def test_without_a_fitting_slot_nothing_is_chosen() -> None:
    assert choose([choice("a")], [Free("b")]) is None
    assert choose([choice("a")], []) is None
    assert choose([], [Free("a")]) is None


@CALM
@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abcd")))
def test_no_earlier_choice_is_passed_over(wanted: list[str], free: list[str]) -> None:
    found = choose([choice(one) for one in wanted], [Free(one) for one in free])
    if found is None:
        assert not set(wanted) & set(free)
    else:
        index, slot = found
        assert slot.provider == wanted[index]
        assert not set(wanted[:index]) & set(free)
