"""Options that several commands share."""

from pathlib import Path
from typing import Final

import click

config_option: Final = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    envvar="FILMGATE_CONFIG",
    help="The TOML file; filmgate.toml in the working directory by default.",
)
