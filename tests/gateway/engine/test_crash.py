"""The points where a test may kill the process."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("told", "status"), [("answer-read", 0), ("stop:answer-read:3", 0), ("answer_read", 1)]
)
def test_a_point_that_there_is_not_is_refused_at_the_start(told: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import gateway.engine.crash"],
        env={"FILMGATE_CRASH": told, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == status
    assert status == 0 or "there is no 'answer_read', only accept-storing, " in done.stderr
