"""Results as exceptions: one class for each code of the C API, made from its header."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pulsar_rs._native import ffi, lib
from pulsar_rs.text import Pointer, from_c, take

_PREFIX = "pulsar_result_"


class PulsarError(Exception):
    """A failure that the library reports. `result` is its code, `text` what the library says about it."""

    def __init__(self, result: int, text: str) -> None:
        """Raised by this package."""
        super().__init__(result, text)
        self.result = result
        self.text = text

    def __str__(self) -> str:
        """Names the result, and says what happened."""
        return ": ".join(filter(None, [from_c(lib.pulsar_result_str(self.result)), self.text]))


def _make_classes() -> dict[int, type[PulsarError]]:
    names = {code: name.removeprefix(_PREFIX) for code, name in ffi.typeof("pulsar_result").elements.items()}
    return {
        code: type(name, (PulsarError,), {"__module__": __name__, "__doc__": f"Result {code} of the library."})
        for code, name in names.items()
        if code != lib.pulsar_result_Ok
    }


_CLASSES = _make_classes()
globals().update({cls.__name__: cls for cls in _CLASSES.values()})
__all__ = ["PulsarError", *(cls.__name__ for cls in _CLASSES.values())]

if TYPE_CHECKING:
    # For `pulsar_rs.Timeout` and its like.
    def __getattr__(name: str) -> type[PulsarError]: ...


def failure(result: int, text: str) -> PulsarError:
    """The exception for a result that is not Ok."""
    return _CLASSES.get(result, PulsarError)(result, text)


def check(result: int, last_error: Callable[[Pointer], Pointer], pointer: Pointer) -> None:
    """Raises unless the result is Ok.

    The text is the library's last one for the object: when several operations on it fail at the same time, it
    may be that of another.
    """
    if result != lib.pulsar_result_Ok:
        raise failure(result, take(last_error(pointer)))
