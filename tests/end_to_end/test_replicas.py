"""Two replicas share one database, and the slots of four accounts."""

import os
import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import pytest

from tests.end_to_end.conftest import MakeWorld
from tests.end_to_end.load import Load, all_ended, balance, books
from tests.end_to_end.processes import Gateway, World, stopping

JOBS: Final = int(os.environ.get("FILMGATE_REPLICA_JOBS", "600"))
"""The promise is about 10,000 of them; that takes minutes that no run of all tests has."""
EMAILS: Final = ("ops@example.com", "ops1@example.com", "ops2@example.com", "ops3@example.com")
SLOTS: Final = 3
MODEL: Final = "useapi-pixverse/v4"
TABLES: Final[Mapping[str, Mapping[str, object]]] = {
    "watch": {
        "poll_seconds": 0.15,
        "settle_seconds": 3,
        "lease_seconds": 1,
        "deadline_seconds": 60,
    },
    "log": {"format": "json", "level": "warning"},
}


def _replicas(folder: Path, world: World, url: str) -> list[Gateway]:
    return [
        Gateway(
            folder / "gate",
            world,
            max_jobs=SLOTS,
            accounts={"useapi-pixverse": len(EMAILS)},
            database=url,
            name=f"replica{n}",
            tables=TABLES,
        )
        for n in range(2)
    ]


def _order(n: int) -> dict[str, Any]:
    return {"prompt": f"Take {n}", "model": MODEL}


def _long_order(n: int) -> dict[str, Any]:
    """They take 18 to 22 s, so that they do not all end at once."""
    return {"prompt": f"Take {n} [[mock run={18000 + n * 1577 % 4000}ms]]", "model": MODEL}


def _quiet_order(n: int) -> dict[str, Any]:
    """One whose provider does not call: a look at the list is cheaper where jobs take no time."""
    return {"prompt": f"Take {n} [[mock no-callback]]", "model": MODEL}


def _jobs(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.ask("jobs")["jobs"]
    return found


def _most_at_once(jobs: Sequence[Mapping[str, Any]]) -> int:
    """How many of them were at the provider at the same time."""
    moments = sorted(
        [(job["ended_at"], -1) for job in jobs] + [(job["accepted_at"], 1) for job in jobs]
    )
    now = most = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most


def _by_account(jobs: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    ordered = sorted(jobs, key=itemgetter("account"))
    return {name: list(some) for name, some in groupby(ordered, key=itemgetter("account"))}


def _world(make_world: MakeWorld, seconds: float) -> World:
    return make_world(
        queue_seconds=0,
        run_seconds=seconds,
        accounts=[{"email": email, "max_jobs": SLOTS} for email in EMAILS],
    )


def _kill(replicas: Sequence[Gateway], chance: random.Random, over: Callable[[], bool]) -> int:
    """Kill either of them now and then, and start it again; how often."""
    kills = 0
    while not over():
        time.sleep(chance.uniform(0.5, 3))
        one = chance.choice(replicas)
        one.end(signal.SIGKILL)
        one.start()
        kills += 1
    return kills


@pytest.mark.slow
@pytest.mark.timeout(60 + JOBS)
def test_killed_at_random_they_submit_each_of_many_jobs_once(
    tmp_path: Path, make_world: MakeWorld, migrated_postgres_url: str
) -> None:
    world = _world(make_world, 0.03)
    replicas = _replicas(tmp_path, world, migrated_postgres_url)
    with stopping(*replicas):
        for one in replicas:
            one.start()
        with Load(replicas, JOBS, None, _quiet_order) as load:
            kills = _kill(replicas, random.Random(JOBS), lambda: len(world.charges()) >= 0.9 * JOBS)
            load.join()
        all_ended(replicas[0], 60 + JOBS / 4)

        assert kills >= JOBS / 100
        balance(books(replicas[0], world), list(load.ids.values()))
        at_once = {name: _most_at_once(some) for name, some in _by_account(_jobs(world)).items()}
        assert at_once == dict.fromkeys(EMAILS, SLOTS)


@pytest.mark.slow
def test_while_somebody_waits_slots_are_hardly_ever_empty(
    tmp_path: Path, make_world: MakeWorld, migrated_postgres_url: str
) -> None:
    count = 3 * len(EMAILS) * SLOTS
    world = _world(make_world, 0)
    replicas = _replicas(tmp_path, world, migrated_postgres_url)
    with stopping(*replicas):
        for one in replicas:
            one.start()
        with Load(replicas, count, None, _long_order) as load:
            load.join()
        all_ended(replicas[0], 120)
        balance(books(replicas[0], world), list(load.ids.values()))

    jobs = _jobs(world)
    first, last = (choose(job["accepted_at"] for job in jobs) for choose in (min, max))
    busy = sum(min(job["ended_at"], last) - job["accepted_at"] for job in jobs)
    assert busy / (len(EMAILS) * SLOTS * (last - first)) >= 0.95
