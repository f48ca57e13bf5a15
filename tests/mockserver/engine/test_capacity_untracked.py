"""What the generator runs is its own matter: letting a video go does not stop it."""

from mockserver import Settings
from tests.mockserver.drivers import USEAPI, Open

FULL = {"error": "Reached the limit for concurrent generations."}


async def test_a_video_that_is_no_longer_tracked_goes_on_and_keeps_its_place_upstream(
    opened: Open,
) -> None:
    async with opened(Settings(clock="frozen", capacity="1")) as (world, client):
        video = (await client.text_video()).json()["video_id"]
        gone = await client.http.delete(f"/v2/pixverse/scheduler/{video}", headers=USEAPI)
        assert gone.status_code == 200
        assert world.jobs.in_flight("pixverse", "ops@example.com") == ()
        full = await client.text_video("two")
        assert (full.status_code, full.json()) == (429, FULL)
        assert (await client.pictory()).status_code == 200

        await world.run_until_idle()
        assert (await client.text_video("two")).status_code == 200
