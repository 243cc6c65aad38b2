"""The official Python client (PyPI pulsar-client) against any broker.

Usage: interop.py SERVICE_URL [--partitioned-topic NAME]

The partitioned topic must exist with three partitions: `pulsar-testbroker --partitions
interop-partitioned=3`, or `PUT /admin/v2/persistent/public/default/interop-partitioned/partitions`
on a Pulsar. Prints `ok NAME` for each check; the exit code is 1 if one failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any

import pulsar

RECEIVE_MS = 10_000
"""A message that is expected comes within this time."""

QUIET_MS = 300
"""A message that must not come would come within this time."""

PARTITIONS = 3

Check = Callable[["Setting"], None]


class Setting:
    """A client, and topics that no other run uses."""

    def __init__(self, url: str, partitioned_topic: str) -> None:
        self.url = url
        self.partitioned_topic = partitioned_topic
        self.client = self.connect()
        self.run = time.time_ns()
        self.topics = 0

    def connect(self) -> pulsar.Client:
        # Several checks provoke errors, which the client would print.
        logger = pulsar.FileLogger(pulsar.LoggerLevel.Error, os.devnull)
        return pulsar.Client(self.url, operation_timeout_seconds=10, logger=logger)

    def topic(self) -> str:
        self.topics += 1
        return f"interop-python-{self.run}-{self.topics}"

    def subscribe(
        self,
        topic: str,
        kind: pulsar.ConsumerType = pulsar.ConsumerType.Exclusive,
        name: str = "s",
        **options: Any,
    ) -> pulsar.Consumer:
        return self.client.subscribe(
            topic,
            name,
            consumer_type=kind,
            initial_position=pulsar.InitialPosition.Earliest,
            **options,
        )

    def publish(self, topic: str, payloads: list[bytes], **options: Any) -> list[pulsar.MessageId]:
        with closing(self.client.create_producer(topic, **options)) as producer:
            return [producer.send(payload) for payload in payloads]

    def publish_batch(self, topic: str, payloads: list[bytes], **options: Any) -> None:
        """Publishes all payloads as one batch."""
        outcomes: list[pulsar.Result] = []
        producer = self.client.create_producer(
            topic,
            batching_enabled=True,
            batching_max_messages=len(payloads),
            batching_max_publish_delay_ms=5_000,
            **options,
        )
        with closing(producer):
            for payload in payloads:
                producer.send_async(payload, lambda result, _id: outcomes.append(result))
            producer.flush()
        assert outcomes == [pulsar.Result.Ok] * len(payloads), outcomes


def numbered(count: int, prefix: str = "m") -> list[bytes]:
    return [f"{prefix}{number}".encode() for number in range(count)]


def receive(consumer: pulsar.Consumer, count: int) -> list[pulsar.Message]:
    return [consumer.receive(RECEIVE_MS) for _ in range(count)]


def data(messages: list[pulsar.Message]) -> list[bytes]:
    return [message.data() for message in messages]


def nothing_comes(consumer: pulsar.Consumer) -> None:
    try:
        message = consumer.receive(QUIET_MS)
    except pulsar.Timeout:
        return
    raise AssertionError(f"{message.data()!r} came")


def drain(consumers: list[pulsar.Consumer], count: int) -> list[tuple[int, pulsar.Message]]:
    """Receives and acknowledges `count` messages; with each, the number of its consumer."""
    got: list[tuple[int, pulsar.Message]] = []
    deadline = time.monotonic() + RECEIVE_MS / 1000
    while len(got) < count:
        assert time.monotonic() < deadline, f"{len(got)} of {count} came"
        for number, consumer in enumerate(consumers):
            try:
                message = consumer.receive(20)
            except pulsar.Timeout:
                continue
            consumer.acknowledge(message)
            got.append((number, message))
    return got


def unbatched(setting: Setting) -> None:
    topic = setting.topic()
    with closing(setting.subscribe(topic)) as consumer:
        ids = setting.publish(topic, numbered(20), batching_enabled=False)
        assert len({str(message_id) for message_id in ids}) == 20
        assert data(receive(consumer, 20)) == numbered(20)


def batched(setting: Setting) -> None:
    topic = setting.topic()
    with closing(setting.subscribe(topic)) as consumer:
        setting.publish_batch(topic, numbered(100))
        messages = receive(consumer, 100)
        assert data(messages) == numbered(100)
        assert [message.message_id().batch_index() for message in messages] == list(range(100))


def metadata(setting: Setting) -> None:
    topic = setting.topic()
    with closing(setting.subscribe(topic)) as consumer:
        with closing(setting.client.create_producer(topic)) as producer:
            producer.send(
                b"body",
                properties={"a": "1", "b": "2"},
                partition_key="key",
                event_timestamp=12345,
            )
        message = consumer.receive(RECEIVE_MS)
        assert message.properties() == {"a": "1", "b": "2"}
        assert (message.partition_key(), message.event_timestamp()) == ("key", 12345)


def large(setting: Setting) -> None:
    topic = setting.topic()
    body = bytes(range(256)) * 8192
    with closing(setting.subscribe(topic)) as consumer:
        setting.publish(topic, [body] * 3)
        assert data(receive(consumer, 3)) == [body] * 3


def chunked(setting: Setting) -> None:
    topic = setting.topic()
    body = bytes(range(256)) * 40_000
    with closing(setting.subscribe(topic)) as consumer:
        setting.publish(topic, [body], batching_enabled=False, chunking_enabled=True)
        assert consumer.receive(RECEIVE_MS).data() == body


def compression(kind: pulsar.CompressionType) -> Check:
    def check(setting: Setting) -> None:
        topic = setting.topic()
        payloads = [payload * 500 for payload in numbered(10)]
        with closing(setting.subscribe(topic)) as consumer:
            setting.publish(topic, payloads, compression_type=kind, batching_enabled=False)
            setting.publish_batch(topic, payloads, compression_type=kind)
            assert data(receive(consumer, 20)) == payloads * 2

    return check


def exclusive(setting: Setting) -> None:
    topic = setting.topic()
    with closing(setting.subscribe(topic)):
        other = setting.connect()
        try:
            other.subscribe(topic, "s")
        except pulsar.ConsumerBusy:
            return
        finally:
            other.close()
    raise AssertionError("a second exclusive consumer was accepted")


def shared(setting: Setting) -> None:
    topic = setting.topic()
    with (
        closing(setting.subscribe(topic, pulsar.ConsumerType.Shared, receiver_queue_size=10)) as one,
        closing(setting.subscribe(topic, pulsar.ConsumerType.Shared, receiver_queue_size=10)) as two,
    ):
        setting.publish(topic, numbered(60), batching_enabled=False)
        got = drain([one, two], 60)
        assert sorted(message.data() for _, message in got) == sorted(numbered(60))
        assert {number for number, _ in got} == {0, 1}


def failover(setting: Setting) -> None:
    topic = setting.topic()
    kind = pulsar.ConsumerType.Failover
    consumers = [setting.subscribe(topic, kind, consumer_name=name) for name in ("a", "b")]
    with ExitStack() as stack:
        setting.publish(topic, numbered(20))
        got = drain(consumers, 20)
        assert sorted(message.data() for _, message in got) == sorted(numbered(20))
        active = {number for number, _ in got}
        assert len(active) == 1, active
        [survivor] = [consumer for number, consumer in enumerate(consumers) if number not in active]
        stack.callback(survivor.close)
        consumers[active.pop()].close()
        setting.publish(topic, numbered(10, "late"))
        assert data(receive(survivor, 10)) == numbered(10, "late")


def key_shared(setting: Setting) -> None:
    topic = setting.topic()
    kind = pulsar.ConsumerType.KeyShared
    with (
        closing(setting.subscribe(topic, kind, consumer_name="a")) as one,
        closing(setting.subscribe(topic, kind, consumer_name="b")) as two,
        closing(setting.client.create_producer(topic, batching_enabled=False)) as producer,
    ):
        for number in range(100):
            producer.send(str(number).encode(), partition_key=f"k{number % 20}")
        owners: dict[str, int] = {}
        last: dict[str, int] = {}
        for consumer, message in drain([one, two], 100):
            key, number = message.partition_key(), int(message.data())
            assert owners.setdefault(key, consumer) == consumer, f"{key} has two consumers"
            assert last.get(key, -1) < number, f"{key} is out of order"
            last[key] = number
        assert set(owners.values()) == {0, 1}


def individual_acks(setting: Setting) -> None:
    topic = setting.topic()
    with closing(setting.subscribe(topic)) as consumer:
        setting.publish(topic, numbered(10), batching_enabled=False)
        for number, message in enumerate(receive(consumer, 10)):
            if number % 2 == 0:
                consumer.acknowledge(message)
    with closing(setting.subscribe(topic)) as consumer:
        assert data(receive(consumer, 5)) == numbered(10)[1::2]
        nothing_comes(consumer)


def cumulative_acks(setting: Setting) -> None:
    topic = setting.topic()
    with closing(setting.subscribe(topic)) as consumer:
        setting.publish(topic, numbered(10), batching_enabled=False)
        consumer.acknowledge_cumulative(receive(consumer, 10)[6])
    with closing(setting.subscribe(topic)) as consumer:
        assert data(receive(consumer, 3)) == numbered(10)[7:]
        nothing_comes(consumer)


def batch_index_acks(setting: Setting) -> None:
    topic = setting.topic()
    with closing(setting.subscribe(topic, batch_index_ack_enabled=True)) as consumer:
        setting.publish_batch(topic, numbered(10))
        consumer.acknowledge(receive(consumer, 10)[3])
    with closing(setting.subscribe(topic, batch_index_ack_enabled=True)) as consumer:
        left = numbered(3) + numbered(10)[4:]
        messages = receive(consumer, 9)
        assert data(messages) == left
        nothing_comes(consumer)
        consumer.acknowledge_cumulative(messages[4])
    with closing(setting.subscribe(topic, batch_index_ack_enabled=True)) as consumer:
        assert data(receive(consumer, 4)) == numbered(10)[6:]
        nothing_comes(consumer)


def negative_acks(setting: Setting) -> None:
    topic = setting.topic()
    kind = pulsar.ConsumerType.Shared
    with closing(setting.subscribe(topic, kind, negative_ack_redelivery_delay_ms=100)) as consumer:
        setting.publish(topic, numbered(4), batching_enabled=False)
        for number, message in enumerate(receive(consumer, 4)):
            if number == 2:
                consumer.negative_acknowledge(message)
            else:
                consumer.acknowledge(message)
        again = consumer.receive(RECEIVE_MS)
        assert (again.data(), again.redelivery_count()) == (b"m2", 1)
        consumer.acknowledge(again)
        nothing_comes(consumer)


def redelivery(setting: Setting) -> None:
    topic = setting.topic()
    with closing(setting.subscribe(topic)) as consumer:
        setting.publish(topic, numbered(5), batching_enabled=False)
        consumer.acknowledge(receive(consumer, 5)[0])
        consumer.redeliver_unacknowledged_messages()
        assert data(receive(consumer, 4)) == numbered(5)[1:]


def seek(setting: Setting) -> None:
    topic = setting.topic()
    with closing(setting.subscribe(topic)) as consumer:
        setting.publish(topic, numbered(5), batching_enabled=False)
        messages = receive(consumer, 5)
        consumer.acknowledge_cumulative(messages[-1])
        consumer.seek(messages[2].message_id())
        assert data(receive(consumer, 2)) == numbered(5)[3:]
        consumer.seek(pulsar.MessageId.earliest)
        assert data(receive(consumer, 5)) == numbered(5)
        consumer.seek(messages[1].publish_timestamp())
        assert consumer.receive(RECEIVE_MS).data() in (b"m0", b"m1")
        consumer.seek(pulsar.MessageId.latest)
        nothing_comes(consumer)


def last_message_id(setting: Setting) -> None:
    topic = setting.topic()
    with closing(setting.subscribe(topic)) as consumer:
        sent = setting.publish(topic, numbered(3), batching_enabled=False)
        last = consumer.get_last_message_id()
        assert (last.ledger_id(), last.entry_id()) == (sent[-1].ledger_id(), sent[-1].entry_id())
        setting.publish_batch(topic, numbered(4))
        last = consumer.get_last_message_id()
        assert (last.entry_id(), last.batch_index()) == (sent[-1].entry_id() + 1, 3)


def partitioned(setting: Setting) -> None:
    topic = setting.partitioned_topic
    partitions = setting.client.get_topic_partitions(topic)
    assert len(partitions) == PARTITIONS, f"{topic} must have {PARTITIONS} partitions: {partitions}"
    name = f"s{setting.run}"
    consumer = setting.client.subscribe(topic, name, consumer_type=pulsar.ConsumerType.Shared)
    with closing(consumer):
        setting.publish(topic, numbered(30), batching_enabled=False)
        got = drain([consumer], 30)
        assert sorted(message.data() for _, message in got) == sorted(numbered(30))
        assert {message.message_id().partition() for _, message in got} == {0, 1, 2}


def reader(setting: Setting) -> None:
    topic = setting.topic()
    setting.publish(topic, numbered(5), batching_enabled=False)
    with closing(setting.client.create_reader(topic, pulsar.MessageId.earliest)) as found:
        messages = []
        while found.has_message_available():
            messages.append(found.read_next(RECEIVE_MS))
        assert data(messages) == numbered(5)
        found.seek(messages[2].message_id())
        assert found.read_next(RECEIVE_MS).data() == b"m3"
    with closing(setting.client.create_reader(topic, messages[3].message_id())) as found:
        assert found.read_next(RECEIVE_MS).data() == b"m4"
        assert not found.has_message_available()


def unsubscribe(setting: Setting) -> None:
    topic = setting.topic()
    setting.subscribe(topic).unsubscribe()
    with closing(setting.subscribe(topic)) as consumer:
        setting.publish(topic, numbered(1))
        assert consumer.receive(RECEIVE_MS).data() == b"m0"


def producer_names(setting: Setting) -> None:
    topic = setting.topic()
    with closing(setting.client.create_producer(topic, producer_name="mine")) as producer:
        assert producer.producer_name() == "mine"
        try:
            setting.client.create_producer(topic, producer_name="mine")
        except pulsar.ProducerBusy:
            pass
        else:
            raise AssertionError("a taken producer name was accepted")
    with closing(setting.client.create_producer(topic)) as producer:
        assert producer.producer_name().startswith("standalone-")


def missing_namespace(setting: Setting) -> None:
    try:
        setting.client.create_producer("persistent://public/no-such-namespace/x")
    except pulsar.TopicNotFound:
        return
    raise AssertionError("a producer in a missing namespace was accepted")


CHECKS: dict[str, Check] = {
    "unbatched": unbatched,
    "batched": batched,
    "metadata": metadata,
    "large": large,
    "chunked": chunked,
    "lz4": compression(pulsar.CompressionType.LZ4),
    "zlib": compression(pulsar.CompressionType.ZLib),
    "zstd": compression(pulsar.CompressionType.ZSTD),
    "snappy": compression(pulsar.CompressionType.SNAPPY),
    "exclusive": exclusive,
    "shared": shared,
    "failover": failover,
    "key-shared": key_shared,
    "individual-acks": individual_acks,
    "cumulative-acks": cumulative_acks,
    "batch-index-acks": batch_index_acks,
    "negative-acks": negative_acks,
    "redelivery": redelivery,
    "seek": seek,
    "last-message-id": last_message_id,
    "partitioned": partitioned,
    "reader": reader,
    "unsubscribe": unsubscribe,
    "producer-names": producer_names,
    "missing-namespace": missing_namespace,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks a broker with the official Python client.")
    parser.add_argument("url", help="service URL, such as pulsar://127.0.0.1:6650")
    parser.add_argument("--partitioned-topic", default="interop-partitioned")
    arguments = parser.parse_args()
    setting = Setting(arguments.url, arguments.partitioned_topic)
    failed = 0
    for name, check in CHECKS.items():
        try:
            check(setting)
        except (AssertionError, pulsar.PulsarException):
            traceback.print_exc()
            print(f"FAILED {name}", flush=True)
            failed += 1
        else:
            print(f"ok {name}", flush=True)
    setting.client.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
