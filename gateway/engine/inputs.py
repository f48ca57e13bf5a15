"""Bringing what a job is made from into the form its provider takes."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple, assert_never

from gateway.engine.credentials import credentials
from gateway.engine.drop import foresee
from gateway.engine.kinds import is_film, misfit, most_bytes, read_facts
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.inputs import Given, StoredInput, UrlInput
from gateway.model.job import Job
from gateway.model.media import NotMedia
from gateway.net import DownloadFailed, NetFault, NotSent
from gateway.storage import jobs, uploads
from providers.contract import (
    Account,
    Adapter,
    InputForm,
    Refused,
    Role,
    Unclear,
    Uploaded,
)

FETCH_SECONDS: Final = 30.0
FETCH_FILM_SECONDS: Final = 300.0
UPLOAD_SECONDS: Final = 120.0
UPLOAD_FILM_SECONDS: Final = 600.0
LINK_SECONDS: Final = 6 * 3600
"""A provider may fetch a picture long after it took the job."""


class InputError(Exception):
    """The caller's input cannot be had or used; `retry` says whether it may be later."""

    def __init__(self, given: Given, words: str, *, retry: bool) -> None:
        super().__init__(f"{given.pointer.removeprefix('/')}: {words}")
        self.retry = retry


class NotReachedError(Exception):
    """The provider could not be reached, or did not answer, which is no fault of the input."""


class UploadUnclearError(Exception):
    """An upload got through, and no usable answer came back: it may be this very file."""


class OwnTroubleError(Exception):
    """An input cannot be had for want of something of the gateway's own: disk, connections."""


class UploadRefusedError(Exception):
    """The provider refused an upload, in its own words."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.words)
        self.refused = refused


class Target(NamedTuple):
    """Where inputs are brought: an account, and the adapter of its provider."""

    account: Account
    adapter: Adapter


async def bring(tools: Tools, target: Target, job: Job) -> dict[Role, tuple[str, ...]]:
    """All inputs of a job in the provider's form: URLs, or references of uploads.

    Costs nothing at the provider, so it may be done again after a crash.

    Raises:
        InputError: One cannot be had or used.
        NotReachedError: One cannot be brought over just now.
        UploadUnclearError: One was sent, and nobody knows whether the provider has it.
        OwnTroubleError: One cannot be fetched just now, through no fault of its own.
        OSError: The store cannot be read or written just now.
        UploadRefusedError: The provider said no.
    """
    kept = dict(job.kept)
    brought: dict[Role, tuple[str, ...]] = {}
    for given in job.request.given:
        if target.adapter.capabilities.input_form is InputForm.URL:
            reference = await _as_url(tools, given, kept)
        else:
            stored = await _stored(tools, job, given, kept)
            reference = await _as_upload(tools, target, given, stored)
        brought[given.role] = (*brought.get(given.role, ()), reference)
    return brought


async def _as_url(tools: Tools, given: Given, kept: Mapping[str, StoredInput]) -> str:
    if isinstance(given.value, UrlInput):
        return given.value.url
    stored = _at_hand(given, kept)
    if tools.links is None:
        words = "server.public_url is not set, so it cannot be handed over"
        raise InputError(given, words, retry=False)
    await _check_there(tools, given, stored)
    expires = tools.clock.now() // SECOND + LINK_SECONDS
    return tools.links.picture(stored.digest, stored.media_type, expires)


def _at_hand(given: Given, kept: Mapping[str, StoredInput]) -> StoredInput:
    """What is in our own store for an input, without fetching anything."""
    found = given.value if isinstance(given.value, StoredInput) else kept.get(given.pointer)
    if found is None:
        raise InputError(given, "it was never stored", retry=False)
    return found


async def _check_there(tools: Tools, given: Given, stored: StoredInput) -> None:
    """Nothing brings back bytes that somebody removed by hand; waiting for them is in vain."""
    if not await asyncio.to_thread(tools.media.has, stored.digest):
        raise InputError(given, "its bytes are missing from the gateway's store", retry=False)


async def _stored(
    tools: Tools, job: Job, given: Given, kept: dict[str, StoredInput]
) -> StoredInput:
    """The input in our own store; fetched, once for the job, where it is a caller's URL."""
    if given.pointer not in kept and isinstance(given.value, UrlInput):
        same = (
            kept[other.pointer]
            for other in job.request.given
            if other.value == given.value and other.pointer in kept
        )
        found = next(same, None)
        if found is not None and misfit(given.role, found.media_type) is None:
            return found
        await _fetch(tools, job, given, given.value.url, kept)
    return _at_hand(given, kept)


