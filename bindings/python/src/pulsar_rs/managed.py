"""The base of what holds a C object that has to be closed."""

from __future__ import annotations

import threading
import warnings
from typing import ClassVar, TypeVar

from pulsar_rs import result
from pulsar_rs._native import ffi, lib
from pulsar_rs.text import Pointer

Self = TypeVar("Self", bound="Managed")


class Managed:
    """Owns a C object until `close`, or the end of a `with` block.

    What is dropped without either is freed with a ResourceWarning: then a producer still sends what is pending.
    """

    _close: ClassVar[str]
    """Names of C functions."""
    _free: ClassVar[str]
    _last_error: ClassVar[str]

    _pointer: Pointer = None

    def __init__(self, pointer: Pointer) -> None:
        """Takes a C object over."""
        self._lock = threading.Lock()
        self._pointer = ffi.gc(pointer, getattr(lib, self._free))

    def close(self) -> None:
        """Closes it. Closing again does nothing, nor closing what the client closed."""
        with self._lock:
            pointer, self._pointer = self._pointer, None
        if pointer is not None:
            code = getattr(lib, self._close)(pointer)
            if code != lib.pulsar_result_AlreadyClosed:
                self._check(code, pointer)

    def _open(self) -> Pointer:
        """The C object. Who keeps it in a variable keeps it from being freed."""
        pointer = self._pointer
        if pointer is None:
            raise result.failure(lib.pulsar_result_AlreadyClosed, f"{type(self).__name__} was closed")
        return pointer

    def _check(self, code: int, pointer: Pointer) -> None:
        result.check(code, getattr(lib, self._last_error), pointer)

    def __enter__(self: Self) -> Self:
        """Gives itself, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def __del__(self) -> None:
        """Says that `close` was forgotten. The pointer frees the C object."""
        if self._pointer is not None:
            warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self, stacklevel=2)
