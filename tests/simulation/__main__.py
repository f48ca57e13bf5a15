"""`python -m tests.simulation SEED…` tells a history; `--seeds N` runs many and counts."""

import argparse
import sys
import time

import click

from tests.simulation.history import History
from tests.simulation.judge import faults
from tests.simulation.run import failures


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", nargs="*", type=int)
    parser.add_argument("--seeds", type=int, default=0, help="how many to run")
    parser.add_argument("--first", type=int, default=0, help="where to begin")
    given = parser.parse_args()
    found = 0
    for seed in given.seed:
        found += _tell(seed)
    began, cpu = time.monotonic(), time.process_time()
    for seed in range(given.first, given.first + given.seeds):
        for _, words in failures([seed]):
            found += 1
            click.echo(words)
        if (seed + 1) % 1000 == 0:
            click.echo(f"up to seed {seed}: {found} went wrong", err=True)
    if given.seeds:
        seconds = time.process_time() - cpu
        click.echo(
            f"{given.seeds} histories, {found} went wrong; {seconds:.1f} s CPU"
            f" ({seconds / given.seeds * 1000:.1f} ms each), {time.monotonic() - began:.1f} s"
        )
    return min(found, 1)


def _tell(seed: int) -> int:
    history = History(seed)
    click.echo(str(history.plan))
    try:
        history.happen()
        found = faults(history)
    except Exception as error:  # noqa: BLE001 - to be told after what led to it
        found = [f"{type(error).__name__}: {error}"]
    for event in history.world.journal:
        click.echo(f"mock {event}"[:400])
    for row in history.disk.ask(
        "SELECT e.at, e.job_id, e.event, e.phase, e.detail FROM events e ORDER BY e.seq"
    ):
        seconds = (row[0] - history.disk.epoch) / 1e6
        click.echo(f"{seconds:10.3f} s {' '.join(row[1:])}")
    for row in history.disk.ask("SELECT * FROM attempts"):
        click.echo(f"attempt {row}")
    click.echo("\n".join(found) or f"all is well after {history.loop.now:.0f} s")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
