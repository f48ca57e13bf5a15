"""What a seed decides before its history begins: who is there, what is wished, what goes wrong."""

from random import Random
from typing import Any, Final

import msgspec

SUBMITS: Final = (
    "submit:reset",
    "submit:timeout",
    "submit:status=500",
    "submit:status=502",
    "submit:status=503",
    "submit:status=429",
    "submit:status=402",
    "submit:status=401",
    "submit@pixverse:status=412",
    "submit@pixverse:status=596",
    "submit:slow=5s",
    "submit:slow=45s",
    "submit:accept-then-reset",
    "submit:accept-then-cut",
    "submit:accept-then-timeout",
    "submit:accept-then-status=500",
    "submit:accept-then-status=504",
    "submit:callback-first",
    "submit:garble",
    "submit:late=5s",
    "submit:late=45s",
    "submit:cut=50%",
)
OTHERS: Final = (
    "poll:reset",
    "poll:timeout",
    "poll:status=500",
    "poll:status=404",
    "poll:status=429",
    "poll:garble",
    "poll:late=20s",
    "list:reset",
    "list:status=500",
    "list:garble",
    "list:timeout",
    "list:late=10s",
    "upload:reset",
    "upload:status=500",
    "download:reset",
    "download:cut=50%",
    "download:empty",
    "download:html",
    "download:status=404",
    "download:status=500",
    "download:late=10s",
    "callback:drop",
    "callback:duplicate=3",
    "callback:delay=30s",
    "callback:reorder",
    "callback:dead",
    "callback:storm=3",
    "callback:forge",
    "callback:stranger",
)
RATES: Final = (10, 30, 60, 100)
WISHES: Final = (
    "",
    "",
    "",
    "",
    "[[mock fail=moderated]]",
    "[[mock fail=failed]]",
    "[[mock throttle=1]]",
    "[[mock no-callback]]",
    "[[mock odd-status]]",
    "[[mock garble-poll=2]]",
    "[[mock lose-reply]]",
    "[[mock garble-reply]]",
)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a client's, and how the client goes about it. Times are seconds."""

    at: float
    body: dict[str, Any]
    key: str
    after: int | None = None
    """The wish whose video this one goes on from."""
    twice: float | None = None
    """When the same request comes once more, beside the first."""
    cancel: float | None = None


