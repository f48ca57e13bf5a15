"""Tells receivers of jobs: packs callbacks, sends them under faults, and writes down the answers.

What becomes of one callback is planned in `callbacks`; here the plan is carried out in one world.
"""

import copy
from functools import partial
from typing import Protocol

from mockserver.engine import callbacks
from mockserver.engine.faults import Faults
from mockserver.engine.jobs import Job, Parcel, Phase
from mockserver.engine.journal import Delivery, Journal
from mockserver.engine.outside import Outside
from mockserver.engine.scheduler import Scheduler


class Describer(Protocol):
    """Makes the bodies of callbacks."""

    def describe(self, job: Job) -> object:
        """The body of a callback about a job as it stands."""

    def forge(self, job: Job, *, stranger: bool = False) -> object:
        """The body of a false callback: that the job has completed, with a link of its own.

        Args:
            job: the one it is about.
            stranger: it is about a job that nobody ordered instead.
        """


class Notifier:
    """Tells of the jobs of one world."""

    def __init__(
        self,
        describer: Describer,
        scheduler: Scheduler,
        journal: Journal,
        faults: Faults,
        outside: Outside,
    ) -> None:
        self._describer = describer
        self._scheduler = scheduler
        self._journal = journal
        self._faults = faults
        self._outside = outside
        self.delivering = 0
        """How many callbacks are being answered."""

    def pack(self, job: Job) -> Parcel | None:
        """The callback about a job as it stands; None where nobody is to be told."""
        callback = job.order.callback
        if callback is None or not job.tracked:
            return None
        return Parcel(
            provider=job.order.provider,
            job=job.id,
            url=callback.url,
            body=self._describer.describe(job),
            phase=job.phase,
            how="early" if job.early else "",
            cause=job.line,
            faults=job.early,
        )

    async def tell(self, job: Job, parcel: Parcel | None) -> None:
        """Sends what was packed about a job, or what faults make of it.

        Args:
            job: the one it is about.
            parcel: what `pack` made of it.
        """
        held, job.held = job.held, ()
        if parcel is None:
            # Nobody is told any more, but what was held back is on its way all the same.
            for each in held:
                await self.deliver(each)
            return
        order = job.order
        faults = self._faults.strike(
            "callback", order.key, (order.provider, order.account, job.id, f"job{job.number}")
        )
        planned = callbacks.plan(
            parcel,
            faults,
            held=held,
            last=job.ended,
            bodies={
                "progress": lambda: self._describer.describe(rendering(job)),
                "forged": lambda: self._describer.forge(job),
                "stranger": lambda: self._describer.forge(job, stranger=True),
            },
        )
        job.held = planned.after_next
        for seconds, each in planned.later:
            at = self._scheduler.clock.now() + seconds
            self._scheduler.at(at, order.media_name, "deliver", each)
        for each in planned.now:
            await self.deliver(each)

    async def tell_progress(self, job: Job) -> None:
        """Tells of a job on its way, where that was asked for."""
        callback = job.order.callback
        if callback is not None and callback.progress:
            await self.tell(job, self.pack(job))

    async def deliver(self, parcel: Parcel) -> None:
        """Sends one callback, and writes down what the receiver answered."""
        clock = self._scheduler.clock
        n, at = self._journal.next_number(), clock.now()
        post = partial(callbacks.send, self._outside, parcel)
        self.delivering += 1
        try:
            answer = await self._scheduler.tape.wait(post, callbacks.Answer)
        finally:
            self.delivering -= 1
        self._scheduler.heard = True
        self._journal.write(
            Delivery(
                n=n,
                at=at,
                cause=parcel.cause,
                job=parcel.job,
                url=parcel.url,
                sent=parcel.body,
                phase=parcel.phase,
                how=parcel.how,
                status=answer.status,
                answer=answer.text,
                answered_at=clock.now(),
                error=answer.error,
                faults=parcel.faults,
            )
        )


def rendering(job: Job) -> Job:
    """The job as it was while it was rendered."""
    before = copy.copy(job)
    before.phase, before.failure, before.cleaned = Phase.RUNNING, None, False
    return before
