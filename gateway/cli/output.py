"""What commands have in common that show what a gateway says."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from gateway.net.client import GatewayClient

Command = TypeVar("Command", bound=Callable[..., Any])

UNUSABLE: Final = 2
"""Exit status when the gateway refused, or did not answer."""
UNBOUNDED: Final = 10_000
"""Characters: wider than any table."""

json_option: Final = click.option(
    "--json", "raw", is_flag=True, help="Print the gateway's answer as it is."
)


class ListingGroup(click.Group):
    """A group of commands that lists when it is not told what else to do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` in front of what begins with no command."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@contextmanager
def asking(url: str, key: str | None) -> Iterator["GatewayClient"]:
    """A client of the gateway; what goes wrong with it is said, and ends the command."""
    from gateway.net.client import ClientError, GatewayClient  # noqa: PLC0415 - slow to import

    try:
        with GatewayClient(url, key) as client:
            yield client
    except ClientError as error:
        click.echo(f"filmgate: {error}", err=True)
        sys.exit(UNUSABLE)


def print_json(answer: object) -> None:
    """Print an answer as the gateway gave it."""
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table as wide as the terminal; words that are too long go on below.

    Not those of the first column, which are there to be copied. Nor any where no terminal
    reads them: each row is one line for `grep` then, unless COLUMNS asks for less.
    """
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(columns):
        table.add_column(name, overflow="fold", no_wrap=number == 0)
    for row in rows:
        # As `Text`, for providers' words may look like markup.
        table.add_row(*(Text("" if one is None else str(one)) for one in row))
    bounded = sys.stdout.isatty() or "COLUMNS" in os.environ
    Console(highlight=False, width=None if bounded else UNBOUNDED).print(table)


def clock(seconds: int | None) -> str:
    """A time of the API in words, to the second."""
    if seconds is None:
        return ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
