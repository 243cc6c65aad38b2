"""A client for Apache Pulsar: a thin layer over the C API of pulsar_rs.

>>> with Client("pulsar://localhost:6650") as client, client.create_producer("my-topic") as producer:
...     producer.send(b"hello", key="k", properties={"color": "blue"})

What the library refuses is raised as a `PulsarError`. For each result code of the C API there is a subclass with
its name, such as `Timeout`, `AlreadyClosed` or `TopicNotFound`.
"""

from typing import TYPE_CHECKING

from pulsar_rs.client import Client
from pulsar_rs.consumer import Consumer, ConsumerType, InitialPosition
from pulsar_rs.message import Message
from pulsar_rs.message_id import MessageId
from pulsar_rs.producer import Producer
from pulsar_rs.result import *  # noqa: F403  one exception for each result code
from pulsar_rs.result import PulsarError

if TYPE_CHECKING:
    from pulsar_rs.result import __getattr__ as __getattr__

__all__ = [
    "Client",
    "Consumer",
    "ConsumerType",
    "InitialPosition",
    "Message",
    "MessageId",
    "Producer",
    "PulsarError",
]
