"""`/v1/accounts`: how the accounts at the providers stand; for operators."""

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from litestar import Request, Response, post, route
from litestar.params import FromPath
from msgspec import Meta

from gateway.api.auth import OPERATORS, check_site
from gateway.api.fields import MAX_BODY, read_texts
from gateway.api.operation import READ, Answer, Operation, Parameter
from gateway.api.stored import json_response, surroundings
from gateway.engine import policy, standing
from gateway.engine.loop import Engine
from gateway.model.clock import SECOND
from gateway.model.errors import NotFoundError
from gateway.storage.accounts import FOREVER, PAUSED
from gateway.storage.standings import Standing
from providers.contract import Fault

State: TypeAlias = Literal["ok", "probing", "resting", "paused", "removed"]

MAX_REASON: Final = 500


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account, and whether it takes jobs.

    `state`: `ok`; `probing` gets one job at a time until it has taken one; `resting` goes on by
    itself at `until`; `paused` until somebody mends it, or resumes it where `until` is null;
    `removed` from the configuration, its last jobs being watched. `taken` of its slots are in
    use, `limit` is how many it may have now: of `max_jobs`, what it proved to carry. `reason`
    is a code, `words` are the provider's or an operator's, `advice` says what to do. Times are
    seconds since 1970.
    """

    name: str
    provider: str
    state: State
    taken: int
    limit: int
    max_jobs: int
    until: int | None
    reason: str | None
    words: str | None
    advice: str | None
    paused_at: int | None


class AccountList(msgspec.Struct, frozen=True, kw_only=True):
    """Every account, by name."""

    object: Literal["list"] = "list"
    data: tuple[AccountView, ...]


class PauseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why an account is paused."""

    reason: (
        Annotated[str, Meta(min_length=1, max_length=MAX_REASON, description="Shown to operators.")]
        | None
    ) = None


def shown(one: Standing) -> AccountView:
    """An account as operators see it."""
    state = _state(one)
    # What an operator said of a pause ends with it.
    over = one.reason == PAUSED and one.rests_until is None
    troubled = state not in {"ok", "removed"} and not over
    until = one.rests_until
    return AccountView(
        name=one.name,
        provider=one.provider,
        state=state,
        taken=one.taken,
        limit=one.limit,
        max_jobs=one.max_jobs,
        until=None if until is None or until >= FOREVER else until // SECOND,
        reason=one.reason if troubled else None,
        words=(one.words or None) if troubled else None,
        advice=_advice(one) if troubled else None,
        paused_at=one.paused_at // SECOND if one.paused_at is not None and troubled else None,
    )


def _state(one: Standing) -> State:
    if one.max_jobs == 0:
        return "removed"
    if one.rests_until is None:
        return "probing" if one.probing else "ok"
    return "paused" if one.rests_until >= FOREVER or one.paused_at is not None else "resting"


def _advice(one: Standing) -> str | None:
    if one.reason == PAUSED:
        return f"resume account {one.name!r} when it may go on"
    if one.reason in set(Fault):
        return policy.advice(Fault(one.reason), one.name) or None
    return None


_NAME: Final = Parameter(name="name", where="path", meaning="The account's name.")


@route(
    "/v1/accounts",
    http_method=READ,
    status_code=200,
    opt={
        **OPERATORS,
        "operation": Operation(
            summary="List the accounts",
            tag="operators",
            detail="How each account stands: its slots, whether it rests and why, what to do.",
            answers={200: Answer(meaning="All of them.", body=AccountList)},
            problems=(400, 401, 403, 503),
        ),
    },
)
async def list_accounts(request: Request[Any, Any, Any]) -> Response[bytes]:
    """How the accounts stand."""
    found = await standing.standings(surroundings(request)[0])
    return json_response(AccountList(data=tuple(map(shown, found))))


@post(
    "/v1/accounts/{name:str}/pause",
    status_code=200,
    request_max_body_size=MAX_BODY,
    opt={
        **OPERATORS,
        "operation": Operation(
            summary="Pause an account",
            tag="operators",
            detail="It gets no more jobs until it is resumed, whatever restarts meanwhile. What it "
            "has in hand goes on; jobs that only it can make keep their place in line.",
            body=PauseBody,
            optional=True,
            parameters=(_NAME,),
            answers={200: Answer(meaning="Paused.", body=AccountView)},
            problems=(400, 401, 403, 404, 408, 413, 415, 422, 503),
        ),
    },
)
async def pause_account(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """Give an account no more jobs."""
    check_site(request)
    told = await read_texts(request, {"reason": MAX_REASON})
    return _answer(await standing.pause(surroundings(request)[0], name, told.get("reason", "")))


@post(
    "/v1/accounts/{name:str}/resume",
    status_code=200,
    opt={
        **OPERATORS,
        "operation": Operation(
            summary="Resume an account",
            tag="operators",
            detail="It gets jobs again, whatever it rested for: one alone first, where it had to "
            "be mended.",
            parameters=(_NAME,),
            answers={200: Answer(meaning="It takes jobs.", body=AccountView)},
            problems=(400, 401, 403, 404, 503),
        ),
    },
)
async def resume_account(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """Give an account jobs again."""
    check_site(request)
    told = await standing.resume(surroundings(request)[0], name)
    engine: Engine = request.app.state.engine
    engine.wake()
    return _answer(told)


def _answer(told: Standing | None) -> Response[bytes]:
    if told is None:
        raise NotFoundError("There is no account of this name.")
    return json_response(shown(told))
