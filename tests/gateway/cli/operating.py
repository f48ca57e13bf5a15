"""`filmgate` commands for operators, run here against a gateway that runs elsewhere."""

import json
from typing import Any

from click.testing import CliRunner, Result

from gateway.cli import main
from tests.gateway.cli.programs import Program

WIDE = {"COLUMNS": "200"}


def run(gate: Program, *words: str, typed: str | None = None) -> Result:
    """A command as it is typed, and what is typed after it."""
    return CliRunner().invoke(main, [*words, "--url", gate.url], input=typed, env=WIDE)


def said(gate: Program, *words: str) -> str:
    """What a command says that goes well."""
    done = run(gate, *words)
    assert done.exit_code == 0, done.output
    return done.stdout


def told(gate: Program, *words: str) -> Any:
    """The same of one that answers as the gateway does."""
    return json.loads(said(gate, *words, "--json"))
