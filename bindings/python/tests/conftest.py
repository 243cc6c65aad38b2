"""What the tests need: a broker, a client, and a topic that no other test uses."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

import pulsar_rs
from pulsar_rs import Client, Consumer, InitialPosition

BOUND_MS = 30_000
"""No test waits longer for something that has to happen."""


def pytest_sessionstart() -> None:
    if "PULSAR_URL" not in os.environ:
        pytest.exit(
            "PULSAR_URL is not set; in the root of the repository: tests/pulsar/pulsar run -- make test-python",
            returncode=1,
        )


@pytest.fixture
def url() -> str:
    return os.environ["PULSAR_URL"]


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    return f"python-{request.node.name}-{time.time_ns()}"


@pytest.fixture
def subscribe(client: Client, topic: str) -> Iterator[Callable[[], Consumer]]:
    """Subscribes to all messages of the topic."""
    consumers = []

    def subscribe() -> Consumer:
        consumer = client.subscribe(topic, "s", subscription_initial_position=InitialPosition.EARLIEST)
        consumers.append(consumer)
        return consumer

    yield subscribe
    for consumer in consumers:
        consumer.close()


@pytest.fixture
def consumer(subscribe: Callable[[], Consumer]) -> Consumer:
    return subscribe()


@pytest.fixture
def producer(client: Client, topic: str) -> Iterator[pulsar_rs.Producer]:
    with client.create_producer(topic) as producer:
        yield producer
