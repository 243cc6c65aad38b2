"""Runs programs as container runtimes do: as process 1, in a root that has nothing but what is put there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

# A program that takes so long hangs.
LIMIT_S = 60
# By the number of a processor in the head of programs: what runs programs for it. It is static itself.
EMULATORS = {183: "qemu-aarch64-static"}


class Container:
    """A program that runs."""

    def __init__(self, root: Path, words: list[str], stdin: int | IO[bytes], stdout: int | IO[bytes]) -> None:
        """Starts /program."""
        emulator = ["/emulator"] if (root / "emulator").exists() else []
        command = ["unshare", "--pid", "--fork", "--kill-child", "--root", str(root), *emulator, "/program", *words]
        self.runner = subprocess.Popen(command, env={}, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)
        self.program = 0
        deadline = time.monotonic() + LIMIT_S
        # Until it is the program it is another copy of unshare.
        while self.runner.poll() is None and self.name() in ("", "unshare"):
            assert time.monotonic() < deadline, "the program does not start"

    def name(self) -> str:
        """What the process is called that will be the program; nothing if there is none."""
        try:
            children = Path(f"/proc/{self.runner.pid}/task/{self.runner.pid}/children").read_text().split()
            self.program = int(children[0])
            return Path(f"/proc/{self.program}/comm").read_text().strip()
        except (OSError, IndexError):
            return ""

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the program."""
        os.kill(self.program, number)

    def wait(self) -> tuple[int, str, str]:
        """Its status, as of a shell, and what it wrote on standard output, if that is a pipe, and standard error."""
        try:
            out, error = self.runner.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            self.runner.kill()
            _, error = self.runner.communicate()
            return 124, "", f"not ended after {LIMIT_S} s\n{error.decode(errors='replace')}"
        text = out.decode() if out is not None else ""
        return self.runner.returncode, text, error.decode(errors="replace")


@contextmanager
def empty_root(program: Path, files: Mapping[str, str | Path] | None = None) -> Iterator[Path]:
    """A folder with the program and these files: text, or a file to copy."""
    with TemporaryDirectory(prefix="pulsar-rs-root-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        shutil.copy(program, root / "program")
        emulator = emulator_for(program)
        if emulator:
            shutil.copy(emulator, root / "emulator")
        for path, content in (files or {}).items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content if isinstance(content, str) else content.read_text())
        yield root


def emulator_for(program: Path) -> str:
    """What runs a program for another processor; nothing for one of this machine."""
    with program.open("rb") as file:
        name = EMULATORS.get(int.from_bytes(file.read(20)[18:], "little"), "")
    found = shutil.which(name) if name else ""
    assert found is not None, f"{name} is missing: install Debian qemu-user-static"
    return found


def run(root: Path, *words: str) -> tuple[int, str, str]:
    """Runs the program to its end."""
    return Container(root, list(words), subprocess.DEVNULL, subprocess.PIPE).wait()
