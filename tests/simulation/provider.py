"""A provider whose every step is somebody's choice, and each process's way to it."""

import asyncio
import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from email.utils import formatdate
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from gateway import net
from gateway.model.clock import SECOND
from gateway.net import Download
from providers.contract import (
    Accepted,
    Adapter,
    Failed,
    Fault,
    Finished,
    Lost,
    Refused,
    Running,
    Scope,
    Search,
    Sighting,
    Submission,
    Trace,
)
from providers.registry import ADAPTERS
from tests.simulation.gateways import Clock
from tests.simulation.loop import Process, SimLoop
from tests.simulation.staging import film_of

PROVIDER: Final = "pictory"
LATEST: Final = 50.0
"""A request gets there so late at most, whatever became of its sender."""


class Asked(NamedTuple):
    """The only request of a flow, which the provider below answers in one step."""

    kind: str
    given: tuple[Any, ...]


class Answered(NamedTuple):
    """Its answer, which needs no reading."""

    value: Any
    headers: Mapping[str, str] = {}


def _flow(kind: str, *given: Any) -> Any:
    answer = yield Asked(kind, given)
    return answer.value


class Made(msgspec.Struct):
    """A job at the provider."""

    remote_id: str
    submission: Submission
    end: bool | None = None
    """How it ended: with a film or without; None while it runs."""


class Request(msgspec.Struct):
    """A paid request on its way there, or its answer on the way back."""

    submission: Submission
    process: Process
    turn: "asyncio.Future[Any]"
    until: float
    """When it has got there, or never will."""
    answer: Accepted | Refused | None = None
    """What the provider said; None while the request has not arrived."""


class Provider:
    """What it makes it charges for; and it tells the truth about what it made."""

    def __init__(self, loop: SimLoop) -> None:
        self.loop = loop
        self.made: list[Made] = []
        self.requests: list[Request] = []
        self.lists = True

    def adapter(self) -> Adapter:
        """The real one's table, with flows that come here."""
        return msgspec.structs.replace(
            ADAPTERS[PROVIDER],
            submit=lambda submission: _flow("submit", submission),
            poll=lambda _, ids: _flow("poll", ids),
            reconcile=lambda _, lost, owned: _flow("search", lost, owned),
        )

    def arrive(self, request: Request, answer: str) -> None:
        """A request gets there."""
        if answer == "made":
            made = Made(f"remote-{len(self.made) + 1}", request.submission)
            self.made.append(made)
            request.answer = Accepted(remote_id=made.remote_id)
        else:
            request.answer = REFUSALS[answer]

    def seen(self, ids: Sequence[str]) -> Mapping[str, Sighting]:
        """What a look tells."""
        return {one: self._seen(one) for one in ids}

    def _seen(self, remote_id: str) -> Sighting:
        made = next(one for one in self.made if one.remote_id == remote_id)
        match made.end:
            case None:
                return Running(word="rendering", progress=None)
            case True:
                return Finished(url=f"https://films.test/{remote_id}")
            case False:
                return Failed(fault=Fault.GENERATION_FAILED, words="it came to nothing")

    def found(self, lost: Sequence[Lost], owned: Collection[str]) -> Search:
        """What its lists tell of lost submissions."""
        traces = [
            Trace(
                reference=one.reference, remote_id=made.remote_id, evidence="the list", named=True
            )
            for one in lost
            for made in self.made
            if made.submission.reference == one.reference and made.remote_id not in owned
        ]
        return Search(found=tuple(traces), whole=self.lists)


REFUSALS: Final = {
    "refused": Refused(
        fault=Fault.INVALID_REQUEST, scope=Scope.JOB, words="no", status=400, retry=False
    ),
    "throttled": Refused(
        fault=Fault.THROTTLED, scope=Scope.ACCOUNT, words="slower", status=429, retry=True
    ),
    "unpaid": Refused(
        fault=Fault.NO_CREDITS, scope=Scope.ACCOUNT, words="pay", status=402, retry=False
    ),
}


class Wires:
    """One process's way to the provider."""

    def __init__(self, provider: Provider, process: Process, clock: Clock) -> None:
        self.provider, self.process, self.clock = provider, process, clock

    async def run(self, flow: Any, **_: object) -> Any:
        with closing(flow):
            value = await self._ask(next(flow))
            date = formatdate(self.clock.now() / SECOND, usegmt=True)
            answer = Answered(value, {"date": date})
            try:
                flow.send(answer)
            except StopIteration as stop:
                return stop.value

    async def _ask(self, asked: Asked) -> Any:
        if asked.kind == "poll":
            return self.provider.seen(*asked.given)
        if asked.kind == "search":
            return self.provider.found(*asked.given)
        turn = asyncio.get_running_loop().create_future()
        (submission,) = asked.given
        until = self.provider.loop.now + LATEST
        self.provider.requests.append(Request(submission, self.process, turn, until))
        return await turn

    def check(self, url: str) -> None:
        """Every link will do."""

    async def tell(self, *_: object, **__: object) -> net.Answered:
        return net.Answered(200, None)

    async def fetch(self, url: str, into: Path, **_: object) -> Download:
        film = film_of(url.rpartition("/")[2])
        await asyncio.to_thread(into.write_bytes, film)
        digest = hashlib.sha256(film).hexdigest()
        return Download(path=into, size=len(film), digest=digest, content_type="video/mp4")
