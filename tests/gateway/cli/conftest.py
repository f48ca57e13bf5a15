from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.cli.programs import Program, serving
from tests.rig import picture


@pytest.fixture(scope="session")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A gateway on mock accounts, a hundred times as fast as real ones."""
    folder = tmp_path_factory.mktemp("gate")
    with serving("serve", "--mock", "--mock-speed", "100", "--port", "0", cwd=folder) as program:
        yield program


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    """A picture file."""
    path = tmp_path / "frame.png"
    path.write_bytes(picture(size=(320, 180)))
    return path
