import asyncio

import pytest

from mockserver import Account
from mockserver.verdict import RULES
from tests.mockserver.verdict.hand import HOOK, PNG, hand

GOOD: list[str] = []


def test_every_rule_says_what_is_known_and_what_to_do() -> None:
    for rule in RULES.values():
        assert rule.says
        assert rule.source
        assert rule.instead
    warnings = {name for name, rule in RULES.items() if rule.level == "warn"}
    assert warnings == {
        "never-fetched",
        "processed-a-duplicate-twice",
        "answered-a-callback-badly",
    }


async def test_a_job_that_is_watched_and_fetched_breaks_no_rule() -> None:
    async with hand() as it:
        await it.end_well(await it.made())
        await it.end_well(await it.made_at_pixverse())
        assert it.broken == GOOD


# --- polled-too-fast


async def test_looks_within_ten_seconds_are_too_fast() -> None:
    async with hand() as it:
        job = await it.made()
        for seconds in (15, 1, 1):
            await it.wait(seconds)
            await it.look(job)
        await it.end_well(job)
        assert it.broken == ["polled-too-fast"]
        polls = [line.n for line in it.world.journal.requests if line.act == "poll"]
        assert it.requests_of("polled-too-fast") == tuple(polls[:3])


async def test_one_look_that_comes_too_soon_may_be_that_of_a_program_started_anew() -> None:
    async with hand() as it:
        job = await it.made()
        await it.look(job)
        await it.look(job)
        await it.end_well(job)
        assert it.broken == GOOD


async def test_looks_ten_seconds_apart_are_slow_enough() -> None:
    async with hand() as it:
        job = await it.made()
        for _ in range(5):
            await it.look(job)
            await it.wait(10)
        await it.end_well(job)
        assert it.broken == GOOD


async def test_a_look_may_follow_a_failed_one_at_once() -> None:
    async with hand("poll#1:reset", "poll#2:status=503", "poll#3:garble") as it:
        job = await it.made()
        await it.wait(15)
        for _ in range(4):
            await it.look(job)
            await it.wait(1)
        await it.end_well(job)
        assert it.broken == GOOD


async def test_a_look_may_follow_a_callback_at_once() -> None:
    async with hand() as it:
        job = await it.made(webhook=HOOK)
        await it.wait(49)
        await it.look(job)
        await it.wait(1)
        await it.end_well(job)
        assert it.broken == GOOD


async def test_lists_are_looks_too_but_not_those_around_a_submit() -> None:
    async with hand() as it:
        await it.list_("pixverse")
        job = await it.made_at_pixverse()
        await it.list_("pixverse")
        await it.list_("pixverse", "?offset=1")
        assert it.broken == GOOD
        await it.wait(5)
        await it.list_("pixverse")
        assert it.broken == GOOD
        await it.wait(5)
        await it.list_("pixverse")
        await it.end_well(job)
        assert it.broken == ["polled-too-fast"]


async def test_time_that_each_look_moves_says_nothing_of_the_client() -> None:
    async with hand(clock="per-poll", poll_seconds=5) as it:
        job = await it.made()
        left = await it.made("Another one")
        while not (job.ended and left.ended):
            await it.look(job)
        await it.look(left)
        for each in (job, left):
            await it.fetch(each)
        for _ in range(3):
            await it.list_("pixverse")
        assert it.broken == GOOD


async def test_who_looks_at_one_job_moves_the_time_of_all_and_neglects_none() -> None:
    async with hand(clock="per-poll", poll_seconds=200) as it:
        await it.made("A lighthouse [[mock run=1h]]")
        job = await it.made("Another one [[mock run=10m]]")
        while not job.ended:
            await it.look(job)
        await it.fetch(job)
        assert it.broken == GOOD
        await it.world.run_until_idle()
        assert it.broken == ["gave-up-on-a-live-job"]


async def test_time_that_skips_by_itself_says_nothing_of_the_client() -> None:
    async with hand() as it:
        job = await it.made()
        for _ in range(3):
            await it.look(job)
        await it.end_well(job)
        assert it.broken == ["polled-too-fast"]
        it.world.settings = type(it.world.settings)(clock="auto-skip")
        assert it.broken == GOOD


# --- ignored-wait


