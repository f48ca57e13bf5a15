"""What searches ask of attempts, and what they leave with them.

A search looks in a provider's lists for what attempts made whose answers were lost. What it saw
is kept with each attempt, for absence is proof only after several searches.
"""

from collections.abc import Collection
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, func, literal_column, or_, select, update

from gateway.storage.ledger import COLUMNS, LOST, OPEN, Attempt, Sent, State, attempt_of
from gateway.storage.tables import attempts

_WITHOUT_ID: Final = (State.SENDING.value, State.UNKNOWN.value, State.OVERDUE.value)
"""In these states an attempt may have been sent, and have no id."""


def lost(connection: Connection, accounts: Collection[str], credentials: str) -> list[Attempt]:
    """The attempts whose answer is missing still, oldest first.

    Those of these accounts, whatever their credentials were then, and all with these credentials.
    """
    mine = and_(LOST, _of(accounts, credentials))
    return _attempts(connection, mine, attempts.c.created_at, attempts.c.id)


def oldest(connection: Connection) -> int | None:
    """When the first of the attempts without an id was sent that have not ended."""
    found: int | None = connection.execute(
        select(func.min(attempts.c.sent_at)).where(attempts.c.remote_id.is_(None), OPEN)
    ).scalar_one()
    return found


def given_up(
    connection: Connection, accounts: Collection[str], credentials: str, since: int
) -> list[Attempt]:
    """The attempts sent since then that were given up, though they may have made something.

    Of the same ones as `lost`.
    """
    mine = and_(
        # As the partial index has it, to the letter.
        attempts.c.verdict == literal_column("'given_up'"),
        attempts.c.sent_at >= since,
        attempts.c.state == State.ENDED.value,
        attempts.c.remote_id.is_(None),
        _of(accounts, credentials),
    )
    return _attempts(connection, mine)


def is_sending(connection: Connection, accounts: Collection[str], credentials: str) -> bool:
    """Whether a paid request is under way of one of those that `lost` would tell of."""
    found = connection.execute(
        select(attempts.c.id)
        .where(attempts.c.state == State.SENDING.value, OPEN, _of(accounts, credentials))
        .limit(1)
    ).first()
    return found is not None


def sent(connection: Connection, attempt_ids: Collection[str]) -> dict[str, Sent]:
    """What these attempts sent, as far as that was kept."""
    rows = connection.execute(
        select(attempts.c.id, attempts.c.sent).where(
            attempts.c.id.in_(list(attempt_ids)), attempts.c.sent.is_not(None)
        )
    )
    return {row.id: msgspec.json.decode(row.sent, type=Sent) for row in rows}


def looked(connection: Connection, attempt_id: str, looks: int) -> None:
    """Note how many whole searches in a row did not find it."""
    connection.execute(update(attempts).where(attempts.c.id == attempt_id).values(looks=looks))


def searched(connection: Connection, attempt_id: str, at: int) -> None:
    """Note when it was first searched for under a clock that agreed with the provider's."""
    connection.execute(
        update(attempts)
        .where(attempts.c.id == attempt_id, attempts.c.searched_at.is_(None))
        .values(searched_at=at)
    )


def doubt(connection: Connection, sent_after: int, words: str) -> None:
    """Note why the absence of these attempts is never taken for proof; the first reason stays."""
    connection.execute(
        update(attempts)
        .where(attempts.c.sent_at > sent_after, attempts.c.doubt.is_(None))
        # Few are in these, of all that are under way.
        .where(attempts.c.state.in_(_WITHOUT_ID), OPEN)
        .values(doubt=words)
    )


def _attempts(
    connection: Connection, condition: ColumnElement[bool], *order: ColumnElement[Any]
) -> list[Attempt]:
    """Those of which this is true, in this order."""
    rows = select(*COLUMNS).where(condition).order_by(*order)
    return [attempt_of(tuple(row)) for row in connection.execute(rows)]


def _of(accounts: Collection[str], credentials: str) -> ColumnElement[bool]:
    """That an attempt is of one of these accounts, or was sent with these credentials."""
    return or_(attempts.c.account.in_(list(accounts)), attempts.c.credentials == credentials)
