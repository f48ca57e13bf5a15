"""What an inbox says of its sender: signatures, order, gaps, repeats, with lines of the journal."""

from collections.abc import Callable

import pytest

from mockserver.inbox import Inbox
from tests.mockserver.inbox.sending import Sender, event, sending

LATER = "2026-01-01T00:00:09.000Z"


def said(check: Callable[[], object]) -> list[str]:
    """What an assertion complains of; nothing where it holds."""
    try:
        check()
    except AssertionError as complaint:
        return str(complaint).splitlines()
    return []


def lines_of(sender: Sender) -> list[int]:
    return [one.n for one in sender.inbox.received]


@pytest.mark.parametrize("check", [Inbox.assert_verified, Inbox.assert_in_order, Inbox.assert_once])
async def test_where_nothing_has_come_in_nothing_is_asserted(
    check: Callable[[Inbox], None],
) -> None:
    async with sending() as sender:
        assert said(lambda: check(sender.inbox)) == ["inbox main: nothing has come in"]


# --- signatures


async def test_a_good_signature_gives_the_event() -> None:
    async with sending() as sender:
        await sender.world.advance(1000)
        await sender.post(event("video_7"))

        assert sender.inbox.verify(sender.inbox.received[0]) == event("video_7")
        sender.inbox.assert_verified()


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        ({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "is not signed with this inbox's"),
        ({"without": "webhook-signature"}, "has no webhook-signature"),
        ({"without": "webhook-id"}, "has no webhook-id"),
        ({"off": -301}, "is stamped 2025-12-31T23:54:59Z and came at 2026-01-01T00:00:00Z"),
        ({"off": 301}, "is stamped 2026-01-01T00:05:01Z and came at 2026-01-01T00:00:00Z"),
        ({"body": b"\xff"}, "or a body that is no text"),
    ],
)
async def test_a_bad_one_is_told_with_its_line(how: dict[str, object], complaint: str) -> None:
    async with sending() as sender:
        await sender.post(webhook_id="msg_0")
        await sender.post(**how)  # type: ignore[arg-type]

        (told,) = said(sender.inbox.assert_verified)
        assert told.startswith(f"inbox main: line {lines_of(sender)[1]} ")
        assert complaint in told


async def test_the_time_stamp_is_held_against_the_worlds_clock_as_far_as_is_asked() -> None:
    async with sending() as sender:
        await sender.world.advance(5000)
        await sender.post(off=-20)

        sender.inbox.assert_verified()
        sender.inbox.assert_verified(tolerance_seconds=20)
        assert said(lambda: sender.inbox.assert_verified(tolerance_seconds=19.5))


async def test_any_time_will_do_where_sender_and_world_share_no_calendar() -> None:
    async with sending() as sender:
        await sender.post(off=10**8)

        assert said(sender.inbox.assert_verified)
        sender.inbox.assert_verified(tolerance_seconds=None)


async def test_one_good_signature_among_several_is_enough() -> None:
    async with sending() as sender:
        good = (await sender.post()).request.headers["webhook-signature"]
        request = sender.http.build_request(
            "POST",
            "http://mock.test/inbox/main",
            content=(await sender.post()).request.content,
            headers={
                "webhook-id": "msg_1",
                "webhook-timestamp": "1767225600",
                "webhook-signature": f"v1,bm9uZQ== v1a,ZWQ= {good}",
            },
        )
        await sender.http.send(request)

        sender.inbox.assert_verified()


# --- order


async def test_events_of_a_video_may_share_a_moment_but_not_go_back() -> None:
    async with sending() as sender:
        await sender.post(event("a", timestamp=LATER), "msg_1")
        await sender.post(event("b"), "msg_2")
        await sender.post(event("a", timestamp=LATER), "msg_3")
        sender.inbox.assert_in_order()
        await sender.post(event("a"), "msg_4")

        first, second = lines_of(sender)[2:]
        assert said(sender.inbox.assert_in_order) == [
            f"inbox main: a: line {second} tells of an earlier time than line {first}"
        ]


