"""Documented bodies that are made from the one of create."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.model.aliases import ALIASES
from gateway.model.body import CreateVideoBody, InputForm
from providers.contract import Role

INPUTS: Final = tuple(role.value for role in Role)
FILE_FIELDS: Final = (*INPUTS, *(name for field in INPUTS for name in ALIASES[field]))
"""Fields that may be a file where a body is a form."""

ExtendVideoBody: Final = msgspec.defstruct(
    "ExtendVideoBody",
    [
        (
            "video",
            Annotated[
                InputForm,
                Meta(
                    description='The video to extend: `{"id": …}` of the gateway\'s, a URL, an '
                    "uploaded file, or in a form the film itself."
                ),
            ],
        ),
        *(
            (field.name, field.type, field.default)
            for field in msgspec.structs.fields(CreateVideoBody)
            if field.name not in FILE_FIELDS and field.name != "frame_images"
        ),
    ],
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    module=__name__,
)
ExtendVideoBody.__doc__ = (
    """What create takes, but for pictures, and `video` in place of `extend_video`."""
)
