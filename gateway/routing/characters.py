"""How long a prompt is: two counts, because providers do not say which one is theirs.

Python and JSON Schema count code points, JavaScript counts UTF-16 units, and most emoji
are one of the former and two of the latter. A prompt is refused only where both counts
refuse it; what lies between is the provider's to decide, free of charge.
"""

from providers.contract import Offer


def points(text: str) -> int:
    """Code points: the smaller count, by which a text is too long."""
    return len(text)


def units(text: str) -> int:
    """UTF-16 units: the larger count, by which a text is too short."""
    return len(text) + sum(character > "\uffff" for character in text)


def doubtful(prompt: str | None, offer: Offer) -> str | None:
    """What to tell where the two counts disagree on whether a prompt will be taken."""
    if prompt is None:
        return None
    fewest, most = points(prompt), units(prompt)
    if fewest <= offer.prompt_max < most:
        return (
            f"the prompt has {fewest} characters, but {most} in the count of JavaScript: a "
            f"provider that counts so takes {offer.prompt_max} and refuses it"
        )
    if fewest < offer.prompt_min <= most:
        return (
            f"the prompt has {fewest} characters ({most} in the count of JavaScript): a "
            f"provider that counts characters asks for {offer.prompt_min} and refuses it"
        )
    return None
