"""`filmgate db`: the database's schema, its health, and copies of it."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gateway.cli.options import config_option

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.storage import Connection, Database

FAILED: Final = 1
"""Exit status when something is wrong with the database."""
FAULTY: Final = 2
"""Exit status when the configuration cannot be used."""


@click.group()
def command() -> None:
    """Upgrade, check and back up the database."""


@command.command()
@config_option
def upgrade(path: Path | None) -> None:
    """Bring the tables to the newest revision.

    `filmgate serve` does the same when it starts.
    """
    with _told(), _opened(_settings(path)) as database:
        before, newest = database.revision()
        database.migrate()
        way = "was at" if before == newest else f"from {before or 'nothing'} to"
        click.echo(f"{database.name}: {way} revision {newest}")


@command.command()
@config_option
@click.option("--quick", is_flag=True, help="Look less closely, for a large SQLite file.")
def check(*, path: Path | None, quick: bool) -> None:
    """Tell whether the gateway can work on the database.

    Exits with 0 where it can, with 1 where it cannot, and with 2 where the configuration
    cannot be used. An SQLite file it needs for itself: not while the gateway runs.
    """
    with _told():
        settings = _settings(path)
        if settings.database.is_sqlite and not settings.database.path.exists():
            _fail(f"there is no database {settings.database.path}; `filmgate serve` makes it")
        with _opened(settings) as database:
            click.echo(database.name)
            fine = [_engine(database), _revision(database), _writes(database)]
            fine.append(_damage(database, quick=quick))
        if not all(fine):
            sys.exit(FAILED)


@command.command()
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@config_option
def backup(path: Path | None, target: Path) -> None:
    """Copy an SQLite database to FILE.

    While the gateway runs or while it does not. No file is overwritten.
    """
    from gateway.storage.backup import back_up  # noqa: PLC0415 - only when it runs

    settings = _settings(path)
    with _told():
        if not settings.database.is_sqlite:
            _fail("PostgreSQL is backed up with its own tools, such as pg_dump")
        back_up(settings.database.path, target)
        click.echo(f"{target}: {target.stat().st_size:,} bytes")


def _engine(database: "Database") -> bool:
    version = asyncio.run(database.read(database.version))
    advice = "" if database.outdated_library is None else " (3.51.3 or later is advised)"
    return _line("engine", version + advice)


def _revision(database: "Database") -> bool:
    from gateway.storage.migrations import is_known  # noqa: PLC0415

    found, newest = database.revision()
    if found == newest:
        return _line("revision", f"{found}, the newest")
    can_rise = found is None or is_known(found)
    todo = "run `filmgate db upgrade`" if can_rise else "a newer version of filmgate made it"
    return _line("revision", f"{found or 'none'}; this version needs {newest}: {todo}", fine=False)


def _writes(database: "Database") -> bool:
    from gateway.storage import StorageError  # noqa: PLC0415

    try:
        asyncio.run(database.write(_try_to_write))
    except _TakenBackError:
        return _line("writes", "ok")
    except StorageError as error:
        return _line("writes", str(error), fine=False)
    raise AssertionError  # pragma: no cover - it takes back what it tried


def _damage(database: "Database", *, quick: bool) -> bool:
    if database.dialect != "sqlite":
        return True
    found = asyncio.run(database.read(lambda connection: database.faults(connection, quick=quick)))
    if not found:
        return _line("integrity", "ok")
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return _line("integrity", found[0] + more, fine=False)


def _line(name: str, words: str, *, fine: bool = True) -> bool:
    click.echo(f"  {name:<10} {words}")
    return fine


class _TakenBackError(Exception):
    """What was tried has worked, and is to leave nothing behind."""


def _try_to_write(connection: "Connection") -> None:
    connection.exec_driver_sql(f"CREATE TABLE filmgate_check_{os.getpid()} (n INTEGER)")
    raise _TakenBackError


def _settings(path: Path | None) -> "Settings":
    from gateway.app import capabilities  # noqa: PLC0415
    from gateway.config import ConfigError, load  # noqa: PLC0415

    try:
        return load(
            path,
            os.environ,
            capabilities(),
            configure=capabilities,
            accounts_required=False,
        )
    except ConfigError as error:
        for fault in error.faults:
            click.echo(str(fault), err=True)
        sys.exit(FAULTY)


@contextmanager
def _opened(settings: "Settings") -> "Iterator[Database]":
    from gateway.storage import Database  # noqa: PLC0415

    # What is kept is for this user alone, as with `serve`.
    os.umask(0o077)
    database = Database(settings.database.full_url.reveal())
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _told() -> Iterator[None]:
    """Trouble with the database is one line, and no traceback."""
    from gateway.storage import StorageError  # noqa: PLC0415

    try:
        yield
    except StorageError as error:
        _fail(str(error))


def _fail(words: str) -> None:
    click.echo(f"filmgate: {words}", err=True)
    sys.exit(FAILED)
