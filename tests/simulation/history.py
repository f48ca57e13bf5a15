"""One seed's history, from its first wish to the quiet after the last trouble."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

import httpx

from gateway.model.clock import SECOND
from gateway.storage import StorageError
from mockserver import Account as MockAccount
from mockserver import Settings, World
from tests.simulation.disk import Disk
from tests.simulation.gateways import EMAIL, SETTLE, Gateway
from tests.simulation.loop import Killed, Process, SimLoop, outside
from tests.simulation.people import Deed, People
from tests.simulation.plan import Blow, Plan, plan_of
from tests.simulation.staging import Films, staged
from tests.simulation.wires import Callbacks, Net

T = TypeVar("T")

START: Final = datetime(2027, 1, 15, 8, tzinfo=UTC)
RAM: Final = Path("/dev/shm")
PATIENCE: Final = 30.0
"""How long a client waits for an answer of the gateway's."""
LONGEST: Final = 1800.0
"""Within so long after the last trouble everything must have come to rest."""
UNSETTLED: Final = """
    SELECT id, phase FROM jobs j WHERE phase NOT IN ('completed', 'failed')
    AND NOT (phase = 'needs_attention' AND error IS NOT NULL)
    AND NOT (phase = 'waiting_for_input' AND EXISTS (
        SELECT 1 FROM waits w JOIN jobs s ON s.id = w.video_id WHERE w.job_id = j.id
        AND s.phase IN ('needs_attention', 'waiting_for_input')))"""
_FILMS: Final = Films()


class Chance:
    """Fate, by the seed; none any more once it is calm."""

    def __init__(self, plan: Plan, rng: Random) -> None:
        self.plan, self.rng = plan, rng
        self.active = True
        self.left = 5
        self.kill: Callable[[Process], None]
        self.halt: Callable[[Process], None]

    def meet(self, process: Process, point: str) -> None:
        if not self.active or process.dead or process.halted or not self.left:
            return
        if self.rng.random() < self.plan.deaths.get(point, 0.0):
            self.left -= 1
            self.kill(process)
        elif self.rng.random() < self.plan.halts.get(point, 0.0):
            self.left -= 1
            self.halt(process)

    def spoils(self, what: str) -> bool:
        return self.active and self.rng.random() < self.plan.spoils.get(what, 0.0)


