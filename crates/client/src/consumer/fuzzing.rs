//! What fuzz targets call of consumers.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pulsar_rs_wire::frame::encode_payload_head;
use pulsar_rs_wire::hot::{self, EntryId};
use pulsar_rs_wire::metadata::Metadata;

use super::ConsumerConfig;
use super::arrival::{Arrival, Decryption, Next};
use super::chunks::Chunks;
use crate::Error;
use crate::crypto::OpeningKey;

/// Bytes that describe one chunk.
const CHUNK: usize = 6;

/// An entry as a broker may send it. Its first byte says what the consumer does with what is encrypted: 1, it has a key
/// reader; 2, it takes messages as they are; 4, the key reader has the key. The second byte says which messages of a batch
/// are acknowledged.
///
/// # Panics
///
/// When a message is found outside of its entry, or more of them than the broker was told to send.
pub fn entry(data: &[u8]) {
    let [flags, acknowledged, payload @ ..] = data else {
        return;
    };
    let ack_set = if *acknowledged == 0 { Vec::new() } else { vec![i64::from(*acknowledged)] };
    let message = hot::Message { ack_set, ..hot::Message::default() };
    let decryption = Decryption { has_keys: flags & 1 != 0, takes_encrypted: flags & 2 != 0 };
    let Ok(mut arrival) = Arrival::check(message, &Bytes::copy_from_slice(payload), decryption) else {
        return;
    };
    assert!(arrival.bytes() <= payload.len());
    let permits = arrival.permits();
    if arrival.is_locked() {
        assert!(decryption.has_keys);
        let none = || Err(Error::Crypto("no key".into()));
        let key = if flags & 4 != 0 { OpeningKey::fixed(arrival.metadata()) } else { none() };
        match arrival.unlock(key) {
            Ok(unlocked) => arrival = unlocked,
            Err(rejected) => {
                assert!(!decryption.takes_encrypted && rejected.permits == Some(permits));
                return;
            }
        }
    }
    let Ok(mut cursor) = arrival.open("t".into(), false, |_, _, acks, _| acks) else {
        return;
    };
    let length = cursor.entry.body.len();
    let mut found = 0;
    while let Next::Message(message) = cursor.next(usize::MAX) {
        assert!(message.payload.start <= message.payload.end && message.payload.end as usize <= length);
        assert!(message.metadata.start <= message.metadata.end && message.metadata.end as usize <= length);
        found += 1;
    }
    assert!(found <= permits, "{found} messages, {permits} permits");
}

/// Chunks in any order, as brokers and other producers may send them: six bytes each.
///
/// # Panics
///
/// When an entry that was given up, or acknowledged, is part of a message that is delivered afterwards; when a message
/// does not have the size that it announced.
pub fn chunks(data: &[u8]) {
    let mut chunks = Chunks::new(&ConsumerConfig {
        max_pending_chunked_messages: 3,
        ack_oldest_chunked_message: data.len() % 2 == 0,
        ..ConsumerConfig::default()
    });
    let mut now = Instant::now();
    let mut gone = HashSet::new();
    for description in data.chunks_exact(CHUNK) {
        let [uuid, number, count, place, length, total] = description.try_into().unwrap_or_default();
        now += Duration::from_secs(u64::from(uuid >> 4));
        let (name, number, count) = (uuid % 4, number % 8, count % 8);
        // An entry is the same whenever it comes; a broker that gives it to two messages has it acknowledged with either.
        let numbers = [place % 32, number, count, name].map(u64::from);
        let id = EntryId { ledger: 1, entry: numbers.iter().fold(0, |id, number| id * 8 + number) };
        let Some(mut arrival) = arrive([name], (number, count), id, (length, total)) else {
            continue;
        };
        let Some(chunk) = arrival.take_chunk() else {
            continue;
        };
        // The broker sends it again, if it was there before.
        gone.remove(&id);
        let added = chunks.add(arrival, &chunk, now);
        gone.extend(added.acknowledge.into_iter().chain(added.again));
        if let Some(whole) = added.complete {
            let size = whole.body_len();
            let entries = chunks.take(whole.id()).unwrap_or_default();
            assert!(entries.len() >= 2);
            assert!(!entries.iter().any(|entry| gone.contains(entry)), "{entries:?} {gone:?}");
            if let Ok(cursor) = whole.open("t".into(), false, |_, _, acks, _| acks) {
                assert_eq!(cursor.entry.body.len(), size);
            }
        }
        gone.extend(chunks.take_expired(now));
        assert!(chunks.next_expiry().is_none_or(|expiry| expiry > now));
    }
}

/// A chunk of a message named `uuid`: its number and how many there are; its bytes and those of the whole.
fn arrive(
    uuid: [u8; 1],
    (number, count): (u8, u8),
    entry: EntryId,
    (length, total): (u8, u8),
) -> Option<Arrival> {
    let body = vec![number; length.into()];
    let metadata = Metadata {
        producer_name: b"p",
        uuid: Some(&uuid),
        num_chunks_from_msg: Some(count.into()),
        chunk_id: Some(number.into()),
        total_chunk_msg_size: Some(total.into()),
        ..Metadata::default()
    };
    let mut payload = Vec::new();
    encode_payload_head(&mut payload, &metadata, &body);
    payload.extend_from_slice(&body);
    let none = Decryption { has_keys: false, takes_encrypted: false };
    Arrival::check(hot::Message { entry, ..hot::Message::default() }, &payload.into(), none).ok()
}
