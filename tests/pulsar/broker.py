"""The life of one broker.

Its state directory holds `env`, what the tests need to know; its data directory all else:

standalone.conf  the template with the ports filled in
command          how the JVM is started, again at each restart
pids             the JVM and its supervisor
owner            the process without which the broker must not live on; absent once `pulsar start` has succeeded
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import string
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path

from jars import HERE, fetch, java
from process import StopError, alive, disk_usage, end_process, free_ports, locked, numbers, replace, say

READY_SECONDS = 90
STOP_SECONDS = 10
MAX_MESSAGE_SIZE = 5 * 1024 * 1024  # the broker's default
FRAME_HEADERS = 16 * 1024  # see standalone.conf
MAX_DATA_BYTES = 8 << 30
SCRATCH = "pulsar-rs-"
PORTS = 6


@dataclass(frozen=True)
class Settings:
    """What a broker is started with."""

    max_message_size: int = MAX_MESSAGE_SIZE
    # TLS beside the plain ports, authentication and authorization; see secure.conf.
    secure: bool = False
    # TLS for clients with a certificate only.
    mutual_tls: bool = False


@dataclass(frozen=True)
class Ports:
    """Of 127.0.0.1. Those for TLS are used by secure brokers only, `proxied` by proxies of tests."""

    broker: int
    web: int
    bookie: int
    proxied: int
    broker_tls: int
    web_tls: int


class PortTakenError(StopError):
    """Another process was faster to bind one of the ports."""


def start(state: Path, settings: Settings, *, owned: bool = False) -> None:
    """Leaves a ready broker and its env file. An owned broker dies with this process, even if that one is killed."""
    with locked(state):
        if (state / "env").exists():
            data = Path(read_env(state)["PULSAR_DATA"])
            for pid in numbers(data / "pids"):
                if alive(pid, str(data)):
                    raise StopError(f"already running as process {pid}; stop it, or name another --state")
            remove(state, data)
        command = [java(), "-cp", f"{fetch()}/*"]
        for attempt in range(5):
            try:
                start_once(state, command, settings, owned=owned)
                break
            except PortTakenError:
                if attempt == 4:
                    raise


def start_once(state: Path, command: list[str], settings: Settings, *, owned: bool) -> None:
    if " " in tempfile.gettempdir():
        raise StopError(f"Pulsar cannot keep its data under a path with a space; set TMPDIR ({tempfile.gettempdir()})")
    ports = Ports(*free_ports(PORTS))
    data = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=state if owned else None))
    try:
        (data / "standalone.conf").write_text(configuration(ports, settings, data / "credentials"))
        (data / "command").write_text(json.dumps(command + jvm_arguments(data, ports.bookie)))
        (data / "owner").write_text(str(os.getpid()))
        (data / "tmp").mkdir()
        values = {
            "PULSAR_URL": f"pulsar://127.0.0.1:{ports.broker}",
            "PULSAR_HTTP": f"http://127.0.0.1:{ports.web}",
            "PULSAR_PROXIED_PORT": str(ports.proxied),
            "PULSAR_PID": "0",
            "PULSAR_DATA": str(data),
            "PULSAR_STATE": str(state),
        }
        if settings.secure:
            make_credentials(data / "credentials")
            values |= {
                "PULSAR_URL_TLS": f"pulsar+ssl://127.0.0.1:{ports.broker_tls}",
                "PULSAR_HTTP_TLS": f"https://127.0.0.1:{ports.web_tls}",
                "PULSAR_CREDENTIALS": str(data / "credentials"),
            }
        if settings.mutual_tls:
            values["PULSAR_MUTUAL_TLS"] = "1"
        launch(state, values)
        http(values, "PUT", "/admin/v2/namespaces/public/dedup", "{}")
        http(values, "POST", "/admin/v2/namespaces/public/dedup/deduplication", "true")
        if settings.secure:
            http(values, "POST", "/admin/v2/namespaces/public/default/permissions/right", '["produce", "consume"]')
    except BaseException:
        end_jvm(data, 0)
        remove(state, data)
        raise
    if not owned:
        (data / "owner").unlink()


def configuration(ports: Ports, settings: Settings, credentials: Path) -> str:
    templates = ["standalone.conf", *(["secure.conf"] if settings.secure else [])]
    return string.Template("\n".join((HERE / name).read_text() for name in templates)).substitute(
        asdict(ports),
        max_message_size=settings.max_message_size,
        max_frame_size=max(settings.max_message_size, MAX_MESSAGE_SIZE) + FRAME_HEADERS,
        credentials=credentials,
        mutual_tls=str(settings.mutual_tls).lower(),
    )


def make_credentials(folder: Path) -> None:
    script = HERE.parent / "credentials/make"
    made = subprocess.run([str(script), str(folder)], stderr=subprocess.PIPE, text=True, check=False)
    if made.returncode:
        raise StopError(f"the broker has no credentials: {made.stderr.strip()}", 2)


def jvm_arguments(data: Path, bookie_port: int) -> list[str]:
    return [
        f"@{HERE / 'opens.txt'}",
        *("-Xms256m", "-Xmx1g", "-XX:MaxDirectMemorySize=1g", "-XX:+ExitOnOutOfMemoryError"),
        *(f"-Djava.io.tmpdir={data / 'tmp'}", f"-Dpulsar.log.dir={data}"),
        f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}",
        *("-Dorg.apache.bookkeeper.conf.readsystemproperties=true", "-DadvertisedAddress=127.0.0.1"),
        *("org.apache.pulsar.PulsarStandaloneStarter", "--config", str(data / "standalone.conf")),
        *("--no-functions-worker", "--no-stream-storage", "--bookkeeper-port", str(bookie_port)),
        *("--metadata-dir", str(data / "metadata"), "--bookkeeper-dir", str(data / "bookkeeper")),
    ]


def launch(state: Path, values: dict[str, str]) -> None:
    """Starts the JVM in a session of its own, under a supervisor, and waits until it is ready."""
    data = Path(values["PULSAR_DATA"])
    (data / "pids").unlink(missing_ok=True)
    with (data / "jvm.log").open("wb") as log:
        command = [sys.executable, "-B", str(HERE / "pulsar"), "supervise", "--state", str(state), str(data)]
        null = subprocess.DEVNULL
        supervisor = subprocess.Popen(command, stdin=null, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.2)
        pids = numbers(data / "pids")
        if pids and ready(values):
            lines = {**values, "PULSAR_PID": str(pids[0])}.items()
            replace(state / "env", "".join(f"{name}={shlex.quote(value)}\n" for name, value in lines))
            return
        if supervisor.poll() is not None:
            end = log_end(data)
            if "Address already in use" in end:
                raise PortTakenError("another process took a port of the broker")
            raise StopError(f"the broker ended while it started; the end of its log:\n{end}")
    raise StopError(f"the broker was not ready within {READY_SECONDS} s; the end of its log:\n{log_end(data)}")


def ready(values: dict[str, str]) -> bool:
    """The web port answers seconds before clients are served, so the namespace and a lookup are asked for as well."""
    with contextlib.suppress(StopError):
        http(values, "GET", "/admin/v2/clusters", seconds=5)
        if "public/default" not in json.loads(http(values, "GET", "/admin/v2/namespaces/public", seconds=5)):
            return False
        found = json.loads(http(values, "GET", "/lookup/v2/topic/persistent/public/default/ready", seconds=5))
        return bool(found["brokerUrl"] == values["PULSAR_URL"])
    return False


def supervise(state: Path, data: Path) -> None:
    """Runs the JVM. Kills it when its data outgrows the bound, and clears up when its owner or its data is gone."""
    jvm = subprocess.Popen(json.loads((data / "command").read_text()), cwd=data, stdin=subprocess.DEVNULL)
    try:
        replace(data / "pids", f"{jvm.pid} {os.getpid()}")
        while jvm.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                jvm.wait(timeout=1)
            orphaned = any(not alive(owner, "pulsar") for owner in numbers(data / "owner"))
            if orphaned or not (data / "command").exists():
                jvm.kill()
                jvm.wait()
                remove(state, data)
            elif disk_usage(data) > MAX_DATA_BYTES:
                say(f"the data exceeds {MAX_DATA_BYTES >> 30} GiB; the broker is killed")
                break
    finally:
        jvm.kill()


def restart(state: Path, *, kill: bool) -> None:
    with locked(state):
        values = read_env(state)
        data = Path(values["PULSAR_DATA"])
        end_jvm(data, 0 if kill else STOP_SECONDS)
        try:
            launch(state, values)
        except BaseException:
            end_jvm(data, 0)
            raise


def stop(state: Path) -> None:
    if (state / "env").exists():
        with locked(state):
            data = Path(read_env(state)["PULSAR_DATA"])
            end_jvm(data, STOP_SECONDS)
            remove(state, data)


def end_jvm(data: Path, patience: float) -> None:
    for pid in numbers(data / "pids"):
        end_process(pid, str(data), patience)


def remove(state: Path, data: Path) -> None:
    if data.name.startswith(SCRATCH):
        shutil.rmtree(data, ignore_errors=True)
    (state / "env").unlink(missing_ok=True)
    if state.name.startswith(SCRATCH):
        shutil.rmtree(state, ignore_errors=True)


def read_env(state: Path) -> dict[str, str]:
    try:
        words = shlex.split((state / "env").read_text())
    except FileNotFoundError:
        raise StopError(f"no broker was started here: {state}/env is not there") from None
    return dict(word.split("=", 1) for word in words)


def log_end(data: Path) -> str:
    lines: list[str] = []
    for name, count in (("jvm.log", 10), ("broker.log", 40)):
        with contextlib.suppress(OSError), (data / name).open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - 65536))
            lines += log.read().decode(errors="replace").splitlines()[-count:]
    return "\n".join(lines)


def http(values: dict[str, str], method: str, path: str, body: str | None = None, *, seconds: float = 30) -> str:
    """Calls the REST interface of the broker with this env; of a secure one, as its administrator."""
    headers = {"Content-Type": "application/json"}
    if folder := values.get("PULSAR_CREDENTIALS"):
        headers["Authorization"] = f"Bearer {Path(folder, 'token-admin').read_text()}"
    data = None if body is None else body.encode()
    request = urllib.request.Request(values["PULSAR_HTTP"] + path, data, headers, method=method)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=seconds) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise StopError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from None
    except (OSError, HTTPException) as error:
        raise StopError(f"{method} {path}: {error}") from None
