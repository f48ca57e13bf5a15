"""Error tables: which answers are refusals, and what each of them means.

Shared by the adapters, whose tables are literals of `Refusal` rows.
"""

from collections.abc import Sequence

import msgspec

from providers import _wire
from providers.contract import Fault, HttpResponse, Limit, Refused, Scope, shorten


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A row of an error table.

    `says` narrows a status to answers with these words in them, in whatever wrapping.
    A row without it needs the provider's own form of an error, unless `any_body` says that
    the status is enough. `pause` is in seconds, first and most. `source` names the page, or
    says that the row is inferred.
    """

    status: int
    fault: Fault
    scope: Scope
    retry: bool = False
    pause: tuple[float, float] = (10.0, 30.0)
    says: str = ""
    any_body: bool = False
    limit: Limit | None = None
    source: str


def refused(
    table: Sequence[Refusal], response: HttpResponse, complaint: str | None
) -> Refused | None:
    """The refusal that the first fitting row makes of an answer, None where no row fits.

    `complaint` is what the provider's own error says, None where the body is no such error.
    """
    words = _wire.printable(response.body) if complaint is None else complaint
    for row in table:
        told = row.says in words if row.says else row.any_body or complaint is not None
        if row.status == response.status and told:
            return Refused(
                fault=row.fault,
                scope=row.scope,
                retry=row.retry,
                words=shorten(words) or f"HTTP {response.status}",
                status=response.status,
                wait_seconds=_wire.retry_after(response),
                pause=row.pause,
                limit=row.limit,
            )
    return None
