"""What can go wrong outside: the exceptions this package lets out.

    NetFault
     ├── NotSent         the other side never saw the request
     ├── NoAnswer        nobody knows whether it did
     └── DownloadFailed  a file did not arrive whole
    Blocked              the address guard said no (`NotSent` by the time callers see it)

Their words name a host and what happened, never a path, a query or a header: those may
hold tokens and keys. For the same reason they carry no `__cause__`.
"""

from providers.contract import Unanswered


class Blocked(Exception):  # noqa: N818 - a verdict, not a mishap
    """The address guard refuses this URL or what its name resolves to.

    Attributes:
        reason: Why, in words fit for the operator.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NetFault(Exception):  # noqa: N818 - the parent of outcomes, which are named as such
    """The common parent of what this package raises on purpose."""


class NotSent(NetFault, Unanswered):
    """No byte of the request can have reached the server's program: sending again is safe.

    Attributes:
        host: Whom it was for.
        kind: What happened.
        retry: Whether the same request may get through later. False where the request or
            its address is the trouble.
        ours: The trouble is this gateway's own.
    """

    def __init__(self, host: str, kind: str, *, retry: bool = True, ours: bool = False) -> None:
        super().__init__(f"{host}: {kind}")
        self.host = host
        self.kind = kind
        self.retry = retry
        self.ours = ours


class NoAnswer(NetFault, Unanswered):
    """The request may have been read and acted upon, but no whole answer came back.

    Attributes:
        host: Whom it was for.
        kind: What happened.
    """

    def __init__(self, host: str, kind: str) -> None:
        super().__init__(f"{host}: {kind}")
        self.host = host
        self.kind = kind


class DownloadFailed(NetFault):
    """A file could not be fetched whole; nothing of it was left on disk.

    Attributes:
        reason: Why, naming the host.
        retry: Whether the same link may work later.
        ours: The trouble is this gateway's own, such as a full disk: no fault of the link.
    """

    def __init__(self, reason: str, *, retry: bool, ours: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.ours = ours
