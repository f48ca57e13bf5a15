"""What the gateway can make, as `GET /v1/models` shows it: targets and routes with their tables.

The members of OpenAI's model objects come first, so that its clients can read the list.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from gateway.config.settings import RouteSettings
from gateway.model.strategy import Strategy
from gateway.routing.routes import Routes
from providers.contract import Credit, Mode, Offer, Option, Price, Rate

CREATED: Final = 1_735_689_600
"""2025-01-01: OpenAI's member wants a time, and no provider tells when it made a model."""
OWNER: Final = "filmgate"
"""Who owns a route, where a target is its provider's."""
_TITLES: Final[Mapping[Strategy, str]] = {
    Strategy.PRIORITY: "The first",
    Strategy.LEAST_BUSY: "The least busy",
    Strategy.CHEAPEST: "The cheapest",
    Strategy.WEIGHTED: "One by chance",
}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The least and the most of something; both count."""

    low: int
    high: int


class ModeTable(msgspec.Struct, frozen=True, kw_only=True):
    """What a model takes when it makes a video from this.

    The first value of each list is the default, and `remove_watermark` is one. An empty list
    or null stands for a field that must be left out. Prompts are measured in characters.
    """

    mode: Mode
    seconds: tuple[int, ...]
    aspect_ratios: tuple[str, ...]
    resolutions: tuple[str, ...]
    motion_modes: tuple[str, ...]
    prompt_required: bool
    prompt: Limits
    negative_prompt: Limits | None
    seed: Limits | None
    reference_images: Limits | None
    remove_watermark: bool | None
    options: tuple[Option, ...]
    price: Rate | None
    source: str


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """What `model` may name.

    A route has `targets`, in the order of the configuration; a target has `modes`.
    Prices are in `unit`, the provider's own money; `credit` is the cost of one whole credit
    of it in `currency`.
    """

    id: str
    object: Literal["model"] = "model"
    created: int = CREATED
    owned_by: str
    kind: Literal["target", "route"]
    title: str
    targets: tuple[str, ...] = ()
    modes: tuple[ModeTable, ...] = ()
    input_form: str | None = None
    unit: Credit | None = None
    credit: str | None = None
    currency: str | None = None


def models(routes: Routes) -> tuple[Model, ...]:
    """Every route, then every target, in the order of the configuration."""
    return (
        *(_route(name, route) for name, route in routes.routes.items()),
        *(_target(target, routes) for target in routes.targets()),
    )


def _route(name: str, route: RouteSettings) -> Model:
    count = len(route.targets)
    title = f"{_TITLES[route.strategy]} of {count} that can" if count > 1 else "Another name"
    return Model(id=name, owned_by=OWNER, kind="route", title=title, targets=route.targets)


def _target(target: str, routes: Routes) -> Model:
    provider, _, model = target.partition("/")
    table = routes.providers[provider]
    credit = Price(amount=table.credit.parts, unit=table.credit.unit)
    return Model(
        id=target,
        owned_by=provider,
        kind="target",
        title=f"{model} at {table.title}",
        modes=tuple(_mode(offer) for offer in table.offers if offer.model == model),
        input_form=table.input_form.value,
        unit=table.credit,
        credit=routes.money.of(provider, credit),
        currency=routes.money.currency,
    )


def _mode(offer: Offer) -> ModeTable:
    most = offer.negative_prompt_max
    return ModeTable(
        mode=offer.mode,
        seconds=offer.seconds,
        aspect_ratios=offer.aspect_ratios,
        resolutions=offer.resolutions,
        motion_modes=offer.motion_modes,
        prompt_required=offer.prompt_required,
        prompt=Limits(low=offer.prompt_min, high=offer.prompt_max),
        negative_prompt=None if most is None else Limits(low=1, high=most),
        seed=_limits(offer.seed),
        reference_images=_limits(offer.references),
        remove_watermark=offer.watermark,
        options=offer.options,
        price=offer.rate,
        source=offer.source,
    )


def _limits(both: tuple[int, int] | None) -> Limits | None:
    return None if both is None else Limits(low=both[0], high=both[1])
