"""The outbox: each host in its turn, however many notices another one has."""

import pytest
from sqlalchemy import Connection

from gateway.storage import Database, deliveries, jobs
from tests.gateway.storage.rows_support import NOW, a_job

FREE = {"a.test": 1, "b.test": 2, "c.test": 2}


@pytest.mark.parametrize("glance", [1, 3, 100])
async def test_hosts_come_by_their_most_overdue_notice_and_get_what_is_free_for_each(
    database: Database, glance: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "GLANCE", glance)

    def fill(connection: Connection) -> None:
        jobs.insert_job(connection, a_job())
        # A port is no host of its own.
        for n, host in enumerate("ccabbbaac"):
            deliveries.add(connection, "video_1", f"https://{host}.test:{n}/", NOW + n)

    await database.write(fill)

    async def take(limit: int, now: int) -> list[str]:
        found = await database.write(
            lambda connection: deliveries.take_due(
                connection,
                now,
                until=NOW + 99,
                limit=limit,
                free=FREE.__getitem__,
                replica="r",
            )
        )
        return [one.url for one in found]

    assert await take(9, NOW - 1) == []
    assert await take(3, NOW + 2) == [
        f"https://{one}/" for one in ("c.test:0", "c.test:1", "a.test:2")
    ]
    assert await take(3, NOW + 9) == [
        f"https://{one}/" for one in ("b.test:3", "b.test:4", "a.test:6")
    ]
    assert await take(9, NOW + 9) == [
        f"https://{one}/" for one in ("b.test:5", "a.test:7", "c.test:8")
    ]
    assert await take(9, NOW + 9) == []


async def test_hosts_of_which_nothing_is_due_are_not_looked_at(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(connection: Connection) -> list[str]:
        jobs.insert_job(connection, a_job())
        deliveries.add(connection, "video_1", "https://a.test/", NOW)
        deliveries.add(connection, "video_1", "https://b.test/", NOW + 5)
        asked: list[str] = []

        def free(host: str) -> int:
            asked.append(host)
            return 2

        monkeypatch.setattr(deliveries, "_HEADS", None)
        found = deliveries.take_due(connection, NOW, until=NOW, limit=9, free=free, replica="r")
        assert [one.url for one in found] == ["https://a.test/"]
        return asked

    assert await database.write(take) == ["a.test"]


async def test_what_is_due_already_does_not_count_where_it_waits_for_room(
    database: Database,
) -> None:
    def fill(connection: Connection) -> None:
        jobs.insert_job(connection, a_job())
        for at in (NOW, NOW + 5):
            deliveries.add(connection, "video_1", "https://a.test/", at)

    await database.write(fill)
    assert await database.read(deliveries.next_due) == NOW
    assert await database.read(lambda connection: deliveries.next_due(connection, NOW)) == NOW + 5
    assert await database.read(lambda connection: deliveries.next_due(connection, NOW + 5)) is None


async def test_a_notice_of_an_earlier_version_is_told_as_well(database: Database) -> None:
    def fill(connection: Connection) -> None:
        jobs.insert_job(connection, a_job())
        deliveries.add(connection, "video_1", "https://a.test/", NOW)
        connection.exec_driver_sql("UPDATE deliveries SET host = ''")

    await database.write(fill)
    found = await database.write(
        lambda connection: deliveries.take_due(
            connection, NOW, until=NOW + 9, limit=1, free=lambda _: 1, replica="r"
        )
    )
    assert [one.url for one in found] == ["https://a.test/"]
