"""The broker's jars, and the Java that runs them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from process import StopError, locked

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / "target" / "pulsar"


def fetch() -> Path:
    """The directory with the jars of this pom.xml, named by its checksum. It gets its name once it is complete."""
    pom = HERE / "pom.xml"
    cache = Path(os.environ.get("PULSAR_LIB") or CACHE / "lib").absolute()
    jars = cache / hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    if jars.is_dir():
        return jars
    java()
    if not shutil.which("mvn"):
        raise StopError("fetching the broker's jars needs Maven, and mvn is not there: apt-get install maven", 2)
    with locked(cache):
        if jars.is_dir():
            return jars
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=cache) as scratch:
            fresh = Path(scratch) / "jars"
            goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={fresh}"]
            maven(["mvn", "-B", "-f", str(pom), *goal])
            fresh.rename(jars)
    return jars


def maven(command: list[str]) -> None:
    began = time.monotonic()
    lines: list[str] = []
    print("pulsar: fetching the broker's jars (235 MB, about 90 s) ...", end="", file=sys.stderr, flush=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        assert child.stdout is not None
        try:
            for line in child.stdout:
                lines = [*lines[-14:], line]
        except BaseException:
            child.terminate()
            print(file=sys.stderr)
            raise
    print(f" {'failed' if child.returncode else 'done'} after {time.monotonic() - began:.0f} s", file=sys.stderr)
    if child.returncode:
        raise StopError("mvn failed; its last lines:\n" + "".join(lines).rstrip())


def java() -> str:
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home, "bin", "java")) if home else "java"
    install = "apt-get install openjdk-17-jre-headless, or default-jre-headless"
    if not shutil.which(program):
        raise StopError(f"the broker needs Java 17 or newer, and {program} is not there: {install}", 2)
    text = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', text)
    if not version or int(version[1]) < 17:
        found = f"version {version[1]}" if version else "of an unknown version"
        raise StopError(f"the broker needs Java 17 or newer, and {program} is {found}: {install}", 2)
    return program
