"""What a test may assert of a world, in process and over the control API."""

from collections.abc import AsyncIterator

import httpx
import pytest

from mockserver import Settings, World
from mockserver.media.broken import BROKEN
from mockserver.media.clip import Clip
from mockserver.media.render import film
from tests.mockserver.drivers import Client

FROZEN = Settings(clock="frozen")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World(settings=FROZEN) as made:
        yield made


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    transport = httpx.ASGITransport(app=world.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
        yield Client(http)


async def segments(world: World, client: Client) -> list[str]:
    """Three finished jobs."""
    jobs = [
        await client.pictory_id(prompt) for prompt in ("dawn at sea", "noon at sea", "dusk at sea")
    ]
    await world.advance(60)
    return jobs


def joined(world: World, *names: str) -> bytes:
    """Stands in for a stitched film: what one job's film would be."""
    job = world.job(names[0])
    order = job.order
    clip = Clip(
        width=order.width,
        height=order.height,
        seconds=order.seconds,
        caption=order.prompt,
        job=job.id,
    )
    return film(clip)


def test_a_verdict_on_nobody_fails_and_says_which_key_leads_here() -> None:
    world = World("film", FROZEN)

    for judge in (world.assert_good_client, world.assert_no_double_charge):
        with pytest.raises(
            AssertionError, match=r"nobody has spoken to the world .film.: .*pictai_"
        ):
            judge()
    world.assert_spent(exactly=0)


async def test_a_film_of_one_job_is_told_from_one_of_several(world: World, client: Client) -> None:
    jobs = await segments(world, client)
    one = joined(world, jobs[0])

    world.assert_stitched(one, ["job1"], seconds=5)
    with pytest.raises(AssertionError, match="is not what it should be"):
        world.assert_stitched(one)
    with pytest.raises(AssertionError, match="is not what it should be"):
        world.assert_stitched(BROKEN["truncated"].spoil(one), ["job1"])
    with pytest.raises(KeyError, match="no job 'job9'"):
        world.assert_stitched(one, ["job9"])


async def test_lineage_tells_of_every_job(world: World, client: Client) -> None:
    jobs = await segments(world, client)

    assert world.lineage().jobs == tuple(jobs)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("good-client?allow=never-fetched,gave-up-on-a-live-job", 200),
        ("good-client?warnings=errors", 409),
        ("no-double-charge", 200),
        ("spent?exactly=240", 200),
        ("spent?at_most=100&provider=pictory", 409),
        ("spent?at_most=many", 400),
        ("spent", 400),
        ("chain?segments=3", 409),
        ("chain", 400),
        ("nothing", 400),
    ],
)
async def test_other_languages_assert_over_http(
    world: World, client: Client, name: str, status: int
) -> None:
    await segments(world, client)
    answer = await client.http.get(f"/__mock/assert/{name}")

    assert answer.status_code == status, answer.text
    assert ("holds" in answer.json()) == (status == 200)
