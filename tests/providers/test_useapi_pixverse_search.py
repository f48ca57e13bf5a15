"""useapi.net's lists, row by row: whose video is which, and when nobody can tell."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers._search import MAX_PAGES
from providers.contract import (
    Account,
    HttpRequest,
    HttpResponse,
    Lost,
    Mode,
    Role,
    Search,
    Secret,
    VideoSpec,
    replay,
)
from providers.useapi_pixverse import VIDEO_ID, reconcile
from providers.useapi_pixverse.table import LIST_LIMIT
from tests.providers.search_support import SENT_AT, answered, assert_sound, ok
from tests.strategies import CALM, account, json_values, objects, responses

KEY = "user:1234-do-not-show"
OWNER = account("useapi-pixverse", key=Secret(KEY))
MINUTE = 60_000_000
NOW, EARLY = "2026-01-01T00:00:00Z", "2025-12-31T23:55:00Z"
DOUBTED, OLD = ("2025-12-31T23:54:59Z", "2025-12-31T23:35:00Z"), "2025-12-31T23:34:59Z"
SPEC = VideoSpec(model="v4", mode=Mode.TEXT, prompt="A quiet lake", seconds=5, seed=7)
BROKEN = HttpResponse(status=503, body=b'{"error": "later"}')


def video(n: int = 1, email: str = "ops@example.com") -> str:
    return f"user:1234-pixverse:{email}-video:{n}"


def lost(n: int = 1, sent_at: int = SENT_AT, **changes: Any) -> Lost:
    inputs, drawn = changes.pop("inputs", {}), changes.pop("drawn", False)
    spec = msgspec.structs.replace(SPEC, **changes)
    return Lost(reference=f"att_{n}", spec=spec, inputs=inputs, sent_at=sent_at, drawn=drawn)


def row(n: int = 1, **changes: Any) -> dict[str, Any]:
    told = {
        "video_id": video(n),
        "created_at": NOW,
        "prompt": "A quiet lake",
        "seed": 7,
        "model": "v4",
        **changes,
    }
    return {name: value for name, value in told.items() if value is not None}


def iso(at: int) -> str:
    return (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at)).isoformat()


def search(
    rows: Sequence[object],
    *attempts: Lost,
    executing: Sequence[object] = (),
    owned: Collection[str] = (),
    owner: Account = OWNER,
) -> Search:
    answers = [ok({"executing": executing, "available": []}), ok({"data": rows})]
    found, _ = replay(reconcile(owner, attempts or (lost(),), owned), answers)
    return found


def summary(found: Search) -> tuple[dict[str, str], tuple[str, ...], bool]:
    return {one.reference: one.remote_id for one in found.found}, found.suspects, found.whole


CAPITAL, ELSEWHERE, MASKED = (
    video(email=email) for email in ("OPS@Example.com", "b@example.com", "o***@example.com")
)
PICTURE = video().replace("-video:", "-image:")
FOUND: Any = ({"att_1": video()}, (), True)
SUSPECTED: Any = ({}, (video(),), True)
NOBODYS: Any = ({}, (), True)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({}, FOUND),
        ({"model": ""}, FOUND),
        ({"model": None}, FOUND),
        ({"seed": "7"}, FOUND),
        ({"prompt": " A  quiet\nlake "}, FOUND),
        ({"created_at": EARLY}, FOUND),
        ({"created_at": "2026-01-01T05:00:00+05:00"}, FOUND),
        ({"created_at": DOUBTED[0]}, SUSPECTED),
        ({"created_at": DOUBTED[1]}, SUSPECTED),
        ({"created_at": DOUBTED[0], "prompt": "A loud lake", "seed": 8}, NOBODYS),
        ({"created_at": DOUBTED[0], "replyRef": "att_1"}, FOUND),
        ({"created_at": OLD}, NOBODYS),
        ({"created_at": None}, SUSPECTED),
        ({"created_at": "yesterday"}, SUSPECTED),
        ({"model": "v3.5"}, SUSPECTED),
        ({"seed": 8}, SUSPECTED),
        ({"seed": 0}, SUSPECTED),
        ({"seed": None}, SUSPECTED),
        ({"prompt": "A loud lake"}, SUSPECTED),
        ({"prompt": None}, SUSPECTED),
        ({"prompt": {"a": 1}, "seed": 8}, SUSPECTED),
        ({"prompt": "A loud lake", "seed": 8}, NOBODYS),
        ({"prompt": "A loud lake", "seed": 0}, NOBODYS),
        ({"replyRef": "att_1", "prompt": "", "seed": 0, "created_at": None}, FOUND),
        ({"replyRef": "somebody-elses"}, NOBODYS),
        ({"replyRef": ""}, FOUND),
        ({"video_id": CAPITAL}, ({"att_1": CAPITAL}, (), True)),
        ({"video_id": ELSEWHERE}, ({}, (ELSEWHERE,), True)),
        ({"video_id": MASKED}, ({}, (MASKED,), True)),
        ({"video_id": "../../etc"}, ({}, ("../../etc",), True)),
        ({"video_id": 12345}, ({}, ("12345",), True)),
        ({"video_id": None}, ({}, (), False)),
    ],
)  # fmt: skip
def test_a_video_is_an_attempts_a_suspect_or_nobodys(
    change: Mapping[str, Any], outcome: object
) -> None:
    assert summary(search([row(**change)])) == outcome


@pytest.mark.parametrize(
    ("entry", "outcome"),
    [
        ({"id": video(), "replyRef": "att_1"}, FOUND),
        ({"video_id": video(), "replyRef": "att_1"}, FOUND),
        ({"id": video(), "replyRef": "att_2"}, NOBODYS),
        ({"id": video(), "replyRef": ""}, NOBODYS),
        ({"id": ELSEWHERE, "replyRef": "att_1"}, ({}, (ELSEWHERE,), True)),
        ({"id": PICTURE, "replyRef": "att_1"}, ({}, (PICTURE,), True)),
        ({"replyRef": "att_1"}, ({}, (), False)),
        ("att_1", ({}, (), False)),
    ],
)  # fmt: skip
def test_the_scheduler_tells_by_reference(entry: object, outcome: object) -> None:
    assert summary(search([], executing=[entry])) == outcome


def test_a_reference_of_the_scheduler_holds_for_the_row_of_the_same_video() -> None:
    running = {"id": video(), "replyRef": "another attempt's, still being answered"}
    assert summary(search([row()], executing=[running])) == NOBODYS
    running = {"id": video(), "replyRef": "att_1"}
    told = search([row(seed=0)], executing=[running])
    assert (summary(told), told.doubles) == (FOUND, ())


def test_what_another_attempt_owns_is_not_found_by_whatever_it_says() -> None:
    running = {"id": video(), "replyRef": "att_1"}
    assert summary(search([row(), row(2)], executing=[running], owned=[video(), video(2)])) == (
        NOBODYS
    )


def test_a_video_without_a_seed_is_known_by_its_prompt() -> None:
    extended = lost(seed=None, mode=Mode.EXTEND_VIDEO)
    assert summary(search([row(seed=0)], extended)) == FOUND
    assert summary(search([row(seed=0, prompt="A loud lake")], extended)) == NOBODYS
    assert summary(search([row(seed=0, prompt="")], lost(seed=None, prompt=None))) == SUSPECTED
    assert summary(search([row(prompt="")], lost(prompt=None))) == FOUND


CHOSEN: dict[str, Any] = {
    "seconds": 8,
    "resolution": "720p",
    "motion_mode": "normal",
    "aspect_ratio": "9:16",
    "negative_prompt": "boats",
    "options": {"style": "clay", "template_id": 4, "sound_effect_prompt": "waves"},
}
AS_CHOSEN: dict[str, Any] = {
    "duration": 8,
    "quality": "720p",
    "motion_mode": "normal",
    "aspect_ratio": "9:16",
    "negative_prompt": "boats",
    "style": "clay",
    "template_id": 4,
    "img_id": 0,
    "img_url": "",
    "extended": 0,
}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        (dict.fromkeys(AS_CHOSEN), True),
        ({"duration": "8"}, True),
        ({"duration": 5}, False),
        ({"duration": [8]}, False),
        ({"quality": "1080p"}, False),
        ({"motion_mode": "fast"}, False),
        ({"aspect_ratio": "16:9"}, False),
        ({"negative_prompt": ""}, False),
        ({"style": ""}, False),
        ({"template_id": 0}, False),
        ({"img_id": 55667788}, False),
        ({"img_url": "https://media.example/frame.webp"}, False),
        ({"extended": 1}, False),
    ],
)
def test_a_seed_of_the_callers_own_tells_no_more_than_all_that_is_told(
    change: Mapping[str, Any], *, same: bool
) -> None:
    told = row(**AS_CHOSEN | dict(change))
    assert summary(search([told], lost(**CHOSEN))) == (FOUND if same else SUSPECTED)
    assert summary(search([told], lost(**CHOSEN, drawn=True))) == FOUND


@pytest.mark.parametrize(
    ("told", "same"),
    [
        ({"quality": "540p", "motion_mode": "normal", "aspect_ratio": "16:9"}, True),
        ({"negative_prompt": "", "style": "", "template_id": 0}, True),
        ({"negative_prompt": "boats"}, False),
        ({"style": "clay"}, False),
        ({"template_id": 4}, False),
    ],
)
def test_what_was_left_to_the_provider_may_be_told_as_anything(
    told: Mapping[str, Any], *, same: bool
) -> None:
    assert summary(search([row(**told)])) == (FOUND if same else SUSPECTED)


@pytest.mark.parametrize("seed", [7, None])
@pytest.mark.parametrize("role", [Role.FIRST_FRAME, Role.EXTEND])
def test_what_was_made_from_a_picture_is_known_by_a_seed_of_the_gateways_own(
    role: Role, seed: int | None
) -> None:
    inputs = {role: ("upload/a",)}
    assert summary(search([row()], lost(seed=seed, inputs=inputs))) == SUSPECTED
    assert summary(search([row()], lost(inputs=inputs, drawn=True))) == FOUND
    assert summary(search([row(seed=8)], lost(inputs=inputs, drawn=True))) == SUSPECTED


def test_of_two_orders_with_one_seed_each_gets_what_is_told_as_its_own() -> None:
    both = [lost(1, seconds=5), lost(2, seconds=8)]
    assert summary(search([row(duration=5)], *both)) == ({"att_1": video()}, (), True)
    assert summary(search([row(duration=8)], *both)) == ({"att_2": video()}, (), True)


def test_of_two_orders_that_no_row_tells_apart_neither_gets_a_video_unless_they_are_equal() -> None:
    one, like, other = (
        lost(n, options={"sound_effect_prompt": sound})
        for n, sound in enumerate(("waves", "waves", "wind"), 1)
    )
    assert summary(search([row()], one, other)) == SUSPECTED
    assert summary(search([row()], one, like)) == FOUND


def test_one_seed_with_one_prompt_and_two_pictures_is_nobodys() -> None:
    both = [lost(n, inputs={Role.FIRST_FRAME: (f"upload/{n}.png",)}) for n in (1, 2)]
    assert summary(search([row(1), row(2)], *both)) == ({}, (video(1), video(2)), True)


def test_a_younger_attempt_is_no_older_video() -> None:
    both = [lost(1), lost(2, sent_at=SENT_AT + 60 * MINUTE)]
    assert summary(search([row(1)], *both)) == ({"att_1": video(1)}, (), True)
    later = {"created_at": "2026-01-01T01:00:00Z"}
    assert summary(search([row(2, **later), row(1)], *both))[0] == {
        "att_1": video(1),
        "att_2": video(2),
    }


def test_an_account_without_an_email_takes_what_there_is() -> None:
    owner = msgspec.structs.replace(OWNER, email=None)
    found, sent = replay(
        reconcile(owner, [lost()], ()), [ok({"executing": []}), ok({"data": [row()]})]
    )
    assert summary(found) == FOUND
    assert "email" not in sent[1].url


def test_nothing_lost_is_nothing_asked() -> None:
    found, sent = replay(reconcile(OWNER, [], ()), [])
    assert (found.whole, sent) == (True, [])


# --- pages ------------------------------------------------------------------------


class Shop:
    """A list of videos by pages, as documented, or with something wrong about it."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self.rows = list(rows)
        self.offsets: list[int] = []

    def __call__(self, request: HttpRequest) -> HttpResponse:
        address = urlsplit(request.url)
        if address.path.endswith("/scheduler/available"):
            return ok({"executing": []})
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        assert query["email"] == OWNER.email
        offset, limit = int(query["offset"]), int(query["limit"])
        self.offsets.append(offset)
        return self.page(offset, limit)

    def page(self, offset: int, limit: int) -> HttpResponse:
        return ok({"data": self.rows[offset : offset + limit]})


