"""Configurations: keyword arguments become calls of the setters in the C headers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from pulsar_rs._native import ffi, lib
from pulsar_rs.text import Pointer, to_c

Setting = str | int | Mapping[str, str]

# The C API has several ways to name a setter.
_PREFIXES = {
    "client": ("pulsar_client_configuration_set_",),
    "producer": ("pulsar_producer_configuration_set_",),
    "consumer": ("pulsar_consumer_configuration_set_", "pulsar_consumer_set_", "pulsar_configure_set_"),
}


def configure(kind: str, settings: Mapping[str, Setting]) -> Pointer:
    """Makes a configuration for a `kind` of object. A setting has the name of its C function, without prefix."""
    configuration = ffi.gc(
        getattr(lib, f"pulsar_{kind}_configuration_create")(),
        getattr(lib, f"pulsar_{kind}_configuration_free"),
    )
    for name, value in settings.items():
        if isinstance(value, Mapping):
            if name != "properties":
                raise TypeError(f"{name} cannot be a mapping")
            for key, text in value.items():
                getattr(lib, f"pulsar_{kind}_configuration_set_property")(configuration, to_c(key), to_c(text))
            continue
        setter = _setters(kind).get(name)
        if setter is None:
            raise TypeError(f"a {kind} has no setting {name!r}, but these: {', '.join(sorted(_setters(kind)))}")
        setter(configuration, to_c(value) if isinstance(value, str) else value)
    return configuration


@functools.cache
def _setters(kind: str) -> dict[str, Callable[..., Any]]:
    """The functions that set one number or text."""
    found = {}
    for function in dir(lib):
        for prefix in _PREFIXES[kind]:
            if function.startswith(prefix):
                parameters = ffi.typeof(getattr(lib, function)).args[1:]
                if len(parameters) == 1 and (
                    parameters[0].kind in ("primitive", "enum") or parameters[0].cname == "char *"
                ):
                    found[function.removeprefix(prefix)] = getattr(lib, function)
    return found
