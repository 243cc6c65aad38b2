"""Receiving and acknowledging."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

import pulsar_rs
from pulsar_rs import Client, Consumer, MessageId, Producer

from .conftest import BOUND_MS


def test_roundtrip(producer: Producer, consumer: Consumer, topic: str) -> None:
    properties = {"color": "blue", "größe": "5 µm", "empty": ""}
    before = time.time_ns() // 1_000_000
    message_id = producer.send(b"hello", properties=properties, key="k")
    message = consumer.receive(BOUND_MS)
    consumer.acknowledge(message)
    consumer.close()
    # A message does not need its consumer.
    assert message.data() == b"hello"
    assert message.properties() == properties
    assert message.partition_key() == "k"
    assert message.topic_name() == f"persistent://public/default/{topic}"
    assert before <= message.publish_timestamp() <= time.time_ns() // 1_000_000
    assert message.message_id() == message_id


def test_message_ids(producer: Producer) -> None:
    first, second = producer.send(b""), producer.send(b"")
    assert first != second
    assert len({first, second, MessageId.deserialize(first.serialize())}) == 2
    assert str(first).startswith("(")
    with pytest.raises(pulsar_rs.InvalidMessage):
        MessageId.deserialize(b"garbage")


def test_receive_timeout(consumer: Consumer, producer: Producer) -> None:
    for timeout in (0, 250):
        start = time.monotonic()
        with pytest.raises(pulsar_rs.Timeout):
            consumer.receive(timeout)
        assert timeout / 1000 <= time.monotonic() - start < BOUND_MS / 1000
    message_id = producer.send(b"")
    assert consumer.receive().message_id() == message_id


@pytest.mark.parametrize("by_id", [False, True])
def test_ack_one_of_a_batch(client: Client, topic: str, subscribe: Callable[[], Consumer], by_id: bool) -> None:
    """Acknowledging one message of a batch leaves the others."""
    contents = {str(number).encode() for number in range(10)}
    with client.create_producer(topic, batching_max_messages=10, batching_max_publish_delay_ms=1000) as producer:
        for content in sorted(contents):
            producer.send_async(content, lambda *_: None)
        producer.flush()
    with subscribe() as consumer:
        for message in [consumer.receive(BOUND_MS) for _ in contents]:
            if message.data() == b"3":
                consumer.acknowledge(message.message_id() if by_id else message)
    left: set[bytes] = set()
    with subscribe() as consumer:
        while not contents - {b"3"} <= left:
            left.add(consumer.receive(BOUND_MS).data())
