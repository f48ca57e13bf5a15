"""Where providers call back. The token in the path is the whole of the authentication."""

from typing import Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.params import FromPath

from gateway.api.auth import PUBLIC
from gateway.api.body import read_body
from gateway.api.operation import Answer, Operation, Parameter
from gateway.api.stored import json_response
from gateway.engine.loop import Engine
from gateway.model.errors import NotFoundError

MAX_BODY: Final = 32 * 1024


class Heard(msgspec.Struct, frozen=True):
    """The answer to a callback: it was heard, and the job will be looked at."""

    received: bool = True


@post(
    "/callbacks/{provider:str}/{token:str}",
    status_code=200,
    request_max_body_size=MAX_BODY,
    opt={
        **PUBLIC,
        "operation": Operation(
            summary="A provider reports on a job",
            tag="callbacks",
            detail="Wakes a look at the job with the gateway's own key. What the body says is "
            "never believed.",
            any_body=True,
            any_query=True,
            parameters=(
                Parameter(name="provider", where="path", meaning="The provider's name."),
                Parameter(name="token", where="path", meaning="The attempt's own token."),
            ),
            answers={200: Answer(meaning="Heard.", body=Heard)},
            problems=(404, 408, 413, 503),
        ),
    },
)
async def provider_callback(
    request: Request[Any, Any, Any], provider: FromPath[str], token: FromPath[str]
) -> Response[bytes]:
    """Wake the job that the token belongs to."""
    engine: Engine = request.app.state.engine
    if not await engine.called_back(provider, token, await read_body(request)):
        raise NotFoundError("There is no such callback.")
    return json_response(Heard())
