"""Bits on their way into an H.264 stream: codes, alignment, NAL units (ITU-T H.264, 7 and 9.1).

Bits are strings of "0" and "1" until they are whole: Python joins these faster than it shifts.
"""

import re
from typing import Final

_EMULATION: Final = re.compile(rb"\x00\x00(?=[\x00-\x03])")
_START_CODE: Final = re.compile(rb"\x00{2,}\x01")


def u(value: int, width: int) -> str:
    """An unsigned number, so many bits wide."""
    return format(value, f"0{width}b")


def ue(value: int) -> str:
    """An unsigned Exp-Golomb code."""
    code = format(value + 1, "b")
    return "0" * (len(code) - 1) + code


def se(value: int) -> str:
    """A signed Exp-Golomb code."""
    return ue(2 * value - 1 if value > 0 else -2 * value)


class Payload:
    """A raw byte sequence payload in the making."""

    def __init__(self) -> None:
        self._whole = bytearray()
        self._open: list[str] = []

    def add(self, *bits: str) -> None:
        """Appends bits."""
        self._open.extend(bits)

    def add_bytes(self, data: bytes) -> None:
        """Appends whole bytes, after zeros up to the next byte."""
        self._close()
        self._whole += data

    def finish(self) -> bytes:
        """All of it, with its trailing bits."""
        self._open.append("1")
        self._close()
        return bytes(self._whole)

    def _close(self) -> None:
        bits = "".join(self._open)
        self._open.clear()
        if bits:
            size = -(-len(bits) // 8)
            self._whole += int(bits.ljust(size * 8, "0"), 2).to_bytes(size)


def nal(header: int, payload: bytes) -> bytes:
    """A NAL unit: its header byte and its payload, in which no start code can occur."""
    return bytes([header]) + _EMULATION.sub(b"\x00\x00\x03", payload)


def payload_of(unit: bytes) -> bytes:
    """The payload of a NAL unit."""
    return unit[1:].replace(b"\x00\x00\x03", b"\x00\x00")


def units_of(stream: bytes) -> list[bytes]:
    """The NAL units of a byte stream (Annex B), whatever stands before the first left out."""
    return [unit.rstrip(b"\x00") for unit in _START_CODE.split(stream)[1:]]
