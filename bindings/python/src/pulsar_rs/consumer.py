"""Receiving."""

from __future__ import annotations

import time
from enum import IntEnum
from typing import TYPE_CHECKING

from pulsar_rs._native import ffi, lib
from pulsar_rs.managed import Managed
from pulsar_rs.message import Message
from pulsar_rs.message_id import MessageId
from pulsar_rs.text import Pointer

if TYPE_CHECKING:
    from pulsar_rs.client import Client

_PATIENCE_MS = 100
"""How long one wait in C lasts, and so how late ctrl-C is noticed."""


class ConsumerType(IntEnum):
    """How the consumers of a subscription share its messages: the setting `consumer_type`."""

    EXCLUSIVE = lib.pulsar_ConsumerExclusive
    SHARED = lib.pulsar_ConsumerShared
    FAILOVER = lib.pulsar_ConsumerFailover
    KEY_SHARED = lib.pulsar_ConsumerKeyShared


class InitialPosition(IntEnum):
    """Where a new subscription begins: the setting `subscription_initial_position`."""

    LATEST = lib.initial_position_latest
    EARLIEST = lib.initial_position_earliest


class Consumer(Managed):
    """Receives the messages of a subscription; see `Client.subscribe`."""

    _close = "pulsar_consumer_close"
    _free = "pulsar_consumer_free"
    _last_error = "pulsar_rs_consumer_last_error"

    def __init__(self, pointer: Pointer, client: Client) -> None:
        """Takes a C object over."""
        super().__init__(pointer)
        self._client = client  # lives as long as its consumers

    def receive(self, timeout_millis: int | None = None) -> Message:
        """Waits for a message; raises Timeout when there is none within `timeout_millis`."""
        pointer = self._open()
        message = ffi.new("pulsar_message_t **")
        deadline = None if timeout_millis is None else time.monotonic() + timeout_millis / 1000
        while True:
            wait = _PATIENCE_MS
            if deadline is not None:
                wait = max(0, min(wait, round((deadline - time.monotonic()) * 1000)))
            code = lib.pulsar_consumer_receive_with_timeout(pointer, message, wait)
            if code == lib.pulsar_result_Ok:
                return Message(message[0])
            if code != lib.pulsar_result_Timeout or (deadline is not None and time.monotonic() >= deadline):
                self._check(code, pointer)

    def acknowledge(self, message: Message | MessageId) -> None:
        """Acknowledges a message. Acknowledgements are gathered; acknowledging twice does no harm."""
        pointer = self._open()
        if isinstance(message, MessageId):
            code = lib.pulsar_consumer_acknowledge_id(pointer, message._pointer)
        else:
            code = lib.pulsar_consumer_acknowledge(pointer, message._pointer)
        self._check(code, pointer)
