"""Faults through the wire: before the commit, after it, on the reply, on the bytes of a film."""

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx
import pytest

from mockserver import ReplyLost, Settings, World
from mockserver.engine.journal import Exchange
from mockserver.engine.kinds import KINDS
from mockserver.settings import ClockKind
from mockserver.wire.refusals import GARBAGE
from tests.mockserver.drivers import PICTORY, USEAPI, Client, png

Name = Literal["pictory", "pixverse"]
NAMES: tuple[Name, ...] = ("pictory", "pixverse")


@asynccontextmanager
async def opened(
    *lines: str, clock: ClockKind = "frozen", **settings: Any
) -> AsyncIterator[tuple[World, Client]]:
    """A world with these faults."""
    world = World(settings=Settings(clock=clock, faults=lines, **settings))
    transport = httpx.ASGITransport(app=world.app)
    async with world, httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
        yield world, Client(http)


async def submit(client: Client, name: Name, prompt: str = "A drone over it") -> httpx.Response:
    return await (client.pictory if name == "pictory" else client.text_video)(prompt)


async def hung(request: Coroutine[Any, Any, httpx.Response]) -> bool:
    """Whether no answer comes; a twentieth of a second is a long time in process."""
    try:
        await asyncio.wait_for(request, 0.05)
    except TimeoutError:
        return True
    return False


async def turns() -> None:
    """Lets everything that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


def last(world: World) -> Exchange:
    return world.journal.of(Exchange)[-1]


def spent(world: World) -> tuple[int, int]:
    """Jobs and charges."""
    return len(world.jobs), len(world.ledger.charges)


# --- before anything is done


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["reset", "timeout", "status=500"])
async def test_before_the_commit_nothing_is_made_or_charged_and_the_next_goes_well(
    fault: str, name: Name
) -> None:
    line = f"submit@{name}#1:{fault}"
    async with opened(line) as (world, client):
        match fault:
            case "reset":
                with pytest.raises(ReplyLost):
                    await submit(client, name)
            case "timeout":
                assert await hung(submit(client, name))
            case _:
                assert (await submit(client, name)).status_code == 500

        assert spent(world) == (0, 0)
        assert last(world).faults == (line,)
        assert last(world).lost == {"reset": "reset", "timeout": "hang"}.get(fault, "")
        assert (await submit(client, name)).status_code == 200
        assert spent(world) == (1, 1)


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        ("pictory", 429, {"message": "Too Many Requests"}),
        ("pixverse", 429, {"error": "Reached the limit for concurrent generations."}),
        ("pictory", 418, {"error": "status 418 on demand"}),
    ],
)
@pytest.mark.parametrize("kind", ["status", "accept-then-status"])
async def test_a_status_comes_with_the_providers_own_body_and_a_retry_after(
    kind: str, name: Name, status: int, body: object
) -> None:
    line = f"submit:{kind}={status} retry-after=30"
    async with opened(line) as (world, client):
        answer = await submit(client, name)

        assert (answer.status_code, answer.json()) == (status, body)
        assert answer.headers["retry-after"] == "30"
        assert len(world.jobs) == (0 if kind == "status" else 1)
        assert (last(world).job is None) == (kind == "status")


# --- after it was done


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("fault", "lost"),
    [
        ("accept-then-reset", "reset"),
        ("accept-then-cut", "cut"),
        ("accept-then-timeout", "hang"),
        ("accept-then-status=500", ""),
    ],
)
async def test_after_the_commit_the_job_is_there_and_charged_and_a_repeat_is_a_second_one(
    fault: str, lost: str, name: Name
) -> None:
    async with opened(f"submit#1:{fault}") as (world, client):
        if lost == "hang":
            assert await hung(submit(client, name))
        elif lost:
            with pytest.raises(ReplyLost):
                await submit(client, name)
        else:
            assert (await submit(client, name)).status_code == 500

        assert spent(world) == (1, 1)
        (job,) = world.jobs
        assert (last(world).job, last(world).lost) == (job.id, lost)
        await submit(client, name)
        assert spent(world) == (2, 2)
        assert len({job.order.intent for job in world.jobs}) == 1


@pytest.mark.parametrize("name", NAMES)
async def test_a_refused_submit_is_refused_as_ever_for_there_is_nothing_to_lose(name: Name) -> None:
    async with opened("submit:accept-then-reset") as (world, client):
        answer = await submit(client, name, "" if name == "pictory" else "x" * 9999)

        assert answer.status_code == 400
        assert last(world).lost == ""


# --- time


async def test_a_late_reply_is_held_until_the_time_is_moved_and_the_job_is_there_at_once() -> None:
    async with opened("submit#1:late=60s") as (world, client):
        reply = asyncio.create_task(submit(client, "pictory"))
        await turns()
        assert spent(world) == (1, 1)
        await world.advance(59)
        assert not reply.done()
        await world.advance(1)

        assert (await reply).status_code == 200
        assert (last(world).at, last(world).replied_at) == (0, 60)


async def test_slow_work_begins_late() -> None:
    async with opened("submit#1:slow=20s") as (world, client):
        reply = asyncio.create_task(submit(client, "pixverse"))
        await turns()
        await world.advance(19)
        assert spent(world) == (0, 0)
        await world.advance(1)

        assert (await reply).status_code == 200
        assert [job.accepted_at for job in world.jobs] == [20]


@pytest.mark.parametrize("fault", ["late", "slow"])
async def test_a_client_that_gives_up_does_not_stop_what_it_has_asked_for(fault: str) -> None:
    async with opened(f"submit#1:{fault}=60s") as (world, client):
        assert await hung(submit(client, "pictory"))
        await world.advance(60)

        assert spent(world) == (1, 1)
        assert (last(world).job, last(world).replied_at) == (next(iter(world.jobs)).id, 60)


@pytest.mark.parametrize("clock", ["scaled", "auto-skip"])
async def test_late_replies_come_by_themselves_where_time_does(clock: ClockKind) -> None:
    async with opened("poll:late=30s", clock=clock, speed=1000) as (world, client):
        job = await client.pictory_id()
        await asyncio.wait_for(client.pictory_job(job), 5)

        assert last(world).replied_at - last(world).at >= 30


# --- the reply


async def test_garbled_answers_have_status_200_and_are_no_json() -> None:
    async with opened() as (world, client):
        job = await client.pictory_id()
        world.fail_next("request:garble")
        answers = [
            await submit(client, "pixverse"),
            await client.upload(png("red")),
            await client.useapi("/videos"),
            await client.http.get(f"/pictoryapis/v1/jobs/{job}", headers=PICTORY),
        ]

        assert {answer.status_code for answer in answers} == {200}
        assert {answer.text for answer in answers} == {GARBAGE}
        assert len(world.jobs) == 2
        assert [one.told for one in world.journal.requests[1:]] == [()] * 4


async def test_a_request_is_whatever_can_go_wrong_so() -> None:
    async with opened() as (world, client):
        job = await client.pictory_id()
        await world.advance(50)
        film = (await client.pictory_job(job))["data"]["url"]
        world.fail_next("request:garble", "request:slow=1s")
        reply = asyncio.create_task(client.http.get(film))
        await turns()
        await world.advance(1)

        assert (await reply).headers["content-type"] == "video/mp4"
        assert last(world).faults == ("request:slow=1s",)


# --- films


async def film_of(world: World, client: Client) -> tuple[str, bytes]:
    """A finished film's address and its bytes."""
    job = await client.pictory_id()
    await world.advance(50)
    url = (await client.pictory_job(job))["data"]["url"]
    return url, (await client.http.get(url)).content


