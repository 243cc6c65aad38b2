"""Clients: wrong arguments, closing, and what happens to what is not closed."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from typing import Any

import pytest

import pulsar_rs
from pulsar_rs import Client, Consumer, Producer

from .conftest import BOUND_MS


def test_wrong_url() -> None:
    with pytest.raises(pulsar_rs.InvalidUrl, match=r"InvalidUrl: .*http//nowhere") as raised:
        Client("http//nowhere")
    assert raised.value.result == 22
    assert "http//nowhere" in raised.value.text
    with pytest.raises(ValueError, match="NUL"):
        Client("pulsar://localhost\0")


def test_unknown_namespace(client: Client) -> None:
    with pytest.raises(pulsar_rs.TopicNotFound):
        client.create_producer("public/no-such-namespace/t")
    with pytest.raises(pulsar_rs.TopicNotFound):
        client.subscribe("public/no-such-namespace/t", "s")


def test_settings(client: Client, topic: str, url: str) -> None:
    with Client(url, operation_timeout_seconds=5, listener_name=""):
        pass
    with client.create_producer(topic, producer_name="me", batching_enabled=False, properties={"a": "b"}):
        pass
    with pytest.raises(TypeError, match=r"no setting 'send_timeout_millis', but these: .*send_timeout"):
        client.create_producer(topic, send_timeout_millis=1)
    with pytest.raises(TypeError):
        client.create_producer(topic, send_timeout="soon")
    with pytest.raises(pulsar_rs.InvalidConfiguration):
        client.create_producer(topic, send_timeout=-1)


def test_close_twice(client: Client, producer: Producer, consumer: Consumer) -> None:
    for _ in range(2):
        producer.close()
        consumer.close()
    for call in (lambda: producer.send(b""), producer.flush, consumer.receive):
        with pytest.raises(pulsar_rs.AlreadyClosed, match="was closed"):
            call()
    for _ in range(2):
        client.close()
    with pytest.raises(pulsar_rs.AlreadyClosed):
        client.create_producer("t")


def test_close_behind_the_client(client: Client, producer: Producer, consumer: Consumer) -> None:
    client.close()
    with pytest.raises(pulsar_rs.AlreadyClosed):
        producer.send(b"")
    producer.close()
    consumer.close()


def test_close_ends_a_receive(consumer: Consumer) -> None:
    outcome: list[BaseException] = []
    waiting = threading.Event()

    def receive() -> None:
        waiting.set()
        with pytest.raises(pulsar_rs.AlreadyClosed) as raised:
            consumer.receive()
        outcome.append(raised.value)

    thread = threading.Thread(target=receive)
    thread.start()
    waiting.wait()
    consumer.close()
    thread.join(BOUND_MS / 1000)
    assert outcome


def test_close_in_a_callback(url: str, topic: str) -> None:
    client = Client(url)
    producer = client.create_producer(topic)
    outcomes: list[Any] = []
    done = threading.Event()

    def close(error: pulsar_rs.PulsarError | None, _: object) -> None:
        producer.close()
        client.close()
        outcomes.append(error)
        done.set()

    producer.send_async(b"", close)
    assert done.wait(BOUND_MS / 1000)
    assert outcomes == [None]


def test_what_is_dropped_warns(url: str) -> None:
    client = Client(url)
    with pytest.warns(ResourceWarning, match="was not closed"):
        del client


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_is_dropped_is_freed(url: str, topic: str) -> None:
    client = Client(url)
    producer = client.create_producer(topic)
    pointers = [weakref.ref(client._pointer), weakref.ref(producer._pointer)]
    del client, producer
    gc.collect()
    assert [pointer() for pointer in pointers] == [None, None]


def test_exit_with_an_open_client(url: str, topic: str) -> None:
    program = """if True:
        import sys, pulsar_rs
        client = pulsar_rs.Client(sys.argv[1])
        producer = client.create_producer(sys.argv[2], batching_max_publish_delay_ms=60_000)
        for _ in range(500):
            producer.send_async(b"", lambda error, _: print(type(error).__name__))
    """
    result = subprocess.run(
        [sys.executable, "-c", program, url, topic],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=BOUND_MS / 1000,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split() == ["AlreadyClosed"] * 500
