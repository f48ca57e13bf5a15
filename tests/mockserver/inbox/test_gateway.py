"""The gateway as the sender: its webhooks, told to an inbox of the mock it renders with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from gateway.config import WebhookSettings
from gateway.engine.notices import SCHEDULE
from mockserver import Settings, World
from mockserver.engine.journal import Received, Transition
from mockserver.inbox import Inbox
from providers.contract import Secret
from tests.rig import EPOCH, Rig, Wire, pictory, rig

PROMPT = "The harbour at dusk"


@asynccontextmanager
async def telling(folder: Path) -> AsyncIterator[tuple[Rig, Inbox, str]]:
    """A gateway that signs with the inbox's secret, on one calendar with the mock."""
    callbacks, inputs = Wire(), Wire()
    world = World(
        settings=Settings(clock="frozen", epoch=datetime.fromtimestamp(EPOCH, UTC)),
        callback_transport=callbacks,
        input_transport=inputs,
    )
    world.__dict__["wires"] = (callbacks, inputs)
    inbox = world.inbox()
    webhooks = WebhookSettings(secret=Secret(inbox.secret))
    async with world, rig(folder, accounts=[pictory()], mock=world, webhooks=webhooks) as stage:
        yield stage, inbox, inbox.url("https://mock.test")


async def test_a_receiver_that_fails_three_times_is_told_in_the_end_and_nothing_changes_on_the_way(
    tmp_path: Path,
) -> None:
    async with telling(tmp_path) as (stage, inbox, url):
        inbox.script("500*3, 200")
        job_id = await stage.create(prompt=PROMPT, callback_url=url)
        await stage.wait(90)
        await stage.wait(3000, step=20)

        assert [one.status for one in inbox.received] == [500, 500, 500, 200]
        inbox.assert_verified()
        inbox.assert_in_order()
        inbox.assert_no_gaps([("video.completed", job_id)])
        inbox.assert_once()
        (pauses,) = inbox.pauses().values()
        for pause, (planned, step) in zip(
            pauses, zip(SCHEDULE[1:4], (1, 20, 20), strict=True), strict=True
        ):
            assert planned <= pause <= planned * 1.2 + step
        assert (await stage.events(job_id))[-1] == "notice_delivered"
        # One journal: the mock's own job was over before anybody was told of the video.
        over = [one for one in stage.mock.journal.of(Transition) if one.after == "completed"]
        assert over[0].n < stage.mock.journal.of(Received)[0].n


async def test_a_receiver_that_is_gone_is_not_told_again(tmp_path: Path) -> None:
    async with telling(tmp_path) as (stage, inbox, url):
        inbox.script("410")
        job_id = await stage.create(prompt=f"{PROMPT} [[mock fail=failed]]", callback_url=url)
        await stage.wait(90)
        await stage.wait(1000, step=50)

        (one,) = inbox.received
        assert inbox.verify(one)["type"] == "video.failed"
        assert (await stage.events(job_id))[-1] == "notice_given_up"


async def test_a_broken_connection_and_a_wish_for_patience_are_both_tried_again(
    tmp_path: Path,
) -> None:
    async with telling(tmp_path) as (stage, inbox, url):
        inbox.script("reset, 503 retry-after=600, 204")
        job_id = await stage.create(prompt=PROMPT, callback_url=url)
        await stage.wait(90)
        await stage.wait(1200, step=10)

        assert [(one.status, one.lost) for one in inbox.received] == [
            (0, "reset"),
            (503, ""),
            (204, ""),
        ]
        (pauses,) = inbox.pauses().values()
        assert pauses[0] < 10
        assert 600 <= pauses[1] <= 610
        inbox.assert_verified()
        inbox.assert_no_gaps([("video.completed", job_id)])