async def test_a_truncated_film_ends_early_as_if_it_were_whole() -> None:
    async with opened() as (world, client):
        url, whole = await film_of(world, client)
        world.fail_next("download:truncate=25%")
        answer = await client.http.get(url)
        part = await client.http.get(url, headers={"Range": "bytes=100-"})

        kept = len(whole) // 4
        assert answer.content == whole[:kept]
        assert answer.headers["content-length"] == str(kept)
        assert part.content == whole[100:kept]
        assert part.headers["content-range"] == f"bytes 100-{kept - 1}/{kept}"
        assert part.headers["etag"] == answer.headers["etag"]


async def test_a_film_may_be_empty_or_a_page() -> None:
    async with opened() as (world, client):
        url, whole = await film_of(world, client)
        world.fail_next("download#2:empty", "download#3:html")
        empty, page, good = [await client.http.get(url) for _ in range(3)]

        assert (empty.status_code, empty.content) == (200, b"")
        assert empty.headers["content-type"] == "video/mp4"
        assert (page.status_code, page.text) == (200, GARBAGE)
        assert page.headers["content-type"].startswith("text/html")
        assert good.content == whole
        assert [one.faults for one in world.journal.requests[-3:]] == [
            ("download#2:empty",),
            ("download#3:html",),
            (),
        ]


async def test_every_fault_of_bytes_leaves_another_file_under_status_200() -> None:
    names = [row.example for row in KINDS.values() if row.stage == "bytes"]
    async with opened() as (world, client):
        url, whole = await film_of(world, client)
        world.fail_next(*(line.replace("#1", f"#{n}") for n, line in enumerate(names, 2)))
        answers = [await client.http.get(url) for _ in names]

        assert {answer.status_code for answer in answers} == {200}
        sent = {(answer.content, answer.headers["content-type"]) for answer in answers}
        assert len(sent | {(whole, "video/mp4")}) == len(names) + 1


