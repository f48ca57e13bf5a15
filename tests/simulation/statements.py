"""Statements of SQLAlchemy's on a bare connection of SQLite, without what a result costs there.

The statements are those of production, and so is their SQL; a history runs some hundreds of
them, and half of the time they take goes into results that nobody reads more than once.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import StaticPool, create_engine
from sqlalchemy.sql.compiler import SQLCompiler

from gateway.storage.tables import metadata

AUDIT: Final = """
CREATE TABLE audit
  (seq INTEGER PRIMARY KEY, kind TEXT, job TEXT, one TEXT, other TEXT, wish TEXT);
CREATE TRIGGER audit_job AFTER INSERT ON jobs BEGIN
  INSERT INTO audit (kind, job, one, wish)
  VALUES ('accepted', new.id, new.phase, json_extract(new.request, '$.prompt')); END;
CREATE TRIGGER audit_move AFTER UPDATE OF phase ON jobs BEGIN
  INSERT INTO audit (kind, job, one, other) VALUES ('moved', new.id, old.phase, new.phase); END;
CREATE TRIGGER audit_gone AFTER DELETE ON jobs BEGIN
  INSERT INTO audit (kind, job, one) VALUES ('removed', old.id, old.phase); END;
CREATE TRIGGER audit_attempt AFTER INSERT ON attempts BEGIN
  INSERT INTO audit (kind, job, one, other)
  VALUES ('attempt', new.job_id, new.id, new.token_hash); END;
CREATE TRIGGER audit_notice AFTER INSERT ON deliveries BEGIN
  INSERT INTO audit (kind, job, one) VALUES ('notice', new.job_id, new.id); END;
CREATE TRIGGER audit_resubmit AFTER INSERT ON events WHEN new.event = 'resubmitted' BEGIN
  INSERT INTO audit (kind, job) VALUES ('resubmitted', new.job_id); END;
"""
"""What happened, in the database itself: it is committed, or not, with what it tells of."""

_engine: Final = create_engine(
    "sqlite://", poolclass=StaticPool, connect_args={"isolation_level": None}
)
_CACHED: Final[dict[Any, "_Compiled"]] = {}


def _made() -> bytes:
    with _engine.connect() as connection:
        metadata.create_all(connection)
        raw: sqlite3.Connection = connection.connection.dbapi_connection  # type: ignore[assignment]
        raw.executescript(AUDIT)
        return raw.serialize()


_TEMPLATE: Final = _made()


def fresh() -> sqlite3.Connection:
    """A new database in memory: the tables, and triggers that write down what happens."""
    # It is closed when the garbage is collected, in whichever thread that happens.
    raw = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    raw.deserialize(_TEMPLATE)
    raw.execute("PRAGMA journal_mode=MEMORY").close()
    raw.execute("PRAGMA foreign_keys=ON").close()
    return raw


class Rows(list[Any]):
    """A result that has been read whole; of SQLAlchemy's only what the statements ask for."""

    names: tuple[str, ...] = ()
    rowcount: int = -1

    def first(self) -> Any:
        return self[0] if self else None

    def all(self) -> "Rows":
        return self

    def scalars(self) -> "Rows":
        return Rows(row[0] for row in self)

    def mappings(self) -> "Rows":
        return Rows(dict(zip(self.names, row, strict=True)) for row in self)

    def scalar_one_or_none(self) -> Any:
        if len(self) > 1:
            raise ValueError("more than one row")
        return self[0][0] if self else None

    def scalar_one(self) -> Any:
        (row,) = self
        return row[0]


class _Compiled:
    """A statement as SQL, and what its rows are called."""

    def __init__(self, compiled: SQLCompiler) -> None:
        self.compiled = compiled
        self.sql = str(compiled)
        self.order = tuple(compiled.positiontup or ())
        self.grows = bool(compiled.post_compile_params or compiled.literal_execute_params)
        self.names: tuple[str, ...] = ()
        self.make: Callable[[Iterable[Any]], Any] = tuple


class Connection:
    """Stands in for SQLAlchemy's; its transactions are the business of whoever made it."""

    dialect = _engine.dialect
    dispatch = SimpleNamespace(before_cursor_execute=True)
    """Somebody listens, so that statements compiled before come here too, not to the driver."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw
        self.engine = self
        """What statements remember something by, for each database."""

    def in_transaction(self) -> bool:
        """Whether whoever made it has begun one, which is so wherever statements run."""
        return True

    def get_transaction(self) -> object:
        """The one that is under way."""
        return self

    def exec_driver_sql(self, text: str, values: Mapping[str, Any] | None = None) -> Rows:
        """Run what is SQL already."""
        cursor = self.raw.execute(text, values or {})
        rows = Rows(cursor.fetchall() if cursor.description else ())
        rows.rowcount = cursor.rowcount
        return rows

    def execute(self, statement: Any, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Run one statement."""
        columns = tuple(sorted(parameters)) if parameters else ()
        key = statement._generate_cache_key()
        one = _CACHED.get((key.key, columns))
        if one is None:
            compiled = statement._compiler(
                _engine.dialect, cache_key=key, column_keys=list(columns)
            )
            one = _CACHED[key.key, columns] = _Compiled(compiled)
        values = one.compiled.construct_params(
            parameters,
            extracted_parameters=key.bindparams,
            escape_names=False,
            _collected_params=key.params,
        )
        sql, order = one.sql, one.order
        if one.grows:
            grown = one.compiled._process_parameters_for_postcompile(values)
            values = {**values, **grown.additional_parameters}
            sql, order = grown.statement, tuple(grown.positiontup or ())
        cursor = self.raw.execute(sql, [values[name] for name in order])
        if cursor.description is None:
            rows = Rows()
        else:
            if not one.names:
                one.names = tuple(column[0] for column in cursor.description)
                made: Any = namedtuple("Row", one.names, rename=True)  # type: ignore[misc]  # noqa: PYI024
                one.make = made._make
            rows = Rows(map(one.make, cursor.fetchall()))
            rows.names = one.names
        rows.rowcount = cursor.rowcount
        return rows
