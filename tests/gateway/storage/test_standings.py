"""How accounts stand, as statements tell it."""

from sqlalchemy import Connection

from gateway.storage import Database, accounts, jobs, ledger, standings
from gateway.storage.accounts import FreeSlot
from gateway.storage.standings import Rest, Standing
from tests.gateway.storage.rows_support import NOW, a_job, an_account, an_attempt

LATER = NOW + 10


async def stand(database: Database, at: int = NOW) -> dict[str, Standing]:
    found = await database.read(lambda connection: standings.standings(connection, at))
    assert [one.name for one in found] == sorted(one.name for one in found)
    return {one.name: one for one in found}


async def test_an_account_that_left_the_configuration_stands_until_its_job_ends(
    database: Database,
) -> None:
    def leave(connection: Connection) -> None:
        accounts.sync(connection, [an_account("b", 1), an_account("a", 2)])
        jobs.insert_job(connection, a_job())
        ledger.begin(connection, an_attempt("att_1"), FreeSlot("a", "pictory", 1), "h1", NOW)
        accounts.sync(connection, [an_account("b", 1)])

    await database.write(leave)
    left = {name: (one.limit, one.taken) for name, one in (await stand(database)).items()}
    assert left == {"a": (0, 1), "b": (1, 0)}

    await database.write(lambda connection: ledger.end(connection, "att_1", NOW))
    assert list(await stand(database)) == ["b"]


async def test_an_account_that_somebody_mended_is_probing_once_its_rest_is_over(
    database: Database,
) -> None:
    def hold(connection: Connection) -> None:
        accounts.sync(connection, [an_account("a", 2)])
        accounts.pause(connection, ["a"], NOW, LATER, "account_on_hold", "pay first")

    await database.write(hold)

    held = (await stand(database))["a"]
    assert (held.rests_until, held.paused_at, held.probing) == (LATER, NOW, False)
    over = (await stand(database, LATER))["a"]
    assert (over.rests_until, over.paused_at, over.probing) == (None, NOW, True)
    assert {(one.reason, one.words) for one in (held, over)} == {("account_on_hold", "pay first")}


async def test_a_reason_that_has_passed_is_not_told(database: Database) -> None:
    def throttle(connection: Connection) -> None:
        accounts.sync(connection, [an_account("a", 2)])
        accounts.cool(connection, ["a"], NOW, LATER, "provider_throttled")

    await database.write(throttle)

    assert (await stand(database))["a"].reason == "provider_throttled"
    assert (await stand(database, LATER))["a"].reason is None


async def test_rests_are_told_where_every_account_rests_and_the_earliest_first(
    database: Database,
) -> None:
    def rest(connection: Connection) -> None:
        accounts.sync(
            connection,
            [an_account("a", 1), an_account("b", 1), an_account("c", 1, "useapi_pixverse")],
        )
        accounts.cool(connection, ["a"], NOW, LATER + 1, "provider_throttled")
        accounts.cool(connection, ["b"], NOW, LATER, "insufficient_credits")

    async def resting(*providers: str, at: int = NOW) -> list[Rest] | None:
        return await database.read(lambda c: standings.resting(c, providers, at))

    await database.write(rest)

    assert await resting("pictory") == [
        Rest("b", LATER, "insufficient_credits"),
        Rest("a", LATER + 1, "provider_throttled"),
    ]
    assert await resting("pictory", "useapi_pixverse") is None
    assert await resting("pictory", at=LATER) is None


async def test_capacity_counts_what_accounts_may_have_now(database: Database) -> None:
    def lower(connection: Connection) -> None:
        accounts.sync(
            connection,
            [an_account("a", 3), an_account("b", 2), an_account("c", 5, "useapi_pixverse")],
        )
        accounts.full(connection, "a", NOW)

    async def capacity(*providers: str) -> int:
        return await database.read(lambda c: standings.capacity(c, providers))

    await database.write(lower)

    assert await capacity("pictory") == 1 + 2
    assert await capacity("pictory", "useapi_pixverse") == 1 + 2 + 5
    assert await capacity() == 0
