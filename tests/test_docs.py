"""The pages under `docs/` that are made from code say what the code does.

`python -m tests.test_docs` writes them.
"""

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from gateway.app import capabilities
from gateway.config import WatchSettings
from gateway.engine import policy
from gateway.model.aliases import ALIASES
from gateway.model.blame import BLAMED, OWN
from gateway.model.body import Fields
from gateway.model.clock import SECOND
from gateway.model.errors import FilmgateError
from providers import pictory, useapi_pixverse
from providers._refusals import Refusal
from providers.contract import BLAME, Capabilities, Fault, Mode, Offer, Option, Scope
from tests.pages import NONE, code, listed, table

DOCS: Final = Path(__file__).parents[1] / "docs"

MADE_FROM: Final = {
    Mode.TEXT: "text",
    Mode.FIRST_FRAME: "a first frame",
    Mode.FIRST_LAST_FRAME: "a first and a last frame",
    Mode.REFERENCE_IMAGES: "reference images",
    Mode.EXTEND_VIDEO: "a video to extend",
}


# --- docs/models.md -------------------------------------------------------------


def models_page() -> str:
    """What each target takes."""
    return (
        "# What each target takes\n\n"
        "Made from the capability tables that validate requests, choose targets and answer "
        "`GET /v1/models`.\n"
        "The first value of each list is the default.\n"
        f"A `{NONE}` stands for a field that the target does not have: a request that gives it is "
        "refused for this target.\n"
        "Prompts are measured in characters; where code points and UTF-16 units disagree about "
        "a limit, the request is passed on and the provider decides, free of charge.\n\n"
        + "\n".join(map(provider_part, capabilities().values()))
    )


def provider_part(able: Capabilities) -> str:
    form = {
        "upload": "uploaded to it first, each file once for every account",
        "url": "fetched by it from a URL: the caller's own, or a signed link to this gateway, "
        "which needs `server.public_url`",
    }[able.input_form.value]
    parts = able.credit.parts
    money = f"Prices are in {able.credit.name}s"
    money += f"; the API counts them in `{able.credit.unit}`, {parts} to one." if parts > 1 else "."
    models = dict.fromkeys(offer.model for offer in able.offers)
    text = f"## {able.title}\n\nInputs are {form}.\n{money}\n\n"
    for model in models:
        rows = [offer for offer in able.offers if offer.model == model]
        text += f"### `{able.provider}/{model}`\n\n" + table(
            ("Made from", *(name for name, _ in FACTS)),
            [(MADE_FROM[row.mode], *(tell(row) for _, tell in FACTS)) for row in rows],
        )
        sources = dict.fromkeys(row.source for row in rows)
        text += f"\nSource: {'; '.join(sources)}.\n\n"
    options = {option.name: option for offer in able.offers for option in offer.options}
    if options:
        text += "### Its own fields, in `provider_options`\n\n" + table(
            ("Field", "Type", "Values", "Meaning"), map(option_row, options.values())
        )
        text += "\n"
    if able.settings:
        text += (
            "### What an operator may set\n\n"
            f"In the table `[providers.{able.provider}]` of the configuration, for the day the "
            "provider renames something.\n\n"
            + table(
                ("Setting", "Default", "Meaning"),
                [(f"`{one.name}`", f"`{one.default}`", one.meaning) for one in able.settings],
            )
        )
    return text


def option_row(option: Option) -> tuple[str, str, str, str]:
    values = code(option.allowed) if option.allowed else NONE
    if option.longest is not None:
        values = f"up to {option.longest} characters"
    elif option.low is not None:
        values = f"{option.low} to {option.high}" if option.high else f"from {option.low}"
    return f"`{option.name}`", option.kind.value, values, option.meaning


def price_of(offer: Offer) -> str:
    rate = offer.rate
    if rate is None:
        return "not published"
    credit = next(able.credit for able in capabilities().values() if able.credit.unit == rate.unit)
    shown = f"{credit.text(rate.per_second)} a second"
    if rate.per_clip:
        shown = listed(f"{credit.text(one)} ({name})" for name, one in rate.per_clip.items())
        factors = [
            f"{by} times that for {seconds} s" for seconds, by in rate.seconds_factor.items()
        ]
        factors += [f"{by} times that for {motion}" for motion, by in rate.motion_factor.items()]
        shown += "; " + listed(factors) if factors else ""
    return shown + (" (estimated)" if rate.estimated else "")


