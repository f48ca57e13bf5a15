"""What a request would lead to, told before anything is spent. Sends and stores nothing."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gateway.engine import line
from gateway.engine.dispatch import submission_of
from gateway.engine.inputs import upload_store
from gateway.engine.intake import judge
from gateway.engine.tools import Tools
from gateway.model.errors import InvalidError
from gateway.model.ids import digest
from gateway.model.inputs import Given, InlineInput, StoredInput, UrlInput
from gateway.model.job import Choice
from gateway.model.quote import Quote, QuotedChoice, QuotedRequest, RefusedTarget
from gateway.model.request import CreateVideo
from gateway.model.strategy import Strategy
from gateway.routing.choose import choose
from gateway.routing.routes import Weighed
from gateway.storage import Connection, standings, uploads
from gateway.storage.accounts import FreeSlot
from gateway.storage.standings import Rest
from providers.contract import Account, InputForm, Role

TOKEN = "<token of the attempt>"  # noqa: S105 - stands for one
REFERENCE = "<id of the attempt>"
SEED = "<seed of the attempt>"


class _Now(msgspec.Struct, frozen=True, kw_only=True):
    """The line and the accounts at this moment."""

    spare: list[FreeSlot]
    position: int
    rests: Mapping[str, list[Rest] | None]


async def quote(
    tools: Tools, request: CreateVideo, owner: str, *, mask: Callable[[str], str] = str
) -> Quote:
    """Who would take the request now, what would be sent, and what it would cost.

    What of an account would be sent is told as `mask` lets it be seen.

    Raises:
        InvalidError: No target can serve it, with the reasons that `accept` would give.
        NoSlotError: It would not wait, and would have to.
    """
    known, weighed, able = await judge(tools, request, owner)
    choices, strategy = tools.routes.arrange(known.request, able, tools.rng)
    queue = known.request.routing.queue
    now = await tools.database.read(
        lambda connection: _now(connection, tools, owner, choices, strategy, queue=queue)
    )
    found = choose(choices, now.spare, strategy)
    choice = choices[0] if found is None else choices[found[0]]
    account = _account(tools, choice, None if found is None else found[1])
    inputs = await _inputs(tools, known.request, account, mask)
    if account.email is not None:
        account = msgspec.structs.replace(account, email=mask(account.email))
    quoted = [_choice(tools, one, one.choice, now) for one in weighed if one.choice is not None]
    chosen = next(one for one in quoted if one.target == choice.target)
    return Quote(
        target=choice.target,
        account=None if found is None else account.name,
        waits=found is None or bool(known.request.sources),
        position=now.position,
        spec=choice.spec,
        request=_request(tools, account, choice, inputs),
        price=chosen.price,
        credits=chosen.credits,
        money=chosen.money,
        currency=tools.routes.money.currency,
        estimated=chosen.estimated,
        choices=tuple(quoted),
        refused=tuple(
            RefusedTarget(target=one.target, errors=one.faults)
            for one in weighed
            if one.choice is None
        ),
    )


def _now(
    connection: Connection,
    tools: Tools,
    owner: str,
    choices: tuple[Choice, ...],
    strategy: Strategy,
    *,
    queue: bool,
) -> _Now:
    now = tools.clock.now()
    spare = line.spare_slots(connection, now)
    if not queue and (refusal := line.no_slot(connection, choices, strategy, spare, now)):
        raise refusal
    providers = {choice.provider for choice in choices}
    return _Now(
        spare=spare,
        position=line.last_place(connection, owner, choices),
        rests={name: standings.resting(connection, [name], now) for name in providers},
    )


def _account(tools: Tools, choice: Choice, slot: FreeSlot | None) -> Account:
    """The account of the slot; the provider's first one where none is free."""
    if slot is not None:
        return tools.accounts[slot.account]
    own = (one for one in tools.accounts.values() if one.provider == choice.provider)
    account = next(own, None)
    if account is None:
        raise InvalidError(f"No account is configured for {choice.provider}.")
    return account


def _choice(tools: Tools, weighed: Weighed, choice: Choice, now: _Now) -> QuotedChoice:
    free = any(slot.provider == choice.provider for slot in now.spare)
    price = weighed.price
    return QuotedChoice(
        target=weighed.target,
        price=price,
        credits=tools.routes.money.in_credits(price),
        money=tools.routes.money.of(choice.provider, price),
        estimated=choice.estimated,
        free=free,
        reason=None if free else _reason(now.rests[choice.provider]),
    )


def _reason(rests: list[Rest] | None) -> str:
    if not rests:
        return "every slot is taken, or will be by those in line"
    return f"every account rests; {rests[0].account}: {rests[0].reason}"


async def _inputs(
    tools: Tools, request: CreateVideo, account: Account, mask: Callable[[str], str]
) -> dict[Role, tuple[str, ...]]:
    """The inputs as the provider would get them, `<…>` for what does not exist yet."""
    form = tools.adapters[account.provider].capabilities.input_form
    inputs: dict[Role, tuple[str, ...]] = {}
    for one in request.given:
        shown = f"<{'link to' if form is InputForm.URL else 'upload of'} {one.pointer[1:]}>"
        if form is InputForm.URL and isinstance(one.value, UrlInput):
            shown = one.value.url
        elif form is InputForm.UPLOAD:
            known = await _uploaded(tools, one, account)
            shown = mask(known) if known else shown
        inputs[one.role] = (*inputs.get(one.role, ()), shown)
    return inputs


async def _uploaded(tools: Tools, given: Given, account: Account) -> str | None:
    """The reference under which the account has this very input already."""
    match given.value:
        case StoredInput():
            known = given.value.digest
        case InlineInput():
            known = await asyncio.to_thread(digest, given.value.content)
        case _:
            return None
    return await tools.database.read(
        lambda connection: uploads.reference(connection, upload_store(account), known)
    )


def _request(
    tools: Tools, account: Account, choice: Choice, inputs: Mapping[Role, tuple[str, ...]]
) -> QuotedRequest:
    """The paid request as the adapter makes it; it goes nowhere."""
    offer = tools.adapters[choice.provider].capabilities.offer(choice.spec.model, choice.spec.mode)
    drawn = None if offer is None or choice.spec.seed is not None else offer.seed
    if drawn is not None:
        spec = msgspec.structs.replace(choice.spec, seed=drawn[1])
        choice = msgspec.structs.replace(choice, spec=spec)
    submission = submission_of(tools, account, choice, inputs, token=TOKEN, reference=REFERENCE)
    flow = tools.adapters[choice.provider].submit(submission)
    try:
        request = next(flow)
    finally:
        flow.close()
    body = _readable(request.body)
    if drawn is not None and isinstance(body, dict):
        body = {name: SEED if value == drawn[1] else value for name, value in body.items()}
    return QuotedRequest(method=request.method, url=request.url, body=body)


def _readable(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace")
