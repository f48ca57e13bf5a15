"""Replicas and one provider, in which every step is somebody's choice: for the stateful model."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from email.utils import formatdate
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple, TypeVar, cast

import msgspec
from sqlalchemy import Connection

from gateway import net
from gateway.engine import cancel, decide
from gateway.engine.intake import Once
from gateway.engine.loop import Engine
from gateway.engine.tools import Pace, Tools
from gateway.model.clock import SECOND
from gateway.model.errors import FilmgateError
from gateway.net import Download, NoAnswer, NotSent, Upstream
from gateway.storage import jobs
from gateway.storage.media import MediaStore
from providers.contract import (
    Accepted,
    Account,
    Adapter,
    Failed,
    Fault,
    Finished,
    Lost,
    Refused,
    Running,
    Scope,
    Search,
    Secret,
    Sighting,
    Submission,
    Trace,
)
from providers.registry import ADAPTERS
from tests.simulation.disk import Disk, SimDatabase
from tests.simulation.gateways import Clock, links, request_of, routes
from tests.simulation.loop import Process, SimLoop
from tests.simulation.staging import film_of, staged

T = TypeVar("T")

PROVIDER: Final = "pictory"
MAX_JOBS: Final = 2
SETTLE: Final = 100.0
DEADLINE: Final = 300.0
LATEST: Final = SETTLE / 2
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


class _Wires:
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


class _Inline(SimDatabase):
    """Every transaction is one step."""

    async def write(self, run: Any, *, alone: bool = False) -> Any:
        del alone
        self._reach()
        self.disk.raw.execute("BEGIN")
        try:
            answer = run(self.disk.connection)
        except BaseException:
            self.disk.raw.execute("ROLLBACK")
            raise
        self.disk.raw.execute("COMMIT")
        self.disk.check()
        return answer

    async def read(self, run: Any) -> Any:
        return run(self.disk.connection)


class _Calm:
    """Nothing happens that nobody chose."""

    def meet(self, process: Process, point: str) -> None:
        """Go on."""

    def spoils(self, what: str) -> bool:
        del what
        return False


class Replica:
    """A gateway's process."""

    def __init__(self, lab: "Lab", name: str) -> None:
        self.process = Process(name)
        self.database = _Inline(lab.disk, self.process)
        self.tools = Tools(
            database=self.database.typed(),
            media=MediaStore(lab.folder),
            upstream=cast("Upstream", _Wires(lab.provider, self.process, Clock(lab.disk))),
            clock=Clock(lab.disk),
            rng=Random(name),
            sleep=asyncio.sleep,
            adapters={PROVIDER: lab.provider.adapter()},
            accounts={ACCOUNT.name: ACCOUNT},
            routes=routes((PROVIDER,)),
            links=links(),
            pace=Pace(
                poll_seconds=10.0,
                deadline_seconds=DEADLINE,
                rest_seconds=20.0,
                stalled_seconds=DEADLINE,
                settle_seconds=SETTLE,
                lease_seconds=15.0,
            ),
            render=lambda job, _: job.id.encode(),
            replica=name,
            host="here",
        )
        self.engine = Engine(self.tools)


ACCOUNT: Final = Account(
    name="account",
    provider=PROVIDER,
    key=Secret("key"),
    base_url="https://provider.test",
    max_jobs=MAX_JOBS,
)


