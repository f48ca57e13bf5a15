import pytest

from mockserver import Settings
from mockserver.magic.directives import DIRECTIVES
from tests.mockserver.drivers import Open, png


async def test_the_summary_counts_and_explains(opened: Open) -> None:
    async with opened() as (mock, client):
        await client.pictory()
        await client.text_video()
        await mock.advance(10)
        summary = (await client.http.get("/__mock")).json()

        assert summary["clock"]["kind"] == "frozen"
        assert summary["clock"]["now"] == 10
        assert summary["jobs"] == {"running": 2}
        assert summary["charged"] == {"pictory": 80, "pixverse": 45}
        assert summary["requests"] == 2
        assert len(summary["directives"]) == len(DIRECTIVES)


async def test_jobs_ledger_and_journal_can_be_read_over_http(opened: Open) -> None:
    async with opened() as (mock, client):
        job_id = await client.pictory_id("dawn at sea", webhook="https://far.example.com/t")
        await client.pictory("dusk at sea [[mock fail=failed]]")
        await mock.advance(50)

        jobs = (await client.http.get("/__mock/jobs")).json()["jobs"]
        assert [(job["phase"], job["progress"]) for job in jobs] == [
            ("completed", 100),
            ("failed", 100),
        ]
        ledger = (await client.http.get("/__mock/ledger")).json()
        assert [charge["amount"] for charge in ledger["charges"]] == [80, 80]
        assert len(ledger["refunds"]) == 1
        assert ledger["total"] == {"pictory": 80}
        assert sorted(ledger["per_job"].values()) == [0, 80]
        lines = (await client.http.get("/__mock/journal")).json()["lines"]
        assert [line["operation"] for line in lines if line["line"] == "exchange"] == [
            "pictory.generate_video"
        ] * 2
        (delivery,) = [line for line in lines if line["line"] == "delivery"]
        assert (delivery["job"], delivery["url"]) == (job_id, "https://far.example.com/t")


async def test_the_clock_is_advanced_over_http(opened: Open) -> None:
    async with opened() as (_, client):
        job_id = await client.pictory_id()
        response = await client.http.post("/__mock/clock/advance", json={"seconds": 50})

        assert response.json()["now"] == 50
        moves = [line["after"] for line in response.json()["happened"]]
        assert moves == ["running", "completed"]
        assert (await client.pictory_job(job_id))["data"]["status"] == "completed"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"seconds": -1}', b'{"seconds": "5"}', b"[5]"])
async def test_a_bad_advance_is_a_bad_request(opened: Open, body: bytes) -> None:
    async with opened() as (_, client):
        response = await client.http.post("/__mock/clock/advance", content=body)

        assert response.status_code == 400


async def test_a_clock_that_goes_by_itself_can_be_moved_ahead_too(opened: Open) -> None:
    async with opened(Settings(clock="real")) as (_, client):
        job_id = await client.pictory_id()
        response = await client.http.post("/__mock/clock/advance", json={"by": "1m"})

        assert response.json()["now"] == pytest.approx(60, abs=5)
        assert (await client.pictory_job(job_id))["data"]["status"] == "completed"


async def test_a_reset_forgets_everything_and_starts_time_anew(opened: Open) -> None:
    async with opened() as (mock, client):
        path = await client.upload_path(png("red"))
        first = await client.pictory_id()
        await mock.advance(10)

        assert (await client.http.delete("/__mock")).status_code == 204
        assert (len(mock.jobs), mock.ledger.total, mock.journal.requests) == (0, {}, [])
        assert mock.clock.now() == 0
        assert (await client.frames_video(path, path)).status_code == 400
        assert await client.pictory_id() == first


async def test_a_token_closes_the_control_api_and_nothing_else(opened: Open) -> None:
    async with opened(Settings(clock="frozen", control_token="secret")) as (_, client):
        for header, status in (("", 401), ("Bearer wrong", 401), ("Bearer secret", 200)):
            response = await client.http.get("/__mock/jobs", headers={"Authorization": header})
            assert response.status_code == status
        assert (await client.pictory()).status_code == 200
