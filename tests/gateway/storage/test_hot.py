"""A hot statement is its expression, run without SQLAlchemy; its errors are the same."""

import pytest
from sqlalchemy import Connection, bindparam, event, insert, select

from gateway.storage import Database
from gateway.storage.errors import BrokenRuleError
from gateway.storage.hot import Hot
from gateway.storage.tables import keep

PUT = Hot(insert(keep), ["name", "value"])
GET = Hot(select(keep.c.value).where(keep.c.name == bindparam("name")))


async def test_what_is_written_is_read(database: Database) -> None:
    changed = await database.write(lambda c: PUT.write(c, name="one", value="1"))

    assert changed == 1
    assert await database.read(lambda c: GET.rows(c, name="one")) == [("1",)]
    assert await database.read(lambda c: GET.first(c, name="one")) == ("1",)
    assert await database.read(lambda c: GET.scalar(c, name="one")) == "1"


async def test_what_is_not_there_is_none(database: Database) -> None:
    assert await database.read(lambda c: GET.rows(c, name="none")) == []
    assert await database.read(lambda c: GET.first(c, name="none")) is None
    assert await database.read(lambda c: GET.scalar(c, name="none")) is None


async def test_a_broken_rule_is_told_without_the_values(database: Database) -> None:
    await database.write(lambda c: PUT.write(c, name="one", value="1"))

    with pytest.raises(BrokenRuleError) as raised:
        await database.write(lambda c: PUT.write(c, name="one", value="a secret"))

    assert "a secret" not in str(raised.value)
    assert await database.read(lambda c: GET.scalar(c, name="one")) == "1"


async def test_it_is_part_of_the_transaction(database: Database) -> None:
    def fail(connection: Connection) -> None:
        PUT.write(connection, name="one", value="1")
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(fail)

    assert await database.read(lambda c: GET.scalar(c, name="one")) is None


async def test_who_listens_to_a_connection_hears_of_it(database: Database) -> None:
    heard: list[str] = []

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        heard.append(statement)

    def run(connection: Connection) -> object:
        event.listen(connection, "before_cursor_execute", note)
        return GET.scalar(connection, name="none")

    assert await database.read(run) is None
    assert "FROM keep" in heard[-1]
