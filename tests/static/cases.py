"""What static programs must do in an empty root. Each case returns what was wrong; nothing if all was right."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from containers import Container, empty_root, run
from names import ADDRESS, DOMAIN, NAME, NameServer

MESSAGES = 100
LINES = 20_000
# Messages of a batch: it is acknowledged as a whole, so that the one that a consumer stops in comes again.
BATCH = 1000
WAIT_S = 30

numbers = count()


@dataclass(frozen=True)
class Setting:
    """What cases need."""

    programs: dict[str, Path]
    url: str
    url_tls: str
    trusted: Path
    server: NameServer

    def port(self, url: str) -> str:
        """The port of a service URL."""
        return url.rsplit(":", 1)[1]


def topic() -> str:
    """A topic that nothing else uses."""
    return f"static-{time.time_ns()}-{next(numbers)}"


def by_address(setting: Setting, language: str) -> str:
    """Nothing in the root but the program: plain, by IP."""
    with empty_root(setting.programs[f"{language}roundtrip"]) as root:
        return judge(run(root, setting.url, topic(), str(MESSAGES)))


def with_tls(setting: Setting, language: str) -> str:
    """TLS, by IP, with a file of who is trusted."""
    with empty_root(setting.programs[f"{language}roundtrip"], {"ca.pem": setting.trusted}) as root:
        return judge(run(root, setting.url_tls, topic(), str(MESSAGES), "/ca.pem"))


def by_name(setting: Setting, language: str) -> str:
    """By name, as resolv.conf says: a full name with TLS, then one that is searched for."""
    setting.server.asked.clear()
    files: dict[str, str | Path] = {
        "etc/resolv.conf": f"nameserver {ADDRESS}\nsearch {DOMAIN}\n",
        "ca.pem": setting.trusted,
    }
    with empty_root(setting.programs[f"{language}roundtrip"], files) as root:
        url = f"pulsar+ssl://{NAME}:{setting.port(setting.url_tls)}"
        wrong = judge(run(root, url, topic(), str(MESSAGES), "/ca.pem"))
        if not wrong:
            short = NAME.removesuffix(f".{DOMAIN}")
            wrong = judge(run(root, f"pulsar://{short}:{setting.port(setting.url)}", topic(), str(MESSAGES)))
    return wrong or ("" if NAME in setting.server.asked else "the name server was not asked")


def by_hosts_file(setting: Setting, language: str) -> str:
    """By a name in /etc/hosts, where there is no resolv.conf."""
    with empty_root(setting.programs[f"{language}roundtrip"], {"etc/hosts": "127.0.0.1 broker\n"}) as root:
        return judge(run(root, f"pulsar://broker:{setting.port(setting.url)}", topic(), str(MESSAGES)))


def unknown_name(setting: Setting, language: str) -> str:
    """A name that is not there is told, with the name."""
    with empty_root(setting.programs[f"{language}roundtrip"], {"etc/resolv.conf": f"nameserver {ADDRESS}\n"}) as root:
        status, _, error = run(root, "pulsar://nowhere.invalid:6650", topic(), "1")
    return "" if status == 1 and "cannot resolve nowhere.invalid" in error else f"{status}: {error}"


def nobody_trusted(setting: Setting, language: str) -> str:
    """Without the file the broker's certificate is refused, and the text says why."""
    with empty_root(setting.programs[f"{language}roundtrip"]) as root:
        status, _, error = run(root, setting.url_tls, topic(), "1")
    return "" if status == 1 and "certificate" in error and "trust" in error else f"{status}: {error}"


def drained(setting: Setting, language: str) -> str:
    """SIGTERM ends the input of a producer: all that it sent is stored, and it ends with 0."""
    name = topic()
    with empty_root(setting.programs[f"{language}produce"]) as root:
        container = Container(root, [setting.url, name], subprocess.PIPE, subprocess.DEVNULL)
        pipe = container.runner.stdin
        assert pipe is not None
        pipe.write(b"".join(b"line %d\n" % number for number in range(LINES)))
        pipe.flush()
        time.sleep(0.2)
        # Standard input stays open: nothing else ends the program.
        container.send(signal.SIGTERM)
        status, _, error = container.wait()
    produced = re.search(r"produced (\d+) lines", error)
    if status != 0 or not produced or int(produced[1]) == 0:
        return f"the producer ended with {status}: {error}"
    wanted = produced[1]
    with empty_root(setting.programs[f"{language}consume"]) as root:
        status, out, error = run(root, setting.url, name, "sub", wanted)
    expected = [f"line {number}" for number in range(int(wanted))]
    return "" if status == 0 and out.splitlines() == expected else f"not all is stored: {status}: {error}"


