"""The programs that are measured: builds them, and says which of them can do what."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / "target/release"
PEERS = ROOT / "target/peers"
WORK = ROOT / "target/bench"
COUNTER = WORK / "count_malloc.so"
VENV_PYTHON = ROOT / "target/python/venv/bin/python"

OURS = "pulsar_rs"
BULK = "pulsar_rs, bulk"
OFFICIAL = "libpulsar 4.2"
FLOOR = "floor"
FLOOR_MEMORY = "floor, from memory"
BOTH = ("produce", "consume")
CODEC = "the codec alone"
CIPHER = "the cipher alone"
# What a broker with TLS has, and what programs trust.
CERTIFICATES = WORK / "certificates"

# With so many batches of 128 KiB in turn, 10,000 messages of 1 KB are kept, as a client does until their receipts.
BUFFERS = 80


@dataclass(frozen=True)
class Peer:
    """What is measured: a command for each mode that it can do."""

    name: str
    commands: dict[str, list[str]]
    # Messages are so many times fewer, where they are sent as fast as it goes: it is slow.
    share: int = 1
    # In place of the broker's URL, for what needs none.
    url: str | None = None
    # Whether allocations can be counted by taking malloc's place.
    counted: bool = True


def build() -> list[Peer]:
    """Builds all programs; the library and the broker are there. Peers that cannot be had are left out, with a line."""
    WORK.mkdir(parents=True, exist_ok=True)
    compiled("-shared", "-fPIC", "count_malloc.c", output=COUNTER)
    floor = compiled("floor.c", output=WORK / "floor")
    library = [str(ROOT / "target/lib/libpulsar_rs.a"), "-lm"]
    bulk = compiled("bulk.c", *library, output=WORK / "bench_bulk")
    peers = [Peer(OURS, programs("pulsar_rs", library)), Peer(BULK, {mode: [bulk] for mode in BOTH})]
    peers += [*official(), *crates(), *go(), *python()]
    both = {mode: [floor] for mode in BOTH}
    peers.append(Peer(FLOOR, both, url="1", counted=False))
    peers.append(Peer(FLOOR_MEMORY, both, url=str(BUFFERS), counted=False))
    return peers


def compiled(*words: str, output: Path, compiler: str = "cc") -> str:
    """Compiles what ends in .c, in benches/c, with the other words."""
    sources = [str(ROOT / "benches/c" / word) if word.endswith(".c") else word for word in words]
    flags = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
    subprocess.run([*flags, *sources, "-lpthread", "-o", str(output)], check=True)
    return str(output)


def programs(name: str, library: list[str], compiler: str = "cc") -> dict[str, list[str]]:
    """The programs that any library with the C API can be linked with."""
    bench, codec, many = (
        [compiled(f"{program}.c", *library, output=WORK / f"{program}_{name}", compiler=compiler)]
        for program in ("bench", "codec", "many")
    )
    modes = ["produce", "paced", "sync", "consume", "prepare", "leftover"]
    return dict.fromkeys(modes, bench) | {"compressed": codec, "rotate": many, "idle": many}


def official() -> list[Peer]:
    """The official C++ library, behind the same C API."""
    if not made("reference"):
        return left_out(OFFICIAL, "it cannot be fetched from PyPI; `make reference` says why")
    folder = ROOT / "target/reference"
    library = [str(folder / "libpulsar.so"), f"-Wl,-rpath,{folder}"]
    return [Peer(OFFICIAL, programs("libpulsar", library))]


def crates() -> list[Peer]:
    """The crate `pulsar`, and what codecs and the cipher cost by themselves."""
    packages = [f"--package=bench_{name}" for name in ("pulsar_crate", "codec_cost", "tls_cost")]
    command = ["cargo", "build", "--quiet", "--profile=peers", "--locked", *packages]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        return left_out("crate pulsar", "it does not build")
    client = [str(PEERS / "bench_pulsar_crate")]
    codec = [str(PEERS / "bench_codec_cost")]
    cipher = [str(PEERS / "bench_tls_cost")]
    CERTIFICATES.mkdir(exist_ok=True)
    subprocess.run([*cipher, "certificates", str(CERTIFICATES)], check=True)
    return [
        Peer("crate pulsar", dict.fromkeys(("produce", "paced", "consume"), client)),
        Peer(CODEC, {"compressed": codec}, url="-", counted=False),
        Peer(CIPHER, dict.fromkeys(BOTH, cipher), url="-", counted=False),
    ]


def go() -> list[Peer]:
    """pulsar-client-go."""
    name = "pulsar-client-go"
    if shutil.which("go") is None:
        return left_out(name, "go is missing: install Go 1.24 or later, Debian golang, or https://go.dev/dl")
    client = WORK / "go_client"
    folder = ROOT / "benches/go_client"
    if subprocess.run(["go", "build", "-o", str(client), "."], cwd=folder, check=False).returncode != 0:
        return left_out(name, "it does not build")
    return [Peer(name, {mode: [str(client)] for mode in ("produce", "paced", "sync", "consume")}, counted=False)]


def python() -> list[Peer]:
    """pulsar-client of PyPI: the official library under Python."""
    name = "pulsar-client (PyPI)"
    if not made("python-tools"):
        return left_out(name, "no virtual environment: install Debian python3-venv; `make python-tools` says why")
    client = [str(VENV_PYTHON), str(ROOT / "benches/python_client/python_client.py")]
    return [Peer(name, dict.fromkeys(("produce", "paced", "sync", "consume"), client), share=10)]


def made(target: str) -> bool:
    """Whether make could do it."""
    command = ["make", "--no-print-directory", "--silent", target]
    return subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL, check=False).returncode == 0


def left_out(name: str, why: str) -> list[Peer]:
    """Says why there is no such peer."""
    print(f"bench: {name} is left out: {why}", file=sys.stderr, flush=True)
    return []
