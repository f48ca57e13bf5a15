import asyncio
from collections.abc import Iterator
from contextlib import suppress
from random import Random

import pytest

from mockserver.engine.kinds import KINDS
from tests.sample_client.client import Client, FailedError, RefusedError
from tests.sample_client.stage import played

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082"
)


def lines() -> Iterator[tuple[str, ...]]:
    """Every fault at every target; lists are looked at only by those who are in doubt."""
    for kind in KINDS.values():
        tail = kind.example.partition(":")[2]
        for target in sorted(kind.targets - {"request"}):
            also = ("submit#1:accept-then-reset",) if target == "list" else ()
            yield (f"{target}#1:{tail}", *also)
            yield (f"{target}#1-2:{tail}", *also)
    yield from (
        ("submit#1:accept-then-cut", "list#1-3:reset"),
        ("submit#1:slow=45s",),
        ("submit#1:status=429 retry-after=120",),
        ("poll#1:status=429 retry-after=60",),
        ("callback:drop",),
        ("callback:delay=10m",),
        ("callback:duplicate=3", "callback:forge", "callback:stranger", "callback:storm=5"),
    )


async def two_films(client: Client) -> None:
    first = await client.film("A lighthouse at dusk", picture=PNG)
    second = await client.film("A lighthouse at dawn", seed=8)
    assert first
    assert second


@pytest.mark.parametrize("provider", ["pictory", "pixverse"])
@pytest.mark.parametrize("faults", list(lines()), ids=str)
def test_no_fault_makes_a_careful_client_look_bad(faults: tuple[str, ...], provider: str) -> None:
    async def play(client: Client) -> None:
        if provider == "pixverse":
            await two_films(client)
        else:
            assert await client.film("A lighthouse at dusk")
            assert await client.film("A lighthouse at dawn")

    world = played(play, provider=provider, faults=faults, hooked=True, seconds=2000)
    world.assert_good_client(warnings_are_errors=True)
    world.assert_no_double_charge()
    uploads = provider == "pixverse" or not faults[0].startswith("upload")
    assert world.engine.faults.struck or not uploads


@pytest.mark.parametrize(
    "directives",
    [
        "throttle=2",
        "throttle=2 retry-after=40",
        "lose-reply",
        "garble-reply",
        "garble-poll=2",
        "odd-status",
        "no-callback",
        "fail=moderated",
        "fail=failed",
        "refuse=412",
        "refuse=400",
        "run=12m",
    ],
)
@pytest.mark.parametrize("provider", ["pictory", "pixverse"])
def test_no_directive_makes_a_careful_client_look_bad(directives: str, provider: str) -> None:
    async def play(client: Client) -> None:
        with suppress(FailedError, RefusedError):
            await client.film(f"A lighthouse at dusk [[mock {directives}]]")

    if provider == "pictory":
        directives = directives.replace("412", "402")
    world = played(play, provider=provider, hooked=True)
    world.assert_good_client(warnings_are_errors=True)
    world.assert_no_double_charge()


def chaos_of(chance: Random) -> tuple[str, ...]:
    """A quarter of all faults, each at a rate of its own."""
    return tuple(
        f"{target}:{kind.example.partition(':')[2]}={chance.choice((3, 10, 20))}%"
        for kind in KINDS.values()
        for target in sorted(kind.targets - {"request"})
        if chance.random() < 0.25
    )


@pytest.mark.parametrize("seed", range(30))
def test_no_mixture_of_faults_makes_a_careful_client_look_bad(seed: int) -> None:
    chance = Random(seed)
    provider = chance.choice(("pictory", "pixverse"))
    fates = ("", "", "fail=failed", "fail=moderated", "run=5m", "throttle=1 retry-after=45")

    async def film(client: Client, number: int) -> None:
        await asyncio.sleep(chance.randint(0, 100))
        picture = PNG if provider == "pixverse" and chance.random() < 0.5 else None
        prompt = f"Film {number} [[mock {chance.choice(fates)}]]"
        with suppress(FailedError, RefusedError):
            await client.film(prompt, seed=number, picture=picture)

    async def play(client: Client) -> None:
        await asyncio.gather(*(film(client, number) for number in range(1, chance.randint(3, 7))))

    world = played(
        play,
        provider=provider,
        chaos=chaos_of(chance),
        hooked=chance.random() < 0.7,
        seconds=7200,
        seed=seed,
        max_jobs=chance.randint(1, 3),
        file_seconds=chance.choice((0.0, 20.0)),
    )
    world.assert_good_client(warnings_are_errors=True)
    world.assert_no_double_charge()
