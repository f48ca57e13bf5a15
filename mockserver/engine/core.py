"""One world's machine: jobs along the clock, charged, told about, ended. It knows no provider."""

import hashlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Literal, Protocol, Self

import msgspec

from mockserver.engine import capacity
from mockserver.engine.agenda import Agenda, Due
from mockserver.engine.by_hand import HandScheduler, SkippingScheduler
from mockserver.engine.by_wall import WallScheduler
from mockserver.engine.clock import Clock, HandClock, WallClock
from mockserver.engine.faults import Faults
from mockserver.engine.inputs import Fetched, InputError, Inputs
from mockserver.engine.jobs import Failure, FailureKind, Job, Jobs, Order, Phase, Source
from mockserver.engine.journal import Command, Entry, Journal, Loaded, Transition
from mockserver.engine.ledger import Ledger
from mockserver.engine.notifier import Describer, Notifier
from mockserver.engine.outside import Outside
from mockserver.engine.scheduler import Perform, Scheduler
from mockserver.engine.tape import Commanded, Tape
from mockserver.settings import Settings

FAILURES: Mapping[FailureKind, Failure] = {
    failure.kind: failure
    for failure in (
        Failure("generation", "The video could not be generated"),
        Failure("moderation", "The video was held back by content moderation"),
        Failure("credits", "The account has not enough credits for the video"),
        Failure("input", "An input of the video could not be read"),
    )
}
"""Why a job ends so when its order says it shall. The texts are invented."""

MINUTE = 60.0


class Host(Describer, Protocol):
    """What the machine asks of those who know the providers."""

    inputs: Inputs
    prefix: str
    """What stands in front of the paths of links."""


def ending(failure: Failure | None) -> Phase:
    """The phase that a job ends in."""
    if failure is None:
        return Phase.COMPLETED
    return Phase.MODERATED if failure.kind == "moderation" else Phase.FAILED


def make_clock(settings: Settings) -> Clock:
    """The clock that the settings ask for."""
    if settings.clock in {"real", "scaled"}:
        speed = settings.speed if settings.clock == "scaled" else 1.0
        return WallClock(speed, settings.clock, settings.epoch)
    return HandClock(settings.clock, settings.epoch)


def make_scheduler(clock: Clock, agenda: Agenda, perform: Perform) -> Scheduler:
    """The scheduler that a clock of this kind goes with."""
    if clock.kind in {"real", "scaled"}:
        return WallScheduler(clock, agenda, perform)
    kind = SkippingScheduler if clock.kind == "auto-skip" else HandScheduler
    return kind(clock, agenda, perform)


