"""Texts in C and in Python."""

from __future__ import annotations

from typing import Any

from pulsar_rs._native import ffi, lib

Pointer = Any
"""A pointer of cffi. Those of `ffi.gc` free the C object when the last reference goes: also the one of a call that
runs on another thread while the object is closed."""


def to_c(text: str) -> bytes:
    """Encodes a text; what C would cut off is refused."""
    if "\0" in text:
        raise ValueError(f"a NUL character in {text!r}")
    return text.encode()


def from_c(pointer: Pointer) -> str:
    """Copies a text that belongs to the library."""
    return ffi.string(pointer).decode(errors="replace")


def take(pointer: Pointer) -> str:
    """Copies a text and frees it; the empty one for NULL."""
    if pointer == ffi.NULL:
        return ""
    try:
        return from_c(pointer)
    finally:
        lib.free(pointer)
