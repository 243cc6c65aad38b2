"""What the harness needs from the machine: processes, ports, locks, whole files."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


class StopError(Exception):
    """Ends the script with its text on stderr and its status."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


def say(text: str) -> None:
    print(f"pulsar: {text}", file=sys.stderr, flush=True)


def end_on_signals() -> None:
    """A signal ends the script through its finally clauses, which a second signal does not disturb."""

    def end(number: int, _: object) -> None:
        for other in SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        sys.exit(128 + number)

    for number in SIGNALS:
        signal.signal(number, end)


def alive(pid: int, argument: str) -> bool:
    """Whether the process runs and is the one meant: its command line contains the argument (a zombie's is empty)."""
    try:
        return argument.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def end_process(pid: int, argument: str, patience: float) -> None:
    """SIGTERM, and SIGKILL once the patience (in seconds) is over; at once when there is none."""
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
        deadline = time.monotonic() + seconds
        if seconds and alive(pid, argument):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        while alive(pid, argument) and time.monotonic() < deadline:
            time.sleep(0.05)


def free_ports(count: int) -> range:
    """Free ports in a row, below those that the kernel gives to outgoing connections.

    The first is a multiple of the count: two brokers get all of them in common or none, so even a port that is not
    listened on is given out once.
    """
    top = 0
    with contextlib.suppress(OSError):
        top = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    top = top if top > 20000 else 32768
    while True:
        first = random.randrange(16384, top - count, count)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return range(first, first + count)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def replace(path: Path, text: str) -> None:
    """Readers see the old text or the new one, never half of it."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.replace(path)


def numbers(path: Path) -> list[int]:
    try:
        return [int(word) for word in path.read_text().split()]
    except OSError:
        return []


def disk_usage(top: Path) -> int:
    """In bytes."""
    total = 0
    for folder, _, names in os.walk(top):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(folder) / name).stat().st_blocks * 512
    return total
