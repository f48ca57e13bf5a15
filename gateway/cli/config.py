"""`filmgate config`: what is wrong with the configuration, or what holds."""

import os
import sys
from pathlib import Path

import click

from gateway.cli.options import config_option

FAULTY = 2
"""Exit status when the configuration cannot be used."""


@click.group()
def command() -> None:
    """Check the configuration and show what holds."""


@command.command()
@config_option
def check(path: Path | None) -> None:
    """Print the effective settings, or every fault.

    Exits with 0 when the gateway can start with them, else with 2.
    """
    from gateway.app import capabilities  # noqa: PLC0415 - only when it runs
    from gateway.config import ConfigError, effective, load  # noqa: PLC0415

    try:
        settings = load(path, os.environ, capabilities(), configure=capabilities)
    except ConfigError as error:
        for fault in error.faults:
            click.echo(str(fault), err=True)
        sys.exit(FAULTY)
    click.echo(effective(settings))
    click.echo("ok")
