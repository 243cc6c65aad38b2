//! Topic names.

use std::fmt;
use std::sync::Arc;

use crate::Error;

const DEFAULT_DOMAIN: &str = "persistent";
const DEFAULT_NAMESPACE: &str = "public/default";
const PARTITION_MARK: &str = "-partition-";

/// A topic's full name, such as `persistent://public/default/orders`.
///
/// `orders` and `public/default/orders` are accepted and completed. Names of the old form with a cluster,
/// `persistent://tenant/cluster/namespace/topic`, pass as they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicName(Arc<str>);

impl TopicName {
    /// Checks and completes a name.
    pub fn parse(name: &str) -> Result<Self, Error> {
        let invalid = |why: &str| Error::InvalidTopicName(format!("{name:?}: {why}"));
        let (domain, rest) = name.split_once("://").unwrap_or((DEFAULT_DOMAIN, name));
        if !matches!(domain, "persistent" | "non-persistent") {
            return Err(invalid("the domain must be persistent or non-persistent"));
        }
        let full = match (name.contains("://"), rest.split('/').count()) {
            (false, 1) if !rest.is_empty() => format!("{domain}://{DEFAULT_NAMESPACE}/{rest}"),
            (false, 3) => format!("{domain}://{rest}"),
            (false, _) => return Err(invalid("expected topic or tenant/namespace/topic")),
            (true, 0..=2) => return Err(invalid("expected domain://tenant/namespace/topic")),
            (true, _) => name.to_owned(),
        };
        if rest.split('/').any(str::is_empty) {
            return Err(invalid("a part of the name is empty"));
        }
        Ok(TopicName(full.into()))
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn shared(&self) -> Arc<str> {
        self.0.clone()
    }

    /// `tenant/namespace/topic`.
    pub(crate) fn without_domain(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, rest)| rest)
    }

    /// Whether its messages are stored.
    pub(crate) fn is_persistent(&self) -> bool {
        self.0.starts_with("persistent://")
    }

    /// For sorting: partitions by their numbers.
    pub(crate) fn numbered(&self) -> (&str, i32) {
        let number = self.partition();
        let name = self.0.rsplit_once(PARTITION_MARK).filter(|_| number >= 0);
        (name.map_or(self.as_str(), |(name, _)| name), number)
    }

    /// The topic that this is a partition of; itself, if it is none.
    pub(crate) fn without_partition(&self) -> Self {
        match self.0.rsplit_once(PARTITION_MARK) {
            Some((topic, _)) if self.partition() >= 0 => TopicName(topic.into()),
            _ => self.clone(),
        }
    }

    /// Number of the partition that this name stands for, or -1.
    pub fn partition(&self) -> i32 {
        self.0.rsplit_once(PARTITION_MARK).and_then(|(_, number)| number.parse().ok()).unwrap_or(-1)
    }

    /// Name of one partition of this topic.
    #[must_use]
    pub fn with_partition(&self, partition: u32) -> Self {
        TopicName(format!("{}{PARTITION_MARK}{partition}", self.0).into())
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed() {
        for (given, full) in [
            ("t", "persistent://public/default/t"),
            ("x y", "persistent://public/default/x y"),
            ("public/default/ok1", "persistent://public/default/ok1"),
            ("non-persistent://a/b/c", "non-persistent://a/b/c"),
            ("persistent://a/b/c/d", "persistent://a/b/c/d"),
            ("persistent://public/default/a/b/c", "persistent://public/default/a/b/c"),
        ] {
            assert_eq!(TopicName::parse(given).unwrap().as_str(), full);
        }
    }

    #[test]
    fn wrong_names_are_refused() {
        for given in [
            "",
            "a/b",
            "public/default/x/y",
            "persistent://public",
            "persistent://public/default",
            "persistent://public/default/",
            "foo://public/default/x",
            "persistent://",
        ] {
            assert!(matches!(TopicName::parse(given), Err(Error::InvalidTopicName(_))), "{given:?}");
        }
    }

    #[test]
    fn partitions_are_told_by_the_name() {
        let topic = TopicName::parse("t").unwrap();
        assert_eq!(topic.partition(), -1);
        assert_eq!(topic.with_partition(12).partition(), 12);
        assert_eq!(topic.with_partition(12).as_str(), "persistent://public/default/t-partition-12");
        assert_eq!(TopicName::parse("t-partition-x").unwrap().partition(), -1);
        assert_eq!(topic.with_partition(12).without_partition(), topic);
        let other = TopicName::parse("t-partition-x").unwrap();
        assert_eq!(other.without_partition(), other);
    }
}