@pytest.mark.parametrize(("seconds", "broken"), [(5, ["ignored-wait"]), (10, GOOD)])
async def test_a_429_is_waited_out_for_ten_seconds(seconds: float, broken: list[str]) -> None:
    async with hand("submit#1:status=429") as it:
        await it.pictory()
        await it.wait(seconds)
        await it.end_well(await it.made())
        assert it.broken == broken


@pytest.mark.parametrize(("seconds", "broken"), [(30, ["ignored-wait"]), (60, GOOD)])
async def test_a_429_is_waited_out_for_as_long_as_it_says(
    seconds: float, broken: list[str]
) -> None:
    async with hand("submit#1:status=429 retry-after=60") as it:
        await it.pictory()
        await it.wait(seconds)
        await it.end_well(await it.made("Another one"))
        assert it.broken == broken


async def test_a_429_to_a_look_that_says_when_is_obeyed_as_well() -> None:
    async with hand("poll#1:status=429 retry-after=60") as it:
        job = await it.made()
        await it.look(job)
        await it.wait(59)
        await it.look(job)
        await it.fetch(job)
        assert it.broken == ["ignored-wait"]


async def test_hammering_on_a_busy_account_is_one_finding() -> None:
    async with hand("submit#1-5:status=429") as it:
        for _ in range(6):
            await it.pictory()
            await it.wait(1)
        await it.end_well(next(iter(it.world.jobs)))
        assert it.broken == ["ignored-wait"]
        assert len(it.requests_of("ignored-wait")) == 6


async def test_an_order_that_was_sent_before_the_429_came_could_not_know_of_it() -> None:
    async with hand("submit#1:slow=5s", "submit#1:status=429") as it:
        await it.left_waiting(it.pictory())
        await it.wait(2)
        job = await it.made("Another one")
        await it.wait(3)
        await it.end_well(job)
        assert it.broken == GOOD


async def test_orders_of_one_burst_cannot_know_that_one_of_them_is_refused() -> None:
    async with hand("submit#1:status=429") as it:
        await it.pictory()
        await it.end_well(await it.made("Another one"))
        assert it.broken == GOOD


async def test_a_job_that_ends_makes_room_before_the_wait_is_over() -> None:
    async with hand("submit#2:status=429") as it:
        job = await it.made()
        await it.wait(49)
        await it.pictory("Another one")
        await it.wait(1)
        await it.look(job)
        await it.fetch(job)
        await it.end_well(await it.made("Another one"))
        assert it.broken == GOOD


async def test_a_busy_account_does_not_keep_others_from_being_used() -> None:
    accounts = (Account(email="a@example.com"), Account(email="b@example.com"))
    async with hand("submit#1:status=429", accounts=accounts) as it:
        await it.pixverse(email="a@example.com")
        await it.wait(1)
        await it.end_well(await it.made_at_pixverse(email="b@example.com"))
        assert it.broken == GOOD
        it.world.fail_next("submit:status=429")
        await it.pixverse(email="a@example.com")
        await it.wait(1)
        await it.pixverse(email="a@example.com")
        assert it.broken == ["ignored-wait"]


# --- retried-the-unretryable


@pytest.mark.parametrize("status", [400, 401, 402, 403, 412, 422, 596])
async def test_a_refusal_for_good_is_not_to_be_tried_again(status: int) -> None:
    async with hand(f"submit#1:status={status}") as it:
        await it.pixverse()
        await it.wait(20)
        await it.end_well(await it.made_at_pixverse())
        assert it.broken == ["retried-the-unretryable"]
        assert it.requests_of("retried-the-unretryable") == (1, 3)


async def test_another_order_may_follow_a_refusal() -> None:
    async with hand("submit#1:status=422") as it:
        await it.pixverse("Something bad")
        await it.end_well(await it.made_at_pixverse("Something good"))
        assert it.broken == GOOD


async def test_an_account_that_was_configured_anew_may_be_tried_again() -> None:
    async with hand("submit#1:status=596") as it:
        await it.pixverse()
        await it.configure()
        await it.end_well(await it.made_at_pixverse())
        assert it.broken == GOOD


async def test_another_account_may_be_tried_where_one_has_no_credits() -> None:
    accounts = (Account(email="a@example.com"), Account(email="b@example.com"))
    async with hand("submit#1:status=412", accounts=accounts) as it:
        await it.pixverse(email="a@example.com")
        await it.end_well(await it.made_at_pixverse(email="b@example.com"))
        assert it.broken == GOOD


