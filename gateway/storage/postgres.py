"""PostgreSQL: any number of replicas on one database."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import IsolationLevel
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.types.string import StrDumper
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from gateway.storage import life
from gateway.storage.backend import Dialect
from gateway.storage.errors import BrokenRuleError, StorageError
from gateway.storage.hot import say

CONNECT_SECONDS: Final = 5
WRITERS: Final = 0x46_69_6C_6D
"""The lock that every transaction that writes takes first: one key of two, so none of `life`."""

CONNECT: Final[Mapping[str, object]] = {
    "application_name": "filmgate",
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
"""How this side finds out that the other one is gone: within 30 s."""

SESSION: Final[Mapping[str, str]] = {
    "synchronous_commit": "on",
    "statement_timeout": "10s",
    # A replica that is stopped inside a transaction holds the others up for no longer.
    "idle_in_transaction_session_timeout": "5s",
    # The plan for the jobs that wait is not the one for those that are done.
    "plan_cache_mode": "force_custom_plan",
    # How the server finds out that this side is gone.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "30s",
}
MIGRATION: Final[Mapping[str, str]] = {
    "lock_timeout": "60s",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "60s",
}
"""Changing tables takes its time, and who comes second waits for it."""

CERTAIN: Final = frozenset({"25P03"})
"""Ends of a connection that come before the commit: the server heard nothing for too long."""
MENDABLE: Final = frozenset({"42501", "42P01"})
"""No privilege, no such table: the operator's to mend, as after half a restore."""
BROKEN: Final = ("0A", "21", "22", "23", "42")
"""Classes of errors that the same statement meets again."""
SHOWS_VALUES: Final = ("22", "42")
"""Classes of errors whose words quote what was given."""


