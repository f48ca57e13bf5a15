"""What operators see, and nobody else."""

from gateway.model.clock import SECOND
from gateway.model.phases import Phase
from gateway.storage import Connection, orphans, replicas
from tests.gateway.api.conftest import KEY, OPERATOR, OTHER, PROMPT, Gate, Opened, bearer, owner_of
from tests.gateway.api.operators_support import NOBODYS, nobodys, stuck


async def test_an_operator_sees_everybodys_videos_and_others_their_own(gate: Gate) -> None:
    mine, theirs = await gate.job(), await gate.job(key=OTHER)

    async def listed(key: str) -> set[str]:
        answer = await gate.client.get("/v1/videos", headers=bearer(key))
        return {one["id"] for one in answer.json()["data"]}

    assert await listed(OPERATOR) == {mine.id, theirs.id}
    assert (await listed(KEY), await listed(OTHER)) == ({mine.id}, {theirs.id})
    for job in (mine, theirs):
        path = f"/v1/videos/{job.id}"
        for one in (path, f"{path}/content"):
            assert (await gate.client.get(one, headers=bearer(OPERATOR))).status_code == 200
    gone = await gate.client.delete(f"/v1/videos/{theirs.id}", headers=bearer(OPERATOR))
    assert gone.status_code == 200


async def test_what_an_operator_makes_is_the_operators_own(operator: Gate) -> None:
    made = (await operator.client.post("/v1/videos", json={"prompt": PROMPT})).json()
    assert made["evidence"]["owner"] == owner_of(OPERATOR)
    answer = await operator.client.get(made["urls"]["self"], headers=bearer(KEY))
    assert answer.status_code == 404


async def test_anothers_video_and_file_are_no_inputs_of_an_operators(operator: Gate) -> None:
    job = await operator.job(key=KEY)
    body = {"prompt": PROMPT, "first_frame": {"video": job.id, "frame": "last"}}
    answer = await operator.client.post("/v1/videos", json=body)
    assert answer.json()["errors"][0]["code"] == "unknown_video"


async def test_a_list_can_be_of_some_phases(operator: Gate) -> None:
    made = {phase: (await operator.job(phase=phase)).id for phase in Phase}
    for asked, wanted in (
        ("phase=needs_attention", {Phase.NEEDS_ATTENTION}),
        ("phase=rendering,canceling", {Phase.RENDERING, Phase.CANCELING}),
        ("phase=rendering&status=failed", set()),
        ("phase=failed&status=failed", {Phase.FAILED}),
    ):
        found = (await operator.client.get(f"/v1/videos?{asked}")).json()["data"]
        assert {one["id"] for one in found} == {made[phase] for phase in wanted}, asked
    refused = await operator.client.get("/v1/videos?phase=stuck")
    assert refused.status_code == 400
    assert "needs_attention" in refused.json()["errors"][0]["allowed"]


async def test_the_evidence_of_a_video_is_for_operators(gate: Gate) -> None:
    video = await stuck(gate)
    path = f"/v1/videos/{video}"
    assert (await gate.client.get(path)).json()["evidence"] is None
    told = (await gate.client.get(path, headers=bearer(OPERATOR))).json()["evidence"]
    assert told["owner"] == owner_of(KEY)
    (attempt,) = told["attempts"]
    assert (attempt["n"], attempt["account"], attempt["target"], attempt["state"]) == (
        1,
        "pixverse",
        "useapi-pixverse/v4",
        "unknown",
    )
    assert attempt["evidence"] == "HTTP 502: bad gateway"
    assert (attempt["upstream_id"], attempt["claimed_id"], attempt["looks"]) == (None, None, 0)
    assert isinstance(attempt["sent_at"], int)
    (orphan,) = told["orphans"]
    assert (orphan["upstream_id"], orphan["reason"]) == (NOBODYS, "charged_twice")


async def test_without_any_keys_everybody_is_the_operator(opened: Opened) -> None:
    async with opened() as gate:
        job = await gate.job(owner="key_of_earlier_days")
        assert (await gate.client.get("/v1/accounts")).status_code == 200
        assert (await gate.client.get(f"/v1/videos/{job.id}")).json()["evidence"] is not None


async def test_films_that_nobody_gets_are_listed(operator: Gate) -> None:
    first, second = await stuck(operator), await stuck(operator)
    found = (await operator.client.get("/v1/orphans")).json()
    assert found["object"] == "list"
    # The same film twice is one.
    (orphan,) = found["data"]
    assert orphan["video_id"] in {first, second}
    assert (orphan["upstream_id"], orphan["url"]) == (NOBODYS, "https://example.com/film.mp4")
    assert (await operator.client.get("/v1/orphans?limit=0")).status_code == 400


async def test_films_that_nobody_gets_are_listed_page_by_page(operator: Gate) -> None:
    names = [f"{NOBODYS}{n}" for n in range(5)]

    def put(connection: Connection) -> None:
        for name in names:
            orphans.add(connection, nobodys(name))

    await operator.tools.database.write(put)
    for order, wanted in (("asc", names), ("desc", names[::-1])):
        seen: list[str] = []
        query = {"limit": "2", "order": order}
        while True:
            page = (await operator.client.get("/v1/orphans", params=query)).json()
            seen += [one["upstream_id"] for one in page["data"]]
            assert page["counts"]["charged_twice"] == len(names)
            if not page["has_more"]:
                break
            query["after"] = page["last_id"]
        assert seen == wanted


async def test_the_gateways_that_run_are_listed(operator: Gate) -> None:
    def put(connection: Connection) -> None:
        replicas.beat(connection, operator.tools.replica, operator.tools.host, 5 * SECOND)
        replicas.beat(connection, "rep_gone", "there.test", 4 * SECOND)

    await operator.tools.database.write(put)
    found = (await operator.client.get("/v1/replicas")).json()["data"]
    told = {one["id"]: (one["alive"], one["here"], one["seen_at"]) for one in found}
    assert told[operator.tools.replica] == (True, True, 5)
    assert told["rep_gone"] == (False, False, 4)
