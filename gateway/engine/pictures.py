"""Bringing a job's pictures into the form its provider takes."""

import asyncio
from typing import Final, assert_never

from gateway.engine.intake import check_picture
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.ids import digest
from gateway.model.media import MAX_PICTURE_BYTES, NotMedia
from gateway.model.request import InlineInput, Input, StoredInput, UrlInput
from gateway.net import DownloadFailed, NetFault
from gateway.storage import ledger
from providers.contract import Account, Adapter, InputForm, Refused, Role, Unclear, Uploaded

FETCH_SECONDS: Final = 30.0
UPLOAD_SECONDS: Final = 120.0
LINK_SECONDS: Final = 6 * 3600
"""A provider may fetch a picture long after it took the job."""


class InputError(Exception):
    """The caller's picture cannot be had or used; `retry` says whether it may be later."""

    def __init__(self, role: Role, words: str, *, retry: bool) -> None:
        super().__init__(f"{role.value}: {words}")
        self.retry = retry


class NotReachedError(Exception):
    """The provider could not be reached, or did not answer, which is no fault of the picture."""


class UploadRefusedError(Exception):
    """The provider refused an upload, in its own words."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.words)
        self.refused = refused


async def bring(tools: Tools, account: Account, adapter: Adapter, role: Role, value: Input) -> str:
    """One picture in the provider's form: a URL, or the reference of an upload.

    Costs nothing at the provider, so it may be done again after a crash.

    Raises:
        InputError: The picture cannot be had or used.
        NotReachedError: It cannot be brought over just now.
        UploadRefusedError: The provider said no.
    """
    if adapter.capabilities.input_form is InputForm.URL:
        return _as_url(tools, role, value)
    return await _as_upload(tools, account, adapter, role, value)


def _as_url(tools: Tools, role: Role, value: Input) -> str:
    if isinstance(value, UrlInput):
        return value.url
    if isinstance(value, StoredInput) and tools.links is not None:
        expires = tools.clock.now() // SECOND + LINK_SECONDS
        return tools.links.picture(value.digest, expires)
    raise InputError(role, "server.public_url is not set, so it cannot be handed over", retry=False)


async def _as_upload(
    tools: Tools, account: Account, adapter: Adapter, role: Role, value: Input
) -> str:
    stored = await _stored(tools, role, value)
    store = upload_store(account)
    known = await tools.database.read(
        lambda connection: ledger.uploaded(connection, store, stored.digest)
    )
    if known is not None:
        return known
    if adapter.upload is None:
        raise InputError(role, "the adapter has no upload", retry=False)
    content = await asyncio.to_thread(tools.media.path(stored.digest).read_bytes)
    try:
        outcome = await tools.upstream.run(
            adapter.upload(account, content, stored.media_type),
            lane=account.name,
            deadline=UPLOAD_SECONDS,
        )
    except NetFault as error:
        raise NotReachedError(f"{role.value}: the upload failed: {error}") from error
    match outcome:
        case Refused():
            raise UploadRefusedError(outcome)
        case Unclear():
            raise NotReachedError(f"{role.value}: the upload failed: {outcome.evidence}")
        case Uploaded():
            await tools.persist(
                lambda connection: ledger.remember_upload(
                    connection,
                    store,
                    stored.digest,
                    outcome.reference,
                    tools.clock.now(),
                )
            )
            return outcome.reference
        case _:
            assert_never(outcome)


def upload_store(account: Account) -> str:
    """Where an account's uploads live: other credentials under its name are another place."""
    credentials = f"{account.base_url}\n{account.email}\n{account.key.reveal()}"
    return f"{account.name}:{digest(credentials)[:16]}"


async def _stored(tools: Tools, role: Role, value: Input) -> StoredInput:
    """The picture in our own store, fetched from the caller's URL where it is one."""
    match value:
        case StoredInput():
            return value
        case InlineInput():
            raise InputError(role, "it was never stored", retry=False)
        case UrlInput():
            incoming = await asyncio.to_thread(tools.media.incoming)
            try:
                got = await tools.upstream.fetch(
                    value.url, incoming, max_bytes=MAX_PICTURE_BYTES, deadline=FETCH_SECONDS
                )
                content = await asyncio.to_thread(incoming.read_bytes)
                media_type = await asyncio.to_thread(check_picture, content)
                await asyncio.to_thread(tools.media.adopt, incoming, got.digest)
            except DownloadFailed as error:
                raise InputError(role, error.reason, retry=error.retry) from error
            except NotMedia as error:
                raise InputError(role, str(error), retry=False) from error
            finally:
                await asyncio.to_thread(incoming.unlink, missing_ok=True)
            return StoredInput(digest=got.digest, media_type=media_type)
        case _:
            assert_never(value)
