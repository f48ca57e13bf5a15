import pytest

from mockserver import Account
from mockserver.verdict import double_charges, spent
from tests.mockserver.verdict.hand import HOOK, PNG, hand

OTHER_PNG = PNG[:-12] + b"\0" * 12


async def test_what_was_sent_again_after_a_lost_reply_is_charged_twice() -> None:
    async with hand("submit#1:accept-then-reset") as it:
        first = await it.made("A lighthouse at dusk")
        assert double_charges(it.world) == []
        await it.wait(30)
        second = await it.made("A lighthouse at dusk")
        (double,) = double_charges(it.world)
        assert double.kind == "again"
        assert double.jobs == (first.id, second.id)
        assert double.requests == (1, second.order.cause)
        assert double.amounts == (80, 80)
        with pytest.raises(AssertionError) as failed:
            it.world.assert_no_double_charge()
        text = str(failed.value)
        assert "charged twice for one wish: 'A lighthouse at dusk'" in text
        assert "#1 at 0 s" in text
        assert f"#{second.order.cause} at 30 s" in text
        assert text.count("80 tenths of an AI credit") == 2
        assert "the reply to #1: broken off [submit#1:accept-then-reset]" in text
        assert "rule: one wish is charged once" in text


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("submit#1:accept-then-cut", "cut off"),
        ("submit#1:accept-then-timeout", "never answered"),
        ("submit#1:accept-then-status=504", "504"),
        ("submit#1:late=20s", "200 after 20 s"),
    ],
)
async def test_the_message_tells_what_became_of_the_first_reply(fault: str, said: str) -> None:
    async with hand(fault) as it:
        await it.pixverse()
        await it.wait(30)
        await it.pixverse()
        assert f"the reply to #1: {said} [{fault}]" in str(double_charges(it.world)[0])


async def test_what_a_repeat_may_change_does_not_make_another_wish() -> None:
    accounts = (Account(email="a@example.com"), Account(email="b@example.com"))
    async with hand(accounts=accounts) as it:
        await it.pixverse(email="a@example.com", replyUrl=f"{HOOK}/1", replyRef="1")
        await it.pixverse(email="b@example.com", replyUrl=f"{HOOK}/2", replyRef="2", maxJobs=2)
        await it.pixverse()
        (double,) = double_charges(it.world)
        assert double.amounts == (45, 45, 45)
        assert "charged 3 times" in str(double)


@pytest.mark.parametrize("change", [{"seed": 2}, {"duration": 8}, {"prompt": "Another"}])
async def test_another_seed_or_length_or_prompt_is_another_wish(change: dict[str, object]) -> None:
    async with hand() as it:
        fields: dict[str, object] = {"prompt": "A lighthouse", "seed": 1}
        await it.pixverse(**fields)  # type: ignore[arg-type]
        await it.pixverse(**fields | change)  # type: ignore[arg-type]
        assert double_charges(it.world) == []
        await it.pixverse(**fields)  # type: ignore[arg-type]
        assert len(double_charges(it.world)) == 1


async def test_jobs_that_were_refunded_do_not_count() -> None:
    async with hand() as it:
        for _ in range(2):
            await it.pictory("A lighthouse [[mock fail=failed]]")
        await it.wait(20)
        assert len(double_charges(it.world)) == 1
        await it.world.run_until_idle()
        it.world.assert_no_double_charge()


async def test_the_same_picture_uploaded_twice_is_one_wish_and_another_picture_is_not() -> None:
    async with hand() as it:
        await it.pixverse(first_frame_path=await it.upload())
        await it.pixverse(first_frame_path=await it.upload(OTHER_PNG))
        assert double_charges(it.world) == []
        await it.pixverse(first_frame_path=await it.upload())
        (double,) = double_charges(it.world)
        assert len(double.jobs) == 2


async def test_a_picture_behind_two_links_is_one_picture_once_it_was_seen() -> None:
    async with hand() as it:
        await it.upload()
        path = await it.upload()
        for query in ("a", "b"):
            url = f"http://mock.test/media/{path}?token={query}"
            await it.made(firstFrameImageUrl=url)
        await it.wait(10)
        assert len(double_charges(it.world)) == 1


async def test_a_wish_that_went_to_another_provider_too_is_charged_twice() -> None:
    async with hand("submit#1:accept-then-reset") as it:
        first = await it.made("A lighthouse [[mock run=3s]]")
        second = await it.made_at_pixverse("A lighthouse", seed=3)
        (double,) = double_charges(it.world)
        assert double.kind == "elsewhere"
        assert double.jobs == (first.id, second.id)
        assert double.units == ("tenths of an AI credit", "credits")
        assert "for one wish, elsewhere" in str(double)
        assert "45 credits" in str(double)


async def test_a_wish_that_went_to_another_endpoint_too_is_charged_twice() -> None:
    async with hand() as it:
        await it.pixverse()
        await it.pixverse(endpoint="create")
        (double,) = double_charges(it.world)
        assert double.kind == "elsewhere"


async def test_two_seeds_or_two_pictures_are_two_wishes_elsewhere_too() -> None:
    async with hand() as it:
        await it.pixverse(seed=1)
        await it.pixverse(seed=2, endpoint="create")
        await it.pixverse(seed=1, endpoint="create", first_frame_path=await it.upload())
        assert double_charges(it.world) == []


async def test_what_was_spent_is_told_in_the_providers_unit() -> None:
    async with hand() as it:
        assert spent(it.world) == 0
        await it.pictory()
        await it.pictory("Another [[mock fail=failed]]")
        assert spent(it.world) == 160
        await it.world.run_until_idle()
        assert spent(it.world) == spent(it.world, "pictory") == 80
        it.world.assert_spent(exactly=80)
        it.world.assert_spent(at_most=80)
        it.world.assert_spent(exactly=0, provider="pixverse")
        with pytest.raises(AssertionError) as failed:
            it.world.assert_spent(at_most=79, exactly=70)
        text = str(failed.value)
        assert "spent at pictory: 80 tenths of an AI credit" in text
        assert "expected exactly 70 and at most 79" in text
        assert "refund of 80 tenths of an AI credit" in text


async def test_units_of_two_providers_are_not_added_up() -> None:
    async with hand() as it:
        await it.pictory()
        await it.pixverse()
        with pytest.raises(ValueError, match="pictory, pixverse were paid"):
            it.world.assert_spent(at_most=1000)
        it.world.assert_spent(at_most=45, provider="pixverse")
        with pytest.raises(ValueError, match="at_most"):
            it.world.assert_spent()
