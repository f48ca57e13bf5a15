"""What may be said of a job that is not finished: its place in line, and when it will be."""

from collections.abc import MutableMapping
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Transaction

from gateway.engine.line import place_in_line
from gateway.model.eta import Estimate, Eta, eta
from gateway.model.job import Job
from gateway.model.phases import Phase
from gateway.storage import Connection, durations, ledger, standings
from gateway.storage.accounts import FOREVER
from gateway.storage.line import served
from gateway.storage.standings import Rest

_AT_WORK: Final = (Phase.PREPARING, Phase.SUBMITTING, Phase.RENDERING)


class Outlook(NamedTuple):
    """The place in line and the rests that keep it, while there is one; the time of the end."""

    place: int | None = None
    rests: list[Rest] | None = None
    eta: Eta | None = None


class _Around(NamedTuple):
    """What the time of the end depends on besides the job's own place."""

    rests: list[Rest] | None
    slots: int
    estimate: Estimate | None


class _Joined(NamedTuple):
    """Who joined the line last, in this transaction: its place, and what is around it."""

    place: int
    around: _Around


_joined: Final[MutableMapping[Transaction, dict[tuple[object, ...], _Joined]]] = WeakKeyDictionary()


def outlook(connection: Connection, job: Job, now: int) -> Outlook:
    """How a job stands to its end. Where nothing is known of its kind there is no time."""
    if job.phase in _AT_WORK:
        attempt = ledger.by_id(connection, job.attempt_id) if job.attempt_id else None
        began = (attempt and attempt.sent_at) or now
        around = _around(connection, job, now)
        return Outlook(eta=eta(now, 0, around.slots, around.estimate, began))
    if job.phase is not Phase.WAITING_FOR_SLOT:
        return Outlook()
    return _waiting(place_in_line(connection, job), _around(connection, job, now), now)


def outlook_of_new(connection: Connection, job: Job, now: int) -> Outlook:
    """The same of a job that was stored in this very transaction.

    Many may be: of those alike, each stands behind the one before, and nothing is counted
    again.
    """
    transaction = connection.get_transaction()
    if job.phase is not Phase.WAITING_FOR_SLOT or transaction is None:
        return outlook(connection, job, now)
    known = _joined.setdefault(transaction, {})
    kind = job.choices[0].kind
    alike = (job.owner, served(job.choices), job.priority, kind)
    last = known.get(alike)
    if last is None:
        last = _Joined(place_in_line(connection, job), _around(connection, job, now))
    else:
        last = last._replace(place=last.place + 1)
    known[alike] = last
    return _waiting(last.place, last.around, now)


def _waiting(place: int, around: _Around, now: int) -> Outlook:
    opens = around.rests[0].until if around.rests else now
    # Nobody knows when an operator lets an account go on.
    told = None if opens >= FOREVER else eta(opens, place, around.slots, around.estimate, None)
    return Outlook(place, around.rests, told)


def _around(connection: Connection, job: Job, now: int) -> _Around:
    providers = [choice.provider for choice in job.choices]
    choice = job.choice or next(iter(job.choices), None)
    return _Around(
        rests=standings.resting(connection, providers, now),
        slots=standings.capacity(connection, providers),
        estimate=None if choice is None else durations.get(connection, choice.kind),
    )
