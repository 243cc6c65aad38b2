"""Sending."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pulsar_rs._native import ffi, lib
from pulsar_rs.managed import Managed
from pulsar_rs.message import Content, outgoing
from pulsar_rs.message_id import MessageId
from pulsar_rs.result import PulsarError, failure
from pulsar_rs.text import Pointer, take

if TYPE_CHECKING:
    from pulsar_rs.client import Client

SendCallback = Callable[[PulsarError | None, MessageId | None], object]
"""Gets the failure of a send, or the id of the message that was stored."""


class Producer(Managed):
    """Sends messages to a topic; see `Client.create_producer`."""

    _close = "pulsar_producer_close"
    _free = "pulsar_producer_free"
    _last_error = "pulsar_rs_producer_last_error"

    def __init__(self, pointer: Pointer, client: Client) -> None:
        """Takes a C object over."""
        super().__init__(pointer)
        self._client = client  # lives as long as its producers

    def send(self, content: Content, properties: Mapping[str, str] | None = None, key: str | None = None) -> MessageId:
        """Sends a message and waits until the broker stored it, at most the send timeout."""
        pointer = self._open()
        message = outgoing(content, properties, key)
        self._check(lib.pulsar_producer_send(pointer, message), pointer)
        return MessageId(lib.pulsar_message_get_message_id(message))

    def send_async(
        self,
        content: Content,
        callback: SendCallback,
        properties: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> None:
        """Sends a message; the callback gets the outcome, once, in the order of sending.

        It runs on a thread of the client, which runs no other callback meanwhile; when the message is not
        accepted, before this returns.
        """
        pointer = self._open()
        message = outgoing(content, properties, key)
        number = next(_numbers)
        _pending[number] = (self, callback)
        lib.pulsar_producer_send_async(pointer, message, lib.on_sent, ffi.cast("void *", number))

    def flush(self) -> None:
        """Sends what is gathered, and waits until everything is stored or failed and its callbacks have run."""
        pointer = self._open()
        self._check(lib.pulsar_producer_flush(pointer), pointer)

    def close(self) -> None:
        """Closes the producer. What is pending fails with AlreadyClosed: flush first to have it sent.

        Its callbacks have run when this returns. Closing again does nothing.
        """
        super().close()


# Sends that wait for their outcome, by number. They keep their producer.
_pending: dict[int, tuple[Producer, SendCallback]] = {}
_numbers = itertools.count()


@ffi.def_extern()
def on_sent(code: int, message_id: Pointer, context: Pointer) -> None:
    """Called by the library with the outcome of a send."""
    producer, callback = _pending.pop(int(ffi.cast("uintptr_t", context)))
    if code == lib.pulsar_result_Ok:
        callback(None, MessageId(message_id))
    else:
        callback(failure(code, take(lib.pulsar_rs_producer_last_error(producer._pointer or ffi.NULL))), None)