async def test_an_order_that_is_taken_after_all_shows_that_something_had_changed() -> None:
    async with hand() as it:
        key, it.keys["pictory"] = it.keys["pictory"], "nonsense"
        await it.pictory()
        it.keys["pictory"] = key
        await it.end_well(await it.made())
        assert it.broken == GOOD


async def test_a_picture_that_was_refused_is_not_to_be_sent_again() -> None:
    async with hand() as it:
        await it.upload(b"no picture")
        await it.upload(b"another one")
        assert it.broken == GOOD
        await it.wait(1)
        await it.upload(b"no picture")
        assert it.broken == ["retried-the-unretryable"]


async def test_a_new_boundary_does_not_make_another_order_of_a_form() -> None:
    async with hand("submit:status=422") as it:
        for _ in range(4):
            form = {"prompt": (None, "Something bad")}
            await it.ask("POST", "/v2/pixverse/videos/create-v4", files=form)
            await it.wait(20)
        assert it.broken == ["retried-the-unretryable"]
        assert len(it.requests_of("retried-the-unretryable")) == 4


async def test_a_new_boundary_does_not_make_another_picture_of_a_form() -> None:
    async with hand("upload:status=422") as it:
        one, other = ({"file": ("a.png", data, "image/png")} for data in (PNG, b"another one"))
        for form in (one, other):
            await it.ask("POST", "/v2/pixverse/files", files=form)
            await it.wait(20)
        assert it.broken == GOOD
        await it.ask("POST", "/v2/pixverse/files", files=one)
        assert it.broken == ["retried-the-unretryable"]


async def test_headers_that_ask_for_nothing_else_do_not_mend_a_refusal() -> None:
    async with hand("submit:status=422") as it:
        for number in range(4):
            headers = {"idempotency-key": str(number), "user-agent": f"client/{number}"}
            body = {"prompt": "Something bad"}
            path = "/v2/pixverse/videos/create-v4"
            await it.ask("POST", path, json=body, headers=headers)
            await it.wait(20)
        assert it.broken == ["retried-the-unretryable"]


async def test_another_content_type_may_mend_a_refusal() -> None:
    async with hand("submit:status=400") as it:
        for kind in ("text/plain", "application/json"):
            path, body = "/v2/pixverse/videos/create-v4", b'{"prompt":"A lighthouse"}'
            await it.ask("POST", path, content=body, headers={"content-type": kind})
            await it.wait(20)
        assert it.broken == GOOD


async def test_a_repeat_that_was_sent_before_the_refusal_came_could_not_know_of_it() -> None:
    async with hand("submit:late=5s", "submit:status=422") as it:
        first = asyncio.create_task(it.pixverse())
        await it.wait(1)
        second = asyncio.create_task(it.pixverse())
        await it.wait(10)
        await asyncio.gather(first, second)
        assert "retried-the-unretryable" not in it.broken


@pytest.mark.parametrize(("count", "broken"), [(2, GOOD), (3, ["retried-the-unretryable"])])
async def test_two_of_one_moment_may_have_crossed_but_no_more(
    count: int, broken: list[str]
) -> None:
    async with hand("submit:status=422") as it:
        for _ in range(count):
            await it.pixverse()
        assert it.broken == broken


async def test_credits_that_came_back_may_be_used() -> None:
    async with hand(credits=80) as it:
        first = await it.made("A lighthouse [[mock fail=failed]]")
        await it.pictory("Another one")
        await it.end_well(first)
        await it.end_well(await it.made("Another one"))
        assert it.broken == GOOD


# --- resubmitted-after-unknown


LOST = [
    "submit#1:accept-then-reset",
    "submit#1:accept-then-cut",
    "submit#1:accept-then-timeout",
    "submit#1:accept-then-status=502",
    "submit#1:garble",
    "submit#1:reset",
    "submit#1:timeout",
    "submit#1:status=503",
]


