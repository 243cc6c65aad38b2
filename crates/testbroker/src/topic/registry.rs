//! All topics and namespaces of a broker.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pulsar_rs_wire::checksum::crc32c;
use pulsar_rs_wire::proto::ServerError;
use pulsar_rs_wire::proto::command_get_topics_of_namespace::Mode;

use super::{Topic, TopicId};
use crate::refusal::Refusal;
use crate::topic_name::{NON_PERSISTENT, PERSISTENT, TopicName};

/// Namespaces that a Pulsar standalone has from the start.
const NAMESPACES: [&str; 2] = ["public/default", "pulsar/system"];

/// Topics by name.
#[derive(Debug)]
pub(crate) struct Registry {
    /// By id; those that were deleted are empty.
    topics: Vec<Option<Topic>>,
    ledgers: u64,
    by_name: HashMap<String, TopicId>,
    /// Partitioned topics and their numbers of partitions.
    partitioned: BTreeMap<String, u32>,
    namespaces: BTreeSet<String>,
    changes: Vec<Change>,
}

/// A topic that came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Full name.
    pub topic: String,
    /// It came.
    pub created: bool,
}

impl Registry {
    pub fn new(namespaces: &[String]) -> Self {
        let all = NAMESPACES.into_iter().chain(namespaces.iter().map(String::as_str));
        Registry {
            topics: Vec::new(),
            ledgers: 0,
            by_name: HashMap::new(),
            partitioned: BTreeMap::new(),
            namespaces: all.map(str::to_owned).collect(),
            changes: Vec::new(),
        }
    }

    pub fn get_mut(&mut self, id: TopicId) -> Option<&mut Topic> {
        self.topics.get_mut(id.0)?.as_mut()
    }

    /// The topic with this full name.
    pub fn find(&self, name: &TopicName) -> Option<TopicId> {
        self.by_name.get(&name.full).copied()
    }

    /// The topic with this full name, created if need be.
    pub fn find_or_create(&mut self, name: &TopicName) -> TopicId {
        if let Some(id) = self.find(name) {
            return id;
        }
        let id = TopicId(self.topics.len());
        let topic =
            if name.is_persistent() { Topic::new(name, self.next_ledger()) } else { Topic::passing(name) };
        self.topics.push(Some(topic));
        self.by_name.insert(name.full.clone(), id);
        self.changes.push(Change { topic: name.full.clone(), created: true });
        id
    }

    /// Number of a new ledger. Ledgers of different topics differ, and none is 0, as in a real broker.
    pub fn next_ledger(&mut self) -> u64 {
        self.ledgers += 1;
        self.ledgers
    }

    /// Deletes a topic that is no group of partitions.
    pub fn delete(&mut self, name: &TopicName) -> bool {
        let Some(id) = self.by_name.remove(&name.full) else { return false };
        if let Some(topic) = self.topics.get_mut(id.0) {
            *topic = None;
        }
        self.changes.push(Change { topic: name.full.clone(), created: false });
        true
    }

    /// Forgets that a topic has partitions.
    pub fn delete_partitioned(&mut self, name: &TopicName) -> bool {
        self.partitioned.remove(&name.full).is_some()
    }

    /// Creates a topic, or a partitioned one with all its partitions, and its namespace. What is there already
    /// stays as it is, also when it has another number of partitions.
    pub fn create(&mut self, name: &TopicName, partitions: u32) {
        self.create_namespace(&name.namespace);
        if self.partitioned.contains_key(&name.full) || self.by_name.contains_key(&name.full) {
            return;
        }
        if partitions == 0 {
            self.find_or_create(name);
            return;
        }
        self.set_partitions(name, partitions);
    }

    /// Gives a partitioned topic this many partitions; false when it has as many, or none at all.
    pub fn grow(&mut self, name: &TopicName, partitions: u32) -> bool {
        let grows = self.partitioned.get(&name.full).is_some_and(|count| *count < partitions);
        if grows {
            self.set_partitions(name, partitions);
        }
        grows
    }

    fn set_partitions(&mut self, name: &TopicName, partitions: u32) {
        self.partitioned.insert(name.full.clone(), partitions);
        for number in 0..partitions {
            self.find_or_create(&name.part(number));
        }
    }

    pub fn create_namespace(&mut self, namespace: &str) {
        self.namespaces.insert(namespace.to_owned());
    }

