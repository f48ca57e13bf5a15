"""`POST /inbox/{name}`: takes a webhook down and answers it by the script."""

from typing import TYPE_CHECKING

from mockserver.engine.journal import Received
from mockserver.inbox.inbox import BASE_PATH
from mockserver.naming import is_name
from mockserver.wire.http import Request, Response, Route, reply

if TYPE_CHECKING:
    from mockserver.world import World

KEPT_HEADERS = frozenset(
    {
        "content-type",
        "user-agent",
        "idempotency-key",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    }
)
"""Headers that are kept; none of them holds a secret or a port."""


async def receive(world: "World", request: Request) -> Response:
    """Takes a webhook down when it comes in, so that it is kept even if its sender gives up."""
    name = request.params["name"]
    if not is_name(name):
        return reply({"error": "No inbox can be called that"}, 404)
    engine, script = world.engine, world.inboxes[name]
    step = script.step
    world.inboxes[name] = script.after()
    engine.scheduler.wake()
    engine.journal.write(
        Received(
            n=engine.journal.next_number(),
            at=engine.clock.now(),
            inbox=name,
            headers={k: v for k, v in request.headers.items() if k in KEPT_HEADERS},
            body=request.body,
            status=step.status,
            lost=step.lost,
            slow=step.slow,
        )
    )
    engine.scheduler.enter()
    try:
        await engine.scheduler.sleep(step.slow)
    finally:
        engine.scheduler.leave()
    return step.response()


ROUTES = (Route("POST", f"{BASE_PATH}/{{name}}", "inbox.receive", receive, own_line=True),)
"""The row for the route table."""
