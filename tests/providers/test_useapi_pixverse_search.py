"""useapi.net's lists, row by row: whose video is which, and when nobody can tell."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from providers.contract import Mode, Role, replay
from providers.useapi_pixverse import reconcile
from tests.providers.pixverse_lists import (
    DOUBTED,
    EARLY,
    FOUND,
    MINUTE,
    OLD,
    OWNER,
    SUSPECTED,
    lost,
    row,
    search,
    video,
)
from tests.providers.search_support import NOBODYS, SENT_AT, ok, summary

CAPITAL, ELSEWHERE, MASKED = (
    video(email=email) for email in ("OPS@Example.com", "b@example.com", "o***@example.com")
)
PICTURE = video().replace("-video:", "-image:")


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