class History:
    """Everything there is while a seed's history happens, and afterwards to be judged."""

    def __init__(self, seed: int) -> None:
        self.plan = plan_of(seed)
        self.rng = Random(f"history {seed}")
        self.loop = SimLoop(Random(f"loop {seed}"))
        self.chance = Chance(self.plan, Random(f"chance {seed}"))
        self.chance.kill, self.chance.halt = self.kill, self._halt_for_a_while
        epoch = round(START.timestamp()) * SECOND
        self.disk = Disk(self.loop, self.chance, epoch, shared=self.plan.shared)
        self.world = _world(self.plan, Callbacks(self._called), Inputs(self))
        self.net = Net(self.loop, self.chance, self.world)
        self.people = People(self.plan, self.rng, self.disk, self.world, self.asked)
        self.gateways: dict[int, Gateway] = {}
        self.folder = Path(tempfile.mkdtemp(dir=RAM if RAM.is_dir() else None))
        self._healing = 0
        self._made = 0

    def happen(self) -> None:
        """From beginning to end."""
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            stack.callback(self.loop.close)
            stack.enter_context(staged(self.loop, Random(f"ids {self.plan.seed}")))
            stack.callback(self.loop.end)
            self.loop.run_until_complete(self._happen())

    async def _happen(self) -> None:
        clients: list[asyncio.Task[None]] = []
        for number in range(2 if self.plan.shared else 1):
            await self._start(number)
        for wish in self.plan.wishes:
            clients.append(self.net.apart(self.people.wish(wish, wish.at)))
            if wish.twice is not None:
                clients.append(self.net.apart(self.people.wish(wish, wish.twice)))
            if wish.cancel is not None:
                clients.append(self.net.apart(self.people.cancel(wish)))
        clients += [self.net.apart(self._strike(blow)) for blow in self.plan.blows]
        operator = self.net.apart(self.people.operate()) if self.plan.operator else None
        await asyncio.sleep(self.plan.calm)
        self.chance.active = False
        self.world.clear_faults()
        await asyncio.gather(*clients)
        while self._healing:  # noqa: ASYNC110 - of virtual time there is enough
            await asyncio.sleep(1.0)
        await self.people.resume()
        end = self.loop.now + LONGEST
        while not self.rests() and self.loop.now < end:  # noqa: ASYNC110 - the same
            await asyncio.sleep(5.0)
        if operator is not None:
            operator.cancel()
        for gateway in list(self.gateways.values()):
            self.loop.kill(gateway.process)
        await self.world.aclose()

    def rests(self) -> bool:
        """Whether every job has ended, or waits for people and says why."""
        return not self.unsettled()

    def unsettled(self) -> list[tuple[str, str]]:
        """Jobs that have not ended and do not wait for people, and where they stand."""
        return self.disk.ask(UNSETTLED)

    # --- processes

    async def _start(self, number: int) -> None:
        while True:
            self._made += 1
            gateway = Gateway(self.plan, self.disk, self.net, self.folder, self._made)
            self.gateways[number] = gateway
            try:
                await self._in(gateway, gateway.engine.start())
            except StorageError:
                self._gone(gateway.process)
                await asyncio.sleep(10.0)
            except Killed:
                return
            else:
                return

    def kill(self, process: Process) -> None:
        """SIGKILL; somebody starts another one in its place, soon or later."""
        self.loop.kill(process)
        number = self._gone(process)
        self._later(self.rng.choice((0.1, 1.0, 20.0, self.rng.uniform(0, 200))), number)

    def _gone(self, process: Process) -> int:
        self.loop.kill(process)
        self.disk.forget(process)
        number = next(n for n, one in self.gateways.items() if one.process is process)
        del self.gateways[number]
        return number

    def _later(self, seconds: float, number: int) -> None:
        self._healing += 1

        async def start() -> None:
            await asyncio.sleep(seconds)
            await self._start(number)
            self._healing -= 1

        self.net.apart(start())

    def _halt_for_a_while(self, process: Process) -> None:
        self._halt(process, self.rng.choice(self.plan.halt_seconds))

    def _halt(self, process: Process, seconds: float) -> None:
        if any(blow.kind == "outage" for blow in self.plan.blows):
            # A lock that goes with its connection proves nothing of whoever is halted. That
            # holds for as long as a lost submission is looked for, and no promise goes beyond.
            seconds = min(seconds, SETTLE / 3)
        self._healing += 1
        self.loop.halt(process)

        def resume() -> None:
            self._healing -= 1
            for gateway in self.gateways.values():
                if gateway.process is process:
                    gateway.database.woken(seconds)
            self.loop.resume(process)

        self.loop.call_later(seconds, resume, context=outside())

    async def _strike(self, blow: Blow) -> None:
        await asyncio.sleep(blow.at)
        if blow.kind == "outage":
            if not self.disk.down:
                self.disk.fail()
                await asyncio.sleep(min(blow.seconds, 60.0))
                self.disk.mend()
            return
        if blow.kind == "pause":
            await self.people.pause(blow)
            return
        gateway = self.gateways.get(blow.whom if self.plan.shared else 0)
        if gateway is None or gateway.process.halted:
            return
        if blow.kind == "kill":
            self.kill(gateway.process)
        elif blow.kind == "halt":
            self._halt(gateway.process, blow.seconds)
        else:
            self._healing += 1
            with suppress(Killed):
                await self._in(gateway, gateway.engine.stop())
                if not gateway.process.dead:
                    self._later(min(blow.seconds, 60.0), self._gone(gateway.process))
            self._healing -= 1

    async def _in(self, gateway: Gateway, work: Coroutine[Any, Any, T]) -> T:
        """Have a process do something.

        Raises:
            Killed: It died over it.
        """
        task = self.loop.spawn(gateway.process, work)
        task.add_done_callback(_heard)
        await asyncio.wait({task})
        if task.cancelled() or gateway.process.dead:
            raise Killed
        return task.result()

    async def asked(self, deed: Deed[T]) -> T:
        """Ask some process over the network.

        Raises:
            Killed: None answered, for whatever reason.
        """
        if not self.gateways:
            raise Killed
        gateway = self.gateways[self.rng.choice(sorted(self.gateways))]
        task = self.net.apart(self._in(gateway, deed(gateway)))
        task.add_done_callback(_heard)
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        if not done:
            raise Killed
        return task.result()

    # --- providers

    async def _called(self, provider: str, token: str, body: bytes) -> int:
        try:
            known = await self.asked(partial(_called_back, provider, token, body))
        except Killed:
            raise httpx.ConnectError("nobody is there") from None
        except StorageError:
            return 503
        return 200 if known else 404


class Inputs(httpx.AsyncBaseTransport):
    """Pictures that a provider fetches from the gateway."""

    def __init__(self, history: History) -> None:
        self._history = history

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2].partition(".")[0]
        path = self._history.folder / name[:2] / name
        if not self._history.gateways or not path.exists():
            raise httpx.ConnectError("nobody is there")
        return httpx.Response(200, content=path.read_bytes())


async def _called_back(provider: str, token: str, body: bytes, gateway: Gateway) -> bool:
    return await gateway.engine.called_back(provider, token, body)


def _heard(task: "asyncio.Task[Any]") -> None:
    """Somebody may have stopped waiting for it: then its error is nobody's."""
    if not task.cancelled():
        task.exception()


def _world(plan: Plan, callbacks: Callbacks, inputs: httpx.AsyncBaseTransport) -> World:
    _, most = plan.limits.get("useapi-pixverse", (1, 1))
    _, capacity = plan.limits.get("pictory", (1, 1))
    settings = Settings(
        clock="real",
        epoch=START,
        queue_seconds=plan.queue_seconds,
        run_seconds=plan.run_seconds,
        accounts=(MockAccount(email=EMAIL, max_jobs=most),),
        capacity=str(capacity) if list(plan.limits) == ["pictory"] else "",
        chaos=plan.chaos,
        seed=plan.seed,
    )
    return World(
        settings=settings, callback_transport=callbacks, input_transport=inputs, media=_FILMS
    )