    pub fn has_namespace(&self, namespace: &str) -> bool {
        self.namespaces.contains(namespace)
    }

    /// Fails where the topic's namespace does not exist. Nothing is known about namespaces of the old form;
    /// a real broker takes them as they come.
    pub fn check_namespace(&self, name: &TopicName) -> Result<(), Refusal> {
        if name.old_form || self.namespaces.contains(&name.namespace) {
            Ok(())
        } else {
            Err(Refusal::new(ServerError::TopicNotFound, "Namespace not found"))
        }
    }

    /// Number of partitions of a partitioned topic.
    pub fn partitions(&self, name: &TopicName) -> Option<u32> {
        self.partitioned.get(&name.full).copied()
    }

    /// Whether the name is that of a partition that its partitioned topic does not have.
    pub fn is_missing_partition(&self, name: &TopicName) -> bool {
        name.partition()
            .is_some_and(|(base, number)| self.partitioned.get(base).is_some_and(|count| number >= *count))
    }

    /// The changes since this was called last.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Full names of the topics in a namespace, sorted; `mode` says of which domains.
    pub fn names_in(&self, namespace: &str, mode: Mode) -> Vec<String> {
        let domains: &[&str] = match mode {
            Mode::Persistent => &[PERSISTENT],
            Mode::NonPersistent => &[NON_PERSISTENT],
            Mode::All => &[PERSISTENT, NON_PERSISTENT],
        };
        let prefixes: Vec<String> = domains.iter().map(|domain| format!("{domain}{namespace}/")).collect();
        let is_in = |name: &&String| prefixes.iter().any(|prefix| name.starts_with(prefix));
        let mut names: Vec<String> = self.by_name.keys().filter(is_in).cloned().collect();
        names.sort_unstable();
        names
    }
}

/// Hash of a sorted list of topics, as clients compare it: CRC32-C of the names with commas between them, in
/// hexadecimal, its lowest byte first.
pub(crate) fn hash_of_names(names: &[String]) -> String {
    use std::fmt::Write as _;
    let checksum = crc32c(names.join(",").as_bytes());
    checksum.to_le_bytes().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> TopicName {
        TopicName::parse(text).unwrap()
    }

    #[test]
    fn partitions_are_topics() {
        let mut registry = Registry::new(&[]);
        registry.create(&name("p"), 3);
        assert_eq!(registry.partitions(&name("p")), Some(3));
        assert_eq!(registry.names_in("public/default", Mode::All).len(), 3);
        let second = registry.find(&name("p-partition-1")).unwrap();
        assert_eq!(registry.get_mut(second).unwrap().partition, 1);
        assert!(registry.is_missing_partition(&name("p-partition-3")));
        assert!(!registry.is_missing_partition(&name("q-partition-3")));
    }

    #[test]
    fn what_is_there_stays_as_it_is() {
        let mut registry = Registry::new(&[]);
        registry.create(&name("p"), 3);
        registry.create(&name("p"), 5);
        registry.create(&name("p"), 0);
        assert_eq!(registry.partitions(&name("p")), Some(3));
        registry.create(&name("whole"), 0);
        registry.create(&name("whole"), 2);
        assert_eq!(registry.partitions(&name("whole")), None);
        assert_eq!(registry.names_in("public/default", Mode::All).len(), 4);
    }

    #[test]
    fn unknown_namespaces_are_not_found() {
        let registry = Registry::new(&["a/b".to_owned()]);
        assert!(registry.check_namespace(&name("x")).is_ok());
        assert!(registry.check_namespace(&name("a/b/x")).is_ok());
        assert!(registry.check_namespace(&name("a/c/x")).is_err());
        assert!(registry.check_namespace(&name("persistent://a/c/d/x")).is_ok());
        let mut registry = registry;
        registry.create(&name("a/c/x"), 0);
        assert!(registry.check_namespace(&name("a/c/y")).is_ok());
    }

    #[test]
    fn lists_are_hashed_as_by_a_real_broker() {
        let names =
            ["b", "ex", "ex2", "is"].map(|name| format!("persistent://public/default/ps1795231757-{name}"));
        assert_eq!(hash_of_names(&names), "8115b7d9");
        assert_eq!(hash_of_names(&[]), "00000000");
    }
}
