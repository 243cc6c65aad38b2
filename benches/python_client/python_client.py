"""The same work as benches/c/bench.c, with pulsar-client from PyPI: the official C++ library under Python.

    python_client.py produce|paced|sync|consume URL TOPIC COUNT SIZE [PER_MS]

Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import threading
import time
from pathlib import Path
from typing import Any

import pulsar

PENDING = 10_000
BATCH = 1000
BATCH_BYTES = 128 * 1024
DELAY_MS = 1
QUEUE = 10_000

Figures = dict[str, float]


class Outcomes:
    """Counts what the callbacks are told."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.failed = 0
        self.done = threading.Event()

    def on_sent(self, result: pulsar.Result, _: object) -> None:
        """One message's outcome; calls come on one thread."""
        if result != pulsar.Result.Ok:
            self.failed += 1
        self.left -= 1
        if self.left == 0:
            self.done.set()


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(description="Measures pulsar-client of PyPI.")
    parser.add_argument("mode", choices=["produce", "paced", "sync", "consume"])
    parser.add_argument("url")
    parser.add_argument("topic")
    parser.add_argument("count", type=int)
    parser.add_argument("size", type=int)
    parser.add_argument("per_ms", type=int, nargs="?", default=0)
    job = parser.parse_args()
    # What it took to start Python and to load modules is not the client's.
    before = cpu_seconds()
    # Log lines would be measured too.
    client = pulsar.Client(job.url, logger=pulsar.FileLogger(pulsar.LoggerLevel.Error, os.devnull))
    figures, wall = consume(client, job) if job.mode == "consume" else send(client, job)
    client.close()
    spent = cpu_seconds() - before
    print(json.dumps(figures | {"cpu_ns": spent * 1e9 / job.count} | usage(wall, job.count)))


# pulsar-client has no type hints.
def send(client: Any, job: argparse.Namespace) -> tuple[Figures, int]:  # noqa: ANN401
    """Sends, in one of the ways. What it measured, and how long it took."""
    producer = client.create_producer(
        job.topic,
        batching_enabled=job.mode != "sync",
        batching_max_messages=BATCH,
        batching_max_allowed_size_in_bytes=BATCH_BYTES,
        batching_max_publish_delay_ms=DELAY_MS,
        max_pending_messages=PENDING,
        block_if_queue_full=True,
    )
    content = b"x" * job.size
    start = time.perf_counter_ns()
    if job.mode == "sync":
        figures = send_waiting(producer, content, job.count)
    else:
        figures = send_all(producer, content, job.count, job.per_ms)
    producer.close()
    return figures, time.perf_counter_ns() - start


def consume(client: Any, job: argparse.Namespace) -> tuple[Figures, int]:  # noqa: ANN401
    """Receives and acknowledges what was prepared."""
    consumer = client.subscribe(
        job.topic, "bench", receiver_queue_size=QUEUE, initial_position=pulsar.InitialPosition.Earliest
    )
    figures: Figures = {}
    start = time.perf_counter_ns()
    for number in range(job.count):
        message = consumer.receive()
        content = message.data()
        if len(content) != job.size or content[-1:] != b"x":
            raise SystemExit(f"python_client: message {number} is not what was sent")
        consumer.acknowledge(message)
        if number == job.count // 2:
            figures["threads"] = thread_count()
    consumer.close()
    return figures, time.perf_counter_ns() - start


def send_all(producer: Any, content: bytes, count: int, per_ms: int) -> Figures:  # noqa: ANN401
    """As fast as it goes, or `per_ms` messages each millisecond."""
    outcomes = Outcomes(count)
    started = time.perf_counter()
    figures: Figures = {}
    for number in range(count):
        if per_ms and number % per_ms == 0:
            time.sleep(max(0.0, started + number / per_ms / 1000 - time.perf_counter()))
        producer.send_async(content, outcomes.on_sent)
        if number == count // 2:
            figures["threads"] = thread_count()
    producer.flush()
    outcomes.done.wait()
    if outcomes.failed:
        raise SystemExit(f"python_client: {outcomes.failed} sends failed")
    return figures


def send_waiting(producer: Any, content: bytes, count: int) -> Figures:  # noqa: ANN401
    """One after the other."""
    took = []
    for _ in range(count):
        start = time.perf_counter_ns()
        producer.send(content)
        took.append(time.perf_counter_ns() - start)
    took.sort()
    p50, p99 = took[count // 2], took[count - 1 - count // 100]
    return {"threads": thread_count(), "p50_us": p50 / 1e3, "p99_us": p99 / 1e3}


def cpu_seconds() -> float:
    """What the process has used until now, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def usage(wall: int, count: int) -> Figures:
    """The other figures."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "wall_ns": wall / count,
        "switches": used.ru_nvcsw + used.ru_nivcsw,
        "rss_kb": peak_kilobytes(),
    }


def thread_count() -> int:
    """Threads of this process."""
    return len(list(Path("/proc/self/task").iterdir()))


def peak_kilobytes() -> int:
    """The most memory that was resident; ru_maxrss would include that of the program that started this one."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
