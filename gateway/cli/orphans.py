"""`filmgate orphans`: films that were paid for and that nobody gets."""

from typing import Any, Final

import click

from gateway.cli.output import ListingGroup, asking, clock, json_option, print_json, print_table
from gateway.cli.request import gateway_options

_WHAT: Final = {
    "charged_twice": "the provider made more than one job of one submission",
    "was_taken_as_not_made": "it turned up after another one was sent in its place",
    "canceled": "its video was canceled when it could not be taken back any more",
    "given_up": "an operator gave its video up, or had it made again",
}


@click.group(cls=ListingGroup)
def command() -> None:
    """Show films that were paid for and that nobody gets.

    It takes an operator's key. Without a command it lists them, with the options of `list`.
    """


@command.command("list")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most."
)
@json_option
@gateway_options
def list_orphans(*, limit: int, raw: bool, url: str, key: str | None) -> None:
    """List the newest, and count all by the reason.

    A film with a link can be fetched there, for as long as the provider keeps it. A video that
    is still in needs_attention or submission_unknown gets its film by `filmgate jobs adopt`.
    """
    with asking(url, key) as client:
        found = client.orphans(limit)
    if raw:
        print_json(found)
        return
    print_table(("reason", "films", "what happened"), counted(found["counts"]))
    if not found["data"]:
        return
    click.echo()
    print_table(
        ("upstream id", "account", "video", "reason", "found", "film"),
        [
            (
                one["upstream_id"],
                one["account"],
                one["video_id"],
                one["reason"],
                clock(one["found_at"]),
                one["url"],
            )
            for one in found["data"]
        ],
    )
    click.echo()
    for words in advice(found["data"]):
        click.echo(words)


def counted(counts: dict[str, int]) -> list[tuple[object, ...]]:
    """How many there are for each reason, and what that means."""
    return [(reason, count, _WHAT.get(reason)) for reason, count in counts.items()]


def advice(found: list[dict[str, Any]]) -> list[str]:
    """What an operator can do about them."""
    told = []
    if any(one["url"] for one in found):
        told.append("Fetch a film by its link, for as long as the provider keeps it.")
    if not all(one["url"] for one in found):
        told.append("Look for one without a link at the provider: account and id tell which it is.")
    told.append(
        "Is its video in needs_attention or submission_unknown still? Then let it have the film: "
        "filmgate jobs adopt VIDEO UPSTREAM_ID"
    )
    return told
