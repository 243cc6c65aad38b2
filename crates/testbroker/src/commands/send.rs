use std::time::Instant;

use bytes::Bytes;
use pulsar_rs_wire::hot::{EntryId, Send, SendError, SendReceipt};
use pulsar_rs_wire::proto::ServerError;
use pulsar_rs_wire::{Kind, WireError};

use crate::broker::Broker;
use crate::connection::{ConnectionId, ProducerState, keep};
use crate::faults::ReceiptDue;
use crate::refusal::{Failure, Handled, Refusal};
use crate::timers::Event;
use crate::topic::{Entry, Topic, TopicId};

/// `Send`: stores an entry and answers with a receipt.
pub(super) fn handle(
    broker: &mut Broker,
    id: ConnectionId,
    body: &[u8],
    payload: &[u8],
    frames: &Bytes,
) -> Handled {
    let send = Send::decode(body)?;
    broker.trace(id, || format!("> {send:?} and {} bytes", payload.len()));
    let Some(topic_id) = find_topic(broker, id, send.producer_id)? else { return Ok(()) };
    if let Some(refusal) = broker.faults.take(Kind::Send) {
        refuse(broker, id, &send, &refusal);
        return Ok(());
    }
    let messages = u32::try_from(send.num_messages.unwrap_or(1)).unwrap_or(1).max(1);
    let entry = match Entry::check(payload, messages, || keep(frames, payload)) {
        Ok(entry) => entry,
        Err(WireError::Checksum { .. }) => {
            let refusal = Refusal::new(ServerError::ChecksumError, "Checksum failed on the broker");
            refuse(broker, id, &send, &refusal);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    match store(broker, id, topic_id, &send, entry) {
        Ok(stored) => receipt(broker, id, &send, stored),
        Err(refusal) => refuse(broker, id, &send, &refusal),
    }
    Ok(())
}

/// The topic that the producer publishes to; none where the broker closed the producer and the client does
/// not know yet.
fn find_topic(broker: &Broker, id: ConnectionId, producer_id: u64) -> Result<Option<TopicId>, Failure> {
    let Some(connection) = broker.connections.get(id) else { return Ok(None) };
    match connection.producers.get(&producer_id) {
        Some(ProducerState::Ready { topic, .. }) => Ok(Some(*topic)),
        None if connection.closed_producers.contains(&producer_id) => Ok(None),
        _ => Err(Failure::Close(format!("producer {producer_id} is not ready"))),
    }
}

/// Stores an entry; nothing is stored, and given back, for a duplicate.
fn store(
    broker: &mut Broker,
    id: ConnectionId,
    topic_id: TopicId,
    send: &Send,
    mut entry: Entry,
) -> Result<Option<EntryId>, Refusal> {
    let (retention, stamped) = (broker.options.retention, broker.options.entry_metadata);
    let Some(topic) = broker.registry.get_mut(topic_id) else { return Err(super::vanished()) };
    if topic.terminated {
        return Err(Refusal::new(ServerError::TopicTerminatedError, "Topic was already terminated"));
    }
    if broker.deduplication && topic.persistent {
        let connection = broker.connections.get(id);
        let state = connection.and_then(|connection| connection.producers.get(&send.producer_id));
        let name = state.and_then(ProducerState::place).map_or("", |(_, name)| name);
        if is_duplicate(topic, name, send, &entry) {
            return Ok(None);
        }
    }
    if stamped {
        entry.stamp = Some(topic.stamp(entry.messages));
    }
    if !topic.persistent {
        broker.pass_on(topic_id, &entry);
        return Ok(Some(EntryId { ledger: 0, entry: 0 }));
    }
    let number = topic.log.append(entry);
    topic.trim(retention);
    let position = topic.ledgers.position(number);
    broker.mark_topic_dirty(topic_id);
    Ok(Some(position))
}

/// Of a message in chunks, only the last one counts: they all have the same sequence id.
fn is_duplicate(topic: &mut Topic, producer: &str, send: &Send, entry: &Entry) -> bool {
    if send.is_chunk {
        let chunk = entry.metadata().and_then(|metadata| metadata.chunk_id.zip(metadata.num_chunks_from_msg));
        if chunk.is_some_and(|(number, chunks)| number < chunks.saturating_sub(1)) {
            return false;
        }
    }
    let highest = send.highest_sequence_id.unwrap_or(send.sequence_id);
    topic.dedup.is_duplicate(producer, send.sequence_id, highest)
}

fn receipt(broker: &mut Broker, id: ConnectionId, send: &Send, entry: Option<EntryId>) {
    // A real broker writes -1 where the producer gave no highest sequence id.
    let highest = send.highest_sequence_id.filter(|highest| *highest >= send.sequence_id);
    let receipt = SendReceipt {
        producer_id: send.producer_id,
        sequence_id: send.sequence_id,
        highest_sequence_id: Some(highest.unwrap_or(u64::MAX)),
        entry,
    };
    broker.trace(id, || format!("< {receipt:?}"));
    answer(broker, id, |out| receipt.encode_frame(out));
}

fn refuse(broker: &mut Broker, id: ConnectionId, send: &Send, refusal: &Refusal) {
    let error = SendError {
        producer_id: send.producer_id,
        sequence_id: send.sequence_id,
        error: refusal.code,
        message: refusal.message.as_bytes(),
    };
    broker.trace(id, || format!("< {error:?}"));
    answer(broker, id, |out| error.encode_frame(out));
}

/// Sends an answer to `Send`, or keeps it back behind those that are kept back already.
fn answer(broker: &mut Broker, id: ConnectionId, encode: impl FnOnce(&mut Vec<u8>)) {
    let Some(connection) = broker.connections.get_mut(id) else { return };
    let first = connection.receipts.is_empty();
    let due = match broker.faults.receipt_due() {
        ReceiptDue::AtOnce if first => return connection.outbox.push(encode),
        ReceiptDue::AtOnce => Some(Instant::now()),
        ReceiptDue::At(due) => Some(due),
        ReceiptDue::WhenTold => None,
    };
    let mut frame = Vec::new();
    encode(&mut frame);
    connection.receipts.keep(frame, due);
    if let Some(due) = due.filter(|_| first) {
        broker.timers.add(due, Event::SendReceipts(id));
    }
}
