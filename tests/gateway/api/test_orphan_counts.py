"""`GET /v1/orphans`: how many films nobody gets, and why."""

from gateway.storage import Connection, orphans
from gateway.storage.orphans import Orphan, Reason
from tests.gateway.api.conftest import Opened


async def test_orphans_are_counted_by_reason_also_beyond_those_listed(opened: Opened) -> None:
    def put(connection: Connection) -> None:
        seen = {"a": Reason.DOUBLE, "b": Reason.DOUBLE, "c": Reason.CANCELED}
        for remote_id, reason in seen.items():
            orphans.add(connection, orphan(remote_id, reason))
        # Only heard of: nobody knows whether it is there.
        orphans.add(connection, orphan("d", Reason.DOUBLE, due_at=1))

    def orphan(remote_id: str, reason: Reason, due_at: int | None = None) -> Orphan:
        return Orphan(
            account="pixverse",
            remote_id=remote_id,
            job_id="video_1",
            attempt_id="att_1",
            reason=reason,
            detail="two of one",
            url=None,
            found_at=1,
            due_at=due_at,
        )

    async with opened() as gate:
        before = (await gate.client.get("/v1/orphans")).json()
        await gate.tools.database.write(put)
        told = (await gate.client.get("/v1/orphans?limit=1")).json()

    assert before == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
        "counts": dict.fromkeys(Reason, 0),
    }
    assert (len(told["data"]), told["has_more"]) == (1, True)
    assert told["counts"] == {
        "charged_twice": 2,
        "was_taken_as_not_made": 0,
        "canceled": 1,
        "given_up": 0,
    }
