use pulsar_rs_wire::hot::EntryId;

use crate::{Error, MessageId};

/// What a sink needs to tell the sender of a message.
pub trait Token: Copy + Send + 'static {
    /// Messages that it stands for.
    fn count(&self) -> usize {
        1
    }

    /// Stands for the next message too, whose token this is; or says that it cannot.
    #[inline]
    fn absorb(&mut self, _next: &Self) -> bool {
        false
    }
}

impl Token for usize {}
impl Token for u32 {}
impl Token for u64 {}

/// Where the outcomes of sends go.
///
/// The producer keeps one small [`Copy`] token per message, or one for several that were sent together, and
/// nothing else. When the outcome of an entry is known, the tokens of all its messages are handed over in one call, in
/// the order of sending.
///
/// `complete` is called on any thread, with a lock of the producer held, so that the order of calls is that
/// of sending. It must be short, must not block and must not call the producer.
pub trait SendSink: Send + Sync + 'static {
    /// What the producer keeps for each message.
    type Token: Token;

    /// Takes the outcome of one entry: every accepted token comes here exactly once.
    fn complete(&self, tokens: Tokens<Self::Token>, outcome: Result<SentEntry, Error>);
}

/// The tokens of the messages in one entry, in order.
#[derive(Debug)]
pub enum Tokens<T> {
    /// The entry is a single message.
    One(T),
    /// The entry is a batch.
    Batch(Vec<T>),
}

impl<T> Tokens<T> {
    /// The tokens as a slice.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Tokens::One(token) => std::slice::from_ref(token),
            Tokens::Batch(tokens) => tokens,
        }
    }
}

/// Where the broker stored an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentEntry {
    /// Ledger and entry; absent: the broker has the messages already and dropped these as duplicates.
    pub entry: Option<EntryId>,
    /// Partition of the topic, or -1.
    pub partition: i32,
    /// Messages in the batch; 0: the entry is a single message.
    pub batch_size: i32,
    /// Of a message in chunks: where the first is, while `entry` is the last.
    pub first_chunk: Option<EntryId>,
}

impl SentEntry {
    /// Id of the message at this place in the entry; tokens stand for [`Token::count`] places. A duplicate has ledger and entry -1.
    #[inline]
    pub fn message_id(&self, index: usize) -> MessageId {
        let (ledger, entry) =
            self.entry.map_or((-1, -1), |id| (id.ledger.cast_signed(), id.entry.cast_signed()));
        let first = self.first_chunk.map(|first| {
            MessageId::entry(first.ledger.cast_signed(), first.entry.cast_signed(), self.partition)
        });
        let batch_index = if self.batch_size > 0 { i32::try_from(index).unwrap_or(-1) } else { -1 };
        MessageId {
            batch_index,
            batch_size: self.batch_size,
            first_chunk: first.map(Box::new),
            ..MessageId::entry(ledger, entry, self.partition)
        }
    }
}
