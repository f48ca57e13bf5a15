"""Everything that leaves this machine over HTTP, and the only package that imports httpx.

- `Upstream` is what the engine holds: it runs adapters' flows, fetches files, sends notices.
- `guarded_client` is for URLs chosen by others; `self_test` proves its guard at start.
- `NotSent` and `NoAnswer` are the two ways a request can fail: with the former it may be
  sent again, with the latter nobody knows. `DownloadFailed` says that a file is not here.
"""

from gateway.net.addresses import judge
from gateway.net.download import Download, download
from gateway.net.drive import drive
from gateway.net.errors import Blocked, DownloadFailed, NetFault, NoAnswer, NotSent
from gateway.net.guard import GuardBroken, check_url, guarded_client, self_test
from gateway.net.upstream import Answered, Upstream

__all__ = [
    "Answered",
    "Blocked",
    "Download",
    "DownloadFailed",
    "GuardBroken",
    "NetFault",
    "NoAnswer",
    "NotSent",
    "Upstream",
    "check_url",
    "download",
    "drive",
    "guarded_client",
    "judge",
    "self_test",
]
