"""In which order the ways of serving a job stand: frozen when it is accepted."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from math import log
from random import Random

from gateway.model.job import Choice
from gateway.model.strategy import Strategy
from gateway.routing.money import Money
from providers.contract import Price


def arranged(
    choices: Sequence[Choice],
    strategy: Strategy,
    weights: Mapping[str, int],
    money: Money,
    rng: Random,
) -> tuple[Choice, ...]:
    """The same choices as the strategy of their route wants them.

    Args:
        choices: In the order of the route.
        strategy: That of the route. `LEAST_BUSY` is decided when a slot is given, so it
            changes nothing here.
        weights: By target; one that has none counts as 1.
        money: What the providers' credits cost.
        rng: Chance, for `WEIGHTED` alone.
    """
    match strategy:
        case Strategy.CHEAPEST:
            return _cheapest(choices, money)
        case Strategy.WEIGHTED:
            return _drawn(choices, weights, rng)
        case Strategy.PRIORITY | Strategy.LEAST_BUSY:
            return tuple(choices)


def _cheapest(choices: Sequence[Choice], money: Money) -> tuple[Choice, ...]:
    """By cost in money; then those with a price in credits alone; then those without any.

    Credits of one provider compare with each other, not with another's: so each provider's
    choices change places among themselves.
    """
    priced = [(choice.price, choice) for choice in choices if choice.price is not None]
    in_money = [
        (cost, choice)
        for price, choice in priced
        if (cost := money.micros(choice.provider, price)) is not None
    ]
    in_credits = [one for one in priced if money.micros(one[1].provider, one[0]) is None]
    return (
        *(choice for _, choice in sorted(in_money, key=lambda one: one[0])),
        *_by_credits(in_credits),
        *(choice for choice in choices if choice.price is None),
    )


def _by_credits(prices: Sequence[tuple[Price, Choice]]) -> Iterator[Choice]:
    ranked: dict[str, deque[Choice]] = {}
    for price, choice in sorted(prices, key=lambda one: one[0].amount):
        ranked.setdefault(price.unit, deque()).append(choice)
    return (ranked[price.unit].popleft() for price, _ in prices)


def _drawn(
    choices: Sequence[Choice], weights: Mapping[str, int], rng: Random
) -> tuple[Choice, ...]:
    """A random order in which each next one is drawn in proportion to the weights left.

    Whoever waits an exponential time at a rate of its weight comes first in just that
    proportion (Efraimidis and Spirakis, 2006).
    """
    waits = [-log(1 - rng.random()) / weights.get(choice.target, 1) for choice in choices]
    return tuple(choices[n] for n in sorted(range(len(choices)), key=waits.__getitem__))
