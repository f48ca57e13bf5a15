"""A replica that is halted for ten leases and wakes again: what others did meanwhile holds."""

import random
import signal
import time
from pathlib import Path
from typing import Any, Final

import pytest

from tests.end_to_end.conftest import MakeWorld
from tests.end_to_end.kills import ENDED, QUICK
from tests.end_to_end.processes import Gateway, World, stopping, until

LEASE: Final = 1.0
MOMENTS: Final = ("slot-bound", "intent-stored", "answer-read")


def _is_halted(gateway: Gateway) -> bool:
    assert gateway.process is not None
    stat = Path(f"/proc/{gateway.process.pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] == "T"


def _replicas(folder: Path, world: World, url: str, provider: str) -> list[Gateway]:
    return [
        Gateway(
            folder / "gate",
            world,
            accounts={provider: 1},
            database=url,
            name=f"replica{n}",
            tables=QUICK,
        )
        for n in range(2)
    ]


def _sleep_over(holder: Gateway) -> None:
    time.sleep(10 * LEASE)
    holder.send(signal.SIGCONT)


@pytest.mark.slow
@pytest.mark.parametrize("provider", ["useapi-pixverse", "pictory"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_halted_there_for_ten_leases_it_neither_pays_twice_nor_forgets(
    tmp_path: Path, make_world: MakeWorld, migrated_postgres_url: str, moment: str, provider: str
) -> None:
    world = make_world()
    holder, other = _replicas(tmp_path, world, migrated_postgres_url, provider)
    with stopping(holder, other):
        holder.start(FILMGATE_CRASH=f"stop:{moment}")
        video_id = holder.create(prompt="The harbour at dusk")
        until(lambda: _is_halted(holder), bool)
        other.start()
        _sleep_over(holder)
        video = other.reaches(video_id, *ENDED)
        assert video["phase"] == "completed", video

        # It works on, and has written what it had in hand.
        until(holder.is_ready, bool)
        next_one = holder.reaches(holder.create(prompt="The harbour at dawn"), "completed")
        assert world.charges() == {video["upstream_id"]: 1, next_one["upstream_id"]: 1}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_halted_at_a_random_moment_under_load_every_job_is_paid_once(
    tmp_path: Path, make_world: MakeWorld, migrated_postgres_url: str, seed: int
) -> None:
    chance = random.Random(seed)
    world = make_world(max_jobs=8)
    replicas = _replicas(tmp_path, world, migrated_postgres_url, "useapi-pixverse")
    with stopping(*replicas):
        for one in replicas:
            one.start()
        ids = [replicas[n % 2].create(prompt=f"Take {n}") for n in range(20)]
        time.sleep(chance.uniform(0, 1))
        replicas[0].send(signal.SIGSTOP)
        _sleep_over(replicas[0])
        ended: list[dict[str, Any]] = [replicas[1].reaches(one, *ENDED) for one in ids]

        assert {video["phase"] for video in ended} == {"completed"}
        assert sorted(world.charges().values()) == [1] * len(ids)
