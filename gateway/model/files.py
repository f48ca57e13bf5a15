"""Uploaded files: pictures and films that requests name by id."""

import msgspec


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a caller's. Its bytes are kept once, whoever uploaded them, by `digest`.

    `bytes` is the size; `width` and `height` are pixels; `duration_ms` is of a film only.
    `created_at` is microseconds since 1970, UTC.
    """

    id: str
    owner: str
    digest: str
    media_type: str
    bytes: int
    filename: str
    purpose: str
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    created_at: int
