"""The life of a job: accepted and charged, started, told about, ended, refunded if it failed."""

from collections.abc import Mapping
from functools import partial
from typing import Literal

from mockserver.engine.callbacks import Callbacks
from mockserver.engine.clock import Clock
from mockserver.engine.inputs import InputError, Inputs
from mockserver.engine.jobs import Failure, FailureKind, Job, Jobs, Order, Phase
from mockserver.engine.ledger import Entry, Ledger
from mockserver.engine.scheduler import Scheduler

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


def ending(failure: Failure | None) -> Phase:
    """The phase that a job ends in."""
    if failure is None:
        return Phase.COMPLETED
    return Phase.MODERATED if failure.kind == "moderation" else Phase.FAILED


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
            await self._end(job, Failure("input", str(fault)))
        else:
            await self._tell_progress(job)

    async def _halfway(self, job: Job) -> None:
        if not job.ended:
            await self._tell_progress(job)

    async def _finish(self, job: Job) -> None:
        if not job.ended:
            fate = job.order.fate
            await self._end(job, None if fate is None else FAILURES[fate])

    async def _end(self, job: Job, failure: Failure | None) -> None:
        job.move(ending(failure))
        job.ended_at = self.clock.now()
        job.failure = failure
        self.jobs.land(job)
        if failure is not None:
            self._book("refund", job)
        # The callback tells of the end, not of the cleaning right after it; whoever looks because
        # of the callback is to find the result gone.
        callback = job.order.callback
        body = None if callback is None else callback.body(job)
        job.cleaned = job.order.clean and failure is None
        await self._tell(job, body)

    async def _tell_progress(self, job: Job) -> None:
        callback = job.order.callback
        if callback is not None and callback.progress:
            await self._tell(job, callback.body(job))

    async def _tell(self, job: Job, body: object) -> None:
        callback = job.order.callback
        if callback is not None and job.tracked:
            await self.callbacks.deliver(job.id, callback.url, body)

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
