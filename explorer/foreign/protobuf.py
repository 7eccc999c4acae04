"""Protocol buffers by the numbers of their fields, without their schemas: what stands in a message, checked for size.

Source: https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

MOST = 2_000_000  # fields in one message


def varint(held: bytes, at: int) -> tuple[int, int]:
    """A whole number of up to 64 bits, seven a byte, at a place; and the place behind. Raises ValueError at an end."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(held):
            raise ValueError("it ends in the middle of a number")
        byte = held[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a number has more than 64 bits")


def fields(held: bytes) -> dict[int, list[int | bytes]]:
    """Values of a message by the number of their field: whole numbers, or bytes of texts and messages inside.

    Raises:
        ValueError: a message that ends early, or has other kinds of fields.
    """
    if not isinstance(held, bytes):
        raise ValueError("a message is none")
    found: dict[int, list[int | bytes]] = {}
    at = count = 0
    while at < len(held):
        tag, at = varint(held, at)
        kind, value = tag & 7, None
        if kind == 0:
            value, at = varint(held, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = int.from_bytes(held[at : at + size], "little"), at + size
        elif kind == 2:
            length, at = varint(held, at)
            value, at = held[at : at + length], at + length
        else:
            raise ValueError(f"a field of kind {kind}")
        if at > len(held):
            raise ValueError("it ends in the middle of a field")
        found.setdefault(tag >> 3, []).append(value)
        count += 1
        if count > MOST:
            raise ValueError(f"more than {MOST:,} fields")
    return found
