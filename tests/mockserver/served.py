"""The mock as users start it: a process on a free loopback port."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


@contextmanager
def served(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Runs `python -m mockserver` and gives the URL it prints, and the process."""
    command = [sys.executable, "-m", "mockserver", "--port", "0", *options]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("mock providers listening on http://127.0.0.1:"), line
            yield line.split()[-1], process
        finally:
            process.terminate()
            process.communicate(timeout=20)
