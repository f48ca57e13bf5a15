"""Accepting a job: what was asked is checked, its pictures are kept, its row is durable."""

import asyncio
import shutil
from typing import Final

import structlog
from msgspec.structs import replace

from gateway.engine.tools import Tools
from gateway.model.errors import FieldFault, InvalidError, UnavailableError
from gateway.model.ids import new_id
from gateway.model.job import Job
from gateway.model.media import (
    MAX_PICTURE_BYTES,
    MAX_PICTURE_SIDE,
    NotMedia,
    picture_facts,
)
from gateway.model.phases import INITIAL
from gateway.model.request import CreateVideo, InlineInput, StoredInput, UrlInput
from gateway.net import Blocked
from gateway.observe.phases import phase_changed
from gateway.storage import StorageError, jobs
from providers.contract import Role

LEAST_FREE: Final = 64 * 1024**2
"""Bytes of disk below which no job is promised anything: those under way need them."""


async def accept(tools: Tools, request: CreateVideo, owner: str) -> Job:
    """Take a job into the line; it is on disk when this returns.

    Raises:
        InvalidError: No target can serve it; nothing was stored.
        UnavailableError: It could not be stored; nothing was accepted.
    """
    _check_links(tools, request)
    choices = tools.routes.choices(request)
    await check_room(tools)
    kept = await _keep_pictures(tools, request)
    now = tools.clock.now()
    job = Job(
        id=new_id("video"),
        owner=owner,
        phase=INITIAL,
        request=kept,
        choices=choices,
        created_at=now,
        updated_at=now,
        due_at=now,
    )
    try:
        await tools.database.write(lambda connection: jobs.insert_job(connection, job))
    except StorageError as error:
        structlog.get_logger().error("job not stored", error=str(error))
        raise UnavailableError(
            "The job could not be stored; nothing was accepted. Try again shortly.",
            headers={"retry-after": "5"},
        ) from error
    phase_changed(job=job.id, before=None, after=job.phase.value, event="created")
    return job


async def check_room(tools: Tools) -> None:
    """Promise nothing when there is hardly a place left to keep it.

    Raises:
        UnavailableError: The disk is nearly full, or cannot be reached.
    """
    try:
        free = (await asyncio.to_thread(shutil.disk_usage, tools.media.folder)).free
    except OSError as error:
        raise UnavailableError("The media folder cannot be reached.") from error
    if free < LEAST_FREE:
        raise UnavailableError(
            f"Only {free // 1024**2} MB of disk are left; {LEAST_FREE // 1024**2} MB are needed.",
            headers={"retry-after": "30"},
        )


def _check_links(tools: Tools, request: CreateVideo) -> None:
    """Refuse links that lead where nobody should be sent, before a slot waits for them."""
    faults: list[FieldFault] = []
    for role, value in request.inputs.items():
        if isinstance(value, UrlInput):
            try:
                tools.upstream.check(value.url)
            except Blocked as error:
                faults.append(
                    FieldFault(pointer=f"/{role.value}", code="bad_url", detail=error.reason)
                )
    if faults:
        raise InvalidError("A picture cannot be fetched from there.", errors=faults)


async def _keep_pictures(tools: Tools, request: CreateVideo) -> CreateVideo:
    """The request with each inline picture replaced by one in the store."""
    stored: dict[Role, StoredInput] = {}
    faults: list[FieldFault] = []
    for role, value in request.inputs.items():
        if isinstance(value, InlineInput):
            try:
                stored[role] = await asyncio.to_thread(keep_picture, tools, value.content)
            except NotMedia as error:
                faults.append(
                    FieldFault(pointer=f"/{role.value}", code="bad_picture", detail=str(error))
                )
            except OSError as error:
                raise UnavailableError(
                    "The picture could not be stored; nothing was accepted.",
                    headers={"retry-after": "5"},
                ) from error
    if faults:
        raise InvalidError("A picture cannot be used.", errors=faults)
    return replace(
        request,
        first_frame=stored.get(Role.FIRST_FRAME, request.first_frame),
        last_frame=stored.get(Role.LAST_FRAME, request.last_frame),
    )


def keep_picture(tools: Tools, content: bytes) -> StoredInput:
    """Check a picture against what every provider takes, and keep it.

    Raises:
        NotMedia: It is no picture, or too large.
        OSError: It cannot be written.
    """
    media_type = check_picture(content)
    return StoredInput(digest=tools.media.save(content), media_type=media_type)


def check_picture(content: bytes) -> str:
    """The media type of a picture that may be sent on.

    Raises:
        NotMedia: It is no picture, or too large.
    """
    if len(content) > MAX_PICTURE_BYTES:
        raise NotMedia(f"has {len(content)} bytes; at most {MAX_PICTURE_BYTES} are taken")
    facts = picture_facts(content)
    if max(facts.width, facts.height) > MAX_PICTURE_SIDE:
        raise NotMedia(
            f"is {facts.width}x{facts.height} pixels; at most {MAX_PICTURE_SIDE} a side are taken"
        )
    return facts.media_type
