"""`filmgate db`: what it says, and with which exit status."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.storage import Database
from gateway.storage.migrations import newest
from tests.postgres import migrated_postgres_url, postgres_url, shared_postgres

__all__ = ["migrated_postgres_url", "postgres_url", "shared_postgres"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "filmgate.db"


@pytest.fixture
def db(tmp_path: Path, path: Path) -> Callable[..., Result]:
    """Run one of its commands, on an SQLite file or on `url`."""

    def run(*arguments: str, url: str = f"sqlite:///{path}") -> Result:
        config = tmp_path / "filmgate.toml"
        config.write_text(f'[database]\nurl = "{url}"\n')
        result = CliRunner().invoke(main, ["db", *arguments, "--config", str(config)], env={})
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


def test_upgrade_makes_the_tables_and_says_from_where_to_where(db: Callable[..., Result]) -> None:
    first, second = db("upgrade"), db("upgrade")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert f"from nothing to revision {newest()}" in first.stdout
    assert f"was at revision {newest()}" in second.stdout


def test_check_of_a_database_that_is_fine_says_so(db: Callable[..., Result]) -> None:
    db("upgrade")
    for arguments in (["check"], ["check", "--quick"]):
        result = db(*arguments)
        lines = [" ".join(line.split()) for line in result.stdout.splitlines()]

        assert result.exit_code == 0
        assert lines[1].startswith(f"engine SQLite {sqlite3.sqlite_version}")
        assert lines[2:] == [f"revision {newest()}, the newest", "writes ok", "integrity ok"]


def test_check_warns_of_an_old_library_and_is_fine_with_it(
    db: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    db("upgrade")
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))

    result = db("check")
    assert "3.51.3 or later is advised" in result.stdout
    assert result.exit_code == 0


def test_check_makes_no_database(db: Callable[..., Result], path: Path) -> None:
    result = db("check")

    assert result.exit_code == 1
    assert "there is no database" in result.stderr
    assert not path.exists()


def test_check_leaves_nothing_behind(db: Callable[..., Result], path: Path) -> None:
    db("upgrade")
    before = path.read_bytes()
    db("check")

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("revision", "todo"),
    [("0001", "run `filmgate db upgrade`"), ("9999", "a newer version of filmgate made it")],
)
def test_check_of_another_revision_fails_and_says_what_to_do(
    db: Callable[..., Result], path: Path, revision: str, todo: str
) -> None:
    db("upgrade")
    with sqlite3.connect(path) as other:
        other.execute("UPDATE alembic_version SET version_num = ?", [revision])
    other.close()

    result = db("check")
    assert result.exit_code == 1
    assert f"{revision}; this version needs {newest()}: {todo}" in result.stdout


def test_check_of_a_damaged_file_fails_and_tells_where(
    db: Callable[..., Result], path: Path
) -> None:
    db("upgrade")
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, word TEXT)")
        other.execute("CREATE INDEX i ON t (word)")
        other.executemany("INSERT INTO t VALUES (?, ?)", [(n, str(n)) for n in range(100)])
        other.execute("PRAGMA writable_schema = on")
        other.execute("UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (n)' WHERE name = 'i'")
    other.close()

    result = db("check")
    assert result.exit_code == 1
    assert "integrity  row 1 missing from index i (and 99 more)" in result.stdout


@pytest.mark.parametrize("command", ["upgrade", "check"])
def test_while_a_gateway_has_the_file_they_say_so(
    db: Callable[..., Result], path: Path, command: str
) -> None:
    database = Database(path)
    try:
        result = db(command)
    finally:
        database.close()

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"filmgate: the database {path} is in use by another filmgate process"
    ]


def test_backup_copies_the_file_while_a_gateway_has_it(
    db: Callable[..., Result], path: Path, tmp_path: Path
) -> None:
    database = Database(path)
    try:
        database.migrate()
        result = db("backup", str(tmp_path / "copy.db"))
    finally:
        database.close()

    assert result.exit_code == 0
    assert result.stdout.startswith(f"{tmp_path / 'copy.db'}: ")
    copy = Database(tmp_path / "copy.db")
    assert copy.revision() == (newest(), newest())
    copy.close()


def test_backup_of_nothing_is_one_line(db: Callable[..., Result], tmp_path: Path) -> None:
    result = db("backup", str(tmp_path / "copy.db"))

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_on_postgresql_they_do_the_same(db: Callable[..., Result], postgres_url: str) -> None:
    before, upgraded, after = (
        db(command, url=postgres_url) for command in ("check", "upgrade", "check")
    )

    assert [one.exit_code for one in (before, upgraded, after)] == [1, 0, 0]
    assert f"none; this version needs {newest()}" in before.stdout
    assert f"from nothing to revision {newest()}" in upgraded.stdout
    lines = [" ".join(line.split()) for line in after.stdout.splitlines()]
    assert lines[1].startswith("engine PostgreSQL 1")
    assert lines[2:] == [f"revision {newest()}, the newest", "writes ok"]


def test_on_postgresql_check_fails_where_nothing_can_be_written(
    db: Callable[..., Result], migrated_postgres_url: str
) -> None:
    name = migrated_postgres_url.rpartition("/")[2]
    database = Database(migrated_postgres_url)
    with database._backend.migrating() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        connection.commit()
    database.close()

    result = db("check", url=migrated_postgres_url)
    assert result.exit_code == 1
    assert "read-only transaction" in result.stdout


def test_on_postgresql_a_server_that_is_away_is_one_line(db: Callable[..., Result]) -> None:
    for command in ("check", "upgrade"):
        result = db(command, url="postgresql://filmgate:hunter2@127.0.0.1:1/filmgate")

        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
        assert "hunter2" not in result.output


def test_on_postgresql_backup_names_the_tools_for_it(
    db: Callable[..., Result], tmp_path: Path
) -> None:
    result = db("backup", str(tmp_path / "copy"), url="postgresql://filmgate@127.0.0.1:1/filmgate")

    assert result.exit_code == 1
    assert "pg_dump" in result.stderr


def test_a_faulty_configuration_is_told_as_by_serve(tmp_path: Path) -> None:
    (tmp_path / "filmgate.toml").write_text("[database]\nurl = 'mysql://x'\n")
    for arguments in (["upgrade"], ["check"], ["backup", str(tmp_path / "copy")]):
        result = CliRunner().invoke(
            main, ["db", *arguments, "--config", str(tmp_path / "filmgate.toml")]
        )

        assert result.exit_code == 2
        assert "database.url" in result.stderr
