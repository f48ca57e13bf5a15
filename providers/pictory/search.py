"""Pictory's lists, searched for attempts whose answer was lost.

No list names a job together with what was ordered. `GET /v1/aistudio/videos` ("Get Generated
Videos") shows each film with its order, under an id that is no job's; `GET /v1/jobs` ("List
Jobs") shows what each job has come to. Both show the link to the film, and so it is the link that
tells which job made it. A job that is not done, or has failed, has none: it may be anybody's.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

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
    Role,
    Search,
    shorten,
)
from providers.pictory.flows import JOB_ID, headers_for, job_id_in

FILMS: Final = "/v1/aistudio/videos"
JOBS: Final = "/v1/jobs"
EARLIER: Final = MINUTE
"""How much older than its attempt a film may look: clocks differ."""
MAX_LOOKS: Final = 10
"""How many jobs one search looks at alone, where their list tells no more than their state."""
EVIDENCE: Final = f"GET {FILMS}: the same order; GET {JOBS}: the link to its film"
INPUTS: Final[Mapping[str, Role]] = {
    "firstFrameImageUrl": Role.FIRST_FRAME,
    "extendVideoUrl": Role.EXTEND,
    "referenceImageUrls": Role.REFERENCE,
}
STATE: Final = frozenset({"jobId", "job_id", "status"})
"""What the list tells of every job."""


class Listed(msgspec.Struct):
    """What a list told: its entries in order, and why some may be missing."""

    items: list[dict[str, Any]] = []
    troubles: list[str] = []
    wait_seconds: float | None = None
    failed: bool = False

    def fail(self, page: str, response: HttpResponse, account: Account) -> None:
        """Note that a page was not answered as documented."""
        said = shorten(_wire.printable(_wire.unkeyed(response, account, always=True).body), 120)
        self.troubles.append(f"GET {page}: HTTP {response.status}: {said}")
        self.wait_seconds = _wire.retry_after(response)
        self.failed = True


def reconcile(account: Account, lost: Sequence[Lost], owned: Collection[str]) -> Flow[Search]:
    """Search the films, then the jobs that made them, as far back as the oldest attempt."""
    if not lost:
        return Search(whole=True, reason="nothing to look for")
    owned = frozenset(owned)
    since = horizon(lost, EARLIER)
    films = Listed()
    yield from _read(account, FILMS, films, lambda film: _is_before(film, since))
    # Whoever does not get the one list does not ask for the other as well.
    if films.failed:
        return Search(reason=shorten("; ".join(films.troubles)), wait_seconds=films.wait_seconds)
    if not in_order([_wire.moment(film, "createdDate") for film in films.items], since):
        films.troubles.append(f"GET {FILMS}: the newest do not come first")
    made = {link: film for film in films.items if (link := _link(film))}
    if len(made) < len(films.items):
        films.troubles.append(f"GET {FILMS}: a film without a link of its own")
    old = {link for link, film in made.items() if _is_before(film, since)}

    jobs = Listed()
    yield from _read(account, JOBS, jobs, lambda job: _link(_wire.child(job, "data")) in old)
    known = yield from _known(account, jobs, old, owned)
    links = Counter(_link(data) for data in known.values())
    candidates = []
    for job_id, data in known.items():
        link = _link(data)
        film = made.get(link) if link and links[link] == 1 else None
        if job_id not in owned and (film or not _is_of_another_kind(data)):
            candidates.append(_candidate(job_id, film))
    search = shared_out(lost, candidates, _likeness)

    found = {trace.reference for trace in search.found}
    missing = [one for one in lost if one.reference not in found]
    for link in made.keys() - links.keys():
        stray = _candidate("", made[link])
        if any(_likeness(one, stray) for one in missing):
            film_id = shorten(_wire.text(made[link], "id") or link)
            jobs.troubles.append(f"GET {FILMS}: {film_id} may be wanted, and no job leads to it")
    troubles = dict.fromkeys([*films.troubles, *jobs.troubles])
    return msgspec.structs.replace(
        search,
        whole=not troubles,
        reason=shorten(
            "; ".join(troubles) or f"{len(made)} films and {len(jobs.items)} jobs were read"
        ),
        wait_seconds=jobs.wait_seconds,
    )


def _read(
    account: Account, page: str, listed: Listed, far_enough: Callable[[Mapping[str, Any]], bool]
) -> Flow[None]:
    """Read a list, newest first, until an entry is far enough back."""
    key: str | None = None
    keys: set[str | None] = set()
    while key not in keys and len(keys) < MAX_PAGES:
        keys.add(key)
        response = yield _get(account, f"{page}?{urlencode({'nextPageKey': key})}" if key else page)
        body = _wire.json_object(response.body) if response.status == 200 else None  # noqa: PLR2004
        items = body.get("items") if body else None
        if body is None or not isinstance(items, list):
            listed.fail(page, response, account)
            return
        entries = [item for item in items if isinstance(item, dict)]
        listed.items += entries
        if len(entries) < len(items):
            listed.troubles.append(f"GET {page}: an entry that cannot be read")
        if not body.get("nextPageKey") or any(far_enough(entry) for entry in entries):
            return
        key = _wire.text(body, "nextPageKey")
    listed.troubles.append(f"GET {page}: not read to the end")


def _known(
    account: Account, jobs: Listed, old: Collection[str], owned: Collection[str]
) -> Flow[dict[str, dict[str, Any]]]:
    """What is known of each job, by id, up to the first that made an old film."""
    known: dict[str, dict[str, Any]] = {}
    looks = 0
    for item in jobs.items:
        job_id, data = job_id_in(item), _wire.child(item, "data") or {}
        if job_id is None:
            jobs.troubles.append(f"GET {JOBS}: an entry without an id")
            continue
        untold = data.get("status") == "completed" and data.keys() <= STATE
        askable = job_id not in owned and JOB_ID.fullmatch(job_id)
        if untold and askable and looks < MAX_LOOKS and not jobs.failed:
            looks += 1
            response = yield _get(account, f"{JOBS}/{job_id}")
            body = _wire.json_object(response.body) if response.status == 200 else None  # noqa: PLR2004
            if alone := _wire.child(body, "data"):
                data = alone
            else:
                jobs.fail(f"{JOBS}/{job_id}", response, account)
        if _link(data) in old:
            break
        known[job_id] = data
    return known


def _candidate(job_id: str, film: Mapping[str, Any] | None) -> Candidate:
    made_at = _wire.moment(film, "createdDate")
    return Candidate(remote_id=job_id, facts=film, made_at=made_at, evidence=EVIDENCE)


def _likeness(one: Lost, candidate: Candidate) -> Likeness:
    film, spec = candidate.facts, one.spec
    if film is None:
        return Likeness.UNSURE
    prompt = film.get("prompt")
    if isinstance(prompt, str) and prompt.split() != (spec.prompt or "").split():
        return Likeness.OTHER
    same = (
        isinstance(prompt, str)
        and _wire.text(film, "model") == spec.model
        and _wire.text(film, "duration") == f"{spec.seconds}s"
        and _wire.text(film, "aspectRatio") == spec.aspect_ratio
        and all(
            _urls(film.get(name)) == _urls(one.inputs.get(role)) for name, role in INPUTS.items()
        )
        and JOB_ID.fullmatch(candidate.remote_id)
    )
    return aged(Likeness.SAME if same else Likeness.UNSURE, candidate, one, EARLIER)


def _urls(given: object) -> tuple[object, ...]:
    """The inputs of one role, which stand alone or in a list, or are not there at all."""
    if isinstance(given, Sequence) and not isinstance(given, str):
        return tuple(given)
    return (given,) if given else ()


def _link(value: Mapping[str, Any] | None) -> str | None:
    """The address of a film, without what may be signed anew each time."""
    url = _wire.text(value, "url")
    return url.partition("?")[0] if url else None


def _is_before(film: Mapping[str, Any], since: int) -> bool:
    made_at = _wire.moment(film, "createdDate")
    return made_at is not None and made_at < since


def _is_of_another_kind(data: Mapping[str, Any]) -> bool:
    """Whether a job is done and shows what no video of AI Studio would: it lacks film or length."""
    done = data.get("status") == "completed" and not data.keys() <= STATE
    return done and not (_wire.text(data, "url") and _wire.text(data, "duration"))


def _get(account: Account, path: str) -> HttpRequest:
    return HttpRequest(method="GET", url=f"{account.base_url}{path}", headers=headers_for(account))
