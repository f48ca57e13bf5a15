"""`filmgate` and `filmgate config check`, on the real adapters."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import COMMANDS, main

EXAMPLE = """
[server]
api_keys = ["env:FILMGATE_KEY"]
[[accounts]]
name = "pixverse-a"
provider = "useapi-pixverse"
api_key = "env:USEAPI_TOKEN"
email = "ops@example.com"
[[accounts]]
name = "pictory-main"
provider = "pictory"
api_key = "env:PICTORY_API_KEY"
[routes]
default = ["useapi-pixverse/v3.5", "pictory/pixverse5.5"]
"""
CANARY = "sk-canary-0f2d"
KEYS = {"FILMGATE_KEY": CANARY, "USEAPI_TOKEN": CANARY, "PICTORY_API_KEY": CANARY}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "filmgate.toml"
    made.write_text(EXAMPLE)
    return made


def test_a_sound_configuration_is_printed_without_secrets_and_ok(path: Path) -> None:
    result = CliRunner().invoke(main, ["config", "check", "--config", str(path)], env=KEYS)

    assert result.exit_code == 0
    assert result.stdout.endswith("\nok\n")
    assert 'name = "pictory-main"' in result.stdout
    assert CANARY not in result.output


def test_the_file_can_be_named_by_the_environment(path: Path) -> None:
    env = {**KEYS, "FILMGATE_CONFIG": str(path)}

    assert CliRunner().invoke(main, ["config", "check"], env=env).exit_code == 0


def test_each_fault_is_printed_and_the_exit_status_is_2(path: Path) -> None:
    path.write_text(
        EXAMPLE.replace("[server]", "[server]\nprot = 1").replace('"pictory"', '"pict"')
    )
    result = CliRunner().invoke(main, ["config", "check", "--config", str(path)], env=KEYS)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "server.prot: is unknown",
        "    did you mean port?",
        'accounts[1].provider: there is no provider "pict"',
        "    did you mean pictory?",
    ]


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(main, ["--version"])

    assert result.exit_code == 0
    assert result.output.startswith("filmgate ")


def test_the_help_lists_every_command() -> None:
    result = CliRunner().invoke(main, ["--help"])

    assert result.exit_code == 0
    assert all(name in result.output for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_line_in_the_list_is_its_own_help(name: str) -> None:
    module, line = COMMANDS[name]

    assert importlib.import_module(module).command.get_short_help_str(limit=200) == line


def test_an_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["confg"])

    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_starting_the_command_imports_nothing_heavy() -> None:
    heavy = "{'litestar', 'httpx', 'sqlalchemy', 'structlog', 'msgspec', 'rich', 'mockserver'}"
    code = f"import sys, gateway.cli; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )

    assert done.stdout.strip() == "set()"
