"""What is found belongs to whoever it was made for, and absence is no proof by itself."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.engine import decide, remove
from gateway.model.phases import Phase
from tests.gateway.engine.lost_support import (
    MADE,
    MODELS,
    NEVER_DONE,
    PROMPT,
    Shifted,
    call_back,
    empty_lists,
    fault,
    is_list,
    last_submit,
    sql,
    without_lists,
)
from tests.rig import Rig, is_submit, lasting, pictory, picture, pixverse, rig

SETTLE = 600


async def finished(stage: Rig) -> str:
    """A job whose film is there; its id."""
    job_id = await stage.create(model=MODELS[0], prompt=PROMPT)
    await stage.wait(100, step=10)
    assert await stage.phase(job_id) is Phase.COMPLETED
    return job_id


@pytest.mark.parametrize("how", ["removed", "of an account that is called otherwise now"])
async def test_a_film_that_was_another_customers_is_never_given_to_anybody_else(
    tmp_path: Path, database_url: str, how: str
) -> None:
    accounts = [pictory()]
    async with rig(
        tmp_path, accounts=accounts, public_url=None, database_url=database_url
    ) as stage:
        theirs = await stage.create(model=MODELS[0], prompt=PROMPT)
        await stage.wait(30, step=10)
        fault(stage, NEVER_DONE)
        mine = await stage.create(model=MODELS[0], prompt=PROMPT)
        await stage.settle()
        without_lists(stage)
        await stage.wait(70, step=10)
        film = (await stage.job(theirs)).remote_id
        assert film is not None
        if how == "removed":
            await remove.remove(stage.tools, None, theirs)
        else:
            await sql(stage, f"UPDATE attempts SET account = 'old' WHERE job_id = '{theirs}'")  # noqa: S608
        stage.provider_wire.meddle = lambda _: None
        await stage.wait(SETTLE + 200, step=20)

        job = await stage.job(mine)
        assert job.phase is Phase.COMPLETED
        assert job.remote_id != film
        assert len(stage.mock.ledger.charges) == 2


async def test_accounts_of_one_key_share_out_what_their_lists_show(tmp_path: Path) -> None:
    accounts = [pictory(name, max_jobs=1) for name in ("one", "two")]
    async with rig(tmp_path, accounts=accounts, public_url=None) as stage:
        for n in (1, 2):
            stage.mock.fail_next(f"submit#{n}:{MADE}")
        made = [await stage.create(model=MODELS[0], prompt=PROMPT) for _ in range(2)]
        await stage.wait(150, step=10)

        ended = [await stage.job(one) for one in made]
        assert [one.phase for one in ended] == [Phase.COMPLETED] * 2
        assert {one.account for one in ended} == {"one", "two"}
        assert len({one.remote_id for one in ended}) == 2
        assert len(stage.mock.ledger.charges) == 2
        assert await stage.orphans() == []


async def test_one_whose_film_went_to_its_like_does_not_hang_for_ever(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        calls = stage.mock.__dict__["wires"][0]
        calls.meddle = lambda _: httpx.Response(503)
        fault(stage, NEVER_DONE)
        elder = await stage.create(model=MODELS[0], prompt=PROMPT)
        await stage.wait(2)
        fault(stage, MADE)
        younger = await stage.create(model=MODELS[0], prompt=PROMPT)
        await stage.settle()
        submit = last_submit(stage)
        await stage.wait(120, step=10)
        film = (await stage.job(elder)).remote_id
        assert film is not None
        await call_back(stage, {"job_id": film}, submit)
        await stage.wait(1900, step=50)

        assert (await stage.job(younger)).phase is Phase.NEEDS_ATTENTION
        assert stage.submits() == 2
        assert (await stage.job(elder)).remote_id == film


async def test_a_film_that_a_callback_named_is_no_other_submissions(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        calls = stage.mock.__dict__["wires"][0]
        calls.meddle = lambda _: httpx.Response(503)
        fault(stage, NEVER_DONE)
        elder = await stage.create(model=MODELS[0], prompt=PROMPT)
        await stage.wait(2)
        fault(stage, MADE)
        younger = await stage.create(model=MODELS[0], prompt=PROMPT)
        await stage.settle()
        (made,) = stage.mock.jobs
        stage.provider_wire.meddle = lambda one: (
            None if is_submit(one) or is_list(one) else httpx.Response(503)
        )
        await call_back(stage, {"job_id": made.order.id})
        await stage.wait(200, step=10)
        assert (await stage.job(elder)).remote_id is None

        stage.provider_wire.meddle = lambda _: None
        await stage.wait(100, step=10)
        assert (await stage.job(younger)).remote_id == made.order.id
        assert await stage.phase(younger) is Phase.COMPLETED


@pytest.mark.parametrize("body", [{}, {"event": "done"}, {"job_id": None}])
async def test_a_callback_that_names_no_job_tells_that_the_request_was_read_all_the_same(
    tmp_path: Path, body: object
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.mock.__dict__["wires"][0].meddle = lambda _: httpx.Response(503)
        fault(stage, MADE)
        job_id = await stage.create(model=MODELS[0], prompt=PROMPT)
        await stage.settle()
        assert await call_back(stage, body) == 200
        empty_lists(stage)
        await stage.wait(1900, step=20)

        assert await stage.phase(job_id) is Phase.NEEDS_ATTENTION
        assert stage.submits() == len(stage.mock.ledger.charges) == 1
        assert (await stage.attempts(job_id))[0].looks >= 3


async def test_no_refusal_is_believed_whose_submission_was_called_back_about(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.mock.fail_next("submit#1:accept-then-status=429")
        job_id = await stage.create(model=MODELS[0], prompt=f"{PROMPT} [[mock no-callback]]")

        async def spoil(request: httpx.Request) -> None:
            if is_submit(request) and stage.submits() == 1:
                await call_back(stage, {"event": "started"}, request)

        stage.provider_wire.spoil = spoil
        await stage.wait(150, step=10)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert stage.submits() == len(stage.mock.ledger.charges) == 1


async def test_where_clocks_differ_looking_alike_is_no_evidence(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        theirs = await finished(stage)
        film = (await stage.job(theirs)).remote_id
        await sql(stage, "UPDATE attempts SET remote_id = NULL")
        await stage.wait(1800, step=600)
        object.__setattr__(stage.tools, "clock", Shifted(stage.tools.clock, -3600))
        fault(stage, NEVER_DONE)
        mine = await stage.create(model=MODELS[0], prompt=PROMPT)
        await stage.wait(100, step=10)

        job = await stage.job(mine)
        assert (job.phase, job.remote_id) == (Phase.SUBMISSION_UNKNOWN, None)
        assert film is not None
        assert await stage.orphans() == []


@pytest.mark.parametrize("model", MODELS)
async def test_what_was_sent_under_a_clock_that_was_ahead_is_not_taken_as_not_made(
    tmp_path: Path, model: str
) -> None:
    async with lasting() as mock:
        async with rig(tmp_path, public_url=None, mock=mock) as stage:
            object.__setattr__(stage.tools, "clock", Shifted(stage.tools.clock, 1200))
            fault(stage, MADE)
            job_id = await stage.create(model=model, prompt=PROMPT)
            await stage.settle()
            assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
        await mock.advance(120)
        # The machine's clock was set, and the gateway started again.
        async with rig(tmp_path, public_url=None, mock=mock) as stage:
            await stage.wait(3000, step=20)
            job = await stage.job(job_id)
            assert job.phase is Phase.NEEDS_ATTENTION
            assert job.error is not None
            assert "jobs that nobody knows run there" in job.error.message
            assert stage.submits() == 1


def data_of(color: str) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture(color)).decode()}"


@pytest.mark.parametrize(
    ("bobs", "alices"),
    [
        ({"first_frame": data_of("orange")}, {"first_frame": data_of("blue")}),
        ({"seconds": 5}, {"seconds": 8}),
    ],
    ids=["another picture", "another length"],
)
@pytest.mark.parametrize("how", [MADE, NEVER_DONE])
async def test_one_seed_with_one_prompt_is_not_one_order(
    tmp_path: Path, how: str, bobs: dict[str, Any], alices: dict[str, Any]
) -> None:
    asked = {"model": MODELS[1], "prompt": "Rain", "seed": 42}
    async with rig(tmp_path, accounts=[pixverse()], public_url=None) as stage:
        fault(stage, MADE)
        theirs = await stage.create_of("bob", **asked, **bobs)
        await stage.settle()
        (film,) = stage.mock.jobs
        await decide.fail(stage.tools, theirs)
        await stage.wait(60, step=10)
        fault(stage, how)
        mine = await stage.create_of("alice", **asked, **alices)
        await stage.settle()
        # The first search comes late, when hers is made too: the gateway was away for a while.
        await stage.mock.advance(120)
        await stage.wait(200, step=10)
        assert (await stage.job(mine)).remote_id != film.order.id


async def test_a_reference_is_evidence_whatever_the_clocks_say(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()], public_url=None) as stage:
        object.__setattr__(stage.tools, "clock", Shifted(stage.tools.clock, -3600))
        fault(stage, MADE)
        job_id = await stage.create(model=MODELS[1], prompt=PROMPT)
        await stage.wait(30, step=10)
        assert (await stage.job(job_id)).remote_id is not None


async def test_what_somebody_has_just_been_given_is_no_double(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()], public_url=None) as stage:
        fault(stage, MADE)
        first = await stage.create(model=MODELS[1], prompt=PROMPT, seed=7)
        await stage.settle()
        made: list[str] = []

        async def spoil(request: httpx.Request) -> None:
            # An equal one is sent, and taken, between the two lists.
            if "scheduler" in request.url.path and not made:
                made.append(await stage.create(model=MODELS[1], prompt=PROMPT, seed=7))
                tasks, _ = await stage.engine._take_up()
                await asyncio.gather(*tasks)

        stage.provider_wire.spoil = spoil
        await stage.wait(120, step=10)

        assert made
        for job_id in (first, *made):
            assert await stage.phase(job_id) is Phase.COMPLETED
        assert await stage.orphans() == []


async def test_searches_that_others_made_meanwhile_are_not_counted_over(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        fault(stage, NEVER_DONE)
        job_id = await stage.create(model=MODELS[0], prompt=PROMPT)
        await stage.wait(SETTLE - 30, step=10)
        assert (await stage.attempts(job_id))[0].looks > 10
        searched: list[httpx.Request] = []

        async def spoil(request: httpx.Request) -> None:
            # Somebody else saw one that may be it while this search was under way.
            if is_list(request):
                searched.append(request)
                await sql(stage, "UPDATE attempts SET looks = 0")

        stage.provider_wire.spoil = spoil
        await stage.wait(90, step=10)
        assert searched
        assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
        assert (await stage.attempts(job_id))[0].looks <= 1
