"""Waiting that came to nothing."""


class NeverError(AssertionError):
    """What was waited for does not come to pass; the text says what came instead."""
