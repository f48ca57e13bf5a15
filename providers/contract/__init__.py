"""What an adapter is: the types every provider's flows are written in.

An adapter turns one provider's wire into the gateway's words and back. It does so
without touching the network: each flow is a generator that *yields* an `HttpRequest`
and is *sent* the `HttpResponse` to it, as often as the provider's protocol needs, and
then returns an outcome. Whoever drives the flow owns sockets, time-outs and threads, so
an adapter can be tested with a list of answers and nothing else (`replay`).

A flow never retries and never waits: it says what happened, and the engine decides.
"""

from providers.contract.adapter import (
    Adapter,
    PollFlow,
    ReceiveCallback,
    ReconcileFlow,
    SubmitFlow,
    UploadFlow,
)
from providers.contract.asked import (
    ROLES,
    Account,
    InputForm,
    Mode,
    OptionValue,
    Role,
    Submission,
    VideoSpec,
)
from providers.contract.outcomes import (
    BLAME,
    Accepted,
    Blame,
    Failed,
    Fault,
    Finished,
    Hint,
    Limit,
    Refused,
    Running,
    Scope,
    Sighting,
    SubmitOutcome,
    Unclear,
    Unseen,
    Uploaded,
    UploadOutcome,
)
from providers.contract.search import (
    Lost,
    Search,
    Trace,
)
from providers.contract.secret import (
    Secret,
)
from providers.contract.table import (
    Capabilities,
    Credit,
    Offer,
    Option,
    OptionKind,
    Price,
    Rate,
    Setting,
)
from providers.contract.wire import (
    Flow,
    HttpRequest,
    HttpResponse,
    Unanswered,
    replay,
)
from providers.contract.words import (
    MAX_WORDS,
    shorten,
)

__all__ = [
    "BLAME",
    "MAX_WORDS",
    "ROLES",
    "Accepted",
    "Account",
    "Adapter",
    "Blame",
    "Capabilities",
    "Credit",
    "Failed",
    "Fault",
    "Finished",
    "Flow",
    "Hint",
    "HttpRequest",
    "HttpResponse",
    "InputForm",
    "Limit",
    "Lost",
    "Mode",
    "Offer",
    "Option",
    "OptionKind",
    "OptionValue",
    "PollFlow",
    "Price",
    "Rate",
    "ReceiveCallback",
    "ReconcileFlow",
    "Refused",
    "Role",
    "Running",
    "Scope",
    "Search",
    "Secret",
    "Setting",
    "Sighting",
    "Submission",
    "SubmitFlow",
    "SubmitOutcome",
    "Trace",
    "Unanswered",
    "Unclear",
    "Unseen",
    "UploadFlow",
    "UploadOutcome",
    "Uploaded",
    "VideoSpec",
    "replay",
    "shorten",
]