@pytest.mark.parametrize("fault", LOST)
async def test_what_may_have_been_taken_is_not_sent_again(fault: str) -> None:
    async with hand(fault) as it:
        lost = await it.pictory()
        await it.wait(20)
        for job in (lost, await it.made()):
            if job is not None:
                await it.end_well(job)
        assert it.broken == ["resubmitted-after-unknown"]
        assert it.world.verdict().findings[0].requests[0] == 1


@pytest.mark.parametrize("fault", LOST[-3:])
async def test_what_no_list_shows_may_be_sent_again(fault: str) -> None:
    async with hand(fault) as it:
        await it.pictory()
        await it.wait(60)
        await it.list_()
        await it.end_well(await it.made())
        assert it.broken == GOOD


async def test_a_refusal_that_came_late_was_a_refusal() -> None:
    async with hand() as it:
        it.world.fail_next("submit#1:slow=20s")
        await it.pictory("A lighthouse [[mock throttle=1]]")
        await it.wait(40)
        await it.end_well(await it.made("A lighthouse [[mock throttle=1]]"))
        assert it.broken == GOOD


async def test_an_order_whose_reply_came_too_late_is_not_sent_again() -> None:
    async with hand("submit#1:late=20s") as it:
        first = await it.made()
        await it.wait(40)
        for job in (await it.made(), first):
            await it.end_well(job)
        assert it.broken == ["resubmitted-after-unknown"]


@pytest.mark.parametrize(("pause", "broken"), [(30, GOOD), (0, ["resubmitted-after-unknown"])])
async def test_what_made_pictory_stumble_may_be_sent_once_more_after_a_pause(
    pause: float, broken: list[str]
) -> None:
    async with hand("submit#1:status=500") as it:
        await it.pictory()
        await it.wait(pause)
        await it.end_well(await it.made())
        assert it.broken == broken


async def test_what_made_pictory_stumble_twice_is_not_sent_a_third_time() -> None:
    async with hand("submit#1-2:status=500") as it:
        for _ in range(2):
            await it.pictory()
            await it.wait(30)
        assert it.broken == GOOD
        await it.end_well(await it.made())
        assert it.broken == ["resubmitted-after-unknown"]


async def test_only_pictory_asks_for_a_repeat() -> None:
    async with hand("submit#1:status=500") as it:
        await it.pixverse()
        await it.wait(30)
        await it.end_well(await it.made_at_pixverse())
        assert it.broken == ["resubmitted-after-unknown"]


async def test_an_order_that_was_taken_in_spite_of_its_500_is_paid_twice() -> None:
    async with hand("submit#1:accept-then-status=500") as it:
        first = await it.made()
        await it.wait(30)
        for job in (first, await it.made()):
            await it.end_well(job)
        assert it.broken == ["resubmitted-after-unknown"]
        with pytest.raises(AssertionError, match="charged twice"):
            it.world.assert_no_double_charge()


async def test_a_list_that_told_nothing_clears_nothing() -> None:
    async with hand("submit#1:reset", "list#1:garble", "list#2:reset", "list#3:status=500") as it:
        await it.pictory()
        for _ in range(3):
            await it.wait(60)
            await it.list_()
        await it.end_well(await it.made())
        assert it.broken == ["resubmitted-after-unknown"]


async def test_a_list_that_was_looked_at_while_the_order_was_under_way_clears_nothing() -> None:
    async with hand("submit#1:slow=60s") as it:
        await it.pictory()
        await it.wait(30)
        await it.list_()
        second = await it.made()
        await it.wait(30)
        first = next(job for job in it.world.jobs if job is not second)
        await it.end_well(first)
        await it.end_well(second)
        assert it.broken == ["resubmitted-after-unknown"]
        with pytest.raises(AssertionError, match="charged twice"):
            it.world.assert_no_double_charge()


async def test_a_job_that_a_list_showed_is_to_be_adopted() -> None:
    async with hand("submit#1:accept-then-reset") as it:
        await it.made()
        await it.wait(60)
        await it.list_()
        for job in (await it.made(), next(iter(it.world.jobs))):
            await it.end_well(job)
        assert it.broken == ["resubmitted-after-unknown"]


async def test_the_same_may_be_ordered_once_more_after_the_first_was_adopted() -> None:
    async with hand("submit#1:accept-then-reset") as it:
        first = await it.made()
        await it.wait(60)
        await it.list_()
        await it.end_well(first)
        await it.end_well(await it.made())
        assert it.broken == GOOD


