"""Replicas and one provider, in which every step is somebody's choice: for the stateful model."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, Final, cast

import msgspec
from sqlalchemy import Connection

from gateway.engine import cancel, decide
from gateway.engine.intake import Once
from gateway.engine.loop import Engine
from gateway.engine.tools import Pace, Tools
from gateway.model.clock import SECOND
from gateway.model.errors import FilmgateError
from gateway.net import NoAnswer, NotSent, Upstream
from gateway.storage import jobs
from gateway.storage.media import MediaStore
from providers.contract import Account, Secret
from tests.simulation.disk import Disk, SimDatabase
from tests.simulation.gateways import Clock, links, request_of, routes
from tests.simulation.loop import Process, SimLoop
from tests.simulation.provider import LATEST, PROVIDER, Made, Provider, Request, Wires
from tests.simulation.staging import staged

MAX_JOBS: Final = 2
SETTLE: Final = 2 * LATEST
DEADLINE: Final = 300.0


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
            upstream=cast("Upstream", Wires(lab.provider, self.process, Clock(lab.disk))),
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