@pytest.mark.parametrize("inner", [False, True])
async def test_sequence_numbers_must_not_go_back_either(inner: bool) -> None:  # noqa: FBT001
    async with sending() as sender:
        for number in (1, 3, 2):
            body = event("a") if inner else event("a", sequence=number)
            if inner:
                body["data"]["sequence"] = number
            await sender.post(body, f"msg_{number}")

        _, second, third = lines_of(sender)
        assert said(sender.inbox.assert_in_order) == [
            f"inbox main: a: line {third} has a lower sequence than line {second}"
        ]


async def test_that_an_old_event_is_tried_again_is_no_disorder_but_an_older_stamp_is() -> None:
    async with sending() as sender:
        await sender.world.advance(60)
        await sender.post(event("a"), "msg_1")
        await sender.post(event("a", timestamp=LATER), "msg_2")
        await sender.post(event("a"), "msg_1")
        sender.inbox.assert_in_order()
        await sender.post(event("a"), "msg_1", off=-9)

        _, _, third, fourth = lines_of(sender)
        assert said(sender.inbox.assert_in_order) == [
            f"inbox main: msg_1: line {fourth} is stamped before line {third}"
        ]


async def test_what_has_no_place_in_an_order_is_told() -> None:
    async with sending() as sender:
        await sender.post(b"no JSON", "msg_1")
        await sender.post({"data": {"id": "a"}}, "msg_2")
        await sender.post(event("a", timestamp="soon"), "msg_3")

        complaints = said(sender.inbox.assert_in_order)
        assert len(complaints) == 3
        assert all("cannot be put in order" in each for each in complaints)


async def test_the_key_says_what_belongs_together() -> None:
    async with sending() as sender:
        await sender.post(event("a", timestamp=LATER, about="x"), "msg_1")
        await sender.post(event("b", about="x"), "msg_2")

        sender.inbox.assert_in_order()
        assert said(lambda: sender.inbox.assert_in_order(lambda told: told["about"]))


# --- completeness


async def test_expected_events_must_have_been_taken_by_one_of_their_tries() -> None:
    async with sending() as sender:
        sender.inbox.script("500, 200, 500*2, 200")
        await sender.post(event("a"), "msg_1")
        await sender.post(event("a"), "msg_1")
        await sender.post(event("b", "video.failed"), "msg_2")
        await sender.post(event("b", "video.failed"), "msg_2")
        await sender.post(b"no JSON", "msg_3")
        expected = [
            ("video.completed", "a"),
            ("video.failed", "a"),
            ("video.failed", "b"),
            ("video.completed", "c"),
        ]

        sender.inbox.assert_no_gaps(expected[:1])
        _, _, third, fourth, _ = lines_of(sender)
        assert said(lambda: sender.inbox.assert_no_gaps(expected)) == [
            "inbox main: video.failed of a never came",
            f"inbox main: video.failed of b was never taken (lines {third}, {fourth})",
            "inbox main: video.completed of c never came",
        ]


async def test_a_webhook_has_one_body() -> None:
    async with sending() as sender:
        await sender.post(event("a"), "msg_1")
        await sender.post(event("a"), "msg_1")
        await sender.post(event("a", more=1), "msg_1")

        first, _, third = lines_of(sender)
        assert said(lambda: sender.inbox.assert_no_gaps([("video.completed", "a")])) == [
            f"inbox main: msg_1 came with two bodies (lines {first}, {third})"
        ]


async def test_once_is_tried_until_it_was_taken_and_not_after_that() -> None:
    async with sending() as sender:
        sender.inbox.script("500*2, 200")
        for _ in range(3):
            await sender.post(webhook_id="msg_1")
        sender.inbox.assert_once()
        await sender.post(webhook_id="msg_1")
        sender.inbox.script("500")
        await sender.post(webhook_id="msg_2")

        _, _, third, fourth, fifth = lines_of(sender)
        assert said(sender.inbox.assert_once) == [
            f"inbox main: msg_1 was taken 2 times (lines {third}, {fourth})",
            f"inbox main: msg_2 was never taken (line {fifth})",
        ]


async def test_webhooks_without_an_id_stand_for_themselves() -> None:
    async with sending() as sender:
        for _ in range(2):
            await sender.post(without="webhook-id")

        sender.inbox.assert_once()
        assert sender.inbox.pauses() == {f"line {n}": () for n in lines_of(sender)}