async def test_the_same_may_be_ordered_once_more_after_the_first_has_failed() -> None:
    async with hand("submit#1:accept-then-reset") as it:
        await it.made("A lighthouse [[mock fail=failed]]")
        await it.wait(60)
        await it.list_()
        await it.end_well(await it.made("A lighthouse [[mock fail=failed]]"))
        assert it.broken == GOOD


async def test_a_picture_uploaded_anew_does_not_make_another_order_of_it() -> None:
    async with hand("submit#1:reset") as it:
        for _ in range(2):
            await it.pixverse(first_frame_path=await it.upload())
            await it.wait(20)
        await it.end_well(next(iter(it.world.jobs)))
        assert it.broken == ["resubmitted-after-unknown"]


# --- polled-a-dead-job


async def test_a_job_is_not_looked_at_any_more_after_its_end() -> None:
    async with hand() as it:
        job = await it.made()
        await it.end_well(job)
        await it.wait(15)
        await it.look(job)
        assert it.broken == ["polled-a-dead-job"]


@pytest.mark.parametrize(
    "fault", ["poll#1:reset", "poll#1:cut", "poll#1:late=20s", "poll#1:late=7s"]
)
async def test_who_did_not_hear_of_the_end_may_look_again(fault: str) -> None:
    async with hand(fault) as it:
        job = await it.made()
        await it.wait(60)
        await it.look(job)
        await it.wait(30)
        await it.look(job)
        await it.fetch(job)
        assert it.broken == GOOD


async def test_a_callback_or_a_broken_link_is_reason_to_look_once_more() -> None:
    async with hand("callback:delay=30s", link_seconds=20) as it:
        job = await it.made(webhook=HOOK)
        await it.wait(50)
        await it.look(job)
        await it.fetch(job)
        await it.wait(30)
        await it.look(job)
        assert it.broken == GOOD
        assert (await it.fetch(job)).status_code == 404  # type: ignore[union-attr]
        await it.wait(15)
        await it.look(job)
        assert it.broken == GOOD


async def test_two_looks_of_one_moment_may_have_crossed() -> None:
    async with hand() as it:
        job = await it.made()
        await it.end_well(job)
        await it.look(job)
        assert "polled-a-dead-job" not in it.broken
        await it.look(job)
        assert "polled-a-dead-job" in it.broken


# --- gave-up-on-a-live-job


async def test_an_end_that_nobody_heard_of_is_a_job_given_up() -> None:
    async with hand("poll#1:reset") as it:
        job = await it.made()
        await it.wait(15)
        await it.look(job)
        assert it.broken == GOOD
        await it.world.run_until_idle()
        assert it.broken == ["gave-up-on-a-live-job"]
        assert len(it.requests_of("gave-up-on-a-live-job")) == 2


async def test_who_looked_a_moment_ago_has_not_given_up_though_nothing_is_due() -> None:
    async with hand() as it:
        job = await it.made()
        for _ in range(3):
            await it.wait(15)
            await it.look(job)
        await it.wait(6)
        assert it.broken == GOOD
        await it.wait(25)
        assert it.broken == ["gave-up-on-a-live-job"]


async def test_a_job_that_lives_long_is_not_to_be_left_alone() -> None:
    async with hand() as it:
        job = await it.made("A lighthouse [[mock run=1h]]")
        await it.wait(300)
        assert it.broken == GOOD
        await it.wait(1)
        assert it.broken == ["gave-up-on-a-live-job"]
        await it.look(job)
        assert it.broken == GOOD


async def test_an_end_that_a_late_callback_will_tell_of_is_to_be_asked_for_before() -> None:
    async with hand("callback:delay=10m") as it:
        job = await it.made(webhook=HOOK)
        await it.wait(300)
        assert it.broken == GOOD
        await it.wait(1)
        assert it.broken == ["gave-up-on-a-live-job"]
        await it.end_well(job)
        assert it.broken == GOOD


async def test_a_callback_that_was_taken_tells_of_the_end() -> None:
    async with hand() as it:
        job = await it.made(webhook=HOOK)
        await it.wait(50)
        await it.fetch(job)
        assert it.broken == GOOD