FACTS: Final[tuple[tuple[str, Callable[[Offer], str]], ...]] = (
    (
        "Prompt",
        lambda row: (
            f"{max(row.prompt_min, 1)} to {row.prompt_max}"
            + ("" if row.prompt_required else ", optional")
        ),
    ),
    ("Seconds", lambda row: listed(row.seconds)),
    ("Aspect ratio", lambda row: listed(row.aspect_ratios)),
    ("Resolution", lambda row: listed(row.resolutions)),
    ("Motion mode", lambda row: listed(row.motion_modes)),
    ("Seed", lambda row: NONE if row.seed is None else f"{row.seed[0]} to {row.seed[1]}"),
    (
        "Negative prompt",
        lambda row: NONE if row.negative_prompt_max is None else f"up to {row.negative_prompt_max}",
    ),
    (
        "Watermark",
        lambda row: NONE if row.watermark is None else "removed" if row.watermark else "kept",
    ),
    (
        "Reference images",
        lambda row: (
            NONE if row.references is None else f"{row.references[0]} to {row.references[1]}"
        ),
    ),
    ("Price", price_of),
)


# --- docs/requests.md -----------------------------------------------------------


def requests_page() -> str:
    """Every field of a request, with the other names that it may have."""
    rows = [
        (f"`{field.name}`", code(ALIASES.get(field.name, ())), description(field.type))
        for field in msgspec.structs.fields(Fields)
    ]
    return (
        "# The fields of a request\n\n"
        "The body of `POST /v1/videos` and `POST /v1/videos/quote`, as JSON or as "
        "`multipart/form-data`.\n"
        "Other names are those of other APIs; a field may be given under one name only.\n"
        "Unknown fields are refused with the nearest name, and nothing is dropped: what a target "
        "cannot do is a fault of the request for that target.\n\n"
        + table(("Field", "Other names", "Meaning"), rows)
        + "\nBesides these, `frame_images` and `provider.options` are read as OpenRouter writes "
        "them, `fallbacks` is `routing.fallbacks`, and `replyRef` becomes `metadata.replyRef`.\n\n"
        "## An input\n\n"
        "A picture or a video is one of these:\n\n"
        + table(
            ("Form", "What it is"),
            (
                (
                    '`"https://…"` or `{"url": "https://…"}`',
                    "fetched once by a guarded client; Pictory gets the URL itself",
                ),
                ('`"data:image/png;base64,…"`', "the bytes themselves"),
                ('`{"file_id": "file_…"}` or `"file_…"`', "uploaded before with `POST /v1/files`"),
                (
                    '`{"video": "video_…", "frame": "first"}` or `"last"`',
                    "a frame of another video: by default its last one, or first for `last_frame`",
                ),
                ('`{"video": "video_…"}`', "another video as a whole, for `extend_video`"),
                ("a file part of a form", "the bytes themselves"),
            ),
        )
        + "\nA frame or a whole video of yours may be of one that is still being made.\n"
        "If that one fails, this one fails and says so, and nothing is paid for it.\n\n"
        "## Routing\n\n"
        + table(
            ("Member of `routing`", "Meaning"),
            (
                ("`fallbacks`", "Targets or routes to try after `model`."),
                (
                    "`max_cost`",
                    "The most it may cost, in `[money]`'s currency; an unknown price is too much.",
                ),
                (
                    "`deadline`",
                    "Seconds: a job that no provider was asked for by then fails, unpaid.",
                ),
                ("`queue`", "`false`: refuse the job with 429 when no slot is free at once."),
                (
                    "`priority`",
                    (
                        "`low`, `normal` or `high`: which of your own waiting jobs go first. Other "
                        "API keys keep their share of the slots."
                    ),
                ),
            ),
        )
    )


def description(kind: Any) -> str:
    """The description in a type's annotations, wherever in the union it stands."""
    found = re.search(
        r"description='((?:[^'\\]|\\.)*)'|description=\"((?:[^\"\\]|\\.)*)\"", repr(kind)
    )
    assert found, kind
    return found[1] or found[2]


# --- docs/errors.md -------------------------------------------------------------

MEANINGS: Final = {
    Fault.INVALID_REQUEST: "The provider refused the request as it is.",
    Fault.INVALID_INPUT: "The provider refused a picture or video.",
    Fault.MODERATED: "The provider's moderation stopped it.",
    Fault.UNAUTHORIZED: "The provider does not accept the account's key.",
    Fault.NO_SUBSCRIPTION: "The subscription at the provider has lapsed.",
    Fault.NO_CREDITS: "The account has no credits left.",
    Fault.UNKNOWN_ACCOUNT: "The provider has no account of that e-mail address.",
    Fault.ON_HOLD: "The account is on hold at the provider until somebody mends it there.",
    Fault.BLOCKED: "The edge in front of the provider turns the gateway away.",
    Fault.THROTTLED: "The provider asks to wait.",
    Fault.GENERATION_FAILED: "The provider could not make it.",
    Fault.RESULT_GONE: "The provider deleted the job's data.",
}

