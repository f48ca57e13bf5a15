"""What providers refused for all of their accounts, told from what they took at that time."""

from typing import Final, NamedTuple

from sqlalchemy import Connection, or_, select, update

from gateway.storage.states import State
from gateway.storage.tables import attempts

NEWEST: Final = 1000
"""Attempts that are read at a time, whichever provider they were sent to."""


class Answered(NamedTuple):
    """An attempt that the provider accepted, or refused with a `fault` about all its accounts."""

    job_id: str
    fault: str | None


def note(connection: Connection, attempt_id: str, fault: str) -> None:
    """The attempt was refused for a fault that is about all accounts of its provider."""
    connection.execute(
        update(attempts)
        .where(attempts.c.id == attempt_id, attempts.c.state == State.ENDED.value)
        .where(attempts.c.remote_id.is_(None))
        .values(fault=fault)
    )


def answered(connection: Connection, provider: str, but: str) -> list[Answered]:
    """What the provider answered to the newest attempts, the newest first, `but` one left out."""
    newest = select(attempts).order_by(attempts.c.id.desc()).limit(NEWEST).subquery()
    rows = connection.execute(
        select(newest.c.job_id, newest.c.fault)
        .where(newest.c.target.startswith(f"{provider}/", autoescape=True), newest.c.id != but)
        .where(or_(newest.c.remote_id.is_not(None), newest.c.fault.is_not(None)))
        .order_by(newest.c.id.desc())
    )
    return [Answered(row.job_id, row.fault) for row in rows]