async def test_a_callback_that_was_refused_tells_of_nothing() -> None:
    async with hand() as it:
        it.answer = 500
        await it.made(webhook=HOOK)
        await it.wait(50)
        assert it.broken == ["gave-up-on-a-live-job", "answered-a-callback-badly"]


async def test_a_lost_order_that_nobody_looked_for_is_given_up() -> None:
    async with hand("submit#1:accept-then-reset") as it:
        await it.pictory()
        await it.wait(60)
        assert it.broken == ["gave-up-on-a-live-job"]


async def test_a_job_that_is_tracked_no_more_may_be_forgotten() -> None:
    async with hand() as it:
        job = await it.made_at_pixverse()
        await it.ask("DELETE", f"/v2/pixverse/scheduler/{job.id}")
        await it.wait(60)
        assert it.broken == GOOD


# --- never-fetched


async def test_a_film_that_is_paid_is_to_be_fetched() -> None:
    async with hand() as it:
        job = await it.made()
        await it.wait(50)
        await it.look(job)
        assert it.broken == ["never-fetched"]
        await it.fetch(job, "last.png")
        assert it.broken == ["never-fetched"]
        await it.fetch(job)
        assert it.broken == GOOD


async def test_a_film_that_is_asked_for_too_late_is_not_fetched() -> None:
    async with hand(link_seconds=30) as it:
        job = await it.made()
        await it.wait(50)
        await it.look(job)
        await it.wait(60)
        await it.fetch(job)
        assert it.broken == ["never-fetched"]
        assert "60 s after the end" in str(it.world.verdict())


async def test_a_film_that_another_one_continues_has_served() -> None:
    async with hand() as it:
        first = await it.made_at_pixverse()
        await it.wait(50)
        await it.look(first)
        second = await it.made_at_pixverse(endpoint="extend-v3", video_id=first.id)
        await it.end_well(second)
        assert it.broken == GOOD


async def test_a_failed_job_has_no_film_to_fetch() -> None:
    async with hand() as it:
        await it.end_well(await it.made("A lighthouse [[mock fail=failed]]"))
        assert it.broken == GOOD


# --- exceeded-max-jobs


async def test_own_jobs_are_to_be_counted() -> None:
    async with hand(max_jobs=2) as it:
        jobs = [await it.made_at_pixverse(f"Film {number}") for number in range(2)]
        assert it.broken == GOOD
        await it.pixverse("One too many")
        for job in jobs:
            await it.end_well(job)
        assert it.broken == ["exceeded-max-jobs"]


async def test_jobs_that_have_ended_do_not_count() -> None:
    async with hand(max_jobs=1) as it:
        for number in range(3):
            await it.end_well(await it.made_at_pixverse(f"Film {number}"))
        assert it.broken == GOOD


async def test_a_job_of_unknown_outcome_counts() -> None:
    async with hand("submit#1:accept-then-reset", max_jobs=1) as it:
        await it.pixverse("Film 1")
        await it.wait(10)
        await it.pixverse("Film 2")
        await it.end_well(next(iter(it.world.jobs)))
        assert it.broken == ["exceeded-max-jobs"]


async def test_the_limit_is_the_one_that_was_configured_last_or_sent_along() -> None:
    async with hand(max_jobs=1) as it:
        await it.configure(max_jobs=2)
        first = await it.made_at_pixverse("Film 1")
        second = await it.made_at_pixverse("Film 2")
        third = await it.made_at_pixverse("Film 3", maxJobs=3)
        for job in (first, second, third):
            await it.end_well(job)
        assert it.broken == GOOD


async def test_several_accounts_have_room_for_the_sum() -> None:
    accounts = tuple(Account(email=f"{name}@example.com", max_jobs=1) for name in "ab")
    async with hand(accounts=accounts) as it:
        jobs = [await it.made_at_pixverse(f"Film {number}") for number in range(2)]
        assert it.broken == GOOD
        await it.pixverse("One too many")
        for job in jobs:
            await it.end_well(job)
        assert it.broken == ["exceeded-max-jobs"]


# --- sent-exclusive-fields


async def test_fields_that_exclude_each_other_are_not_sent_together() -> None:
    async with hand() as it:
        url = "https://example.com/a.png"
        await it.end_well(await it.made(firstFrameImageUrl=url))
        assert it.broken == GOOD
        await it.pictory(firstFrameImageUrl=url, referenceImageUrls=[url])
        assert it.broken == ["sent-exclusive-fields"]


