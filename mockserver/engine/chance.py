"""Chance that repeats: every decision is a hash of the seed and of what it is about.

So it does not matter in which order requests come in, or how many others there are.
"""

import hashlib

BITS = 128


def draw(seed: int, *about: object) -> int:
    """A number of 128 bits."""
    text = "\0".join([str(seed), *map(str, about)])
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16])


def share(seed: int, *about: object) -> float:
    """A number from 0 up to, but not including, 1."""
    return (draw(seed, *about) >> (BITS - 53)) / 2**53