async def test_of_two_faults_on_one_file_the_first_counts() -> None:
    async with opened() as (world, client):
        url, _ = await film_of(world, client)
        world.fail_next("download#2:empty", "download#2:moov-at-end")

        assert (await client.http.get(url)).content == b""


async def test_a_cut_film_breaks_off_and_the_rest_can_be_asked_for() -> None:
    async with opened() as (world, client):
        url, whole = await film_of(world, client)
        world.fail_next("download#2:cut=50%")
        with pytest.raises(ReplyLost):
            await client.http.get(url)
        rest = await client.http.get(url, headers={"Range": f"bytes={len(whole) // 2}-"})

        assert rest.content == whole[len(whole) // 2 :]
        assert world.journal.requests[-2].lost == "cut"


async def test_a_trickling_film_comes_in_ten_pieces_of_virtual_time() -> None:
    async with opened() as (world, client):
        url, whole = await film_of(world, client)
        world.fail_next("download#2:trickle=10s")
        reply = asyncio.create_task(client.http.get(url))
        await turns()
        await world.advance(9)
        assert not reply.done()
        await world.advance(1)

        assert (await reply).content == whole


# --- links and accounts


async def test_links_expire() -> None:
    async with opened(link_seconds=100.0) as (world, client):
        url, _ = await film_of(world, client)
        await world.advance(100)
        assert (await client.http.get(url)).status_code == 200
        await world.advance(0.001)

        assert (await client.http.get(url)).status_code == 404


async def test_an_account_on_hold_answers_596_until_it_is_posted_again() -> None:
    email = "ops@example.com"
    async with opened() as (world, client):
        await client.http.post(f"/__mock/accounts/{email}/hold")
        statuses = [(await submit(client, "pixverse")).status_code for _ in range(2)]
        body = {"email": email, "password": "secret", "maxJobs": 3}
        path = f"/v2/pixverse/accounts/{email}"
        assert (await client.http.post(path, json=body, headers=USEAPI)).status_code == 201
        statuses.append((await submit(client, "pixverse")).status_code)

        assert statuses == [596, 596, 200]
        assert spent(world) == (1, 1)


# --- chance, through the wire

CHAOS = (
    "submit:accept-then-reset=20%",
    "poll:reset=20%",
    "poll:status=500=20%",
    "download:truncate=50%=40%",
    "request:garble=10%",
)


async def one_client(client: Client, who: str, pace: random.Random) -> None:
    """Orders three films, looks at each four times and fetches it, whatever goes wrong."""
    for number in range(3):
        prompt = f"{who} looks at film {number} [[mock queue=0s run=0s]]"
        for _ in range(pace.randrange(6)):
            await asyncio.sleep(0)
        try:
            answer = await client.pictory(prompt)
            job = answer.json()["data"]["jobId"]
        except (ReplyLost, ValueError):
            continue
        for _ in range(4):
            await asyncio.sleep(0)
            try:
                looked = await client.http.get(f"/pictoryapis/v1/jobs/{job}", headers=PICTORY)
                url = looked.json()["data"]["url"]
            except (ReplyLost, ValueError, KeyError):
                continue
            await client.http.get(url)


Struck = list[tuple[str, str, tuple[str, ...]]]


async def struck(seed: int, *lines: str, chaos: tuple[str, ...] = ()) -> Struck:
    """Which requests of three clients met which faults, in an order of their own."""
    pace, names = random.Random(seed), ["ann", "bob", "cay"]
    async with opened(*lines, clock="auto-skip", seed=1, chaos=chaos) as (world, client):
        pace.shuffle(names)
        await asyncio.gather(*(one_client(client, name, pace) for name in names))
        met = [one for one in world.journal.requests if one.faults]
        assert set(world.engine.faults.lines) == {line for one in met for line in one.faults}
        return sorted((one.act, one.job or one.key, one.faults) for one in met)


@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_the_same_seed_strikes_the_same_requests_however_three_clients_interleave(
    seed: int,
) -> None:
    first, second = await struck(10, chaos=CHAOS), await struck(seed, chaos=CHAOS)

    assert first == second
    assert len(first) > 5
    assert len({faults for _, _, faults in first}) > 5


async def test_what_chance_struck_is_pasted_back_as_faults_and_strikes_the_same() -> None:
    first = await struck(10, chaos=CHAOS)
    lines = tuple(dict.fromkeys(line for _, _, faults in first for line in faults))

    assert await struck(12, *lines) == first