async def test_an_extension_continues_one_film_only() -> None:
    async with hand() as it:
        await it.pixverse(endpoint="extend-v3", video_id="a", video_path="b")
        assert it.broken == ["sent-exclusive-fields"]


# --- used-a-held-account


async def test_an_account_on_hold_is_not_to_be_used() -> None:
    async with hand("submit#1:status=596") as it:
        await it.pixverse("Film 1")
        await it.wait(10)
        await it.end_well(await it.made_at_pixverse("Film 2"))
        assert it.broken == ["used-a-held-account"]


async def test_who_has_not_been_told_of_a_hold_may_use_the_account() -> None:
    async with hand("submit#1:late=5s", "submit#1-2:status=596") as it:
        first = asyncio.create_task(it.pixverse("Film 1"))
        await it.wait(1)
        await it.pixverse("Film 2")
        await it.wait(10)
        await first
        assert it.broken == GOOD
        await it.pixverse("Film 3")
        assert it.broken == ["used-a-held-account"]


async def test_an_account_that_was_mended_and_the_other_ones_may_be_used() -> None:
    accounts = (Account(email="a@example.com"), Account(email="b@example.com"))
    async with hand("submit#1:status=596", accounts=accounts) as it:
        await it.pixverse("Film 1", email="a@example.com")
        await it.wait(10)
        await it.end_well(await it.made_at_pixverse("Film 2", email="b@example.com"))
        await it.configure("a@example.com")
        await it.end_well(await it.made_at_pixverse("Film 3", email="a@example.com"))
        assert it.broken == GOOD


# --- trusted-a-forged-callback


async def test_the_link_of_a_forged_callback_is_not_to_be_followed() -> None:
    async with hand("callback:forge") as it:
        job = await it.made(webhook=HOOK)
        await it.wait(50)
        await it.ask("GET", f"/media/forged-{job.order.media_name}.mp4")
        await it.end_well(job)
        assert it.broken == ["trusted-a-forged-callback"]


async def test_who_is_told_of_an_end_by_a_callback_asks_the_provider() -> None:
    async with hand("callback#1:forge") as it:
        job = await it.made_at_pixverse(replyUrl=HOOK)
        await it.wait(50)
        assert it.broken == ["trusted-a-forged-callback", "never-fetched"]
        await it.end_well(job)
        assert it.broken == GOOD


async def test_a_forged_callback_that_comes_after_the_end_changes_nothing() -> None:
    async with hand("callback:forge") as it:
        it.answer = 404
        job = await it.made(webhook=HOOK)
        await it.wait(50)
        await it.end_well(job)
        assert it.broken == ["answered-a-callback-badly"]
        assert len(it.world.verdict().findings) == 1


# --- processed-a-duplicate-twice


async def test_a_film_is_fetched_once_however_often_its_end_is_told() -> None:
    async with hand("callback:duplicate=2") as it:
        job = await it.made(webhook=HOOK)
        await it.wait(50)
        await it.end_well(job)
        assert it.broken == GOOD
        await it.fetch(job)
        assert it.broken == ["processed-a-duplicate-twice"]


async def test_a_film_that_came_broken_may_be_fetched_again() -> None:
    async with hand("callback:duplicate=2", "download#1:truncate", "download#2:cut") as it:
        job = await it.made(webhook=HOOK)
        await it.wait(50)
        for _ in range(3):
            await it.look(job)
            await it.fetch(job)
            await it.wait(15)
        assert it.broken == GOOD


# --- answered-a-callback-badly


async def test_a_callback_is_to_be_taken() -> None:
    async with hand() as it:
        it.answer = 503
        job = await it.made(webhook=HOOK)
        await it.wait(50)
        await it.end_well(job)
        assert it.broken == ["answered-a-callback-badly"]


async def test_a_callback_that_the_mock_never_sent_is_nobodys_fault() -> None:
    async with hand("callback:drop") as it:
        await it.end_well(await it.made(webhook=HOOK))
        it.world.fail_next("callback:dead")
        await it.end_well(await it.made("Another one", webhook=HOOK))
        await it.end_well(await it.made("A third one", webhook="https://example.com/hook"))
        assert it.broken == GOOD
