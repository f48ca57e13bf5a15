"""The body of `POST /v1/videos` as it is documented; `gateway.model.parse` reads it.

The schema made from it takes exactly the types that the reader takes, so whatever fits
the schema is refused for its meaning only.
"""

from inspect import cleandoc
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta

from gateway.model.aliases import ALIASES, MAX_FRAME_IMAGES
from gateway.model.forms import MAX_REFERENCES
from gateway.model.parse import MAX_CALLBACK, MAX_DEADLINE, MAX_FALLBACKS, MAX_METADATA, MAX_PROMPT
from gateway.model.reading import MAX_WHOLE, MIN_WHOLE

Digits: TypeAlias = Annotated[str, Meta(pattern="^-?[0-9]{1,19}$")]
Whole: TypeAlias = Annotated[int, Meta(ge=MIN_WHOLE, le=MAX_WHOLE)]
Truth: TypeAlias = bool | Literal["true", "false"]
# Not `Meta(pattern=…)`: in a union with an object or a list, msgspec 0.22 corrupts memory.
JsonObject: TypeAlias = Annotated[str, Meta(extra_json_schema={"pattern": "^[ \\t\\r\\n]*[{]"})]
"""An object as JSON text, which is how forms send one."""
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
Key: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MAX_METADATA[1])]
Value: TypeAlias = Annotated[str, Meta(max_length=MAX_METADATA[2])]
Id: TypeAlias = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$")]
Fallbacks: TypeAlias = (
    str | Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_FALLBACKS)]
)
InputType: TypeAlias = Literal["image_url", "input_image"]


class UrlObject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A URL, as OpenAI and OpenRouter wrap it."""

    url: str


class InputObject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture or video by one of `url`, `file_id`, `video`, `id` and `image_url`."""

    url: Annotated[str | None, Meta(description="An https or data URL.")] = None
    file_id: Annotated[Id | None, Meta(description="A file that was uploaded before.")] = None
    video: Annotated[
        Id | None,
        Meta(description="Another video of yours, finished or not: this one waits for it."),
    ] = None
    frame: Annotated[
        Literal["first", "last"] | None,
        Meta(
            description="Which frame of `video`; its last one for a `first_frame`, its first one "
            "for a `last_frame`. Not for `extend_video`, which takes the whole."
        ),
    ] = None
    id: Annotated[
        Id | None, Meta(description="As `video`, for `extend_video` only: OpenAI's name.")
    ] = None
    image_url: Annotated[str | UrlObject | None, Meta(description="OpenAI's name of `url`.")] = None
    type: Annotated[InputType | None, Meta(description="Changes nothing.")] = None


class FrameImage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """OpenRouter's frame: a picture, and whether it is the first or the last."""

    frame_type: Literal["first_frame", "last_frame"]
    url: str | None = None
    file_id: Id | None = None
    video: Id | None = None
    frame: Literal["first", "last"] | None = None
    image_url: str | UrlObject | None = None
    type: InputType | None = None


class RoutingObject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the model that makes the video is chosen."""

    fallbacks: Annotated[
        Fallbacks | None,
        Meta(description="Targets or routes to try where `model` cannot take the request."),
    ] = None
    max_cost: Annotated[
        Annotated[str, Meta(pattern="^[0-9]{1,9}(\\.[0-9]{1,6})?$")] | int | float | None,
        Meta(
            description="The most this video may cost, in the configured currency.",
            examples=["0.50"],
        ),
    ] = None
    deadline: Annotated[
        Annotated[int, Meta(ge=1, le=MAX_DEADLINE)] | Digits | None,
        Meta(description="Seconds after which a job that no provider was asked for yet fails."),
    ] = None
    queue: Annotated[
        Truth | None, Meta(description="false: refuse the job when no slot is free at once.")
    ] = None
    priority: Annotated[
        Literal["low", "normal", "high"] | None,
        Meta(
            description="Which of your own waiting jobs go first; `normal` when left out. It "
            "takes nothing from the share of other API keys."
        ),
    ] = None


InputForm: TypeAlias = str | InputObject
References: TypeAlias = (
    str
    | InputObject
    | Annotated[tuple[InputForm, ...], Meta(min_length=1, max_length=MAX_REFERENCES)]
)
OptionValues: TypeAlias = dict[Key, str | int | bool | None]
ProviderOptions: TypeAlias = JsonObject | dict[Key, OptionValues | JsonObject | None]

Frames: TypeAlias = (
    Annotated[str, Meta(extra_json_schema={"pattern": "^[ \\t\\r\\n]*[{[]"})]
    | FrameImage
    | Annotated[
        tuple[JsonObject | FrameImage, ...], Meta(min_length=1, max_length=MAX_FRAME_IMAGES)
    ]
)


class ProviderObject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """OpenRouter's place of `provider_options`."""

    options: ProviderOptions | None = None