def restarted(setting: Setting, language: str) -> str:
    """SIGTERM has a consumer acknowledge what it printed: when it is started anew, it goes on behind that."""
    return interrupted(setting, language, signal.SIGTERM)


def killed(setting: Setting, language: str) -> str:
    """SIGKILL loses nothing: what was not acknowledged comes again."""
    return interrupted(setting, language, signal.SIGKILL)


def interrupted(setting: Setting, language: str, number: signal.Signals) -> str:
    """Ends a consumer by a signal amid its messages, and starts it again."""
    name = topic()
    with empty_root(setting.programs[f"{language}consume"]) as root:
        first = root / "first"
        with first.open("wb") as output:
            container = Container(root, [setting.url, name, "sub"], subprocess.DEVNULL, output)
            # The second half is sent when some have come: it cannot have all.
            send_lines(setting, language, name, 0, LINES // 2)
            wait_until("the first lines", lambda: first.stat().st_size > 0)
            container.send(number)
            status, _, error = container.wait()
        send_lines(setting, language, name, LINES // 2, LINES)
        # unshare does not pass on that it was killed, but fails.
        if (status == 0) != (number == signal.SIGTERM):
            return f"the consumer ended with {status}: {error}"
        before = first.read_text().splitlines()
        if number == signal.SIGKILL and before and not first.read_bytes().endswith(b"\n"):
            before.pop()
        second = root / "second"
        with second.open("wb") as output:
            container = Container(root, [setting.url, name, "sub"], subprocess.DEVNULL, output)
            last = f"line {LINES - 1}\n".encode()
            wait_until("the last line", lambda: second.read_bytes().endswith(last))
            container.send(signal.SIGTERM)
            status, _, error = container.wait()
        after = second.read_text().splitlines()
    everything = {f"line {number}" for number in range(LINES)}
    if status != 0 or set(before) | set(after) != everything:
        return f"{len(everything - set(before) - set(after))} lines are lost: {status}: {error}"
    if number == signal.SIGTERM and len(before) + len(after) > LINES + BATCH:
        return f"{len(before) + len(after) - LINES} of {len(before)} lines came again"
    return ""


def panics(setting: Setting, language: str) -> str:
    """A panic ends the call and not the program."""
    assert not language, "there is one program for it, in C"
    with empty_root(setting.programs["panic"]) as root:
        status, out, error = run(root)
    return "" if status == 0 and "and goes on" in out else f"{status}: {out}{error}"


def copies(setting: Setting, language: str) -> str:
    """The functions that copy memory, of the library for musl."""
    assert not language, "there is one program for it, in C"
    if "copy" not in setting.programs:
        return ""
    with empty_root(setting.programs["copy"]) as root:
        status, out, error = run(root)
    return "" if status == 0 else f"{status}: {out}{error}"


def send_lines(setting: Setting, language: str, name: str, begin: int, end: int) -> None:
    """Sends these lines with the example."""
    text = "".join(f"line {number}\n" for number in range(begin, end)).encode()
    with empty_root(setting.programs[f"{language}produce"]) as root:
        container = Container(root, [setting.url, name], subprocess.PIPE, subprocess.DEVNULL)
        assert container.runner.stdin is not None
        container.runner.stdin.write(text)
        container.runner.stdin.close()
        container.runner.stdin = None
        status, _, error = container.wait()
        assert status == 0, error


def wait_until(what: str, condition: Callable[[], bool]) -> None:
    """Waits with a bound."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"{what}: it takes too long"
        time.sleep(0.01)


def judge(outcome: tuple[int, str, str]) -> str:
    """What a round trip says of itself."""
    status, out, error = outcome
    return "" if status == 0 and out.startswith(f"{MESSAGES} messages") and not error else f"{status}: {error}"


CASES: list[Callable[[Setting, str], str]] = [
    by_address,
    with_tls,
    by_name,
    by_hosts_file,
    unknown_name,
    nobody_trusted,
    drained,
    restarted,
    killed,
    panics,
    copies,
]
# Those in C alone.
IN_C = (panics, copies)
