"""Callbacks: which are sent when a job has something to tell, and how one is sent.

One POST, a short time-out, never retried, no redirect followed, always journaled. Faults make of
one callback none, or several, or a later or a false one. What each of them looks like stands in
`Delivery.how`:

    early       told before the submit was answered
    duplicate   a further copy
    late        told some time after it was true
    reordered   told after what came later
    storm       one of many calls of progress at once
    forged      says the job has completed, though nobody knows that yet
    stranger    about a job that nobody ordered
    lost        never sent
    dead        sent to where nobody listens
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import httpx
import msgspec

from mockserver.engine.faults import Fault
from mockserver.engine.jobs import Parcel, Phase
from mockserver.engine.outside import CALLBACK_SECONDS, Outside

ANSWER_CHARACTERS = 500
NOT_LOOPBACK = "not delivered: not a loopback address"
UNHEARD: Mapping[str, str] = {
    "lost": "lost on its way",
    "dead": "ConnectError: nobody listens there",
}
"""Why callbacks of these kinds reach nobody. No socket is asked, so it is the same anywhere."""
OVERTAKEN_SECONDS = 30.0
"""How long a job's last callback is held back where it is to be overtaken. No other of its job can
do that, so those of other jobs do."""

log = logging.getLogger("mockserver")


class Plan(msgspec.Struct, frozen=True):
    """What becomes of one callback."""

    now: tuple[Parcel, ...] = ()
    """Sent at once, in this order."""
    later: tuple[tuple[float, Parcel], ...] = ()
    """Sent after so many virtual seconds."""
    after_next: tuple[Parcel, ...] = ()
    """Sent once the job's next callback has been."""


Body = Literal["progress", "forged", "stranger"]
Bodies = Mapping[Body, Callable[[], object]]
"""What other callbacks than the true one would say: that the job is being rendered, that it has
completed, that a job nobody ordered has."""


def plan(
    parcel: Parcel,
    faults: Sequence[Fault],
    *,
    last: bool,
    bodies: Bodies,
    held: Sequence[Parcel] = (),
) -> Plan:
    """What becomes of a callback under the faults that strike it.

    A callback that is dropped is neither late nor reordered, and a late one is not reordered.

    Args:
        parcel: the callback as it would go out if all were well.
        faults: those that strike it.
        last: whether the job has no further callback, so that none can overtake this one.
        bodies: make the bodies of those that come with it.
        held: earlier ones of the job that this one is to overtake.
    """
    names = {fault.name: fault for fault in faults}
    lines = (*parcel.faults, *(fault.line for fault in faults))
    told = msgspec.structs.replace(parcel, faults=lines)

    def other(how: str, body: Body, phase: Phase) -> Parcel:
        return msgspec.structs.replace(told, how=how, body=bodies[body](), phase=phase)

    before: list[Parcel] = []
    if "stranger" in names:
        before.append(other("stranger", "stranger", Phase.COMPLETED))
    if "forge" in names:
        before.append(other("forged", "forged", Phase.COMPLETED))
    if "storm" in names:
        calls = int(names["storm"].value)
        before += [other("storm", "progress", Phase.RUNNING)] * calls
    if "drop" in names:
        return Plan(now=(*before, _as(told, "lost"), *held))
    copies = int(names["duplicate"].value) if "duplicate" in names else 1
    sent = (told, *[_as(told, "duplicate")] * (copies - 1))
    if "dead" in names:
        sent = tuple(_as(one, "dead") for one in sent)
    if "delay" in names:
        seconds = names["delay"].value
        late = tuple(_as(one, "late") for one in sent)
        return Plan(now=tuple(before), later=tuple((seconds, one) for one in (*late, *held)))
    if "reorder" in names:
        behind = (*(_as(one, "reordered") for one in sent), *held)
        if last:
            return Plan(now=tuple(before), later=tuple((OVERTAKEN_SECONDS, one) for one in behind))
        return Plan(now=tuple(before), after_next=behind)
    return Plan(now=(*before, *sent, *held))


def _as(parcel: Parcel, how: str) -> Parcel:
    """The parcel with what is odd about it; what has been said of it already weighs more."""
    said = parcel.how not in {"", "early"}
    return parcel if said and how != "dead" else msgspec.structs.replace(parcel, how=how)


class Answer(msgspec.Struct, frozen=True):
    """What a receiver said."""

    status: int | None = None
    text: str = ""
    error: str | None = None


async def send(outside: Outside, parcel: Parcel) -> Answer:
    """Sends a callback, or does not where that is what is wrong with it."""
    if (why := UNHEARD.get(parcel.how)) is not None:
        return Answer(error=why)
    return await post(outside, parcel.url, parcel.body)


async def post(outside: Outside, url: str, body: object) -> Answer:
    """Sends `body` as JSON."""
    if not outside.may_reach(url):
        return Answer(error=NOT_LOOPBACK)
    try:
        # httpx limits each step; a receiver in process has no steps at all.
        async with asyncio.timeout(CALLBACK_SECONDS):
            response = await outside.callbacks.post(
                url,
                content=msgspec.json.encode(body),
                headers={"Content-Type": "application/json"},
            )
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as cause:
        return Answer(error=f"{type(cause).__name__}: {cause}")
    except Exception as cause:
        # Behind a socket a receiver that breaks answers 500; in process its error comes out here.
        log.exception("the receiver at %s broke", url)
        return Answer(error=f"{type(cause).__name__}: {cause}")
    return Answer(status=response.status_code, text=response.text[:ANSWER_CHARACTERS])
