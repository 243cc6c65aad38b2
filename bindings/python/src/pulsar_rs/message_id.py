"""Names of messages."""

from __future__ import annotations

from pulsar_rs import result
from pulsar_rs._native import ffi, lib
from pulsar_rs.text import Pointer, take


class MessageId:
    """Names a message of a topic."""

    __slots__ = ("_pointer",)

    def __init__(self, pointer: Pointer) -> None:
        """Takes a C object over; see `deserialize`."""
        self._pointer = ffi.gc(pointer, lib.pulsar_message_id_free)

    @staticmethod
    def deserialize(data: bytes) -> MessageId:
        """Reads an id that `serialize`, or another Pulsar client, wrote."""
        pointer = lib.pulsar_message_id_deserialize(data, len(data))
        if pointer == ffi.NULL:
            raise result.failure(lib.pulsar_result_InvalidMessage, "these bytes are no message id")
        return MessageId(pointer)

    def serialize(self) -> bytes:
        """The id as bytes that every Pulsar client reads."""
        size = ffi.new("int *")
        data = lib.pulsar_message_id_serialize(self._pointer, size)
        try:
            return bytes(ffi.buffer(data, size[0]))
        finally:
            lib.free(data)

    def __str__(self) -> str:
        """Shows `(ledger,entry,partition,batch index)`."""
        return take(lib.pulsar_message_id_str(self._pointer))

    def __repr__(self) -> str:
        """Shows the same, with the class."""
        return f"MessageId{self}"

    def __eq__(self, other: object) -> bool:
        """Ids are equal when they name the same message."""
        return isinstance(other, MessageId) and self.serialize() == other.serialize()

    def __hash__(self) -> int:
        """Fits `__eq__`."""
        return hash(self.serialize())
