"""From the `model` of a request to the ways of serving it."""

from collections.abc import Collection, Mapping, Sequence
from random import Random
from typing import NamedTuple

import msgspec

from gateway.config.settings import RouteSettings
from gateway.model.errors import FieldFault, InvalidError
from gateway.model.job import Choice
from gateway.model.reading import nearest, shown, step
from gateway.model.request import CreateVideo
from gateway.model.strategy import Strategy
from gateway.routing.fit import fit
from gateway.routing.money import Money, as_micros
from gateway.routing.order import likely_first
from gateway.routing.strategy import arranged
from providers.contract import Capabilities, Price, VideoSpec

MAX_COST = "/routing/max_cost"


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """A target against a request: the way to serve it, or everything that stands against it.

    `price` is known wherever the model could make the video, too expensive or not.
    """

    target: str
    choice: Choice | None
    price: Price | None
    faults: tuple[FieldFault, ...]


class Arranged(NamedTuple):
    """The ways to serve a job as they are frozen, and how a slot is chosen among them."""

    choices: tuple[Choice, ...]
    strategy: Strategy


class Routes(msgspec.Struct, frozen=True, kw_only=True):
    """What `model` may name: routes, and targets of the providers that have an account.

    `public_url` says whether providers can fetch inputs from the gateway. `known` names
    providers without an account too: options for these are no mistake, as requests stay
    the same when an operator changes providers.
    """

    providers: Mapping[str, Capabilities]
    routes: Mapping[str, RouteSettings]
    public_url: bool
    money: Money = Money()
    known: Collection[str] = ()

    def targets(self) -> tuple[str, ...]:
        """Every target that has an account, in table order."""
        return tuple(
            dict.fromkeys(
                f"{name}/{offer.model}"
                for name, capabilities in self.providers.items()
                for offer in capabilities.offers
            )
        )

    def weigh(self, request: CreateVideo) -> tuple[Weighed, ...]:
        """Every target that `request` names, each once: can it, at what price, and why not?

        Those of its model come first, in order, then those of its fallbacks.

        Raises:
            InvalidError: The request names a model, a fallback or a provider there is not.
        """
        targets, faults = self._named(request)
        faults += self._unknown_providers(request)
        weighed = tuple(self._weighed(target, request) for target in targets)
        if not faults:
            return weighed
        if not any(one.choice for one in weighed):
            faults += [fault for one in weighed for fault in one.faults]
        detail = "The model is unknown." if not targets else "The request names what there is not."
        raise InvalidError(detail, errors=likely_first(faults))

    def arrange(self, request: CreateVideo, choices: Sequence[Choice], rng: Random) -> Arranged:
        """The choices of a request as the strategies of the routes it names want them.

        Those of its model come before those of its fallbacks, whatever the strategies are:
        each name is a tier of its own, or several where its order counts.
        """
        named = [self._route(name) for name in (request.model, *request.routing.fallbacks)]
        routes = [route for route in named if route is not None]
        left = {choice.target: choice for choice in choices}
        found: list[Choice] = []
        for route in routes:
            own = [left.pop(target) for target in route.targets if target in left]
            ordered = arranged(own, route.strategy, route.weights, self.money, rng)
            tier = found[-1].tier + 1 if found else 0
            rise = route.strategy is not Strategy.LEAST_BUSY
            found += [
                msgspec.structs.replace(choice, tier=tier + number * rise)
                for number, choice in enumerate(ordered)
            ]
        strategies = [route.strategy for route in routes]
        strategy = Strategy.LEAST_BUSY if Strategy.LEAST_BUSY in strategies else strategies[0]
        return Arranged(tuple(found), strategy)

    def _route(self, name: str) -> RouteSettings | None:
        """The route of this name; a target is one of its own."""
        route = self.routes.get(name)
        if route is not None and route.targets:
            return route
        return RouteSettings(targets=(name,)) if name in self.targets() else None

    def _named(self, request: CreateVideo) -> tuple[tuple[str, ...], list[FieldFault]]:
        """The targets of the model and the fallbacks; a fault for each name that is none."""
        known = self.targets()
        places = {"/model": request.model}
        for number, name in enumerate(request.routing.fallbacks):
            places[step("/routing/fallbacks", number)] = name
        found: list[str] = []
        faults: list[FieldFault] = []
        for at, name in places.items():
            route = self._route(name)
            if route is None:
                faults.append(_unknown(at, "route or target", name, (*self.routes, *known)))
            else:
                found += route.targets
        return tuple(dict.fromkeys(found)), faults

    def _unknown_providers(self, request: CreateVideo) -> list[FieldFault]:
        known = tuple(dict.fromkeys((*self.providers, *self.known)))
        return [
            _unknown(step("/provider_options", name), "provider", name, known)
            for name in request.provider_options
            if name not in known
        ]

    def _weighed(self, target: str, request: CreateVideo) -> Weighed:
        provider, _, model = target.partition("/")
        table = self.providers[provider]
        found = fit(request, table, model, public_url=self.public_url)
        if not isinstance(found, VideoSpec):
            faults = (*found, *self._unpriced(target, request))
            return Weighed(target=target, choice=None, price=None, faults=faults)
        offer = table.offer(model, request.mode)
        rate = offer.rate if offer else None
        price = rate.price(found) if rate else None
        faults = self._too_expensive(target, request, price)
        choice = Choice(
            provider=provider,
            spec=found,
            price=price,
            estimated=rate is not None and rate.estimated,
        )
        return Weighed(target=target, choice=None if faults else choice, price=price, faults=faults)

    def _unpriced(self, target: str, request: CreateVideo) -> tuple[FieldFault, ...]:
        """The fault of a limit on a price that cannot be known, whatever else is changed."""
        provider, _, model = target.partition("/")
        rates = [row.rate for row in self.providers[provider].offers if row.model == model]
        if request.routing.max_cost is None or (self._is_priced(provider) and any(rates)):
            return ()
        return (self._price_unknown(target),)

    def _too_expensive(
        self, target: str, request: CreateVideo, price: Price | None
    ) -> tuple[FieldFault, ...]:
        limit = request.routing.max_cost
        if limit is None:
            return ()
        provider = target.partition("/")[0]
        cost = None if price is None else self.money.micros(provider, price)
        if cost is None:
            return (self._price_unknown(target),)
        if cost <= as_micros(limit):
            return ()
        told = self.money.of(provider, price)
        words = f"costs {told} {self.money.currency} on {target}, more than {limit}"
        return (
            FieldFault(
                pointer=MAX_COST, code="too_expensive", detail=words, nearest=told, target=target
            ),
        )

    def _is_priced(self, provider: str) -> bool:
        return self.money.currency is not None and provider in self.money.credits

    def _price_unknown(self, target: str) -> FieldFault:
        provider = target.partition("/")[0]
        words = f"nobody knows what {target} costs: it has no price list"
        if not self._is_priced(provider):
            words = (
                f"nobody knows what {target} costs: the gateway's settings do not say what a "
                f"credit of {provider} costs (money.credit.{provider})"
            )
        return FieldFault(pointer=MAX_COST, code="price_unknown", detail=words, target=target)


def choices_of(weighed: Sequence[Weighed]) -> tuple[Choice, ...]:
    """The ways to serve the request that was weighed, in order.

    Raises:
        InvalidError: There are none; `errors` holds every reason of every target, see
            `likely_first`.
    """
    choices = tuple(one.choice for one in weighed if one.choice is not None)
    if not choices:
        faults = likely_first(fault for one in weighed for fault in one.faults)
        raise InvalidError("No target can serve this request as it is.", errors=faults)
    return choices


def _unknown(at: str, what: str, name: str, known: Sequence[str]) -> FieldFault:
    near = nearest(name, known, cutoff=0.4)
    code = "unknown_provider" if what == "provider" else "unknown_model"
    return FieldFault(
        pointer=at,
        code=code,
        detail=f"there is no {what} {shown(name)!r}"
        + (f"; did you mean {near!r}?" if near else ""),
        allowed=tuple(known),
        nearest=near,
    )
