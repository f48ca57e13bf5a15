"""What outlives a removed job: attempts that may have made a film which nobody was given.

Their callbacks are still told from strangers', and no search gives a film of theirs to another.
"""

from collections.abc import Collection
from typing import Final

import msgspec
from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, update

from gateway.storage.ledger import Attempt, Sent, State, Verdict
from gateway.storage.tables import attempts, tombstones


def bury(connection: Connection, job_id: str) -> None:
    """Before a job is removed: keep what is asked later of its attempts that found no end."""
    names = [column.name for column in tombstones.columns]
    lost = select(*(attempts.c[name] for name in names)).where(
        attempts.c.job_id == job_id,
        attempts.c.verdict.is_not(None),
        attempts.c.remote_id.is_(None),
        attempts.c.sent_at.is_not(None),
    )
    connection.execute(insert(tombstones).from_select(names, lost))


def by_token(connection: Connection, token_hash: str) -> Attempt | None:
    """The attempt of a removed job whose callback URL carries the token of this hash."""
    rows = connection.execute(select(*_COLUMNS).where(tombstones.c.token_hash == token_hash))
    row = rows.mappings().first()
    return None if row is None else _read(row)


def given_up(
    connection: Connection, accounts: Collection[str], credentials: str, since: int
) -> list[tuple[Attempt, Sent]]:
    """Those that `searches.given_up` would tell of, had their jobs not been removed."""
    rows = connection.execute(
        select(*_COLUMNS, tombstones.c.sent).where(
            tombstones.c.sent_at >= since,
            tombstones.c.verdict == Verdict.GIVEN_UP.value,
            tombstones.c.sent.is_not(None),
            or_(tombstones.c.account.in_(list(accounts)), tombstones.c.credentials == credentials),
        )
    )
    return [(_read(row), msgspec.json.decode(row["sent"], type=Sent)) for row in rows.mappings()]


def found(connection: Connection, attempt_id: str) -> None:
    """What it made is known: no search looks for it, and what it sent is of no use any more."""
    connection.execute(update(tombstones).where(tombstones.c.id == attempt_id).values(sent=None))


def expire(connection: Connection, before: int) -> None:
    """Forget what was sent before then."""
    connection.execute(delete(tombstones).where(tombstones.c.sent_at < before))


_COLUMNS: Final = tuple(
    column for column in tombstones.columns if column.name in Attempt.__struct_fields__
)


def _read(row: RowMapping) -> Attempt:
    told = {name: row[name] for name in Attempt.__struct_fields__ if name in row}
    return msgspec.convert(told | {"state": State.ENDED}, Attempt)
