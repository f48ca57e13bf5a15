"""A request that comes more than once makes one video, and is paid for once."""

import asyncio
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx
import openai
import pytest

from tests.end_to_end.conftest import MakeWorld
from tests.end_to_end.load import all_ended, balance, books
from tests.end_to_end.lossy import Lossy
from tests.end_to_end.processes import Gateway, stopping

REPEATS: Final = 100


async def _post_at_once(urls: list[str], body: dict[str, Any]) -> list[httpx.Response]:
    headers = {"authorization": "Bearer secret-key", "idempotency-key": "the-one-key"}
    limits = httpx.Limits(max_connections=REPEATS)
    async with httpx.AsyncClient(headers=headers, limits=limits, timeout=60) as client:
        return await asyncio.gather(
            *(client.post(f"{urls[n % len(urls)]}/v1/videos", json=body) for n in range(REPEATS))
        )


@pytest.mark.parametrize("provider", ["useapi-pixverse", "pictory"])
async def test_a_hundred_equal_requests_with_one_key_make_one_job(
    tmp_path: Path, make_world: MakeWorld, database: str | None, provider: str
) -> None:
    world = make_world()
    gateways = [
        Gateway(
            tmp_path / "gate", world, accounts={provider: 1}, database=database, name=f"replica{n}"
        )
        for n in range(1 if database is None else 2)
    ]
    with stopping(*gateways):
        for gateway in gateways:
            await asyncio.to_thread(gateway.start)
        answers = await _post_at_once(
            [gateway.url for gateway in gateways], {"prompt": "The harbour at dusk"}
        )

        assert Counter(answer.status_code for answer in answers) == {202: REPEATS}
        assert len({answer.json()["id"] for answer in answers}) == 1
        replayed = Counter(answer.headers.get("idempotency-replayed") for answer in answers)
        assert replayed == {"true": REPEATS - 1, None: 1}
        await asyncio.to_thread(gateways[-1].reaches, answers[0].json()["id"], "completed")
        assert list(world.charges().values()) == [1]


def _loses(body: bytes, tries_before: int) -> bool:
    """The first answer to each, and of every third the second one too."""
    take = re.search(rb"Take ([0-9]+)", body)
    assert take is not None
    return tries_before < (2 if int(take[1]) % 3 == 2 else 1)


@pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
@pytest.mark.parametrize("count", [24, pytest.param(500, marks=pytest.mark.slow)])
def test_what_the_openai_client_sends_again_by_itself_is_paid_for_once(
    tmp_path: Path, make_world: MakeWorld, count: int
) -> None:
    world = make_world(queue_seconds=0, run_seconds=0.05, max_jobs=8)
    gateway = Gateway(tmp_path / "gate", world, max_jobs=8)
    with stopping(gateway):
        gateway.start()
        with (
            Lossy(gateway.url, _loses) as between,
            openai.OpenAI(base_url=f"{between.url}/v1", api_key="secret-key", timeout=10) as client,
            ThreadPoolExecutor(24) as threads,
        ):
            created = list(
                threads.map(lambda n: client.videos.create(prompt=f"Take {n}"), range(count))
            )

        assert len({video.id for video in created}) == count
        assert len(between.lost) == count + count // 3
        all_ended(gateway, 120)
        found = books(gateway, world)
        balance(found, [video.id for video in created])
        assert len(found.charges) == count
