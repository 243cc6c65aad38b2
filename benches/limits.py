"""The limits that the library sets itself, and whether a run keeps them."""

from __future__ import annotations

from dataclasses import dataclass

from programs import BULK, CIPHER, CODEC, FLOOR, OFFICIAL, OURS
from scenarios import CODECS, Results
from tables import Table, plain


@dataclass(frozen=True)
class Limit:
    """One of them: at most `bound`, and what was measured."""

    name: str
    measured: float
    bound: float
    unit: str

    def row(self) -> list[str]:
        """For the table."""
        verdict = "holds" if self.measured <= self.bound else "does not hold"
        return [
            self.name,
            f"{plain(self.bound)} {self.unit}".strip(),
            f"{plain(self.measured)} {self.unit}".strip(),
            verdict,
        ]


def limit_table(results: Results) -> Table | None:
    """All limits that this run says something about."""
    kinds = (produce_limits, consume_limits, tls_limits, codec_limits, latency_limits, producer_limits)
    limits = [limit for kind in kinds for limit in kind(results)]
    return Table("Limits", ["", "at most", "measured", ""], [limit.row() for limit in limits]) if limits else None


def produce_limits(results: Results) -> list[Limit]:
    """CPU and allocations of sending as fast as it goes."""
    limits = []
    small = results.get("produce 64 B")
    if small is not None:
        limits += [
            Limit("produce 64 B, CPU per message", small[OURS]["cpu_ns"], 150, "ns"),
            Limit("produce 64 B in bulk, CPU per message", small[BULK]["cpu_ns"], 50, "ns"),
            Limit("produce 64 B in bulk, allocations per message", small[BULK]["allocations"], 0.02, ""),
        ]
    large = results.get("produce 1 KB")
    if large is not None:
        floor = large[FLOOR]["cpu_ns"]
        limits += [
            Limit("produce 1 KB, CPU above the floor", large[OURS]["cpu_ns"] - floor, 150, "ns"),
            Limit("produce 1 KB in bulk, CPU above the floor", large[BULK]["cpu_ns"] - floor, 60, "ns"),
        ]
    return limits


def consume_limits(results: Results) -> list[Limit]:
    """CPU, allocations and memory of receiving and acknowledging."""
    limits = []
    small = results.get("consume + ack 64 B")
    if small is not None:
        limits += [
            Limit("consume + ack 64 B, CPU per message", small[OURS]["cpu_ns"], 180, "ns"),
            Limit("consume + ack 64 B in bulk, CPU per message", small[BULK]["cpu_ns"], 60, "ns"),
            Limit("consume + ack 64 B in bulk, allocations per message", small[BULK]["allocations"], 0.02, ""),
        ]
    large = results.get("consume + ack 1 KB")
    if large is not None:
        floor = large[FLOOR]["cpu_ns"]
        limits += [
            Limit("consume + ack 1 KB, CPU above the floor", large[OURS]["cpu_ns"] - floor, 180, "ns"),
            Limit("consume + ack 1 KB in bulk, CPU above the floor", large[BULK]["cpu_ns"] - floor, 60, "ns"),
        ]
    short = results.get("consume 1 KB, queue of 1,000")
    if short is not None:
        limits.append(Limit("consume 1 KB, queue of 1,000: RSS", short[OURS]["rss_kb"] / 1024, 20, "MB"))
    return limits


def tls_limits(results: Results) -> list[Limit]:
    """What TLS costs, beside the same without it and the cipher's own cost."""
    limits = []
    for name in ("produce 1 KB", "consume + ack 1 KB"):
        without, medians = results.get(name), results.get(f"{name}, TLS")
        if without is not None and medians is not None and CIPHER in medians:
            least = without[OURS]["cpu_ns"] + medians[CIPHER]["cpu_ns"]
            ratio = medians[OURS]["cpu_ns"] / least
            limits.append(Limit(f"{name}, TLS: CPU", ratio, 1.3, "of that without and the cipher's"))
    return limits


def codec_limits(results: Results) -> list[Limit]:
    """What compressing adds, as a multiple of the codec's own cost."""
    limits = []
    without = results.get("lines of 1 KB, none")
    for codec in CODECS:
        medians = results.get(f"lines of 1 KB, {codec}")
        if without is not None and medians is not None and CODEC in medians:
            more = medians[OURS]["cpu_ns"] - without[OURS]["cpu_ns"]
            limits.append(Limit(f"{codec}: CPU with - without", more / medians[CODEC]["cpu_ns"], 1.2, "of the codec's"))
    return limits


def latency_limits(results: Results) -> list[Limit]:
    """Waiting for one message after the other must not take longer than with the official library."""
    medians = results.get("sync send 64 B", {})
    if OFFICIAL not in medians:
        return []
    return [
        Limit(f"sync send, {key}: that of {OFFICIAL}", medians[OURS][f"{key}_us"], medians[OFFICIAL][f"{key}_us"], "us")
        for key in ("p50", "p99")
    ]


def producer_limits(results: Results) -> list[Limit]:
    """Producers have no threads and no connections of their own."""
    limits = []
    idle = results.get("1,000 idle producers")
    if idle is not None:
        one, all_of_them = idle[OURS]["threads_one"], idle[OURS]["threads"]
        limits.append(Limit("threads with 1,000 idle producers: those with one", all_of_them, one, ""))
    many = results.get("100 producers")
    if many is not None:
        limits.append(Limit("connections of 100 producers on 100 topics", many[OURS]["connections"], 1, ""))
    compressing = results.get("100 producers, zstd")
    if many is not None and compressing is not None:
        used, without = compressing[OURS]["threads"], many[OURS]["threads"]
        name = "threads of 100 producers that compress: four more than of those that do not"
        limits.append(Limit(name, used, without + 4, ""))
    return limits