async def _fetch(
    tools: Tools, job: Job, given: Given, url: str, kept: dict[str, StoredInput]
) -> None:
    seconds = FETCH_FILM_SECONDS if given.role is Role.EXTEND else FETCH_SECONDS
    incoming = await asyncio.to_thread(tools.media.incoming)
    with tools.pins() as pins:
        try:
            got = await tools.upstream.fetch_input(
                url, incoming, max_bytes=most_bytes(given.role), deadline=seconds
            )
            media_type = await asyncio.to_thread(_type_of, incoming, got.size, given.role)
            await foresee(tools, pins, [got.digest])
            await asyncio.to_thread(pins.adopt, incoming, got.digest)
        except DownloadFailed as error:
            if error.ours:
                words = f"{given.pointer.removeprefix('/')}: {error.reason}"
                raise OwnTroubleError(words) from error
            raise InputError(given, error.reason, retry=error.retry) from error
        except NotMedia as error:
            raise InputError(given, str(error), retry=False) from error
        finally:
            await asyncio.to_thread(incoming.unlink, missing_ok=True)
        stored = StoredInput(digest=got.digest, media_type=media_type)
        kept |= await tools.persist(
            lambda connection: jobs.keep_input(connection, job.id, {given.pointer: stored})
        )


def _type_of(path: Path, size: int, role: Role) -> str:
    with path.open("rb") as file:
        facts = read_facts(file, size)
    if words := misfit(role, facts.media_type):
        raise NotMedia(words)
    return facts.media_type


async def _as_upload(tools: Tools, target: Target, given: Given, stored: StoredInput) -> str:
    store = upload_store(target.account)
    # Another job, or another role of this one, may be bringing the same picture right now.
    async with tools.uploads.hold((store, stored.digest)):
        known = await tools.database.read(
            lambda connection: uploads.reference(connection, store, stored.digest)
        )
        if known is not None:
            return known
        reference = await _upload(tools, target, given, stored)
        await tools.persist(
            lambda connection: uploads.remember(
                connection, store, stored.digest, reference, tools.clock.now()
            )
        )
        return reference


async def _upload(tools: Tools, target: Target, given: Given, stored: StoredInput) -> str:
    if target.adapter.upload is None:
        raise InputError(given, "the adapter has no upload", retry=False)
    async with AsyncExitStack() as stack:
        film = is_film(stored.media_type)
        if film:
            await stack.enter_async_context(tools.heavy)
        await _check_there(tools, given, stored)
        content = await asyncio.to_thread(tools.media.path(stored.digest).read_bytes)
        try:
            outcome = await tools.upstream.run(
                target.adapter.upload(target.account, content, stored.media_type),
                lane=target.account.name,
                deadline=UPLOAD_FILM_SECONDS if film else UPLOAD_SECONDS,
            )
        except NotSent as error:
            if error.ours:
                raise OwnTroubleError(f"{given.pointer}: the upload failed: {error}") from error
            raise NotReachedError(f"{given.pointer}: the upload failed: {error}") from error
        except NetFault as error:
            raise UploadUnclearError(f"{given.pointer}: the upload failed: {error}") from error
    match outcome:
        case Refused():
            raise UploadRefusedError(outcome)
        case Unclear():
            words = f"{given.pointer}: the upload failed: {outcome.evidence}"
            raise UploadUnclearError(words)
        case Uploaded():
            return outcome.reference
        case _:
            assert_never(outcome)


def upload_store(account: Account) -> str:
    """Where an account's uploads live: other credentials under its name are another place."""
    return f"{account.name}:{credentials(account)}"
