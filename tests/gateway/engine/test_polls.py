"""Jobs that are read together: one that cannot be read keeps nothing back of the others."""

from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from gateway.engine.polls import poll
from gateway.model.phases import Phase
from providers.contract import Running, Unseen
from tests.gateway.engine.lost_support import MODELS, is_list
from tests.rig import Rig, pictory, pixverse, rig


async def started(stage: Rig, *prompts: str, model: str = MODELS[1]) -> list[tuple[str, str]]:
    """Jobs at the provider: each one's id, and what the provider calls it."""
    made = []
    for prompt in prompts:
        job_id = await stage.create(model=model, prompt=prompt)
        await stage.settle()
        remote_id = (await stage.job(job_id)).remote_id
        assert remote_id is not None
        made.append((job_id, remote_id))
    return made


def hang(stage: Rig, bad: str, listed: Mapping[str, str]) -> list[str]:
    """From now on one is not answered, and the list tells these words of others; who was asked."""
    asked: list[str] = []
    rows = [{"video_id": one, "video_status_name": word} for one, word in listed.items()]

    def meddle(request: httpx.Request) -> httpx.Response | None:
        if is_list(request):
            return httpx.Response(200, json={"data": rows})
        if request.method == "GET":
            asked.append(request.url.path)
        if request.url.path.endswith(bad):
            raise httpx.ReadTimeout("it hangs")
        return None

    stage.provider_wire.meddle = meddle
    return asked


async def test_what_the_list_told_counts_whoever_cannot_be_read_alone(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()], public_url=None) as stage:
        (bad, hangs), (good, ends) = await started(stage, "One", "Two")
        hang(stage, hangs, {ends: "MODERATED"})
        await stage.wait(60, step=20)
        assert await stage.phase(good) is Phase.FAILED
        assert await stage.phase(bad) is Phase.RENDERING


async def test_one_that_is_not_listed_and_hangs_does_not_keep_the_others_from_their_turn(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=5)], public_url=None) as stage:
        (bad, hangs), *others = await started(stage, "One", "Two", "Three", "Four")
        hang(stage, hangs, {})
        await stage.wait(600, step=20)
        assert [await stage.phase(one) for one, _ in others] == [Phase.COMPLETED] * 3
        assert await stage.phase(bad) is Phase.RENDERING


async def test_no_more_than_one_that_hangs_is_waited_for_in_one_look(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()], public_url=None) as stage:
        (account,) = stage.tools.accounts.values()
        stem = "user:1234-pixverse:ops@example.com-video"
        names = [f"{stem}:{n}" for n in range(40)]
        asked = hang(stage, "", {names[7]: "QUEUED"})
        seen = await poll(stage.tools, account, names)
        assert len(asked) == 1
        assert seen.keys() == set(names)
        assert seen[names[7]] == Running(word="QUEUED")
        trouble = {one for name, one in seen.items() if name != names[7]}
        assert trouble == {Unseen(reason="mock.test: ReadTimeout")}


async def test_a_list_that_is_not_answered_tells_nothing_of_anybody(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()], public_url=None) as stage:
        (account,) = stage.tools.accounts.values()

        def meddle(_: httpx.Request) -> httpx.Response:
            raise httpx.ReadTimeout("it hangs")

        stage.provider_wire.meddle = meddle
        seen = await poll(stage.tools, account, ["a", "b"])
        assert seen == dict.fromkeys("ab", Unseen(reason="mock.test: ReadTimeout"))


@pytest.mark.parametrize("words", ["Internal server error", "Job not found", "Too many requests"])
async def test_an_answer_that_only_says_that_it_is_none_ends_no_job(
    tmp_path: Path, words: str
) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        ((job_id, _),) = await started(stage, "The bay", model=MODELS[0])
        odd = [httpx.Response(200, json={"success": False, "message": words})]
        stage.provider_wire.meddle = lambda one: odd.pop() if odd and one.method == "GET" else None
        await stage.wait(120, step=5)
        assert odd == []
        assert await stage.phase(job_id) is Phase.COMPLETED
