"""Statements that run thousands of times a second: compiled once, and run by the driver itself.

SQLAlchemy makes a cache key, a context and a result object for every execution, which takes
ten times as long as the statement itself does. A `Hot` statement is still written once, as an
expression of SQLAlchemy; what runs is the text that this becomes for each kind of database.
Our columns are text and integers, which drivers take and give as they are. Where somebody
listens to what a connection runs, it goes through SQLAlchemy after all.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, Literal, TypeAlias, overload

from sqlalchemy import ClauseElement, Connection
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError

Row: TypeAlias = tuple[Any, ...]

_DIALECTS: Final[Mapping[str, Dialect]] = {
    # Both take their values by name.
    "sqlite": SQLiteDialect_pysqlite(paramstyle="named"),
    "postgresql": PGDialect_psycopg(),  # type: ignore[no-untyped-call]
}


class Hot:
    """A statement for every kind of database, ready to run.

    Args:
        statement: Its `bindparam`s are what each execution gives; none may be a list.
        columns: Of an `insert`, those that each execution gives, by name.
    """

    def __init__(self, statement: ClauseElement, columns: Collection[str] | None = None) -> None:
        names = None if columns is None else list(columns)
        self._made: dict[str, tuple[str, dict[str, Any]]] = {}
        for name, dialect in _DIALECTS.items():
            compiled = statement.compile(dialect=dialect, column_keys=names)
            self._made[name] = (str(compiled), dict(compiled.params))

    def rows(self, connection: Connection, **values: object) -> list[Row]:
        """Run it; every row, with the columns in the order of the statement."""
        text, settled = self._made[connection.dialect.name]
        return _run(connection, text, settled | values, rows=True)

    def first(self, connection: Connection, **values: object) -> Row | None:
        """Run it; the only row, or the first of them."""
        found = self.rows(connection, **values)
        return found[0] if found else None

    def scalar(self, connection: Connection, **values: object) -> Any:
        """Run it; the first column of the first row, None where there is none."""
        found = self.rows(connection, **values)
        return found[0][0] if found else None

    def write(self, connection: Connection, **values: object) -> int:
        """Run it; how many rows it changed."""
        text, settled = self._made[connection.dialect.name]
        return _run(connection, text, settled | values)


def say(connection: Connection, text: str) -> None:
    """Run a command that has no values and no answer, in the transaction there is."""
    _run(connection, text, {}, within=True)


@overload
def _run(
    connection: Connection, text: str, values: Mapping[str, object], *, rows: Literal[True]
) -> list[Row]: ...
@overload
def _run(
    connection: Connection, text: str, values: Mapping[str, object], *, within: bool = False
) -> int: ...
def _run(
    connection: Connection,
    text: str,
    values: Mapping[str, object],
    *,
    rows: bool = False,
    within: bool = False,
) -> list[Row] | int:
    """Its rows, or how many it changed; `within`: it begins no transaction."""
    if connection.dispatch.before_cursor_execute:
        result = connection.exec_driver_sql(text, dict(values))
        return [tuple(row) for row in result] if rows else result.rowcount
    if not within and not connection.in_transaction():
        connection.begin()
    driver: Any = connection.connection.dbapi_connection
    try:
        cursor = driver.execute(text, values)
        return list(cursor) if rows else int(cursor.rowcount)
    except Exception as error:
        raise _ours(connection, driver, error) from error


def _ours(connection: Connection, driver: Any, error: Exception) -> Exception:
    """A driver's error as SQLAlchemy raises it; a connection that is lost is given up."""
    dialect, base = connection.dialect, connection.dialect.loaded_dbapi.Error
    lost = isinstance(error, base) and dialect.is_disconnect(error, driver, None)
    if lost:
        connection.invalidate(error)
    made = DBAPIError.instance(
        None, None, error, base, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )
    return made if isinstance(made, Exception) else error