MEANT: Final = {
    "input_unusable": "A picture or video that was given cannot be fetched or used.",
    "source_failed": "The video that this one is made from failed, or was deleted.",
    "expired": "It still waited, unpaid, when `routing.deadline` passed.",
    "not_sendable": "The request could not be sent at all; nothing was made.",
    "overdue": "No end within the deadline; it is watched on (`needs_attention`).",
    "stalled": "The provider got no further for `watch.stalled_seconds`; it is watched on "
    "(`needs_attention`).",
    "canceled": "Its caller did not want it any more; the words say what was spent.",
    "given_up": "An operator gave it up.",
    "submission_unknown": "The answer to the submission was lost, and the job was not found "
    "again yet (`needs_attention`).",
    "result_not_saved": "The finished file cannot be fetched or kept; it is tried on "
    "(`needs_attention`).",
}
"""Codes of a job's error that are not a provider's."""


def errors_page() -> str:
    """Every error: of the API, of a job, and of each provider."""
    kinds = sorted(error_kinds(FilmgateError), key=lambda kind: (kind.status, kind.code))
    text = (
        "# Errors\n\n"
        "## Of the API\n\n"
        "Each is one document (RFC 9457) that also holds `error`, which OpenAI's clients read.\n"
        "Those from 500 on are ours. `no_free_slot` passes, and `still_unavailable` is about this "
        "installation; all others can be mended by whoever sent the request.\n"
        "What must not be tried again unasked carries `x-should-retry: false`, which OpenAI's "
        "clients obey: a 500, a 503 after which nobody knows whether it was done, and a 409 that "
        "no waiting mends. After a 408, a 429 or any other 503 nothing was accepted.\n\n"
    )
    text += table(
        ("Status", "`code`", "Meaning"),
        [(kind.status, f"`{kind.code}`", first_line(kind)) for kind in kinds],
    )
    text += (
        "\n## Of a job\n\n"
        "`error.code` of a video that failed, or that needs attention; `error.blame` says whose "
        "move it is.\n\n"
    )
    text += table(
        ("`error.code`", "Whose move", "Meaning"),
        [
            *((f"`{fault.value}`", BLAME[fault].value, MEANINGS[fault]) for fault in Fault),
            *((f"`{name}`", BLAMED[name] or NONE, meaning) for name, meaning in MEANT.items()),
        ],
    )
    text += (
        "\n## Of the providers\n\n"
        "What a provider answers to a submission, and what follows.\n"
        "An answer that is in no row, such as a 500 of either, leaves the outcome unknown: the job "
        "is looked for, and never sent again on a guess.\n"
        "One about the job fails it; one about an account rests that account, and the job keeps "
        "its place or goes to another one; one about the provider rests all of its accounts.\n"
        "`Retry-After` is never undercut.\n"
    )
    rows: dict[str, tuple[Refusal, ...]] = {
        "Pictory AI Studio": pictory.REFUSALS,
        "PixVerse through useapi.net": useapi_pixverse.REFUSALS,
    }
    for title, refusals in rows.items():
        text += f"\n### {title}\n\n" + table(
            ("HTTP", "Says", "Our code", "About the", "Which rests", "Source"),
            map(refusal_row, refusals),
        )
    return text


def error_kinds(kind: type[FilmgateError]) -> Iterable[type[FilmgateError]]:
    """Every error of the tree that has a code of its own."""
    if "code" in vars(kind):
        yield kind
    for one in kind.__subclasses__():
        yield from error_kinds(one)


def refusal_row(row: Refusal) -> tuple[object, ...]:
    """A row of a provider's error table."""
    low, high = row.pause
    rests = f"{low:g} to {high:g} s" if row.retry else f"{WatchSettings().rest_seconds:g} s"
    if row.scope is Scope.JOB:
        rests = NONE
    if row.scope is Scope.PROVIDER and not row.retry:
        rests = f"{policy.BACKOFF[0] / SECOND:g} to {WatchSettings().rest_seconds:g} s"
    return row.status, row.says or NONE, f"`{row.fault.value}`", row.scope.value, rests, row.source


def first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


PAGES: Final = {
    "models.md": models_page,
    "requests.md": requests_page,
    "errors.md": errors_page,
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_made_from_code_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == PAGES[name](), "run: python -m tests.test_docs"


def test_every_error_code_of_a_job_is_explained() -> None:
    folder = DOCS.parent / "gateway" / "engine"
    text = "".join(path.read_text() for path in folder.glob("*.py"))
    used = set(re.findall(r'JobError\(\s*code="([a-z_]+)"', text))
    used |= set(re.findall(r'code="([a-z_]+)" if', text))

    assert used
    assert MEANT.keys() == OWN.keys()
    assert used <= OWN.keys() | {fault.value for fault in Fault}


def test_every_fault_has_a_meaning_and_somebody_to_blame() -> None:
    kinds: type[StrEnum] = Fault
    assert set(MEANINGS) == set(BLAME) == set(kinds)


if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), "utf-8")
