import msgspec
import pytest

from mockserver.verdict import RULES
from tests.mockserver.verdict.hand import HOOK, hand


async def test_a_good_client_is_called_so() -> None:
    async with hand() as it:
        await it.end_well(await it.made())
        it.world.assert_good_client(warnings_are_errors=True)
        verdict = it.world.verdict()
        assert verdict.is_good
        assert str(verdict) == "world default: a good client"


async def test_a_verdict_names_the_rule_and_the_requests_and_what_to_do() -> None:
    async with hand() as it:
        job = await it.made()
        await it.wait(15)
        await it.look(job)
        for _ in range(2):
            await it.wait(1)
            await it.look(job)
        await it.end_well(job)
        with pytest.raises(AssertionError) as failed:
            it.world.assert_good_client()
        text = str(failed.value)
        assert "world default: 1 error, 0 warnings" in text
        assert (
            "error polled-too-fast: job1 was looked at again too soon, 2 times: after 1 s at #7"
            in text
        )
        assert f"#5        15.0 s  GET /pictoryapis/v1/jobs/{job.id} → 200 (running)" in text
        assert RULES["polled-too-fast"].source in text
        assert f"instead: {RULES['polled-too-fast'].instead}" in text


async def test_many_lines_are_quoted_in_part() -> None:
    async with hand() as it:
        job = await it.made()
        for _ in range(30):
            await it.wait(1)
            await it.look(job)
        await it.end_well(job)
        assert "… 24 more" in str(it.world.verdict())
        assert len(str(it.world.verdict()).splitlines()) < 15


async def test_many_findings_of_a_rule_are_told_in_part() -> None:
    async with hand() as it:
        for number in range(8):
            await it.pictory(f"Film {number}")
        await it.wait(60)
        verdict = it.world.verdict()
        assert len(verdict.errors) == 8
        assert str(verdict).count("error gave-up-on-a-live-job:") == 5
        assert "gave-up-on-a-live-job: 3 more" in str(verdict)


async def test_warnings_fail_only_where_they_are_asked_to() -> None:
    async with hand() as it:
        it.answer = 500
        await it.end_well(await it.made(webhook=HOOK))
        it.world.assert_good_client()
        verdict = it.world.verdict()
        assert not verdict.errors
        assert len(verdict.warnings) == 1
        assert "callback (completed) → 500" in str(verdict)
        with pytest.raises(AssertionError, match="0 errors, 1 warning"):
            it.world.assert_good_client(warnings_are_errors=True)


async def test_a_rule_can_be_waived_by_its_name_and_by_no_other() -> None:
    async with hand() as it:
        await it.pictory()
        await it.wait(60)
        with pytest.raises(AssertionError):
            it.world.assert_good_client()
        it.world.assert_good_client(allow=["gave-up-on-a-live-job"])
        with pytest.raises(ValueError, match="no rule gave-up; there are: polled-too-fast"):
            it.world.assert_good_client(allow=["gave-up"])


async def test_judging_changes_nothing_and_can_be_told_as_json() -> None:
    async with hand("submit#1:accept-then-reset") as it:
        await it.pictory()
        await it.wait(60)
        before = it.world.journal.length
        verdict = it.world.verdict()
        assert msgspec.json.decode(msgspec.json.encode(verdict))["findings"][0]["rule"] == (
            "gave-up-on-a-live-job"
        )
        assert it.world.journal.length == before
        assert it.world.verdict() == verdict


async def test_a_fork_is_judged_by_the_same_past() -> None:
    async with hand() as it:
        job = await it.made()
        for _ in range(3):
            await it.look(job)
        assert it.world.verdict().errors
        assert it.world.fork("other").verdict().findings == it.world.verdict().findings
