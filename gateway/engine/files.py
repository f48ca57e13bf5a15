"""Uploaded files: kept once by their bytes, named by an id for each upload."""

import asyncio

import structlog

from gateway.engine.drop import drop, foresee
from gateway.engine.intake import check_room
from gateway.engine.kinds import facts_of
from gateway.engine.tools import Tools
from gateway.model.errors import FieldFault, InvalidError, UnavailableError
from gateway.model.files import StoredFile
from gateway.model.ids import digest as digest_of
from gateway.model.ids import new_id
from gateway.model.media import NotMedia
from gateway.storage import StorageError, files
from gateway.storage.paging import Page

_log = structlog.get_logger()


async def keep(tools: Tools, owner: str, content: bytes, filename: str, purpose: str) -> StoredFile:
    """Keep an uploaded picture or film; it is on disk when this returns.

    Raises:
        InvalidError: It is neither a picture nor a film, or too large.
        UnavailableError: It could not be stored.
    """
    try:
        facts = await asyncio.to_thread(facts_of, content)
    except NotMedia as error:
        raise InvalidError(
            "The file cannot be used.",
            errors=(FieldFault(pointer="/file", code="bad_file", detail=str(error)),),
        ) from error
    await check_room(tools)
    digest = await asyncio.to_thread(digest_of, content)
    try:
        with tools.pins() as pins:
            await foresee(tools, pins, [digest])
            await asyncio.to_thread(pins.save, content)
            file = StoredFile(
                id=new_id("file"),
                owner=owner,
                digest=digest,
                media_type=facts.media_type,
                bytes=len(content),
                filename=filename,
                purpose=purpose,
                width=facts.width,
                height=facts.height,
                duration_ms=facts.duration_ms,
                created_at=tools.clock.now(),
            )
            await tools.database.write(lambda connection: files.insert_file(connection, file))
    except (StorageError, OSError) as error:
        _log.error("file not stored", error=str(error))
        await drop(tools, [digest])
        raise UnavailableError(
            "The file could not be stored. Try again shortly.", headers={"retry-after": "5"}
        ) from error
    return file


async def find(tools: Tools, owner: str, file_id: str) -> StoredFile | None:
    """The owner's file, or None."""
    return await tools.database.read(lambda connection: files.get(connection, owner, file_id))


async def listing(
    tools: Tools, owner: str, *, after: str | None, limit: int, ascending: bool
) -> Page[StoredFile]:
    """The owner's files behind `after`, in the order they came or the other way round."""
    return await tools.database.read(
        lambda connection: files.page(
            connection, owner, after=after, limit=limit, ascending=ascending
        )
    )


async def remove(tools: Tools, owner: str, file_id: str) -> bool:
    """Remove a file; False where there is none. Bytes that a job needs stay."""
    free = await tools.database.write(lambda connection: files.remove(connection, owner, file_id))
    if free is None:
        return False
    await drop(tools, free)
    return True