def strangers(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [row(1000 + n, prompt="A mountain", seed=99, **changes) for n in range(count)]


def test_pages_overlap_by_one_row_and_end_with_a_short_one() -> None:
    shop = Shop([*strangers(90), row(1)])
    found, _ = answered(reconcile(OWNER, [lost()], ()), shop)
    assert summary(found) == FOUND
    assert shop.offsets == [0, LIST_LIMIT - 1, 2 * LIST_LIMIT - 2]


@pytest.mark.parametrize("count", [0, 1, LIST_LIMIT - 1, LIST_LIMIT, LIST_LIMIT + 1])
def test_a_list_of_any_length_is_read_to_its_end(count: int) -> None:
    shop = Shop(strangers(count))
    found, _ = answered(reconcile(OWNER, [lost()], ()), shop)
    assert summary(found) == NOBODYS
    assert len(shop.offsets) == (1 if count < LIST_LIMIT else 2)


def test_reading_ends_with_a_page_that_is_too_old() -> None:
    shop = Shop([*strangers(50), *strangers(1000, created_at=OLD)])
    shop.rows = [one | {"video_id": video(n)} for n, one in enumerate(shop.rows)]
    found, _ = answered(reconcile(OWNER, [lost()], ()), shop)
    assert summary(found) == NOBODYS
    assert len(shop.offsets) == 2


def test_the_list_of_an_account_that_is_always_full_is_read_as_far_as_absence_needs() -> None:
    # Eight at a time, a minute each; searched for twenty minutes, beside an older attempt.
    later, made_every = SENT_AT + 30 * MINUTE, MINUTE // 8
    rows = [
        row(n, prompt="A mountain", seed=99, created_at=iso(later - n * made_every))
        for n in range(8 * 24 * 60)
    ]
    shop = Shop(rows)
    found, _ = answered(reconcile(OWNER, [lost(1), lost(2, SENT_AT + 10 * MINUTE)], ()), shop)
    assert summary(found) == NOBODYS
    assert len(shop.offsets) == 12


def test_a_list_without_end_is_left() -> None:
    shop = Shop(strangers(2000))
    found, sent = answered(reconcile(OWNER, [lost()], ()), shop)
    assert summary(found) == ({}, (), False)
    assert len(sent) == 1 + MAX_PAGES
    assert found.reason == "GET videos: not read to the end"


class Shrinking(Shop):
    """Somebody deletes a video between two pages."""

    def page(self, offset: int, limit: int) -> HttpResponse:
        if offset:
            del self.rows[0]
        return super().page(offset, limit)


class Deaf(Shop):
    """`offset` means something else, or nothing."""

    def page(self, _offset: int, limit: int) -> HttpResponse:
        return super().page(0, limit)


class Growing(Shop):
    """A video is made between two pages."""

    def page(self, offset: int, limit: int) -> HttpResponse:
        if offset:
            self.rows.insert(0, row(5000 + offset, prompt="A mountain", seed=99))
        return super().page(offset, limit)


@pytest.mark.parametrize(
    ("shop", "whole"),
    [(Shop, True), (Growing, True), (Shrinking, False), (Deaf, False)],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_a_list_that_moves_under_the_reader_proves_no_absence(
    shop: type[Shop], *, whole: bool
) -> None:
    found, sent = answered(reconcile(OWNER, [lost()], ()), shop(strangers(90)))
    assert summary(found) == ({}, (), whole)
    assert len(sent) <= 4


def test_a_list_that_is_not_in_order_proves_no_absence() -> None:
    rows = [row(3, created_at=OLD), row(1)]
    assert summary(search(rows)) == ({"att_1": video(1)}, (), False)


def test_a_page_that_fails_keeps_what_was_found_before_it() -> None:
    rows = [row(1), *strangers(LIST_LIMIT - 1)]
    for answer in (BROKEN, ok({"data": {}}), ok([]), ok({"data": ["?"]})):
        answers = [ok({"executing": []}), ok({"data": rows}), answer]
        found, _ = replay(reconcile(OWNER, [lost()], ()), answers)
        assert summary(found) == ({"att_1": video(1)}, (), False)


@pytest.mark.parametrize(
    ("answer", "asked", "wait"),
    [
        (BROKEN, 2, None),
        (ok([]), 2, None),
        (ok({"executing": None}), 2, None),
        (HttpResponse(status=200, body=b"<html>"), 2, None),
        (HttpResponse(status=596, body=b"{}"), 2, None),
        (HttpResponse(status=401, body=b'{"error": "Unauthorized"}'), 1, None),
        (HttpResponse(status=429, headers={"retry-after": "42"}), 1, 42.0),
    ],
)
def test_a_scheduler_that_fails_is_told_of(
    answer: HttpResponse, asked: int, wait: float | None
) -> None:
    answers = [answer, ok({"data": [row()]})][:asked]
    found, sent = replay(reconcile(OWNER, [lost()], ()), answers)
    assert bool(found.found) is (asked == 2)
    assert (found.whole, found.wait_seconds) == (False, wait)
    assert found.reason.startswith(f"GET scheduler/available: HTTP {answer.status}:")
    assert all(dict(one.headers)["authorization"] == f"Bearer {KEY}" for one in sent)


def test_the_wait_that_one_list_asks_for_holds_for_both() -> None:
    busy = HttpResponse(status=503, headers={"retry-after": "42"})
    for answers in ([busy, BROKEN], [BROKEN, busy]):
        found, _ = replay(reconcile(OWNER, [lost()], ()), answers)
        assert found.wait_seconds == 42.0


def test_a_complaint_is_quoted_without_our_key() -> None:
    for status in (200, 400, 503):
        complaint = HttpResponse(status=status, body=f'{{"error": "bad {KEY}"}}'.encode())
        answers = [complaint] * (1 if status == 400 else 2)
        found, _ = replay(reconcile(OWNER, [lost()], ()), answers)
        assert "bad ***" in found.reason


# --- whatever comes ---------------------------------------------------------------

IDS = [video(1), video(2), video(3), video(1, "b@example.com"), "../x", 5, None, "\0"]
LIKELY = st.sampled_from([*IDS, "att_1", "att_2", "A quiet lake", 7, "v4", NOW, OLD, 0, ""])
ENTRY = objects(
    "video_id", "id", "replyRef", "prompt", "seed", "model", "created_at", likely=LIKELY
) | st.builds(row, st.integers(1, 4))
LISTS = st.fixed_dictionaries(
    {},
    optional={
        "data": st.builds(
            lambda rows, times: rows * times,
            st.lists(ENTRY, max_size=5) | st.lists(json_values(), max_size=3),
            st.sampled_from([1, 1, 12]),
        )
        | json_values(),
        "executing": st.lists(ENTRY | json_values(), max_size=5) | json_values(),
    },
)
ATTEMPTS = st.lists(
    st.builds(
        lost,
        st.integers(1, 3),
        sent_at=st.sampled_from([SENT_AT, SENT_AT + 1]) | st.integers(-(2**63), 2**63),
        prompt=st.sampled_from(["A quiet lake", "A quiet lake", "A mountain", None]),
        seed=st.sampled_from([7, 7, None, 8]),
        inputs=st.sampled_from([{}, {}, {Role.FIRST_FRAME: ("upload/a.png",)}]),
        drawn=st.booleans(),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one.reference,
)


PROMPTS = ("A quiet lake", "A mountain")
ROWS = st.builds(
    row,
    st.integers(1, 6),
    created_at=st.sampled_from([NOW, NOW, OLD, None]),
    prompt=st.sampled_from(["A quiet lake", "A quiet lake", "A mountain", None]),
    seed=st.sampled_from([7, 7, 8, 0]),
    replyRef=st.sampled_from([None, None, None, "att_1", "att_2", "not-ours"]),
)
RUNNING = st.builds(
    lambda n, reference: {"id": video(n), "replyRef": reference},
    st.integers(1, 6),
    st.sampled_from(["att_1", "att_2", "att_3", "not-ours", ""]),
)
PLAUSIBLE = st.builds(
    lambda rows, running: ok({"data": rows, "executing": running}),
    st.lists(ROWS, max_size=6),
    st.lists(RUNNING, max_size=3),
)
STRANGE = responses(LISTS, st.sampled_from([200, 200, 200, 429, 503]))
ANSWERS = {"plausible": PLAUSIBLE, "strange": STRANGE, "either": PLAUSIBLE | STRANGE}


@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS)
@CALM
@given(st.data(), ATTEMPTS, st.sets(st.sampled_from(IDS[:4])))
def test_no_lists_make_a_search_raise_or_give_anything_twice(
    answers: st.SearchStrategy[HttpResponse],
    data: st.DataObject,
    attempts: list[Lost],
    owned: set[str],
) -> None:
    found, sent = answered(reconcile(OWNER, attempts, owned), lambda _: data.draw(answers))
    assert_sound(found, OWNER, attempts, owned, VIDEO_ID.fullmatch)
    assert len(sent) <= 1 + MAX_PAGES
    assert {one.method for one in sent} <= {"GET"}


@CALM
@given(st.lists(st.tuples(st.sampled_from(PROMPTS), st.integers(0, 2)), min_size=1, max_size=6))
def test_a_whole_search_finds_what_was_made_and_misses_what_was_not(
    truth: list[tuple[str, int]],
) -> None:
    attempts = [lost(n, prompt=prompt) for n, (prompt, _) in enumerate(truth)]
    prompts = [prompt for prompt, jobs in truth for _ in range(jobs)]
    found = search([row(n, prompt=prompt) for n, prompt in enumerate(prompts)], *attempts)
    assert (found.whole, found.suspects) == (True, ())
    for prompt in PROMPTS:
        ours = {one.reference for one in attempts if one.spec.prompt == prompt}
        made = {video(n) for n, one in enumerate(prompts) if one == prompt}
        traces = [one for one in found.found if one.reference in ours]
        assert {one.remote_id for one in traces} <= made
        assert len(traces) == min(len(ours), len(made))
        again = {one.remote_id for one in found.doubles if one.reference in ours}
        assert {one.remote_id for one in traces} | again == made
