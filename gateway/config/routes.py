"""`[routes]`: names for targets that exist and have an account, and how one is chosen."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.config.environment import is_within
from gateway.config.faults import Faults, nearest, quoted, step
from gateway.model.strategy import Strategy
from providers.contract import Capabilities


def check_routes(
    routes: Mapping[str, Any],
    providers: Mapping[str, Capabilities],
    served: set[str] | None,
    faults: Faults,
) -> None:
    """Note every broken rule of the section.

    `served` are the providers with an account; None while that cannot be known.
    """
    for name, route in routes.items():
        where = step("routes", name)
        _name(name, where, faults)
        if isinstance(route, tuple):
            _targets(route, where, providers, served, faults)
        elif "targets" in route:
            _targets(route["targets"], step(where, "targets"), providers, served, faults)
            _weights(route, step(where, "weights"), faults)


def _name(name: str, where: str, faults: Faults) -> None:
    if not name.strip() or name != name.strip() or not name.isprintable():
        faults.add(where, "a route needs a name, without blanks around it")
    elif "/" in name:
        faults.add(where, "a route's name may not hold a /: that marks a target")


def _targets(
    targets: Sequence[str],
    where: str,
    providers: Mapping[str, Capabilities],
    served: set[str] | None,
    faults: Faults,
) -> None:
    if not targets:
        faults.add(where, "is empty", 'list at least one target, "provider/model"')
    for number, target in enumerate(targets):
        at = f"{where}[{number}]"
        if target in targets[:number]:
            faults.add(at, f"{quoted(target)} is in this route twice")
        else:
            _target(target, at, providers, served, faults)


def _target(
    target: str,
    where: str,
    providers: Mapping[str, Capabilities],
    served: set[str] | None,
    faults: Faults,
) -> None:
    provider, slash, model = target.partition("/")
    if not slash or not provider or not model:
        faults.add(where, f"{quoted(target)} is not a target", 'write "provider/model"')
        return
    able = providers.get(provider)
    if able is None:
        faults.add(where, f"there is no provider {quoted(provider)}", nearest(provider, providers))
        return
    models = {offer.model for offer in able.offers}
    if model not in models:
        hint = nearest(model, models)
        faults.add(where, f"{able.title} has no model {quoted(model)}", hint)
    if served is not None and provider not in served:
        faults.add(
            where,
            f"no account for the provider {provider}",
            f'add an [[accounts]] table with provider = "{provider}"',
        )


def _weights(route: Mapping[str, Any], where: str, faults: Faults) -> None:
    weights, strategy, targets = route.get("weights"), route.get("strategy"), route["targets"]
    if (
        weights is None
        or strategy is None
        or any(is_within(one.where, where) for one in faults.found)
    ):
        return
    strange = [name for name in weights if name not in targets]
    missing = [target for target in targets if target not in weights]
    if strategy is not Strategy.WEIGHTED:
        if weights:
            faults.add(where, f"are for another strategy than {strategy}", 'strategy = "weighted"')
    elif strange:
        for name in strange:
            words = f"{quoted(name)} is no target of this route"
            faults.add(step(where, name), words, nearest(name, targets))
    elif missing:
        listed = ", ".join(map(quoted, missing))
        faults.add(where, f"has none for {listed}", "a whole number for each target, from 1")
