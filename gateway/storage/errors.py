"""What can go wrong with a write, told apart by what may be done about it."""


class StorageError(Exception):
    """The database cannot do it now (full, locked, away, closed); nothing is stored.

    The same write may succeed later.
    """


class UncertainError(StorageError):
    """The commit was sent and its answer is missing: it may be stored, or not.

    Whoever repeats the write looks first whether it is.
    """


class BrokenRuleError(Exception):
    """A statement broke a rule of the schema: a bug of ours, which no repetition mends."""
