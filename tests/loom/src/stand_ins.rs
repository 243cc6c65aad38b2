//! Types of the client that hold what is sent, without what is in them.

pub(crate) mod connection {
    #[derive(Debug)]
    pub(crate) struct EntryFrame {
        pub head: Vec<u8>,
        pub body: Vec<u8>,
    }
}

pub(crate) mod entry {
    use std::time::Instant;

    use super::heading::Heading;

    #[derive(Debug)]
    pub(crate) struct SealedEntry {
        pub content: Content,
        pub first_sequence_id: u64,
        pub highest_sequence_id: u64,
        pub accepted_at: Instant,
        pub publish_time: u64,
    }

    #[derive(Debug)]
    pub(crate) enum Content {
        Batch { body: Vec<u8>, messages: i32, heading: Heading },
    }
}

pub(crate) mod sink {
    #[derive(Debug)]
    pub(crate) enum Tokens<T> {
        One(T),
    }
}

pub(crate) mod heading {
    #[derive(Debug, Default)]
    pub(crate) struct Heading {
        pub schema_version: Option<u64>,
    }
}

pub(crate) mod chunks {
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Chunk {
        pub number: usize,
        pub count: usize,
    }

    impl Chunk {
        pub fn is_first(self) -> bool {
            self.number == 0
        }

        pub fn is_last(self) -> bool {
            self.number + 1 == self.count
        }
    }
}
