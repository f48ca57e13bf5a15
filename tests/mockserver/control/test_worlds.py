from mockserver import Settings
from tests.mockserver.control.conftest import Open


async def test_worlds_are_made_with_settings_listed_and_dropped(opened: Open) -> None:
    async with opened() as hand:
        await hand.post("/worlds/quick", {"run_seconds": 1, "seed": 3}, 201)
        await hand.http.get("/~slow/__mock")

        listed = {one["world"]: one["path"] for one in (await hand.get("/worlds"))["worlds"]}
        assert listed == {"default": "", "quick": "/~quick", "slow": "/~slow"}
        assert hand.server.worlds["quick"].settings.run_seconds == 1
        assert (await hand.http.delete("/__mock/worlds/quick")).status_code == 204
        assert "quick" not in hand.server.worlds


async def test_each_world_has_a_control_api_of_its_own(opened: Open) -> None:
    async with opened() as hand:
        await hand.submit()
        other = (await hand.http.get("/~other/__mock")).json()

        assert (other["world"], other["jobs"]) == ("other", {})


async def test_a_fork_goes_on_by_itself(opened: Open) -> None:
    async with opened() as hand:
        await hand.submit()
        made = await hand.post("/fork/what_if", status=201)
        await hand.http.post("/~what_if/__mock/clock/advance", json={"until_idle": True})

        assert (made["jobs"], made["path"]) == (1, "/~what_if")
        assert (await hand.get("/jobs"))["jobs"][0]["phase"] == "queued"


async def test_a_snapshot_can_be_gone_back_to_again_and_again(opened: Open) -> None:
    async with opened() as hand:
        await hand.submit()
        await hand.post("/snapshots/before", status=201)
        for _ in range(2):
            await hand.post("/clock/advance", {"until_idle": True})
            await hand.post("/snapshots/before/restore")
            job = (await hand.get("/jobs"))["jobs"][0]
            assert (job["phase"], (await hand.get("/clock"))["now"]) == ("queued", 0)
        kept = await hand.get("/snapshots")
        assert kept == {"snapshots": [{"jobs": 1, "lines": 2, "now": 0.0, "snapshot": "before"}]}
        assert (await hand.http.delete("/__mock/snapshots/before")).status_code == 204
        assert await hand.get("/snapshots") == {"snapshots": []}


async def test_a_world_is_rewound_into_another_one(opened: Open) -> None:
    async with opened() as hand:
        await hand.submit()
        await hand.post("/clock/advance", {"until_idle": True})
        made = await hand.post("/worlds/then/replay", {"at": 20}, 201)
        await hand.http.post("/~then/__mock/jobs/job1/finish", json={"failure": "generation"})

        assert (made["world"], made["now"]) == ("then", 20)
        assert [job.phase.value for job in hand.server.worlds["then"].jobs] == ["failed"]
        assert [job.phase.value for job in hand.world.jobs] == ["completed"]


async def test_a_world_file_is_opened_under_a_name(opened: Open) -> None:
    settings = Settings(clock="frozen", control_token="secret")
    async with opened(settings) as hand:
        hand.http.headers["authorization"] = "Bearer secret"
        await hand.post("/clock/advance", {"by": 7})
        file = (await hand.http.get("/__mock/world-file")).content
        made = await hand.http.post("/__mock/worlds/back/replay?line=1", content=file)

        assert (made.status_code, made.json()["lines"]) == (201, 1)
        # The world is no way around the token.
        bare = await hand.http.get("/~back/__mock", headers={"authorization": ""})
        assert bare.status_code == 401