class Fields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The canonical fields of a body, and those that are not in `CreateVideo` as such.

    Forms send text only, so a number, a boolean, an object or a list may come as text
    (JSON text, for the latter two). A field that is null counts as left out.
    """

    model: Annotated[
        Name | None,
        Meta(
            description="A target (`provider/model`) or the name of a configured route; "
            "`default` when left out.",
            examples=["useapi-pixverse/v3.5", "pictory/pixverse5.5", "default"],
        ),
    ] = None
    prompt: Annotated[
        Annotated[str, Meta(min_length=1, max_length=MAX_PROMPT)] | None,
        Meta(
            description="What the video shows. Kept and sent exactly as it is.",
            examples=["A lighthouse in a storm, waves breaking, slow push in"],
        ),
    ] = None
    seconds: Annotated[
        Whole | Annotated[str, Meta(pattern="^-?[0-9]{1,19}s?$")] | None,
        Meta(description="Length of the clip.", examples=[5, "8", "8s"]),
    ] = None
    size: Annotated[
        Annotated[str, Meta(pattern="^[0-9]{1,5}x[0-9]{1,5}$")] | None,
        Meta(
            description="Width and height in pixels, in place of `aspect_ratio` and `resolution`.",
            examples=["1280x720", "720x1280"],
        ),
    ] = None
    aspect_ratio: Annotated[
        Name | None, Meta(description="Width to height.", examples=["16:9", "9:16", "1:1"])
    ] = None
    resolution: Annotated[
        Name | None, Meta(description="Lines of the shorter side.", examples=["720p", "1080p"])
    ] = None
    first_frame: Annotated[
        InputForm | None,
        Meta(
            description="The picture the video starts at: an https or data URL, the id of an "
            "uploaded file, or an object that names one or a frame of another video.",
            examples=["https://example.com/first.png", {"video": "video_1", "frame": "last"}],
        ),
    ] = None
    last_frame: Annotated[
        InputForm | None,
        Meta(description="The picture the video ends at; in the same forms."),
    ] = None
    reference_images: Annotated[
        References | None,
        Meta(
            description="Pictures of what the video shows, in the order in which the prompt "
            "speaks of them; each in the same forms.",
        ),
    ] = None
    extend_video: Annotated[
        InputForm | None,
        Meta(
            description="The video that this one continues: an https or data URL, an uploaded "
            "file, or another video of yours.",
            examples=["https://example.com/clip.mp4", {"video": "video_1"}],
        ),
    ] = None
    seed: Annotated[
        Whole | Digits | None, Meta(description="The same seed gives a similar video.")
    ] = None
    motion_mode: Annotated[
        Name | None, Meta(description="How lively the video is.", examples=["normal", "fast"])
    ] = None
    remove_watermark: Annotated[
        Truth | None, Meta(description="Whether the provider leaves its mark out.")
    ] = None
    negative_prompt: Annotated[
        Annotated[str, Meta(min_length=1, max_length=MAX_PROMPT)] | None,
        Meta(description="What the video must not show."),
    ] = None
    n: Annotated[
        Literal[1, "1"] | None,
        Meta(description="How many videos: one request makes one."),
    ] = None
    callback_url: Annotated[
        Annotated[str, Meta(max_length=MAX_CALLBACK)] | None,
        Meta(
            description="An https URL that is told when the video is finished or failed.",
            examples=["https://example.com/hooks/video"],
        ),
    ] = None
    metadata: Annotated[
        JsonObject | Annotated[dict[Key, Value], Meta(max_length=MAX_METADATA[0])] | None,
        Meta(
            description="Up to 16 texts of yours, given back with the video.",
            examples=[{"order": "7"}],
        ),
    ] = None
    provider_options: Annotated[
        ProviderOptions | None,
        Meta(
            description="Fields of a provider's own, passed to that provider only; "
            "`GET /v1/models` lists them.",
            examples=[{"useapi-pixverse": {"style": "anime"}}],
        ),
    ] = None
    routing: Annotated[
        JsonObject | RoutingObject | None, Meta(description="How the model is chosen.")
    ] = None


def _described(kind: Any, meaning: str) -> Any:
    return Annotated[kind | None, Meta(description=meaning)]


_TYPES: Final[dict[str, Any]] = {field.name: field.type for field in msgspec.structs.fields(Fields)}
_UNFOLDED: Final[list[tuple[str, Any, str]]] = [
    ("fallbacks", Fallbacks, "As `routing.fallbacks`."),
    ("replyRef", Value, "As `metadata.replyRef`."),
    ("provider", JsonObject | ProviderObject, "As `provider_options`: OpenRouter's name."),
    (
        "frame_images",
        Frames,
        "As `first_frame` and `last_frame`: OpenRouter's name.",
    ),
]


CreateVideoBody = msgspec.defstruct(
    "CreateVideoBody",
    [
        *(
            (name, _described(get_args(_TYPES[field])[0], f"As `{field}`."), None)
            for field, others in ALIASES.items()
            for name in others
        ),
        *((name, _described(kind, meaning), None) for name, kind, meaning in _UNFOLDED),
    ],
    bases=(Fields,),
    module=__name__,
    namespace={"__doc__": cleandoc(Fields.__doc__ or "")},
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
)
"""The whole body: the canonical fields, and every other name that is taken for one."""
