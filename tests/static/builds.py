"""The programs, linked with everything into one file: with musl and with glibc, in C and in Go."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/static"
BUILT = ROOT / "target/static"


@dataclass(frozen=True)
class Kind:
    """A C library, and how one links with it."""

    name: str
    # What makes the library, for those who have not.
    target: str
    library: Path
    compiler: str
    # Behind -static and the library.
    link: tuple[str, ...]
    # The build tag of bindings/go; none where only C is tried.
    tag: str


MUSL = Kind("musl", "musl", ROOT / "target/musl/libpulsar_rs.a", "musl-gcc", (), "musl")
GLIBC = Kind("glibc", "static-glibc", ROOT / "target/static-glibc/libpulsar_rs.a", "gcc", ("-lm",), "static_glibc")
# The compiler is where packaging/musl-cross says.
AARCH64 = Kind("aarch64", "musl ARCH=aarch64", ROOT / "target/musl-aarch64/libpulsar_rs.a", "", (), "")
KINDS = {kind.name: kind for kind in (MUSL, GLIBC, AARCH64)}
# What runs on this machine without more.
NATIVE = (MUSL.name, GLIBC.name)

# Each with its source, and what is to be said to the compiler beside.
C_PROGRAMS = {
    "roundtrip": (HERE / "roundtrip.c", ()),
    "panic": (HERE / "panic.c", ("-Wl,--wrap=pthread_create",)),
    "produce": (ROOT / "examples/c/produce.c", ()),
    "consume": (ROOT / "examples/c/consume.c", ()),
}
# It has functions of its own for x86_64 alone.
MUSL_PROGRAMS = {"copy": (HERE / "copy.c", ("-fno-builtin", "-fno-tree-loop-distribute-patterns"))}
GO_PROGRAMS = {
    "go-roundtrip": HERE / "go",
    "go-produce": ROOT / "examples/go/produce",
    "go-consume": ROOT / "examples/go/consume",
}


def build(kind: Kind) -> dict[str, Path]:
    """All programs by their names. Ends the process with a line if something is missing, or is not static."""
    if not kind.library.exists():
        sys.exit(f"test-static: {kind.library.relative_to(ROOT)} is not built: run `make {kind.target}`")
    folder = BUILT / kind.name
    folder.mkdir(parents=True, exist_ok=True)
    go_programs = GO_PROGRAMS if kind.tag else {}
    c_programs = C_PROGRAMS | (MUSL_PROGRAMS if kind == MUSL else {})
    programs = {name: folder / name for name in (*c_programs, *go_programs)}
    for name, (source, words) in c_programs.items():
        compile_c(kind, source, words, programs[name])
    for name, package in go_programs.items():
        compile_go(kind, package, programs[name])
    if kind == MUSL:
        compile_as_image(folder)
    for program in programs.values():
        check_static(program)
    return programs


def compile_c(kind: Kind, source: Path, words: tuple[str, ...], program: Path) -> None:
    """The command of README.md."""
    compiler = [kind.compiler or cross_compiler(), "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"]
    compiler += [f"-I{ROOT / 'include'}", "-static"]
    quietly([*compiler, str(source), str(kind.library), *kind.link, *words, "-o", str(program)], ROOT)


def cross_compiler() -> str:
    """That for musl on another processor."""
    command = [str(ROOT / "packaging/musl-cross"), "aarch64"]
    folder = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return f"{folder}/aarch64-linux-musl-gcc"


def compile_go(kind: Kind, package: Path, program: Path) -> None:
    """The command of README.md; tests/static/go does without bindings/go, and names the library itself."""
    # The go command does not look into libraries: the checksum has it link again.
    checksum = hashlib.sha256(kind.library.read_bytes()).hexdigest()
    environment = {
        "CGO_ENABLED": "1",
        "CC": kind.compiler,
        "CGO_CFLAGS": f"-O2 -DPULSAR_RS_TEST_LIBRARY={checksum}",
    }
    if package == HERE / "go":
        environment["CGO_LDFLAGS"] = " ".join([str(kind.library), *kind.link])
    tags = ["-tags", f"{kind.tag},netgo,osusergo"]
    flags = ["-ldflags", '-linkmode external -extldflags "-static"']
    quietly(["go", "build", *tags, *flags, "-o", str(program), "."], package, environment)


def compile_as_image(folder: Path) -> None:
    """The examples once more, as examples/container/Dockerfile makes them: these are run."""
    lines = (ROOT / "examples/container/Dockerfile").read_text().splitlines()
    commands = [line.removeprefix("RUN ") for line in lines if line.startswith("RUN ") and " -o /out/" in line]
    assert len(commands) == 4, commands
    for command in commands:
        quietly(["sh", "-c", command.replace("/out/", f"{folder}/")], ROOT)


def quietly(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    """Runs a compiler that must have nothing to say: static glibc warns of what it cannot do later."""
    done = subprocess.run(
        command, cwd=folder, env=os.environ | (environment or {}), capture_output=True, text=True, check=False
    )
    said = (done.stdout + done.stderr).strip()
    if done.returncode != 0 or said:
        sys.exit(f"test-static: {' '.join(command)}\n{said[:4000]}")


def check_static(program: Path) -> None:
    """What `file` and `ldd` think of it."""
    kind = subprocess.run(["file", "--brief", str(program)], capture_output=True, text=True, check=True).stdout
    needs = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    if "statically linked" not in kind or "not a dynamic executable" not in needs.stdout + needs.stderr:
        sys.exit(f"test-static: {program.name} is not static: {kind}{needs.stdout}{needs.stderr}")
