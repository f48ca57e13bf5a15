"""`filmgate config`: what is wrong with the configuration, or what holds."""

import os
import sys
from pathlib import Path

import click

FAULTY = 2
"""Exit status when the configuration cannot be used."""


@click.group()
def command() -> None:
    """Check the configuration and show what holds."""


@command.command()
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    envvar="FILMGATE_CONFIG",
    help="The TOML file; filmgate.toml in the working directory by default.",
)
def check(path: Path | None) -> None:
    """Print the effective settings, or every fault.

    Exits with 0 when the gateway can start with them, else with 2.
    """
    from gateway.app import capabilities  # noqa: PLC0415 - only when it runs
    from gateway.config import ConfigError, effective, load  # noqa: PLC0415

    try:
        settings = load(path, os.environ, capabilities())
    except ConfigError as error:
        for fault in error.faults:
            click.echo(str(fault), err=True)
        sys.exit(FAULTY)
    click.echo(effective(settings))
    click.echo("ok")
