"""Those who ask the gateways of a history for something: clients, and an operator."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any, Final, Protocol, TypeVar

from gateway.engine import cancel, decide, standing
from gateway.engine.intake import Accepted, Once
from gateway.model.errors import FilmgateError, InvalidError, NoSlotError, UnavailableError
from gateway.model.job import Job
from gateway.model.phases import Phase
from gateway.model.request import CreateVideo
from gateway.storage import StorageError
from gateway.storage.accounts import PAUSED
from mockserver import World
from tests.simulation.disk import Disk
from tests.simulation.gateways import Gateway, request_of
from tests.simulation.loop import Killed
from tests.simulation.plan import Blow, Plan, Wish

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

OWNER: Final = "owner"


class Deed(Protocol[T_co]):
    """Something that a gateway is asked to do."""

    def __call__(self, gateway: Gateway) -> Coroutine[Any, Any, T_co]: ...


class Ask(Protocol):
    """Asks some gateway over the network; `Killed` where none answers."""

    async def __call__(self, deed: Deed[T]) -> T: ...


class People:
    """Clients ask again as long as nobody answers; an operator decides by chance."""

    def __init__(self, plan: Plan, rng: Random, disk: Disk, world: World, ask: Ask) -> None:
        self.plan, self.rng, self.disk, self.world = plan, rng, disk, world
        self.ask = ask
        self.answers: defaultdict[str, set[str]] = defaultdict(set)
        """By the key of a wish: the jobs that its client was told of."""
        self.unanswered: list[str] = []
        self._again: set[str] = set()

    async def wish(self, wish: Wish, at: float) -> None:
        """Ask for a video until somebody says yes or no."""
        await asyncio.sleep(at)
        request = request_of({**wish.body, **await self._source(wish)})
        came_at = self.disk.now()
        for n in range(200):
            once = Once(fingerprint=wish.key, key=wish.key, retried=n > 0, came_at=came_at)
            try:
                accepted = await self.ask(partial(_accept, request, once))
            except (NoSlotError, InvalidError):
                return
            except (Killed, UnavailableError):
                await asyncio.sleep(self.rng.uniform(0, 5))
            else:
                self.answers[wish.key].add(accepted.job.id)
                return
        self.unanswered.append(wish.key)

    async def _source(self, wish: Wish) -> dict[str, object]:
        """The video that it goes on from, if that is known soon."""
        if wish.after is None:
            return {}
        known = self.answers[self.plan.wishes[wish.after].key]
        for _ in range(30):
            if known:
                return {"extend_video": {"video": min(known)}}
            await asyncio.sleep(1.0)
        return {}

    async def cancel(self, wish: Wish) -> None:
        """Want a video no more, if it is known by then."""
        await asyncio.sleep(wish.cancel or 0.0)
        for job_id in sorted(self.answers[wish.key]):
            with suppress(FilmgateError, StorageError, Killed):
                await self.ask(partial(_cancel, job_id))

    async def operate(self) -> None:
        """Now and then look at the jobs that need somebody."""
        while True:
            await asyncio.sleep(self.rng.uniform(5, 120))
            also = self.rng.choice(("", Phase.SUBMISSION_UNKNOWN.value))
            for job_id, attempt_id, remote_id in self.disk.ask(
                "SELECT id, attempt_id, remote_id FROM jobs WHERE phase IN (?, ?) ORDER BY id",
                Phase.NEEDS_ATTENTION.value,
                also,
            ):
                with suppress(FilmgateError, StorageError, Killed):
                    await self._decide(job_id, attempt_id, remote_id)

    async def _decide(self, job_id: str, attempt_id: str | None, remote_id: str | None) -> None:
        verb = self.rng.choice(("adopt", "resubmit", "fail", "nothing"))
        if verb == "adopt" and remote_id is None:
            # Whoever looks into the provider's own console finds it there, or not.
            there = [job.id for job in self.world.jobs if self.disk.attempt_of(job) == attempt_id]
            if attempt_id is not None and there:
                await self.ask(partial(_adopt, job_id, there[0]))
        elif verb in {"resubmit", "fail"}:
            # Once is enough: a job that takes too long would be sent again for ever.
            verb = "fail" if job_id in self._again else verb
            self._again.add(job_id)
            await self.ask(partial(_resubmit if verb == "resubmit" else _fail, job_id))

    async def pause(self, blow: Blow) -> None:
        """Let an account rest for a while."""
        names = [f"{name}-a" for name in self.plan.limits]
        with suppress(StorageError, Killed):
            await self.ask(partial(_pause, names[blow.whom % len(names)]))
        await asyncio.sleep(min(blow.seconds, 60.0))
        await self.resume()

    async def resume(self) -> None:
        """Have every account go on that was stopped."""
        for (name,) in self.disk.ask("SELECT name FROM accounts WHERE cooling_reason = ?", PAUSED):
            with suppress(StorageError, Killed):
                await self.ask(partial(_resume, name))


async def _accept(request: CreateVideo, once: Once, gateway: Gateway) -> Accepted:
    return await gateway.engine.accept(request, OWNER, once)


async def _cancel(job_id: str, gateway: Gateway) -> Job | None:
    return await cancel.cancel(gateway.tools, OWNER, job_id)


async def _adopt(job_id: str, remote_id: str, gateway: Gateway) -> Job | None:
    return await decide.adopt(gateway.tools, job_id, remote_id)


async def _resubmit(job_id: str, gateway: Gateway) -> Job | None:
    return await decide.resubmit(gateway.tools, job_id)


async def _fail(job_id: str, gateway: Gateway) -> Job | None:
    return await decide.fail(gateway.tools, job_id)


async def _pause(name: str, gateway: Gateway) -> None:
    await standing.pause(gateway.tools, name)


async def _resume(name: str, gateway: Gateway) -> None:
    await standing.resume(gateway.tools, name)