class Lab:
    """All of it, and what can be done in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = SimLoop(Random(0))
        self._staged = staged(self.loop, Random(0))
        self._staged.__enter__()
        self.disk = Disk(self.loop, _Calm(), 1_800_000_000 * SECOND, shared=True)
        self.provider = Provider(self.loop)
        self.jobs: list[str] = []
        self.resubmits: Counter[str] = Counter()
        self.by_hand: Counter[str] = Counter()
        """By job: how often the operator said which job of the provider's it is."""
        self.replicas: list[Replica] = []
        self._names = 0
        self.start(0)
        self.start(1)

    def close(self) -> None:
        """End everything."""
        for replica in self.replicas:
            self.loop.kill(replica.process)
        self.loop.end()
        self._staged.__exit__(None, None, None)

    def start(self, at: int) -> None:
        """A new process, under a new name."""
        self._names += 1
        replica = Replica(self, f"replica-{self._names}")
        self.replicas[at : at + 1] = [replica]
        self.do(replica, replica.engine.prepare())

    def do(self, replica: Replica, work: Any) -> Any:
        """Have a process do something, as far as it gets at once; None where it waits."""
        task = self.loop.spawn(replica.process, work)
        self.loop.settle()
        if not task.done() or task.cancelled():
            return None
        error = task.exception()
        if error is not None and not isinstance(error, FilmgateError):
            raise error
        return None if error is not None else task.result()

    # --- what can happen

    def accept(self, replica: Replica) -> None:
        body: dict[str, object] = {
            "prompt": f"scene {len(self.jobs)}",
            "callback_url": "https://client.test",
        }
        once = Once(fingerprint=f"{len(self.jobs)}", key=f"{len(self.jobs)}")
        accepted = self.do(replica, replica.engine.accept(request_of(body), "owner", once))
        self.jobs.append(accepted.job.id)

    def turn(self, replica: Replica) -> None:
        self.do(replica, replica.engine.turn())

    def beat(self, replica: Replica) -> None:
        self.do(replica, replica.engine.beat())

    def die(self, at: int) -> None:
        replica = self.replicas[at]
        self.loop.kill(replica.process)
        self.disk.forget(replica.process)
        self.loop.settle()
        self.start(at)

    def stop(self, at: int) -> None:
        """End a process in good order; not while a paid request is under way."""
        replica = self.replicas[at]
        if not any(one.process is replica.process for one in self.awaited()):
            self.do(replica, replica.engine.stop())
            self.die(at)

    def awaited(self) -> list[Request]:
        """The requests whose sender waits for an answer."""
        return [one for one in self.provider.requests if not one.turn.done()]

    def on_the_way(self) -> list[Request]:
        """The requests that may still arrive; a sender that is only held up sends at any time."""
        return [
            one
            for one in self.provider.requests
            if one.answer is None and (not one.turn.done() or self.loop.now < one.until)
        ]

    def arrive(self, request: Request, answer: str) -> None:
        self.provider.arrive(request, answer)

    def reply(self, request: Request) -> None:
        """The answer comes back whole."""
        request.turn.set_result(request.answer)
        self.loop.settle()

    def fall(self, request: Request) -> None:
        """No answer comes, whether or not the request got there or still will."""
        error = NoAnswer("provider.test", "nothing came")
        request.turn.set_exception(error)
        self.loop.settle()

    def unsent(self, request: Request) -> None:
        """The request is known not to have got there."""
        request.until = 0.0
        request.turn.set_exception(NotSent("provider.test", "cannot connect"))
        self.loop.settle()

    def call_back(self, replica: Replica, made: Made) -> None:
        url = made.submission.callback_url or ""
        token = url.rpartition("/")[2]
        body = msgspec.json.encode({"job_id": made.remote_id, "success": True})
        self.do(replica, replica.engine.called_back(PROVIDER, token, body))

    def cancel(self, replica: Replica, job_id: str) -> None:
        self.do(replica, cancel.cancel(replica.tools, "owner", job_id))

    def resubmit(self, replica: Replica, job_id: str) -> None:
        if self.do(replica, decide.resubmit(replica.tools, job_id)) is not None:
            self.resubmits[job_id] += 1

    def give_up(self, replica: Replica, job_id: str) -> None:
        self.do(replica, decide.fail(replica.tools, job_id))

    def adopt(self, replica: Replica, job_id: str, made: Made) -> None:
        if self.do(replica, decide.adopt(replica.tools, job_id, made.remote_id)) is not None:
            self.by_hand[job_id] += 1

    def remove(self, replica: Replica, job_id: str) -> None:
        """What retention does to a video that has ended."""

        def run(connection: Connection) -> None:
            job = jobs.get(connection, job_id)
            if job is not None and job.completed_at is not None:
                jobs.remove(connection, job_id, self.disk.now())

        self.do(replica, replica.database.write(run))

    # --- what must hold

    def charges(self) -> Counter[str]:
        """By job: how many were made of it."""
        owner = dict(self.disk.ask("SELECT one, job FROM audit WHERE kind = 'attempt'"))
        return Counter(owner[one.submission.reference] for one in self.provider.made)
