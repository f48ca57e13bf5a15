"""`/v1/models`: what this gateway can make, from the capability tables."""

from typing import Any, Final, Literal

import msgspec
from litestar import Request, Response, route
from litestar.params import FromPath

from gateway.api.operation import READ, Answer, Operation, Parameter
from gateway.api.stored import json_response, surroundings
from gateway.model.errors import NotFoundError
from gateway.model.reading import nearest
from gateway.routing.catalogue import Model, models


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """Every target that has an account, and every route."""

    object: Literal["list"] = "list"
    data: tuple[Model, ...]


_ID: Final = Parameter(
    name="model_id", where="path", meaning="A target (`provider/model`) or a route."
)


@route(
    "/v1/models",
    http_method=READ,
    status_code=200,
    opt={
        "operation": Operation(
            summary="List the models",
            tag="models",
            detail="What `model` may name: each target with what it takes and costs, and each "
            "route with its targets.",
            answers={200: Answer(meaning="All of them.", body=ModelList)},
            problems=(400, 401),
        )
    },
)
async def list_models(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What can be made here."""
    return json_response(ModelList(data=models(surroundings(request)[0].routes)))


@route(
    "/v1/models/{model_id:path}",
    http_method=READ,
    status_code=200,
    opt={
        "operation": Operation(
            summary="Look at a model",
            tag="models",
            parameters=(_ID,),
            answers={200: Answer(meaning="What the model takes and costs.", body=Model)},
            problems=(400, 401, 404),
        )
    },
)
async def read_model(request: Request[Any, Any, Any], model_id: FromPath[str]) -> Response[bytes]:
    """What one model takes."""
    wanted = str(model_id).removeprefix("/")
    found = {model.id: model for model in models(surroundings(request)[0].routes)}
    if wanted not in found:
        near = nearest(wanted, list(found))
        hint = f"; did you mean {near!r}?" if near else "."
        raise NotFoundError(f"There is no such model{hint}")
    return json_response(found[wanted])
