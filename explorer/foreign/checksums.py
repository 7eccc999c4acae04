"""CRC-32C (Castagnoli) in NumPy: chunks side by side, and then together, because it is linear."""

from __future__ import annotations

import functools

import numpy as np

POLYNOMIAL, CHUNK = 0x82F63B78, 512


def crc32c(held: bytes) -> int:
    """The checksum of bytes, from 0 to 2^32 - 1; RFC 3720, section 12.1."""
    table, shift = _table(), _shift()
    values = np.frombuffer(held, np.uint8)
    whole = len(values) // CHUNK
    chunks = np.zeros(whole, np.uint32)
    for column in values[: whole * CHUNK].reshape(whole, CHUNK).T:
        chunks = table[(chunks ^ column) & 255] ^ (chunks >> 8)
    state = 0xFFFFFFFF
    for chunk in chunks.tolist():
        parts = (shift[i][state >> 8 * i & 255] for i in range(4))
        state = functools.reduce(int.__xor__, parts, chunk)
    bytewise = table.tolist()
    for byte in held[whole * CHUNK :]:
        state = bytewise[(state ^ byte) & 255] ^ state >> 8
    return state ^ 0xFFFFFFFF


@functools.cache
def _table() -> np.ndarray:
    """(256,) what a byte makes of a state of zero."""
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = np.where(values & 1, values >> 1 ^ POLYNOMIAL, values >> 1).astype(np.uint32)
    return values


@functools.cache
def _shift() -> list[list[int]]:
    """(4, 256) what CHUNK bytes of zeros make of each byte of a state."""
    table, found = _table(), []
    for i in range(4):
        states = np.arange(256, dtype=np.uint32) << np.uint32(8 * i)
        for _ in range(CHUNK):
            states = table[states & 255] ^ states >> 8
        found.append(states.tolist())
    return found
