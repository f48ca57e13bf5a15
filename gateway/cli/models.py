"""`filmgate models`: what a running gateway can make."""

import json
import sys
from typing import Any, Final

import click

from gateway.cli.request import gateway_options

UNUSABLE: Final = 2
_FACTS: Final = ("seconds", "aspect_ratios", "resolutions", "price")
"""What modes of a model have in common that are shown as one."""


@click.command()
@click.option("--json", "raw", is_flag=True, help="Print the gateway's answer as it is.")
@gateway_options
def command(*, raw: bool, url: str, key: str | None) -> None:
    """Show what a running gateway can make."""
    from gateway.net.client import ClientError, GatewayClient  # noqa: PLC0415

    try:
        with GatewayClient(url, key) as client:
            found = client.models()
    except ClientError as error:
        click.echo(f"filmgate: {error}", err=True)
        sys.exit(UNUSABLE)
    if raw:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for model in found:
        click.echo("\n".join(lines(model)))


def lines(model: dict[str, Any]) -> list[str]:
    """A model in words: a route's targets, or what a target makes of what."""
    if model["kind"] == "route":
        return [model["id"], f"  tries  {', '.join(model['targets'])}"]
    groups: dict[str, list[dict[str, Any]]] = {}
    for mode in model["modes"]:
        same = json.dumps([mode[name] for name in _FACTS])
        groups.setdefault(same, []).append(mode)
    told = [model["id"]]
    for modes in groups.values():
        first = modes[0]
        facts = [
            f"{_listed(first['seconds'])} s",
            _listed(first["aspect_ratios"]) or "the source's shape",
            _listed(first["resolutions"]) or "the provider's resolution",
        ]
        told += [
            f"  from   {', '.join(mode['mode'].replace('_', ' ') for mode in modes)}",
            f"  makes  {'; '.join(facts)}",
            f"  costs  {rate(first['price'], model['unit'])}",
        ]
    return told


def _listed(values: list[Any]) -> str:
    return ", ".join(map(str, values))


def rate(told: dict[str, Any] | None, unit: dict[str, Any]) -> str:
    """A price list in a few words."""
    from providers.contract import Credit  # noqa: PLC0415

    if told is None:
        return "not known"
    credit = Credit(**unit)
    words = f"{credit.text(told['per_second'])} a second"
    if told["per_clip"]:
        each = [credit.text(amount) for amount in sorted(told["per_clip"].values())]
        words = f"{each[0]} to {each[-1]} a clip" if len(each) > 1 else f"{each[0]} a clip"
        if any(
            factor > 1
            for name in ("seconds_factor", "motion_factor")
            for factor in told[name].values()
        ):
            words += ", more for long or fast ones"
    return f"{words}, in {credit.name}s" + (", estimated" if told["estimated"] else "")
