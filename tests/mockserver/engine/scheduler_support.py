"""Schedulers of each kind whose deeds are the subjects of what is due."""

import asyncio
from collections.abc import Awaitable, Callable

from mockserver.engine.agenda import Agenda, Due
from mockserver.engine.by_hand import HandScheduler, SkippingScheduler
from mockserver.engine.by_wall import WallScheduler
from mockserver.engine.clock import HandClock, WallClock

Deed = Callable[[], Awaitable[None]]


async def perform(due: Due) -> None:
    await due.subject()


def by_hand() -> HandScheduler:
    return HandScheduler(HandClock(), Agenda(), perform)


def skipping() -> SkippingScheduler:
    return SkippingScheduler(HandClock("auto-skip"), Agenda(), perform)


def by_the_wall() -> WallScheduler:
    return WallScheduler(WallClock(1000, "scaled"), Agenda(), perform)


def noting(notes: list[str], text: str) -> Deed:
    async def note() -> None:
        await asyncio.sleep(0)
        notes.append(text)

    return note
