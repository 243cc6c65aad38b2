"""Sending."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import pulsar_rs
from pulsar_rs import Client, Consumer, MessageId, Producer, PulsarError

from .conftest import BOUND_MS


def test_async_sends_complete_in_order(client: Client, topic: str, consumer: Consumer) -> None:
    count = 10_000
    outcomes: list[tuple[int, PulsarError | None]] = []
    ids: list[MessageId | None] = []

    def callback(number: int) -> pulsar_rs.producer.SendCallback:
        def done(error: PulsarError | None, message_id: MessageId | None) -> None:
            outcomes.append((number, error))
            ids.append(message_id)

        return done

    with client.create_producer(topic, block_if_queue_full=True) as producer:
        for number in range(count):
            producer.send_async(str(number).encode(), callback(number))
        producer.flush()
        assert outcomes == [(number, None) for number in range(count)]
    for number in range(count):
        message = consumer.receive(BOUND_MS)
        assert message.data() == str(number).encode()
        assert message.message_id() == ids[number]


def test_many_threads_send(producer: Producer, consumer: Consumer) -> None:
    count = 1000
    contents = {str(number).encode() for number in range(count)}
    with ThreadPoolExecutor(100) as threads:
        ids = set(threads.map(producer.send, contents))
    assert len(ids) == count
    assert {consumer.receive(BOUND_MS).data() for _ in range(count)} == contents


def test_refused_messages(producer: Producer) -> None:
    huge = bytes(6 << 20)
    with pytest.raises(pulsar_rs.MessageTooBig):
        producer.send(huge)
    with pytest.raises(ValueError, match="NUL"):
        producer.send(b"", key="a\0b")
    refused: list[PulsarError | None] = []
    producer.send_async(huge, lambda error, _: refused.append(error))
    assert [type(error) for error in refused] == [pulsar_rs.MessageTooBig]


def test_contents(producer: Producer, consumer: Consumer) -> None:
    for content in (b"a\0b", bytearray(b"a\0b"), memoryview(b"xa\0by")[1:-1], b""):
        producer.send(content)
        assert consumer.receive(BOUND_MS).data() == bytes(content)


def test_an_exception_in_a_callback_is_reported(producer: Producer, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", lambda report: reported.append(report.exc_type))

    def fail(*_: object) -> None:
        raise RuntimeError("wrong")

    later: list[Any] = []
    producer.send_async(b"", fail)
    producer.send_async(b"", lambda error, _: later.append(error))
    producer.flush()
    assert (reported, later) == ([RuntimeError], [None])
