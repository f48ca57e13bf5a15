"""The life of a job: accepted and charged, started, told about, ended, refunded if it failed."""

from functools import partial
from typing import Literal

from mockserver.engine.callbacks import Callbacks
from mockserver.engine.clock import Clock
from mockserver.engine.inputs import InputError, Inputs
from mockserver.engine.jobs import Failure, Job, Jobs, Order, Phase
from mockserver.engine.ledger import Entry, Ledger
from mockserver.engine.scheduler import Scheduler

FAILURES = {
    Phase.FAILED: Failure("generation", "The video could not be generated"),
    Phase.MODERATED: Failure("moderation", "The video was held back by content moderation"),
}
"""Why a job ends so when its order says it shall. The texts are invented."""


class Engine:
    """Moves jobs along the clock."""

    def __init__(
        self, *, clock: Clock, scheduler: Scheduler, callbacks: Callbacks, inputs: Inputs
    ) -> None:
        self.clock = clock
        self.scheduler = scheduler
        self.callbacks = callbacks
        self.inputs = inputs
        self.jobs = Jobs()
        self.ledger = Ledger()

    def accept(self, order: Order) -> Job:
        """Makes the job, charges it and schedules its whole life."""
        now = self.clock.now()
        job = Job(order=order, accepted_at=now)
        self.jobs.add(job)
        self._book("charge", job)
        start = now + order.queue_seconds
        half = start + order.run_seconds / 2
        end = start + order.run_seconds
        self.scheduler.at(start, order.media_name, partial(self._start, job))
        self.scheduler.at(half, order.media_name, partial(self._halfway, job))
        self.scheduler.at(end, order.media_name, partial(self._finish, job))
        return job

    async def _start(self, job: Job) -> None:
        job.move(Phase.RUNNING)
        job.started_at = self.clock.now()
        try:
            job.material = tuple([await self.inputs.load(each) for each in job.order.sources])
        except InputError as fault:
            await self._end(job, Phase.FAILED, Failure("input", str(fault)))
        else:
            await self._tell_progress(job)

    async def _halfway(self, job: Job) -> None:
        if not job.ended:
            await self._tell_progress(job)

    async def _finish(self, job: Job) -> None:
        if not job.ended:
            await self._end(job, job.order.fate, FAILURES.get(job.order.fate))

    async def _end(self, job: Job, phase: Phase, failure: Failure | None) -> None:
        job.move(phase)
        job.ended_at = self.clock.now()
        job.failure = failure
        self.jobs.land(job)
        if failure is not None:
            self._book("refund", job)
        await self._tell(job)

    async def _tell_progress(self, job: Job) -> None:
        if job.order.callback is not None and job.order.callback.progress:
            await self._tell(job)

    async def _tell(self, job: Job) -> None:
        if (callback := job.order.callback) is not None:
            await self.callbacks.deliver(job.id, callback.url, callback.body(job))

    def _book(self, kind: Literal["charge", "refund"], job: Job) -> None:
        order = job.order
        self.ledger.write(
            Entry(
                at=self.clock.now(),
                kind=kind,
                job=order.id,
                provider=order.provider,
                account=order.account,
                amount=order.cost,
                unit=order.unit,
            )
        )

    async def aclose(self) -> None:
        """Stops the clockwork and closes the clients."""
        await self.scheduler.aclose()
        await self.callbacks.aclose()
        await self.inputs.aclose()
