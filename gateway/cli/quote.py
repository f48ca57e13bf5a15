"""`filmgate quote`: who would make a video, what would be sent, and for what price."""

import json
import sys
from typing import Any, Final

import click

from gateway.cli.request import check_meaning, gateway_options, given, request_options

UNUSABLE: Final = 2


@click.command()
@click.argument("prompt", required=False)
@request_options
@click.option("--json", "raw", is_flag=True, help="Print the gateway's answer as it is.")
@gateway_options
def command(*, prompt: str | None, raw: bool, url: str, key: str | None, **choices: Any) -> None:
    """Tell who would make a video, and for what price.

    Nothing is stored, sent or paid.
    """
    from gateway.net.client import ClientError, GatewayClient  # noqa: PLC0415

    wanted = given({"prompt": prompt, **choices})
    check_meaning(wanted)
    try:
        with GatewayClient(url, key) as client, client.holding(wanted) as body:
            told = client.quote(body)
    except ClientError as error:
        click.echo(f"filmgate: {error}", err=True)
        sys.exit(UNUSABLE)
    click.echo(json.dumps(told, indent=2, ensure_ascii=False) if raw else "\n".join(lines(told)))


def lines(told: dict[str, Any]) -> list[str]:
    """A quote in words."""
    when = f"in line, place {told['position']}" if told["waits"] else "at once"
    account = f" on {told['account']}" if told["account"] else ""
    spec = {name: value for name, value in told["spec"].items() if value not in (None, {})}
    sent = told["request"]
    said = [
        f"{told['target']}{account}, {when}",
        f"price    {price(told, told['currency'])}",
        "spec     " + ", ".join(f"{name}={_shown(value)}" for name, value in spec.items()),
        f"sends    {sent['method']} {sent['url']}",
        *(f"         {line}" for line in _pretty(sent["body"])),
    ]
    for choice in told["choices"]:
        if choice["target"] != told["target"]:
            busy = "" if choice["free"] else f"; {choice['reason'] or 'no slot is free'}"
            said.append(f"or       {choice['target']}  {price(choice, told['currency'])}{busy}")
    for refused in told["refused"]:
        said.append(f"not      {refused['target']}")
        said += [f"           {one['pointer']}: {one['detail']}" for one in refused["errors"]]
    return said


def price(told: dict[str, Any], currency: str | None) -> str:
    """A price in the provider's credits, and in money where that is known."""
    if told["price"] is None:
        return "not known"
    words = f"{told['credits']} credits"
    if told["money"] is not None:
        words += f" ({told['money']} {currency})"
    return f"{words}, estimated" if told["estimated"] else words


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _pretty(body: object) -> list[str]:
    return json.dumps(body, indent=2, ensure_ascii=False).splitlines()
