"""useapi.net's lists, searched for attempts whose answer was lost.

`GET scheduler/available` names the `replyRef` of what is running, for all accounts at once;
`GET videos` shows an account's videos, finished ones too, with what was ordered. Whether `seed`
always comes back is not documented (one sample shows 0), so a video with the same prompt and
another seed is suspected rather than taken for a stranger's. No row names the pictures that a
video was made from as they were ordered: where there were any, only a seed of the gateway's own
tells whose it is.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from providers import _wire
from providers._search import (
    MAX_PAGES,
    MINUTE,
    Candidate,
    Likeness,
    aged,
    horizon,
    in_order,
    shared_out,
)
from providers.contract import (
    Account,
    Flow,
    HttpRequest,
    HttpResponse,
    Lost,
    Search,
    VideoSpec,
    shorten,
)
from providers.useapi_pixverse.errors import unseen
from providers.useapi_pixverse.flows import VIDEO_ID, headers_for, url_for
from providers.useapi_pixverse.table import LIST_LIMIT

EARLIER: Final = 5 * MINUTE
"""How much older than its attempt a video may look: clocks differ, and seconds are cut off."""

BY_REFERENCE: Final = "useapi.net names its replyRef"
BY_CONTENT: Final = "GET videos: the same prompt, seed and model"


class Listed(msgspec.Struct):
    """What the lists told."""

    rows: dict[str, dict[str, Any]] = {}
    """The account's videos by id, in the order of their list."""
    named: dict[str, str] = {}
    """The `replyRef` of a job, by its id, from either list."""
    troubles: list[str] = []
    """Why something may have been missed."""
    wait_seconds: float | None = None
    refused: bool = False

    def fail(self, page: str, response: HttpResponse, account: Account) -> None:
        """Note that a list was not answered as documented."""
        said = unseen(response, account)
        self.troubles.append(f"GET {page}: {said.reason}")
        if said.wait_seconds is not None:
            self.wait_seconds = said.wait_seconds
        self.refused = response.status != 200 and response.status < 500  # noqa: PLR2004


def reconcile(account: Account, lost: Sequence[Lost], owned: Collection[str]) -> Flow[Search]:
    """Search both lists, the second as far back as the oldest attempt."""
    if not lost:
        return Search(whole=True, reason="nothing to look for")
    owned = frozenset(owned)
    since = horizon(lost, EARLIER)
    listed = Listed()
    yield from _running(account, listed)
    # Whoever is told to slow down, or off, does not ask for the other list as well.
    if not listed.refused:
        yield from _videos(account, since, listed)
    times = [_wire.moment(row, "created_at") for row in listed.rows.values()]
    if not in_order(times, since):
        listed.troubles.append("GET videos: the newest do not come first")
    ids = [video_id for video_id in {**listed.named, **listed.rows} if video_id not in owned]
    candidates = [_candidate(video_id, listed) for video_id in ids]

    def judge(one: Lost, candidate: Candidate) -> Likeness:
        look = _likeness(one, candidate)
        # What cannot be asked for, or bears another account's name, is nobody's for sure.
        return look if _is_of(account, candidate.remote_id) else min(look, Likeness.UNSURE)

    read = f"{len(listed.named)} named jobs and {len(listed.rows)} videos were read"
    return msgspec.structs.replace(
        shared_out(lost, candidates, judge),
        whole=not listed.troubles,
        reason=shorten("; ".join(dict.fromkeys(listed.troubles)) or read),
        wait_seconds=listed.wait_seconds,
    )


def _running(account: Account, listed: Listed) -> Flow[None]:
    """Read what is being made, for whichever account."""
    page = "scheduler/available"
    response = yield _get(account, page)
    body = _wire.json_object(response.body) if response.status == 200 else None  # noqa: PLR2004
    entries = body.get("executing") if body else None
    if not isinstance(entries, list):
        listed.fail(page, response, account)
        return
    for entry in entries:
        told = entry if isinstance(entry, dict) else None
        # The page of 2024 called `video_id` what is `id` now.
        video_id = _wire.text(told, "id", "video_id")
        if video_id is None:
            listed.troubles.append(f"GET {page}: an entry without an id")
        elif reference := _wire.text(told, "replyRef"):
            listed.named[video_id] = reference