class Engine:
    """Moves jobs along the clock."""

    def __init__(self, settings: Settings, outside: Outside, host: Host) -> None:
        self.settings = settings
        self.outside = outside
        self.host = host
        self.jobs = Jobs()
        self.journal = Journal()
        self.ledger = Ledger()
        self.faults = Faults(settings.seed, settings.faults, settings.chaos)
        self.tally: Counter[tuple[str, ...]] = Counter()
        """How often things have happened that count."""
        self.windows: dict[str, deque[float]] = {}
        self.capacity = capacity.parse(settings.capacity)
        clock = make_clock(settings)
        self._begin(clock, Agenda(), Tape(clock))

    def _begin(self, clock: Clock, agenda: Agenda, tape: Tape) -> None:
        self.clock = clock
        self.tape = tape
        self.scheduler = make_scheduler(clock, agenda, self._perform)
        self.scheduler.tape = tape
        self.notifier = Notifier(self.host, self.scheduler, self.journal, self.faults, self.outside)

    def fork(self, host: Host) -> Self:
        """The same state, to go on separately; requests and callbacks under way stay behind.

        What a job was doing meanwhile is due once more.
        """
        engine = object.__new__(type(self))
        engine.settings, engine.outside, engine.host = self.settings, self.outside, host
        engine.jobs = self.jobs.fork()
        engine.journal = self.journal.fork()
        engine.ledger = self.ledger.fork()
        engine.faults = self.faults.fork()
        engine.tally = self.tally.copy()
        engine.windows = {name: times.copy() for name, times in self.windows.items()}
        engine.capacity = self.capacity
        clock = self.clock.fork()
        engine._begin(clock, self.scheduler.still_due(), self.tape.fork(clock))
        return engine

    # --- taking orders

    def accept(self, order: Order) -> Job:
        """Makes the job, charges it and schedules its start."""
        now = self.clock.now()
        job = Job(order=order, accepted_at=now, line=order.cause)
        self.jobs.add(job)
        self._book("charge", job)
        self._at(now + order.queue_seconds, "start", order)
        return job

    def _at(self, at: float, what: str, order: Order) -> None:
        self.scheduler.at(at, order.media_name, what, (order.provider, order.id))

    def occurrence(self, *name: str) -> int:
        """How often this has been asked for, this time included."""
        self.tally[name] += 1
        return self.tally[name]

    def among_first(self, limit: int, *name: str) -> bool:
        """Whether this is one of the first `limit` times; counts it if so."""
        if self.tally[name] >= limit:
            return False
        self.tally[name] += 1
        return True

    def is_full(self, provider: str, account: str) -> bool:
        """Whether the generator behind an account runs no more at this moment.

        A job that is no longer tracked goes on there like any other.
        """
        limit = self.capacity.at(self.clock.now())
        if limit is None:
            return False
        mine = (job for job in self.jobs.of(provider) if job.order.account == account)
        return sum(not job.ended for job in mine) >= limit

    def cannot_pay(self, provider: str, account: str, cost: int) -> bool:
        """Whether an account has too few credits left for a job."""
        limit = self.settings.credits
        return limit is not None and self.ledger.spent(provider, account) + cost > limit

    def seconds_too_soon(self, name: str) -> float | None:
        """How long a request must wait for the rate limit; None when it is taken, and counted.

        Args:
            name: whose requests are counted together, such as a provider's.
        """
        limit = self.settings.requests_per_minute
        if limit is None:
            return None
        now = self.clock.now()
        times = self.windows.setdefault(name, deque())
        while times and times[0] <= now - MINUTE:
            times.popleft()
        if len(times) >= limit:
            return times[0] + MINUTE - now
        times.append(now)
        return None

    # --- a job's life

    async def _perform(self, due: Due) -> None:
        if due.what == "deliver":
            await self.notifier.deliver(due.subject)
            return
        job = self.jobs.get(*due.subject)
        if job is not None:
            await self._deeds[due.what](self, job)

    async def _start(self, job: Job) -> None:
        order = job.order
        if job.phase is Phase.QUEUED:
            self._move(job, Phase.RUNNING)
            job.started_at = self.clock.now()
            start = job.accepted_at + order.queue_seconds
            if order.callback is not None and order.callback.progress:
                self._at(start + order.run_seconds / 2, "halfway", order)
            self._at(start + order.run_seconds, "finish", order)
        elif job.phase is not Phase.RUNNING or job.material or not order.sources or job.early:
            # Else its inputs were on their way when the world was forked.
            return
        try:
            job.material = tuple([await self._load(job, each) for each in job.order.sources])
        except InputError as fault:
            if not job.ended:
                await self.end(job, Failure("input", str(fault)))
        else:
            # It may have been ended by hand while its inputs were fetched.
            if not job.ended:
                await self.notifier.tell_progress(job)

    async def _load(self, job: Job, source: Source) -> Source:
        here = source.data is not None
        n, at = 0 if here else self.journal.next_number(), self.clock.now()
        fetched = await self.tape.wait(partial(self.host.inputs.fetched, source), Fetched)
        data = fetched.data
        if not here:
            self.journal.write(
                Loaded(
                    n=n,
                    at=at,
                    cause=job.line,
                    job=job.id,
                    url=source.url,
                    digest="" if data is None else hashlib.sha256(data).hexdigest(),
                    fault=fetched.fault,
                )
            )
        if fetched.fault:
            raise InputError(fetched.fault)
        return source if data is None else msgspec.structs.replace(source, data=data)

    async def _halfway(self, job: Job) -> None:
        if job.phase is Phase.RUNNING:
            await self.notifier.tell_progress(job)

    async def _finish(self, job: Job) -> None:
        if not job.ended:
            fate = job.order.fate
            await self.end(job, None if fate is None else FAILURES[fate])

    async def end(self, job: Job, failure: Failure | None = None) -> None:
        """Ends a job at this moment, and tells of it.

        Raises:
            ValueError: it has ended already.
        """
        if job.phase is Phase.QUEUED:
            self._move(job, Phase.RUNNING)
            job.started_at = self.clock.now()
        self._move(job, ending(failure), "" if failure is None else failure.message)
        job.ended_at = self.clock.now()
        job.failure = failure
        self.jobs.land(job)
        if failure is not None:
            self._book("refund", job)
        # The callback tells of the end, not of the cleaning right after it; whoever looks because
        # of the callback is to find the result gone.
        parcel = self.notifier.pack(job)
        job.cleaned = job.order.clean and failure is None
        await self.notifier.tell(job, parcel)

    async def hurry(self, job: Job, *faults: str) -> None:
        """Lives through the whole life of a job at this moment, before its submit is answered.

        Args:
            job: one that has just been accepted.
            faults: because of which, for the journal.
        """
        job.early = faults
        try:
            for deed in (self._start, self._halfway, self._finish):
                await deed(job)
        finally:
            job.early = ()

    def untrack(self, job: Job) -> None:
        """Frees the job's slot and tells nobody of it any more; it goes on and stays charged."""
        job.tracked = False
        self.jobs.land(job)

    def clean(self, job: Job) -> None:
        """Deletes the result of a job that has ended; the second time changes nothing.

        Raises:
            ValueError: the job has not ended.
        """
        if not job.ended:
            raise ValueError(f"{job.id} has not ended")
        job.cleaned = True

    _deeds: Mapping[str, Callable[["Engine", Job], Awaitable[None]]] = {
        "start": _start,
        "halfway": _halfway,
        "finish": _finish,
    }

    # --- writing down

    def _move(self, job: Job, phase: Phase, why: str = "") -> None:
        before = job.phase
        job.move(phase)
        n = self.journal.next_number()
        self.journal.write(
            Transition(
                n=n,
                at=self.clock.now(),
                cause=job.line,
                job=job.id,
                before=before,
                after=phase,
                why=why,
            )
        )
        job.line = n

    def _book(self, kind: Literal["charge", "refund"], job: Job) -> None:
        order = job.order
        entry = Entry(
            n=self.journal.next_number(),
            at=self.clock.now(),
            cause=job.line,
            kind=kind,
            job=order.id,
            provider=order.provider,
            account=order.account,
            amount=order.cost,
            unit=order.unit,
        )
        self.ledger.write(self.journal.write(entry))

    def note(self, name: str, **given: object) -> None:
        """Writes down that somebody told the mock to do something."""
        n, at = self.journal.next_number(), self.clock.now()
        self.tape.add(Commanded(at=at, name=name, given=given))
        self.journal.write(Command(n=n, at=at, name=name, given=given))

    def close(self) -> None:
        """Stops the clockwork."""
        self.journal.close()
        self.scheduler.close()

    async def aclose(self) -> None:
        """The same, and waits for the end of what is running."""
        self.journal.close()
        await self.scheduler.aclose()
