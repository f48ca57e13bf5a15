"""One provider, put together."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

import msgspec

from providers.contract.asked import Account, Submission
from providers.contract.outcomes import Hint, Sighting, SubmitOutcome, UploadOutcome
from providers.contract.search import Lost, Search
from providers.contract.table import Capabilities
from providers.contract.wire import Flow

SubmitFlow: TypeAlias = Callable[[Submission], Flow[SubmitOutcome]]
PollFlow: TypeAlias = Callable[[Account, Sequence[str]], Flow[Mapping[str, Sighting]]]
UploadFlow: TypeAlias = Callable[[Account, bytes, str], Flow[UploadOutcome]]
ReconcileFlow: TypeAlias = Callable[[Account, Sequence[Lost], Collection[str]], Flow[Search]]
ReceiveCallback: TypeAlias = Callable[[bytes], Hint]


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """One provider: its table, its flows, and how to read its callbacks.

    Attributes:
        capabilities: What it serves.
        submit: Sends one `Submission`. Exactly one request of this flow can be paid for,
            and it is the last one the flow yields.
        poll: Looks at jobs by their remote ids; every id asked for is in the answer. One that
            cannot be read keeps nothing back that was seen of others.
        upload: Stores a picture or video (bytes, media type); None where `input_form` is
            `url`. Costs nothing, so it may be repeated.
        receive: Reads a callback's body. Never raises.
        reconcile: Looks for attempts whose answer was lost, among the provider's lists. Costs
            nothing. The last argument holds the remote ids that other attempts own: none of
            them is found again. None where the provider lists nothing.
        configured: The same adapter with some of `capabilities.settings` changed (name to
            value, each matching its pattern); None where it has none.
        remote_id: The whole of a remote id that `poll` can ask for; None where any will do.
    """

    capabilities: Capabilities
    submit: SubmitFlow
    poll: PollFlow
    receive: ReceiveCallback
    upload: UploadFlow | None = None
    reconcile: ReconcileFlow | None = None
    configured: Callable[[Mapping[str, str]], "Adapter"] | None = None
    remote_id: re.Pattern[str] | None = None
