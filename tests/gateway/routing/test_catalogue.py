from decimal import Decimal

import msgspec
import pytest

from gateway.config import RouteSettings
from gateway.model.strategy import Strategy
from gateway.routing.catalogue import Limits, Model, models
from gateway.routing.money import money
from gateway.routing.routes import Routes
from providers.registry import ADAPTERS
from tests.gateway.routing.rows_support import MADE, WIDE
from tests.strategies import ROWS

TABLES = {name: adapter.capabilities for name, adapter in ADAPTERS.items()}


def listed(routes: Routes) -> dict[str, Model]:
    return {model.id: model for model in models(routes)}


def test_every_route_and_every_target_is_listed_once() -> None:
    order = ("pictory/veo3.1", "useapi-pixverse/v4")
    named = {"default": RouteSettings(targets=order), "x": RouteSettings(targets=order[:1])}
    routes = Routes(providers=TABLES, routes=named, public_url=True)
    found = models(routes)
    assert [model.id for model in found] == ["default", "x", *routes.targets()]
    assert found[0].targets == order
    assert (found[0].kind, found[0].modes) == ("route", ())


@pytest.mark.parametrize(
    ("strategy", "title"),
    [
        (Strategy.PRIORITY, "The first of 2 that can"),
        (Strategy.LEAST_BUSY, "The least busy of 2 that can"),
        (Strategy.CHEAPEST, "The cheapest of 2 that can"),
        (Strategy.WEIGHTED, "One by chance of 2 that can"),
    ],
)
def test_a_routes_title_says_how_it_chooses(strategy: Strategy, title: str) -> None:
    both = RouteSettings(targets=("pictory/veo3.1", "useapi-pixverse/v4"), strategy=strategy)
    one = RouteSettings(targets=("pictory/veo3.1",), strategy=strategy)
    found = listed(Routes(providers=TABLES, routes={"a": both, "b": one}, public_url=True))
    assert (found["a"].title, found["b"].title) == (title, "Another name")


def test_every_row_of_every_table_is_shown() -> None:
    found = listed(Routes(providers=TABLES, routes={}, public_url=True))
    for table, offer in ROWS:
        model = found[f"{table.provider}/{offer.model}"]
        (mode,) = (one for one in model.modes if one.mode is offer.mode)
        assert mode.seconds == offer.seconds
        assert mode.source == offer.source
        assert mode.prompt == Limits(low=offer.prompt_min, high=offer.prompt_max)
        assert (mode.price, mode.options) == (offer.rate, offer.options)


def test_a_target_says_what_it_takes_and_what_its_credits_cost() -> None:
    tables = {"made": MADE}
    routes = Routes(
        providers=tables,
        routes={},
        public_url=True,
        money=money("USD", {"made": Decimal("0.04")}, tables),
    )
    model = listed(routes)["made/wide"]
    assert (model.object, model.owned_by, model.kind) == ("model", "made", "target")
    assert (model.credit, model.currency, model.input_form) == ("0.04", "USD", "url")
    text, frame, references = model.modes
    assert text.seed == Limits(low=1, high=99)
    assert text.negative_prompt == Limits(low=1, high=10)
    assert text.remove_watermark is True
    assert (text.reference_images, references.reference_images) == (None, Limits(low=2, high=3))
    assert frame.aspect_ratios == ()
    assert text.price == WIDE.rate


def test_the_list_can_be_told_as_json() -> None:
    found = models(Routes(providers=TABLES, routes={}, public_url=True))
    told = msgspec.json.decode(msgspec.json.encode(found), type=tuple[Model, ...])
    assert told == found
