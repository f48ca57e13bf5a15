"""Lost submissions that were given up: a film of theirs is nobody else's."""

import base64
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from gateway.config import RetentionSettings, WatchSettings
from gateway.engine import cancel, decide, remove
from gateway.model.phases import Phase
from gateway.storage.orphans import Reason
from providers.contract import Account, Flow, Lost, Search
from tests.gateway.engine.lost_support import (
    MADE,
    MODELS,
    NEVER_DONE,
    PROMPT,
    call_back,
    fault,
    last_submit,
    without_lists,
)
from tests.rig import Rig, pictory, picture, pixverse, rig

SETTLE = 600
SILENT = {"model": MODELS[0], "prompt": f"{PROMPT} [[mock no-callback]]"}


def data(color: str) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture(color)).decode()}"


async def lost_of(stage: Rig, owner: str, how: str, **asked: Any) -> str:
    """A job of somebody whose submission's answer is lost."""
    fault(stage, how)
    job_id = await stage.create_of(owner, **asked)
    await stage.settle()
    assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
    return job_id


async def given_up_unheard(stage: Rig, *, removed: bool) -> tuple[str, str, httpx.Request]:
    """A job of bob's whose film nobody has heard of: its id, the film's, and the submission."""
    bobs = await lost_of(stage, "bob", MADE, **SILENT)
    (film,) = stage.mock.jobs
    submit = last_submit(stage)
    await decide.fail(stage.tools, bobs)
    if removed:
        assert await remove.remove(stage.tools, "bob", bobs)
    return bobs, film.order.id, submit


@pytest.mark.parametrize("verb", ["fail", "resubmit", "cancel"])
@pytest.mark.parametrize("how", [MADE, NEVER_DONE])
async def test_nobody_gets_the_film_of_anothers_picture(
    tmp_path: Path, how: str, verb: str
) -> None:
    asked = {"model": MODELS[1], "prompt": "Animate this picture", "seed": 42}
    accounts = [pixverse()]
    async with rig(
        tmp_path, accounts=accounts, public_url=None, watch=WatchSettings(deadline_seconds=400)
    ) as stage:
        without_lists(stage)
        bobs = await lost_of(stage, "bob", MADE, **asked, first_frame=data("orange"))
        (film,) = stage.mock.jobs
        if verb == "cancel":
            await cancel.cancel(stage.tools, "bob", bobs)
            await stage.wait(420, step=20)
            assert await stage.phase(bobs) is Phase.FAILED
        else:
            await getattr(decide, verb)(stage.tools, bobs)
            await stage.settle()
        stage.provider_wire.meddle = lambda _: None
        alices = await lost_of(stage, "alice", how, **asked, first_frame=data("blue"))
        await stage.mock.advance(120)
        await stage.wait(200, step=10)

        assert (await stage.job(alices)).remote_id != film.order.id


