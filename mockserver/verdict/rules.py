"""What is asked of a client, as one table; a rule that is broken makes a finding."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from mockserver.verdict.hearing import (
    answered_a_callback_badly,
    processed_a_duplicate_twice,
    trusted_a_forged_callback,
)
from mockserver.verdict.history import History
from mockserver.verdict.looking import (
    Found,
    gave_up_on_a_live_job,
    never_fetched,
    polled_a_dead_job,
    polled_too_fast,
)
from mockserver.verdict.sending import (
    exceeded_max_jobs,
    ignored_wait,
    resubmitted_after_unknown,
    retried_the_unretryable,
    sent_exclusive_fields,
    used_a_held_account,
)

if TYPE_CHECKING:
    from mockserver.world import World

Level = Literal["error", "warn"]

CREATE = "useapi.net: POST videos/create-frames-v3, Responses"
JOBS = "docs.pictory.ai: Get Video Generation Job"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a client should not do."""

    name: str
    level: Level
    says: str
    """What the documents say, or what follows from them."""
    source: str
    instead: str
    """What to do."""
    find: Callable[[History], Iterator[Found]]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that was broken."""

    rule: str
    level: Level
    requests: tuple[int, ...]
    """The lines of the journal that show it."""
    text: str


RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            name="polled-too-fast",
            level="error",
            says="look every 10 to 30 s; looking too often may be rate limited",
            source=f"{JOBS}; scripts of useapi.net wait 15 s",
            instead="wait 15 s between two looks at a job or a list; wake up early for callbacks",
            find=polled_too_fast,
        ),
        Rule(
            name="ignored-wait",
            level="error",
            says="after 429 wait at least 10 to 30 s, or what Retry-After says",
            source=CREATE,
            instead="keep the order in a queue of your own until the time is over",
            find=ignored_wait,
        ),
        Rule(
            name="retried-the-unretryable",
            level="error",
            says="400, 401, 402, 403, 412, 422 and 596 stay until something is changed",
            source=f"{CREATE}; docs.pictory.ai: Generate Video, Status Codes",
            instead="end the order, or mend the request, the key, the credits or the account first",
            find=retried_the_unretryable,
        ),
        Rule(
            name="resubmitted-after-unknown",
            level="error",
            says="a submit without a readable answer may have been taken and charged; neither "
            "provider has idempotency keys",
            source="docs.pictory.ai: Get Jobs; Generate Video, Status Codes; useapi.net: GET "
            "scheduler, GET videos",
            instead="look for the job in the provider's lists and adopt it; send again only when "
            "it is not there; Pictory's 500 may be tried once more after a brief delay",
            find=resubmitted_after_unknown,
        ),
        Rule(
            name="polled-a-dead-job",
            level="error",
            says="a job that has completed or failed does not change any more",
            source=f"{JOBS}; useapi.net: GET videos, video_status_final",
            instead="write the end down before anything else, and look no more",
            find=polled_a_dead_job,
        ),
        Rule(
            name="gave-up-on-a-live-job",
            level="error",
            says="a job takes several minutes, goes on and is charged, whoever looks",
            source=JOBS,
            instead="take a failed look for no answer, not for the end; look until the job's own "
            "end has been told",
            find=gave_up_on_a_live_job,
        ),
        Rule(
            name="exceeded-max-jobs",
            level="error",
            says="an account runs maxJobs at once; what is above is refused, never queued",
            source=CREATE,
            instead="count your own live jobs, those of unknown outcome included, and queue",
            find=exceeded_max_jobs,
        ),
        Rule(
            name="sent-exclusive-fields",
            level="error",
            says="of firstFrameImageUrl, extendVideoUrl and referenceImageUrls one may be there; "
            "of video_id and video_path one must",
            source="docs.pictory.ai: Generate Video, Parameter Exclusivity; useapi.net: POST "
            "videos/extend-v3",
            instead="refuse the order before it is sent",
            find=sent_exclusive_fields,
        ),
        Rule(
            name="used-a-held-account",
            level="error",
            says="596: address the issue before making any new API calls",
            source=CREATE,
            instead="take the account out of use until it has been configured anew",
            find=used_a_held_account,
        ),
        Rule(
            name="trusted-a-forged-callback",
            level="error",
            says="callbacks are not signed: anybody can send one",
            source="no page of either provider names a signature",
            instead="take a callback for a hint: look the job up with your key, use nothing else "
            "of it",
            find=trusted_a_forged_callback,
        ),
        Rule(
            name="processed-a-duplicate-twice",
            level="warn",
            says="nothing says that a callback comes once",
            source="no page of either provider tells how callbacks are delivered",
            instead="act on a job's end once, whatever tells of it",
            find=processed_a_duplicate_twice,
        ),
        Rule(
            name="answered-a-callback-badly",
            level="warn",
            says="nothing says that a callback which is not taken comes again",
            source="no page of either provider tells of retries",
            instead="answer 200 at once, and work afterwards",
            find=answered_a_callback_badly,
        ),
        Rule(
            name="never-fetched",
            level="warn",
            says="results may be cleaned after a time that no page states",
            source="docs.pictory.ai: Get Video Render Job",
            instead="copy the film as soon as its job has completed",
            find=never_fetched,
        ),
    )
}
"""Every rule by its name, errors first."""


def findings(world: "World") -> tuple[Finding, ...]:
    """What the client did that it should not have done, rule by rule."""
    history = History(world)
    return tuple(
        Finding(rule=rule.name, level=rule.level, requests=found.lines, text=found.text)
        for rule in RULES.values()
        for found in rule.find(history)
    )
