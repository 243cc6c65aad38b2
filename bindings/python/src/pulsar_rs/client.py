"""Connections to a cluster."""

from __future__ import annotations

import atexit
import contextlib
import weakref

from pulsar_rs._native import ffi, lib
from pulsar_rs.configuration import Setting, configure
from pulsar_rs.consumer import Consumer
from pulsar_rs.managed import Managed
from pulsar_rs.producer import Producer
from pulsar_rs.result import PulsarError
from pulsar_rs.text import take, to_c

_clients: weakref.WeakSet[Client] = weakref.WeakSet()


class Client(Managed):
    """A connection to a cluster. It may be used on any thread, and so may what is created with it."""

    _close = "pulsar_client_close"
    _free = "pulsar_client_free"
    _last_error = "pulsar_rs_client_last_error"

    def __init__(self, service_url: str, **config: Setting) -> None:
        """Makes a client for `pulsar://host:6650`, or several hosts with commas between them.

        It connects when it is first used; only a wrong URL or setting fails here. The settings are those of
        pulsar/c/client_configuration.h: `operation_timeout_seconds=10` calls
        `pulsar_client_configuration_set_operation_timeout_seconds`.
        """
        pointer = lib.pulsar_client_create(to_c(service_url), configure("client", config))
        super().__init__(pointer)
        _clients.add(self)
        if take(lib.pulsar_rs_client_last_error(pointer)):
            # It is of no use, and every call says why, with its code.
            self.close()

    def create_producer(self, topic: str, **config: Setting) -> Producer:
        """Creates a producer, within the operation timeout.

        The settings are those of pulsar/c/producer_configuration.h, and `properties`.
        """
        pointer = self._open()
        producer = ffi.new("pulsar_producer_t **")
        configuration = configure("producer", config)
        code = lib.pulsar_client_create_producer(pointer, to_c(topic), configuration, producer)
        self._check(code, pointer)
        return Producer(producer[0], self)

    def subscribe(self, topic: str, subscription_name: str, **config: Setting) -> Consumer:
        """Subscribes to a topic, within the operation timeout.

        The settings are those of pulsar/c/consumer_configuration.h, and `properties`; for example
        `consumer_type=ConsumerType.SHARED, subscription_initial_position=InitialPosition.EARLIEST`.
        """
        pointer = self._open()
        consumer = ffi.new("pulsar_consumer_t **")
        configuration = configure("consumer", config)
        code = lib.pulsar_client_subscribe(pointer, to_c(topic), to_c(subscription_name), configuration, consumer)
        self._check(code, pointer)
        return Consumer(consumer[0], self)


@atexit.register
def _close_clients() -> None:
    """No callback may come when the interpreter is gone."""
    for client in list(_clients):
        with contextlib.suppress(PulsarError):
            client.close()
