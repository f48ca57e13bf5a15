"""The outbox: each host in its turn, however many notices another one has."""

from sqlalchemy import Connection

from gateway.storage import Database, deliveries, jobs
from tests.gateway.storage.rows_support import NOW, a_job

FREE = {"a.test": 1, "b.test": 2, "c.test": 2}


async def test_hosts_come_by_their_most_overdue_notice_and_get_what_is_free_for_each(
    database: Database,
) -> None:
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