async def test_where_an_equal_one_was_given_up_a_single_film_is_nobodys_and_absence_no_proof(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        bobs = await lost_of(stage, "bob", NEVER_DONE, model=MODELS[0], prompt=PROMPT)
        await decide.fail(stage.tools, bobs)
        await stage.wait(5)
        alices = await lost_of(stage, "alice", MADE, model=MODELS[0], prompt=PROMPT)
        (film,) = stage.mock.jobs
        await stage.wait(2000, step=20)

        job = await stage.job(alices)
        assert job.phase is Phase.NEEDS_ATTENTION
        assert job.error is not None
        assert f"{film.order.id}, may be of an equal one that was given up" in job.error.message
        assert stage.submits() == 2
        assert len(stage.mock.ledger.charges) == 1


async def test_of_two_films_each_of_two_equal_ones_has_its_own_though_one_was_given_up(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        bobs = await lost_of(stage, "bob", MADE, model=MODELS[0], prompt=PROMPT)
        (film,) = stage.mock.jobs
        await decide.fail(stage.tools, bobs)
        await stage.wait(5)
        alices = await lost_of(stage, "alice", MADE, model=MODELS[0], prompt=PROMPT)
        await stage.wait(200, step=10)

        job = await stage.job(alices)
        assert job.phase is Phase.COMPLETED
        assert job.remote_id != film.order.id


async def test_what_was_given_up_is_in_the_way_of_no_other_order(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        bobs = await lost_of(stage, "bob", MADE, model=MODELS[0], prompt="Another bay")
        await decide.fail(stage.tools, bobs)
        await stage.wait(5)
        made = await lost_of(stage, "alice", MADE, model=MODELS[0], prompt=PROMPT)
        missing = await lost_of(stage, "alice", NEVER_DONE, model=MODELS[0], prompt="A third bay")
        await stage.wait(SETTLE + 200, step=20)

        assert await stage.phase(made) is await stage.phase(missing) is Phase.COMPLETED
        assert (stage.submits(), len(stage.mock.ledger.charges)) == (4, 3)


async def test_what_was_refused_or_proved_not_made_is_in_nobodys_way(tmp_path: Path) -> None:
    async with rig(
        tmp_path,
        accounts=[pictory()],
        public_url=None,
        watch=WatchSettings(settle_seconds=60),
    ) as stage:
        for n, how in enumerate(("status=429", NEVER_DONE, MADE), 1):
            stage.mock.fail_next(f"submit#{n}:{how}")
        job_id = await stage.create(model=MODELS[0], prompt=PROMPT)
        await stage.wait(400, step=5)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert {"throttled", "not_made", "adopted"} <= set(await stage.events(job_id))
        assert (stage.submits(), len(stage.mock.ledger.charges)) == (3, 1)


async def test_a_film_that_bears_the_name_of_one_that_was_given_up_is_kept_as_an_orphan(
    tmp_path: Path,
) -> None:
    asked = {"model": MODELS[1], "prompt": f"{PROMPT} [[mock run=10m]]"}
    async with rig(tmp_path, accounts=[pixverse()], public_url=None) as stage:
        bobs = await lost_of(stage, "bob", MADE, **asked)
        (film,) = stage.mock.jobs
        await decide.fail(stage.tools, bobs)
        alices = await lost_of(stage, "alice", MADE, **asked)
        await stage.wait(1200, step=20)

        (orphan,) = await stage.orphans()
        assert (orphan.remote_id, orphan.job_id) == (film.order.id, bobs)
        assert orphan.reason is Reason.ABANDONED
        job = await stage.job(alices)
        assert (job.phase, job.remote_id == film.order.id) == (Phase.COMPLETED, False)
        assert len(stage.mock.ledger.charges) == 2


@pytest.mark.parametrize("how", ["removed", "old"])
async def test_a_film_of_a_video_that_is_gone_is_nobody_elses(tmp_path: Path, how: str) -> None:
    keep = RetentionSettings(days=1)
    async with rig(tmp_path, accounts=[pictory()], public_url=None, retention=keep) as stage:
        bobs = await lost_of(stage, "bob", MADE, model=MODELS[0], prompt=PROMPT)
        (film,) = stage.mock.jobs
        await stage.wait(5)
        alices = await lost_of(stage, "alice", NEVER_DONE, model=MODELS[0], prompt=PROMPT)
        await decide.fail(stage.tools, bobs)
        if how == "removed":
            assert await remove.remove(stage.tools, "bob", bobs)
        else:
            without_lists(stage)
            await stage.wait(10 * 86_400, step=3600)
            stage.provider_wire.meddle = lambda _: None
        assert [one.id for one in await stage.every_job()] == [alices]
        await stage.wait(2000, step=20)

        job = await stage.job(alices)
        assert (job.phase, job.remote_id) == (Phase.NEEDS_ATTENTION, None)
        assert job.error is not None
        if how == "removed":
            assert f"{film.order.id}, may be of an equal one" in job.error.message
        assert stage.submits() == 2


async def test_a_callback_of_a_video_that_is_gone_is_heard_for_a_week(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        bobs, film, submit = await given_up_unheard(stage, removed=True)
        assert await call_back(stage, {"event": "done"}, submit) == 200
        assert await call_back(stage, {"job_id": film}, submit) == 200
        await stage.wait(120, step=30)

        (orphan,) = await stage.orphans()
        assert (orphan.remote_id, orphan.job_id) == (film, bobs)
        assert orphan.reason is Reason.ABANDONED
        # It is known from now on, so nobody else is given it.
        alices = await lost_of(stage, "alice", NEVER_DONE, **SILENT)
        await stage.wait(SETTLE + 300, step=20)
        assert (await stage.job(alices)).remote_id != film

        await stage.wait(8 * 86_400, step=21_600)
        assert await call_back(stage, {"job_id": film}, submit) == 404


@pytest.mark.parametrize("removed", [False, True])
async def test_one_that_was_given_up_and_whose_film_is_known_is_in_nobodys_way(
    tmp_path: Path, *, removed: bool
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        _, film, submit = await given_up_unheard(stage, removed=removed)
        assert await call_back(stage, {"job_id": film}, submit) == 200
        await stage.wait(120, step=30)
        alices = await lost_of(stage, "alice", MADE, **SILENT)
        await stage.wait(2000, step=20)

        job = await stage.job(alices)
        assert job.phase is Phase.COMPLETED
        assert job.remote_id in {one.order.id for one in stage.mock.jobs} - {film}
        assert [one.remote_id for one in await stage.orphans()] == [film]


async def test_adapters_are_told_whose_choice_a_seed_was(tmp_path: Path) -> None:
    asked: dict[str | None, bool] = {}

    async with rig(tmp_path, accounts=[pixverse()], public_url=None) as stage:
        real = stage.tools.adapters["useapi-pixverse"]
        reconcile = real.reconcile
        assert reconcile is not None

        def spy(account: Account, lost: Sequence[Lost], owned: Collection[str]) -> Flow[Search]:
            asked.update({one.spec.prompt: one.drawn for one in lost})
            return reconcile(account, lost, owned)

        adapters = {**stage.tools.adapters, "useapi-pixverse": replace(real, reconcile=spy)}
        object.__setattr__(stage.tools, "adapters", adapters)
        await lost_of(stage, "bob", MADE, model=MODELS[1], prompt="one", seed=42)
        await lost_of(stage, "bob", MADE, model=MODELS[1], prompt="two")
        await stage.wait(60, step=10)
    assert asked == {"one": False, "two": True}
