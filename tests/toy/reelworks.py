"""A third adapter, for a provider that does not exist: it queues instead of answering 429."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from providers.contract import (
    Accepted,
    Account,
    Adapter,
    Capabilities,
    Credit,
    Failed,
    Fault,
    Finished,
    Flow,
    Hint,
    HttpRequest,
    InputForm,
    Mode,
    Offer,
    Rate,
    Refused,
    Role,
    Running,
    Scope,
    Sighting,
    Submission,
    SubmitOutcome,
    Unclear,
    Unseen,
)

PAGE: Final = "reelworks.example: Clips"
TABLE: Final = Capabilities(
    provider="reelworks",
    title="Reelworks",
    base_url="https://api.reelworks.example",
    input_form=InputForm.URL,
    credit=Credit(name="reel", unit="reel_cent", parts=100),
    offers=tuple(
        Offer(
            model="silent-1",
            mode=mode,
            seconds=(3, 12),
            aspect_ratios=("21:9",),
            prompt_max=80,
            rate=Rate(unit="reel_cent", per_second=25, source=PAGE),
            source=PAGE,
        )
        for mode in (Mode.TEXT, Mode.FIRST_FRAME)
    ),
)


def submit(submission: Submission) -> Flow[SubmitOutcome]:
    """One request; a busy provider takes it all the same, and says at which place."""
    spec = submission.spec
    body: dict[str, Any] = {"text": spec.prompt, "length": spec.seconds}
    if image := submission.input(Role.FIRST_FRAME):
        body["image"] = image
    response = yield HttpRequest(
        method="POST",
        url=f"{submission.account.base_url}/clips",
        headers=(("x-reel-key", submission.account.key.reveal()),),
        body=msgspec.json.encode(body | {"tag": submission.reference}),
    )
    if response.status == 201:
        return Accepted(remote_id=msgspec.json.decode(response.body)["clip"])
    if response.status == 400:
        said = response.body.decode()
        fault = Fault.INVALID_REQUEST
        return Refused(fault=fault, scope=Scope.JOB, retry=False, words=said, status=400)
    return Unclear(evidence=f"HTTP {response.status}", status=response.status)


def poll(account: Account, remote_ids: Sequence[str]) -> Flow[Mapping[str, Sighting]]:
    """One request a clip."""
    seen: dict[str, Sighting] = {}
    for clip in remote_ids:
        response = yield HttpRequest(method="GET", url=f"{account.base_url}/clips/{clip}")
        seen[clip] = sighting(response.body) if response.status == 200 else Unseen(reason="no clip")
    return seen


def sighting(body: bytes) -> Sighting:
    """What a clip's document says."""
    clip = msgspec.json.decode(body)
    if clip["state"] == "done":
        return Finished(url=clip["file"])
    if clip["state"] == "broken":
        return Failed(fault=Fault.GENERATION_FAILED, words=clip["why"])
    return Running(word=clip["state"])


def receive(_body: bytes) -> Hint:
    """Reelworks calls nobody back."""
    return Hint()


ADAPTER: Final = Adapter(capabilities=TABLE, submit=submit, poll=poll, receive=receive)