def _videos(account: Account, since: int, listed: Listed) -> Flow[None]:
    """Read an account's videos, newest first, until one is older than `since`.

    Each page begins with the last row of the one before: where it does not, videos were
    deleted meanwhile, or `offset` means something else, and one may have been missed.
    """
    rows = listed.rows
    for _ in range(MAX_PAGES):
        offset = max(0, len(rows) - 1)
        response = yield _get(
            account, "videos/", email=account.email, limit=LIST_LIMIT, offset=offset
        )
        body = _wire.json_object(response.body) if response.status == 200 else None  # noqa: PLR2004
        found = body.get("data") if body else None
        if not isinstance(found, list):
            listed.fail("videos", response, account)
            return
        page = {
            video_id: row
            for row in found
            if isinstance(row, dict) and (video_id := _wire.text(row, "video_id"))
        }
        if len(page) < len(found):
            listed.troubles.append("GET videos: a row without an id of its own")
        if rows and next(iter(page), None) not in rows:
            listed.troubles.append("GET videos: the list moved while it was read")
        new = {video_id: row for video_id, row in page.items() if video_id not in rows}
        rows |= new
        for video_id, row in new.items():
            if reference := _wire.text(row, "replyRef"):
                listed.named[video_id] = reference
        times = [_wire.moment(row, "created_at") for row in new.values()]
        if len(found) < LIST_LIMIT or any(at is not None and at < since for at in times):
            return
        if not new:
            break
    listed.troubles.append("GET videos: not read to the end")


def _candidate(video_id: str, listed: Listed) -> Candidate:
    row, reference = listed.rows.get(video_id), listed.named.get(video_id)
    return Candidate(
        remote_id=video_id,
        made_at=_wire.moment(row, "created_at"),
        facts=(row or {}) | {"replyRef": reference},
        evidence=BY_REFERENCE if reference else BY_CONTENT,
    )


def _likeness(one: Lost, candidate: Candidate) -> Likeness:
    row = candidate.facts
    if reference := _wire.text(row, "replyRef"):
        return Likeness.NAMED if reference == one.reference else Likeness.OTHER
    return aged(_by_content(one, row or {}), candidate, one, EARLIER)


def _by_content(one: Lost, row: Mapping[str, Any]) -> Likeness:
    spec = one.spec
    told = row.get("prompt")
    prompt = _plain(told) if isinstance(told, str) else None
    seed, model = _wire.text(row, "seed"), _wire.text(row, "model")
    same_prompt, same_seed = prompt == _plain(spec.prompt), seed == str(spec.seed)
    # What offers no seed must at least have a prompt to be known by.
    known = same_seed if spec.seed is not None else bool(prompt)
    identified = one.drawn or (not any(one.inputs.values()) and _fits(spec, row))
    if same_prompt and known and model in {None, spec.model} and identified:
        return Likeness.SAME
    return Likeness.UNSURE if same_prompt or same_seed or prompt is None else Likeness.OTHER


def _fits(spec: VideoSpec, row: Mapping[str, Any]) -> bool:
    """Whether what a row tells is just what was ordered, from words alone."""
    ordered = {
        "duration": spec.seconds,
        "quality": spec.resolution,
        "motion_mode": spec.motion_mode,
        "aspect_ratio": spec.aspect_ratio,
        "negative_prompt": spec.negative_prompt or "",
        "style": spec.options.get("style", ""),
        "template_id": spec.options.get("template_id", 0),
        "img_id": 0,
        "img_url": "",
        "extended": 0,
    }
    return all(
        row.get(name) in (None, value, str(value))
        for name, value in ordered.items()
        if value is not None
    )


def _plain(prompt: str | None) -> str:
    return " ".join((prompt or "").split())


def _is_of(account: Account, video_id: str) -> bool:
    """Whether this is an id that can be asked for, of this very account."""
    if not VIDEO_ID.fullmatch(video_id):
        return False
    email = video_id.partition("-pixverse:")[2].rpartition("-video:")[0]
    return account.email is None or email.casefold() == account.email.casefold()


def _get(account: Account, page: str, **query: str | int | None) -> HttpRequest:
    return HttpRequest(
        method="GET", url=url_for(account, page, **query), headers=headers_for(account)
    )
