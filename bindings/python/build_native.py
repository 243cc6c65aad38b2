"""Builds pulsar_rs._native from the C headers and libpulsar_rs.a. Run by setuptools."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"

# Headers whose functions are not in every build of the library.
OPTIONAL = {"pulsar_rs/test_broker.h"}

# C calls this; producer.py defines it.
CALLBACKS = 'extern "Python" void on_sent(pulsar_result result, pulsar_message_id_t *id, void *context);'


def archive() -> Path:
    """The static library: where PULSAR_RS_ARCHIVE says, else where `make python` has it built."""
    default = ROOT / "target/lib/libpulsar_rs.a"
    path = Path(os.environ.get("PULSAR_RS_ARCHIVE", default)).absolute()
    if not path.is_file():
        sys.exit(f"{path} is missing: run `make python`, or set PULSAR_RS_ARCHIVE to a libpulsar_rs.a")
    return path


def headers() -> list[str]:
    """The names of all headers that declare functions."""
    paths = [*INCLUDE.glob("pulsar/c/*.h"), *INCLUDE.glob("pulsar_rs/*.h")]
    return sorted({path.relative_to(INCLUDE).as_posix() for path in paths} - OPTIONAL)


def declarations(source: str) -> str:
    """What the headers declare, in the C that cffi reads: without attributes and without the system's headers."""
    with tempfile.TemporaryDirectory() as empty:
        # cffi knows the types that these define.
        for name in ("stdbool.h", "stddef.h", "stdint.h"):
            (Path(empty) / name).touch()
        compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
        command = [*compiler.split(), "-E", "-P", "-nostdinc", "-D__attribute__(x)=", f"-I{INCLUDE}", f"-I{empty}"]
        result = subprocess.run([*command, "-xc", "-"], input=source, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"the headers in {INCLUDE} cannot be read:\n{result.stderr}")
    return without_repetitions(result.stdout)


def without_repetitions(text: str) -> str:
    """C allows the same typedef twice, cffi does not."""
    statements = re.findall(r"(?:[^;{}]|\{[^{}]*\})+;", text)
    return "\n".join(dict.fromkeys(" ".join(statement.split()) for statement in statements))


def make_builder() -> FFI:
    """Describes the extension."""
    source = "\n".join(f"#include <{name}>" for name in headers())
    library = str(archive())
    ffi = FFI()
    ffi.cdef(declarations(source) + "\nvoid free(void *);\n" + CALLBACKS)
    ffi.set_source(
        "pulsar_rs._native",
        source + "\n#include <stdlib.h>",
        include_dirs=[str(INCLUDE)],
        extra_objects=[library],
        depends=[library, *(str(INCLUDE / name) for name in headers())],
        libraries=["m", "dl", "pthread"],
        # Only the module's entry stays visible, and only what is used stays.
        extra_link_args=["-Wl,--exclude-libs,ALL", "-Wl,--gc-sections", "-Wl,--strip-debug"],
    )
    return ffi


builder = make_builder()
