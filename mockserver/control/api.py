"""`/__mock`: the routes of the control API, for users of any language, in each world."""

from collections.abc import Iterator

from mockserver.control import (
    clock,
    faults,
    jobs,
    judging,
    money,
    page,
    records,
    summary,
    worlds,
)
from mockserver.control.guard import answering, guarded
from mockserver.control.summary import BASE_PATH
from mockserver.inbox.control import rows as inbox_rows
from mockserver.wire.http import Handler, Route


def rows() -> Iterator[tuple[str, str, Handler]]:
    """The routes, without what is in front of them all."""
    yield "GET", "", summary.summary
    yield "DELETE", "", summary.reset
    yield "GET", "/settings", summary.settings
    yield "GET", "/magic", summary.magic
    yield "GET", "/jobs", jobs.every
    yield "GET", "/jobs/{job}", jobs.one
    yield "GET", "/jobs/{job}/film", jobs.film
    yield "GET", "/jobs/{job}/last-frame", jobs.last_frame
    yield "POST", "/jobs/{job}/finish", jobs.finish
    yield "POST", "/jobs/{job}/drop-callback", jobs.drop_callback
    yield "GET", "/ledger", money.ledger
    yield "POST", "/accounts/{email}/hold", money.hold
    yield "GET", "/journal", records.journal
    yield "GET", "/journal/{n}", records.line
    yield "GET", "/journal.har", records.journal_har
    yield "GET", "/events", records.events
    yield "GET", "/world-file", records.world_file
    yield "GET", "/clock", clock.show
    yield "POST", "/clock/advance", clock.advance
    yield "GET", "/faults", faults.show
    yield "POST", "/faults", faults.add
    yield "DELETE", "/faults", faults.clear
    yield from inbox_rows()
    yield "GET", "/verdict", judging.verdict
    yield "GET", "/assert/{name}", judging.asserted
    yield "GET", "/coverage", judging.coverage
    yield "GET", "/worlds", worlds.every
    yield "POST", "/worlds/{name}", worlds.make
    yield "DELETE", "/worlds/{name}", worlds.forget
    yield "POST", "/worlds/{name}/replay", worlds.replayed
    yield "POST", "/fork/{name}", worlds.fork
    yield "GET", "/snapshots", worlds.snapshots
    yield "POST", "/snapshots/{name}", worlds.keep
    yield "DELETE", "/snapshots/{name}", worlds.drop
    yield "POST", "/snapshots/{name}/restore", worlds.restore
    yield "GET", "/openapi/{file}", summary.document


def page_rows() -> Iterator[tuple[str, str, Handler]]:
    """The page's own files: a browser sends no token with them, and they tell nothing."""
    yield "GET", "/ui", page.index
    yield "GET", "/ui/{file}", page.asset


def routed(method: str, path: str, handler: Handler) -> Route:
    """A row of the route table."""
    return Route(method, BASE_PATH + path, "mock.control", handler, slash=True, act="control")


ROUTES: tuple[Route, ...] = (
    *(routed(method, path, guarded(handler)) for method, path, handler in rows()),
    *(routed(method, path, answering(handler)) for method, path, handler in page_rows()),
)
"""The rows for the route table."""
