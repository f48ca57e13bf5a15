from pathlib import Path

import httpx
import pytest

from gateway.cli import COMMANDS
from tests.gateway.cli.programs import filmgate, serving


def test_the_mock_providers_say_where_they_are(tmp_path: Path) -> None:
    with serving("mock", "--port", "0", "--speed", "50", cwd=tmp_path) as mock:
        assert mock.said.splitlines()[0] == f"mock providers listening on {mock.url}"
        assert f"{mock.url}/pictoryapis" in mock.said
        assert f"{mock.url}/v2/pixverse" in mock.said
        assert httpx.get(f"{mock.url}/__mock").json()["clock"]["speed"] == 50

        assert mock.end() == 0
        assert "Traceback" not in mock.said


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself_in_80_columns(name: str, tmp_path: Path) -> None:
    done = filmgate(name, "--help", cwd=tmp_path)

    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: filmgate {name} ")
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