class PostgreSQL:
    """A database on a server.

    Args:
        url: `postgresql://user:password@host/name`, as libpq reads it.
        readers: How many connections read at once.
        busy_seconds: How long a statement waits for somebody else's lock.

    Raises:
        StorageError: It cannot be opened.
    """

    dialect: Dialect = "postgresql"
    outdated_library: str | None = None

    def __init__(self, url: str, *, readers: int, busy_seconds: float) -> None:
        self.name, self._password = _described(url)
        self._url = url
        self._session = {**SESSION, "lock_timeout": f"{int(busy_seconds * 1000)}ms"}
        self._life: life.Life | None = None
        self.writer = self._engine(1)
        self.reader = self._engine(readers)
        event.listen(self.writer, "begin", _take_turn)
        event.listen(self.reader, "connect", _read_only)
        try:
            with self.reader.connect() as connection:
                encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        except DBAPIError as error:
            self.close()
            raise StorageError(f"cannot open {self.name}: {self._words(error.orig)}") from None
        if encoding != "UTF8":
            self.close()
            raise StorageError(f"{self.name} is encoded in {encoding}, which should be UTF8")

    @property
    def holds_life(self) -> bool:
        """Whether the lock of this replica is held, as far as is known here."""
        return self._life is not None and self._life.held

    def live(self, replica: str) -> None:
        """Take the lock of this replica, and take it again whenever it is lost."""
        try:
            self._life = life.Life(replica, self._connect)
        except psycopg.Error as error:
            raise StorageError(f"cannot reach {self.name}: {self._words(error)}") from None

    def lives(self, connection: Connection, replica: str) -> bool:
        """Whether the lock of this replica is held by anybody."""
        return life.lives(connection, replica)

    def time(self, connection: Connection) -> int:
        """Microseconds since 1970, UTC, by the server's clock."""
        return int(
            connection.execute(
                text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
            ).scalar_one()
        )

    def version(self, connection: Connection) -> str:
        """Name and version of the server."""
        return f"PostgreSQL {connection.exec_driver_sql('SHOW server_version').scalar_one()}"

    def faults(self, _connection: Connection, *, quick: bool) -> list[str]:  # noqa: ARG002
        """The server checks its pages as it reads them, and has no question to ask for this."""
        return []

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A connection of its own, with settings of its own."""
        with self.writer.connect() as connection:
            connection.detach()
            _settle(_driver(connection), MIGRATION)
            yield connection

    def is_whole(self, connection: Connection) -> bool:
        """Not after its connection is lost, nor while an error stands that nobody rolled back."""
        if connection.invalidated:
            return False
        return _driver(connection).info.transaction_status is TransactionStatus.INTRANS

    def translated(self, error: Exception) -> Exception:
        """The error as one of ours, by the class of its SQLSTATE."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        state = getattr(cause, "sqlstate", None) or ""
        if state:
            broken = state.startswith(BROKEN) and state not in MENDABLE
        else:
            # The driver's own refusal: of a value, or of a connection that is gone.
            broken = isinstance(cause, psycopg.DataError | psycopg.ProgrammingError)
        return (BrokenRuleError if broken else StorageError)(self._words(cause))

    def may_be_stored(self, error: Exception) -> bool:
        """Not where the server itself said no and is still there; else nobody knows."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(cause, psycopg.Error) or cause.sqlstate is None:
            return True
        return cause.sqlstate not in CERTAIN and cause.diag.severity_nonlocalized != "ERROR"

    def close(self) -> None:
        """Let the lock and the connections go."""
        if self._life is not None:
            self._life.close()
        self.writer.dispose()
        self.reader.dispose()

    def _words(self, cause: object) -> str:
        """What the server said, without the statement and its values."""
        state = getattr(cause, "sqlstate", None) or ""
        if isinstance(cause, psycopg.Error) and state:
            name = type(cause).__name__
            told = None if state.startswith(SHOWS_VALUES) else cause.diag.message_primary
            return f"{told or name} ({state})"
        if isinstance(cause, psycopg.DataError | psycopg.ProgrammingError):
            return f"the driver refused a statement ({type(cause).__name__})"
        # Of the driver's own words, which are many, the first line.
        told = (str(cause).splitlines() or [type(cause).__name__])[0]
        return told.replace(self._password, "…") if self._password else told

    def _connect(self) -> psycopg.Connection[Any]:
        """A connection that is in no pool, and begins no transactions by itself."""
        connection = psycopg.connect(self._url, autocommit=True, **self._told())
        try:
            _settle(connection, self._session)
        except psycopg.Error:
            connection.close()
            raise
        return connection

    def _told(self) -> dict[str, Any]:
        given = conninfo_to_dict(self._url)
        return {"connect_timeout": CONNECT_SECONDS, **CONNECT} | (
            {"connect_timeout": given["connect_timeout"]} if "connect_timeout" in given else {}
        )

    def _engine(self, connections: int) -> Engine:
        engine = create_engine(
            "postgresql+psycopg://",
            pool_size=connections,
            max_overflow=0,
            # One that died while nobody used it is replaced before it is used.
            pool_pre_ping=True,
            use_native_hstore=False,
            hide_parameters=True,
        )

        def connect(
            _dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]
        ) -> psycopg.Connection[Any]:
            connection = psycopg.connect(self._url, **parameters, **self._told())
            connection.isolation_level = IsolationLevel.READ_COMMITTED
            connection.adapters.register_dumper(str, _Text)
            return connection

        def settle(connection: psycopg.Connection[Any], _record: object) -> None:
            _settle(connection, self._session)

        event.listen(engine, "do_connect", connect)
        event.listen(engine, "connect", settle)
        return engine


class _Text(StrDumper):
    """PostgreSQL has no NUL in text; what somebody else said with one is still worth storing."""

    def dump(self, obj: str) -> bytes:
        return bytes(super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}")) or b"")


def _settle(connection: psycopg.Connection[Any], settings: Mapping[str, str]) -> None:
    # In one statement, and not as start-up options, which connection poolers refuse.
    calls = ", ".join("set_config(%s, %s, false)" for _ in settings)
    before = connection.autocommit
    connection.autocommit = True
    connection.execute(
        f"SELECT {calls}",
        [word for pair in settings.items() for word in pair],
    )
    connection.autocommit = before


def _take_turn(connection: Connection) -> None:
    say(connection, f"SELECT pg_advisory_xact_lock({WRITERS}, 0)")


def _read_only(connection: psycopg.Connection[Any], _record: object) -> None:
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    driver: psycopg.Connection[Any] = connection.connection.dbapi_connection  # type: ignore[assignment]
    return driver


def _described(url: str) -> tuple[str, str]:
    """What to call the database before people, and what never to show them."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:
        # Its words would quote the URL, and so the password.
        raise StorageError("the database's URL cannot be read") from None
    host, port = given.get("host") or "", given.get("port")
    shown = f"postgresql://{host}{f':{port}' if port else ''}/{given.get('dbname') or ''}"
    return f"the database {shown}", str(given.get("password") or "")
