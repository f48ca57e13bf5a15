"""SIGKILL at every crash point, with both providers, on both databases."""

import base64
import re
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.engine import crash
from tests.end_to_end.conftest import MakeWorld
from tests.end_to_end.kills import QUICK, STORIES, survive, survive_pruning
from tests.end_to_end.processes import Gateway, stopping
from tests.rig import picture

FRAME: Final = base64.b64encode(picture("orange", (640, 360))).decode()
REQUESTS: Final[dict[str, dict[str, Any]]] = {
    "useapi-pixverse": {
        "model": "useapi-pixverse/v4",
        "prompt": "The harbour at dusk",
        "first_frame": f"data:image/png;base64,{FRAME}",
    },
    "pictory": {
        "model": "pictory/pixverse5.5",
        "prompt": "The harbour at dusk",
        # Pictory fetches it, and a gateway that is down could not serve it.
        "first_frame": "https://pictures.example/harbour.png",
    },
}
OFTEN: Final = {("intent-stored", "useapi-pixverse"), ("answer-read", "pictory")}
"""What every run of the tests goes through."""
NAMED: Final = re.compile(r'crash_point\("([a-z-]+)"\)')
CELLS: Final = [
    pytest.param(point, provider, marks=() if (point, provider) in OFTEN else pytest.mark.slow)
    for point in crash.POINTS
    for provider in REQUESTS
]


@pytest.mark.parametrize(("point", "provider"), CELLS)
def test_killed_there_it_loses_nothing_and_pays_once(
    tmp_path: Path, make_world: MakeWorld, database: str | None, point: str, provider: str
) -> None:
    story = STORIES[point]
    world = make_world(faults=story.faults, run_seconds=story.run_seconds)
    gateway = Gateway(
        tmp_path / "gate", world, accounts={provider: 1}, database=database, tables=QUICK
    )
    with stopping(gateway):
        if point == "prune-stored":
            survive_pruning(gateway, world, REQUESTS[provider])
        else:
            survive(gateway, world, REQUESTS[provider], point)


def test_the_matrix_has_every_point_that_there_is() -> None:
    sources = Path(crash.__file__).parent.glob("*.py")
    named = {name for one in sources for name in NAMED.findall(one.read_text())}
    assert named == set(crash.POINTS)
