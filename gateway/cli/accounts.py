"""`filmgate accounts`: how a gateway's accounts stand, and stopping one for a while."""

from typing import Any

import click

from gateway.cli.output import ListingGroup, asking, clock, json_option, print_json, print_table
from gateway.cli.request import gateway_options


@click.group(cls=ListingGroup)
def command() -> None:
    """Show, pause and resume a gateway's accounts.

    It takes an operator's key. Without a command it lists them, with the options of `list`.
    """


@command.command("list")
@json_option
@gateway_options
def list_accounts(*, raw: bool, url: str, key: str | None) -> None:
    """Tell how each account stands.

    That is its slots taken and its limit, with the configured one beside it where it proved to
    carry less; its state, why, and what to do.
    """
    with asking(url, key) as client:
        found = client.accounts()
    if raw:
        print_json(found)
        return
    print_table(
        ("account", "provider", "jobs", "state", "why, and what to do"),
        [(one["name"], one["provider"], jobs(one), state(one), why(one)) for one in found],
    )


@command.command()
@click.argument("name")
@click.option("--reason", metavar="WORDS", help="Shown to whoever lists the accounts.")
@gateway_options
def pause(*, name: str, reason: str | None, url: str, key: str | None) -> None:
    """Give an account no more jobs until it is resumed.

    What it has in hand goes on, and jobs that only it can make keep their place in line.
    """
    with asking(url, key) as client:
        told = client.pause(name, **({"reason": reason} if reason else {}))
    click.echo(f"{told['name']}: {state(told)}")


@command.command()
@click.argument("name")
@gateway_options
def resume(*, name: str, url: str, key: str | None) -> None:
    """Give an account jobs again, whatever it rested for.

    One that had to be mended gets a single job first.
    """
    with asking(url, key) as client:
        told = client.resume(name)
    click.echo(f"{told['name']}: {state(told)}")


def jobs(account: dict[str, Any]) -> str:
    """Slots taken and the limit; the configured one where it proved to carry less."""
    words = f"{account['taken']}/{account['limit']}"
    less = account["limit"] != account["max_jobs"]
    return f"{words} ({account['max_jobs']})" if less else words


def state(account: dict[str, Any]) -> str:
    """The state in words."""
    if account["state"] == "probing":
        return "probing: one job at a time"
    until = f" until {clock(account['until'])}" if account["until"] else ""
    return f"{account['state']}{until}"


def why(account: dict[str, Any]) -> str:
    """The reason of a state, what was said, and what to do unless that was said, too."""
    reason, words, advice = account["reason"], account["words"], account["advice"]
    told = [one for one in (reason, words) if one]
    if advice and advice not in (words or ""):
        told.append(advice)
    return "; ".join(told)
