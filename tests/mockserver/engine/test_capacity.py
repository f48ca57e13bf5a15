"""Limits that change over time, money that runs out, and requests that come too fast."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import Account, Settings, World
from mockserver.engine.capacity import parse
from mockserver.engine.journal import Exchange
from tests.mockserver.drivers import PICTORY, Client

Name = Literal["pictory", "pixverse"]
UPSTREAM = {
    "pictory": {"message": "Too Many Requests"},
    "pixverse": {"error": "Reached the limit for concurrent generations."},
}


@asynccontextmanager
async def opened(**settings: Any) -> AsyncIterator[tuple[World, Client]]:
    world = World(settings=Settings(clock="frozen", max_jobs=8, **settings))
    transport = httpx.ASGITransport(app=world.app)
    async with world, httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
        yield world, Client(http)


async def submit(client: Client, name: Name, prompt: str = "A drone over it") -> httpx.Response:
    return await (client.pictory if name == "pictory" else client.text_video)(prompt)


async def statuses(client: Client, name: Name, times: int) -> list[int]:
    return [(await submit(client, name)).status_code for _ in range(times)]


# --- the text


def test_a_timeline_says_what_holds_from_which_moment_on() -> None:
    capacity = parse("3, 1 at 60s,0@2m , none at 4m")

    moments = [0, 59.999, 60, 119, 120, 239, 240, 9999]
    assert [capacity.at(moment) for moment in moments] == [3, 3, 1, 1, 0, 0, None, None]


@pytest.mark.parametrize("text", ["", " , "])
def test_an_empty_timeline_sets_no_limit(text: str) -> None:
    assert parse(text).at(0) is None


def test_before_its_first_step_there_is_no_limit() -> None:
    assert parse("1 at 1m").at(59) is None


@pytest.mark.parametrize(
    "text", ["many", "-1", "3 at", "3 at soon", "3 1 at 60s", "3, 1", "1 at 60s, 2 at 60s", "1.5"]
)
def test_what_is_no_timeline_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"step|duration"):
        parse(text)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        capacity = parse(text)
    except ValueError:
        return
    assert all(limit is None or limit >= 0 for _, limit in capacity.steps)


# --- capacity


@pytest.mark.parametrize("name", ["pictory", "pixverse"])
async def test_capacity_changes_with_time_and_running_jobs_go_on(name: Name) -> None:
    async with opened(capacity="3, 1 at 60s, 0 at 2m, 2 at 4m") as (world, client):
        assert await statuses(client, name, 4) == [200, 200, 200, 429]
        await world.advance(49)
        # Nothing has ended yet, so nothing is free; a second later all is.
        assert await statuses(client, name, 1) == [429]
        await world.advance(11)
        assert await statuses(client, name, 2) == [200, 429]
        await world.advance(60)
        assert await statuses(client, name, 1) == [429]
        await world.advance(120)
        assert await statuses(client, name, 3) == [200, 200, 429]

        assert {job.phase for job in world.jobs if job.accepted_at < 100} == {"completed"}
        refused = [one for one in world.journal.of(Exchange) if one.status == 429]
        assert [one.job for one in refused] == [None] * 5
        assert len(world.ledger.charges) == 6


@pytest.mark.parametrize("name", ["pictory", "pixverse"])
async def test_a_full_generator_answers_as_upstream_does(name: Name) -> None:
    async with opened(capacity="0") as (_, client):
        answer = await submit(client, name)

        assert (answer.status_code, answer.json()) == (429, UPSTREAM[name])


async def test_capacity_is_of_each_account_and_the_accounts_own_limit_comes_first() -> None:
    accounts = (Account(email="a@example.com", max_jobs=1), Account(email="b@example.com"))
    async with opened(capacity="2", accounts=accounts) as (_, client):

        async def through(email: str) -> tuple[int, str]:
            answer = await client.text_video(email=email)
            return answer.status_code, answer.json().get("error", "")

        a = [await through("a@example.com") for _ in range(2)]
        b = [await through("b@example.com") for _ in range(3)]

        assert a == [(200, ""), (429, "Account a@example.com is busy executing 1 tasks.")]
        assert b == [(200, ""), (200, ""), (429, UPSTREAM["pixverse"]["error"])]


# --- credits


@pytest.mark.parametrize(("name", "status"), [("pictory", 402), ("pixverse", 412)])
async def test_who_has_spent_all_credits_is_refused_until_a_failed_job_is_refunded(
    name: Name, status: int
) -> None:
    async with opened() as (probe, client):
        await submit(client, name)
        cost = probe.ledger.charges[0].amount
    async with opened(credits=2 * cost + cost // 2) as (world, client):
        assert (await submit(client, name, "A drone [[mock fail=failed]]")).status_code == 200
        assert await statuses(client, name, 2) == [200, status]
        assert len(world.jobs) == 2
        await world.advance(50)

        assert world.ledger.total == {name: cost}
        assert await statuses(client, name, 2) == [200, status]


# --- requests per minute


async def test_pictory_takes_so_many_requests_within_any_minute_and_says_when_to_come_again() -> (
    None
):
    async with opened(requests_per_minute=3) as (world, client):

        async def look() -> tuple[int, str | None]:
            answer = await client.http.get("/pictoryapis/v1/quota", headers=PICTORY)
            return answer.status_code, answer.headers.get("retry-after")

        assert await look() == (200, None)
        await world.advance(20.5)
        assert [await look() for _ in range(3)] == [(200, None), (200, None), (429, "40")]
        # A refused request is not counted.
        await world.advance(39.5)
        assert [await look() for _ in range(2)] == [(200, None), (429, "21")]
        # Somebody who asks without a key takes nobody's turn.
        await world.advance(30)
        assert (await client.http.get("/pictoryapis/v1/quota")).status_code == 401
        assert [await look() for _ in range(3)] == [(200, None), (200, None), (429, "30")]
        assert world.jobs.in_flight("pictory", "pictory") == ()
