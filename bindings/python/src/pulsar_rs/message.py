"""Messages."""

from __future__ import annotations

from collections.abc import Mapping

from pulsar_rs._native import ffi, lib
from pulsar_rs.message_id import MessageId
from pulsar_rs.text import Pointer, from_c, to_c

Content = bytes | bytearray | memoryview


class Message:
    """A received message. It does not need the consumer, nor to be closed."""

    __slots__ = ("_pointer",)

    def __init__(self, pointer: Pointer) -> None:
        """Takes a C object over."""
        self._pointer = ffi.gc(pointer, lib.pulsar_message_free)

    def data(self) -> bytes:
        """The content."""
        size = lib.pulsar_message_get_length(self._pointer)
        return bytes(ffi.buffer(lib.pulsar_message_get_data(self._pointer), size)) if size else b""

    def message_id(self) -> MessageId:
        """The id."""
        return MessageId(lib.pulsar_message_get_message_id(self._pointer))

    def partition_key(self) -> str:
        """The key; the empty string when there is none."""
        return from_c(lib.pulsar_message_get_partitionKey(self._pointer))

    def properties(self) -> dict[str, str]:
        """The properties."""
        pairs = ffi.gc(lib.pulsar_message_get_properties(self._pointer), lib.pulsar_string_map_free)
        return {
            from_c(lib.pulsar_string_map_get_key(pairs, i)): from_c(lib.pulsar_string_map_get_value(pairs, i))
            for i in range(lib.pulsar_string_map_size(pairs))
        }

    def topic_name(self) -> str:
        """The full name of the topic that the message was received from."""
        return from_c(lib.pulsar_message_get_topic_name(self._pointer))

    def publish_timestamp(self) -> int:
        """When the producer's client sent the message, in milliseconds since 1970."""
        timestamp: int = lib.pulsar_message_get_publish_timestamp(self._pointer)
        return timestamp


def outgoing(content: Content, properties: Mapping[str, str] | None, key: str | None) -> Pointer:
    """Makes a message to send; the content is copied."""
    pointer = ffi.gc(lib.pulsar_message_create(), lib.pulsar_message_free)
    data = ffi.from_buffer(content)
    lib.pulsar_message_set_content(pointer, data, len(data))
    if key is not None:
        lib.pulsar_message_set_partition_key(pointer, to_c(key))
    if properties:
        for name, value in properties.items():
            lib.pulsar_message_set_property(pointer, to_c(name), to_c(value))
    return pointer