class Blow(msgspec.Struct, frozen=True, kw_only=True):
    """Something that befalls a process or the database, at a time that nobody waits for."""

    at: float
    kind: str
    seconds: float
    whom: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A history before it happens.

    Attributes:
        shared: Two replicas on one database, as with PostgreSQL; else one after the other.
        limits: By provider: jobs that the gateway thinks its account may run, and that it may.
        spoils: How likely the things of `Fate.spoils` go wrong.
        deaths: How likely a process dies, or halts, at each point it gets to.
        calm: When all this ends.
    """

    seed: int
    shared: bool
    wishes: tuple[Wish, ...]
    limits: dict[str, tuple[int, int]]
    chaos: tuple[str, ...]
    blows: tuple[Blow, ...]
    spoils: dict[str, float]
    deaths: dict[str, float]
    halts: dict[str, float]
    halt_seconds: tuple[float, ...]
    queue_seconds: float
    run_seconds: float
    retention_seconds: float | None
    operator: bool
    calm: float


def plan_of(seed: int) -> Plan:
    """The history of a seed."""
    rng = Random(f"plan {seed}")
    shared = rng.random() < 0.4
    calm = rng.choice((20.0, 40.0, 60.0, 120.0))
    providers = rng.choice((("pictory",), ("useapi-pixverse",), ("pictory", "useapi-pixverse")))
    limits = {}
    for name in providers:
        own = rng.randint(1, 2)
        limits[name] = (own, own if rng.random() < 0.8 else 1)
    wishes = tuple(_wish(rng, seed, number) for number in range(rng.choice((1, 1, 1, 1, 2, 3))))
    retention = None
    if not shared and rng.random() < 0.1:
        # The key of a wish goes with its video: whoever asks again later has another one.
        retention = 20.0
        wishes = tuple(msgspec.structs.replace(wish, twice=None) for wish in wishes)
    return Plan(
        seed=seed,
        shared=shared,
        wishes=wishes,
        limits=limits,
        chaos=_chaos(rng),
        blows=tuple(sorted(_blows(rng, calm, shared=shared), key=lambda blow: blow.at)),
        spoils=_some(rng, 0.35, SPOILS, shared=shared),
        deaths=_some(rng, 0.25, DEATHS, shared=shared),
        halts=_some(rng, 0.5, HALTS, shared=True) if shared else {},
        halt_seconds=rng.choice(((1.0, 10.0, 50.0), (250.0, 400.0))),
        queue_seconds=rng.choice((0.0, 2.0, 5.0)),
        run_seconds=rng.choice((1.0, 10.0, 30.0)) if rng.random() < 0.95 else 350.0,
        retention_seconds=retention,
        operator=rng.random() < 0.3,
        calm=calm,
    )


SPOILS: Final = {
    "connect": 0.2,
    "answer": 0.1,
    "commit": 0.05,
    "commit answer": 0.05,
    "lost commit": 0.5,
    "disk": 0.2,
    "notice": 0.3,
}
DEATHS: Final = {"commit": 0.03, "committed": 0.03, "send": 0.3, "answered": 0.3}
HALTS: Final = {"commit": 0.02, "committed": 0.03, "send": 0.4, "answered": 0.2}


def _some(rng: Random, share: float, table: dict[str, float], *, shared: bool) -> dict[str, float]:
    if rng.random() >= share:
        return {}
    chosen = {name: rate for name, rate in table.items() if rng.random() < 0.5}
    if not shared:
        chosen.pop("commit answer", None)
    if "commit answer" in chosen:
        chosen["lost commit"] = 0.5
    return chosen


def _wish(rng: Random, seed: int, number: int) -> Wish:
    at = rng.choice((0.0, 0.0, rng.uniform(0, 15)))
    body: dict[str, Any] = {"prompt": f"Scene {seed}-{number} {rng.choice(WISHES)}".strip()}
    if rng.random() < 0.5:
        body["callback_url"] = "https://client.test/hook"
    if rng.random() < 0.1:
        body["routing"] = {"deadline": rng.choice((10, 60, 300))}
    if rng.random() < 0.05:
        body["routing"] = {"queue": False}
    after = rng.randrange(number) if number and rng.random() < 0.2 else None
    if after is None and rng.random() < 0.15:
        body["first_frame"] = "picture"
    return Wish(
        at=at,
        body=body,
        after=after,
        key=f"key-{number}",
        twice=rng.choice((None, None, None, None, at, at + rng.uniform(0, 30))),
        cancel=rng.choice((None,) * 6 + (at + rng.expovariate(1 / 15), at + rng.uniform(0, 90))),
    )


def _chaos(rng: Random) -> tuple[str, ...]:
    lines = [
        f"{line}={rng.choice(RATES)}%" for line in rng.sample(SUBMITS, rng.choice((0, 1, 1, 2)))
    ]
    others = rng.sample(OTHERS, rng.choice((0, 0, 1, 2, 4)))
    return (*lines, *(f"{line}={rng.choice(RATES)}%" for line in others))


def _blows(rng: Random, calm: float, *, shared: bool) -> list[Blow]:
    kinds = ["kill", "kill", "stop", "outage", "pause", *(["halt", "halt"] if shared else [])]
    return [
        Blow(
            at=rng.choice((rng.uniform(0, calm), rng.expovariate(1 / 5))),
            kind=rng.choice(kinds),
            seconds=rng.choice((0.5, 5.0, 30.0, rng.uniform(0, 250))),
            whom=rng.randrange(2),
        )
        for _ in range(rng.choice((0, 0, 1, 1, 2, 4)))
    ]
