"""The `filmgate` command. Each subcommand lives in a module of its own, imported when it runs."""

import importlib
from typing import Final

import click

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "serve": ("gateway.cli.serve", "Run the gateway."),
    "generate": ("gateway.cli.generate", "Make one video through a running gateway."),
    "quote": ("gateway.cli.quote", "Tell who would make a video, and for what price."),
    "accounts": ("gateway.cli.accounts", "Show, pause and resume a gateway's accounts."),
    "jobs": ("gateway.cli.jobs", "Look into videos, and decide about those that are stuck."),
    "orphans": ("gateway.cli.orphans", "Show films that were paid for and that nobody gets."),
    "models": ("gateway.cli.models", "Show what a running gateway can make."),
    "demo": ("gateway.cli.demo", "Make two videos end to end, on mock providers."),
    "mock": ("gateway.cli.mock", "Run the mock providers alone."),
    "config": ("gateway.cli.config", "Check the configuration and show what holds."),
    "db": ("gateway.cli.db", "Upgrade, check and back up the database."),
}
"""Name of each subcommand -> the module whose `command` it is, and its line in the help.

The line is repeated here so that `filmgate --help` imports none of them.
"""


class LazyGroup(click.Group):
    """A group that imports a subcommand's module only when that subcommand is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one subcommand; None where there is no such name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the help's list of subcommands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _print_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:  # noqa: FBT001
    if not asked or ctx.resilient_parsing:
        return
    from importlib import metadata  # noqa: PLC0415 - slow, and only --version needs it

    try:
        version = metadata.version("filmgate")
    except metadata.PackageNotFoundError:
        version = "(not installed)"
    click.echo(f"filmgate {version}")
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def main() -> None:
    """One HTTP API for AI video generation, in front of any provider."""
