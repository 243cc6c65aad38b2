//! Topics that match a pattern.

use std::collections::BTreeSet;
use std::sync::Arc;

use pulsar_rs_wire::proto::command_get_topics_of_namespace::Mode;
use regex_lite::Regex;

use super::Group;
use crate::backoff::Backoff;
use crate::client::{ClientInner, Deadline};
use crate::gate::Asker;
use crate::gate::Returning;
use crate::lookup::TopicQuery;
use crate::{Error, TopicName};

/// Which topics of a namespace a pattern is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RegexSubscriptionMode {
    /// Those that are stored.
    #[default]
    Persistent,
    /// Those that are not.
    NonPersistent,
    /// Both.
    All,
}

/// A regular expression for the topics of one namespace.
///
/// It is written as a topic's name, such as `persistent://public/default/orders-.*`, and has to match the whole name
/// behind the domain, without the number of a partition. The domain says nothing: [`RegexSubscriptionMode`] does. The
/// syntax is that of the crate `regex-lite`: no look-around, no back references.
#[derive(Debug, Clone)]
pub struct TopicPattern {
    text: String,
    /// `tenant/namespace`.
    namespace: String,
    mode: RegexSubscriptionMode,
    regex: Regex,
}

impl TopicPattern {
    /// Checks a pattern. Fails with [`Error::InvalidTopicName`] when it does not begin like a topic's name, with
    /// [`Error::InvalidConfiguration`] when the expression is wrong.
    pub fn parse(pattern: &str, mode: RegexSubscriptionMode) -> Result<Self, Error> {
        let name = TopicName::parse(pattern)?;
        let behind = name.without_domain();
        let (namespace, _) = behind.rsplit_once('/').unwrap_or_default();
        let tenant_and_namespace: Vec<&str> = namespace.splitn(3, '/').take(2).collect();
        let regex = Regex::new(&format!("^(?:{behind})$"))
            .map_err(|error| Error::InvalidConfiguration(format!("the pattern {pattern:?}: {error}")))?;
        Ok(TopicPattern { text: name.to_string(), namespace: tenant_and_namespace.join("/"), mode, regex })
    }

    /// The pattern with its domain.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The topics that match now, without their partitions.
    pub(super) async fn find(
        &self,
        client: &ClientInner,
        deadline: Deadline,
        asker: Asker,
    ) -> Result<BTreeSet<TopicName>, Error> {
        let names = client.topics(&self.query(), deadline, asker).await?;
        Ok(self.matching(&names))
    }

    fn matching(&self, names: &[String]) -> BTreeSet<TopicName> {
        let parsed = names.iter().filter_map(|name| TopicName::parse(name).ok());
        let whole = parsed.map(|name| name.without_partition());
        whole.filter(|name| self.has(name) && self.regex.is_match(name.without_domain())).collect()
    }

    /// Whether the mode is for such topics: not every broker looks at it.
    fn has(&self, name: &TopicName) -> bool {
        match self.mode {
            RegexSubscriptionMode::Persistent => name.is_persistent(),
            RegexSubscriptionMode::NonPersistent => !name.is_persistent(),
            RegexSubscriptionMode::All => true,
        }
    }

    fn query(&self) -> TopicQuery {
        let mode = match self.mode {
            RegexSubscriptionMode::Persistent => Mode::Persistent,
            RegexSubscriptionMode::NonPersistent => Mode::NonPersistent,
            RegexSubscriptionMode::All => Mode::All,
        };
        TopicQuery { namespace: self.namespace.clone(), mode, pattern: self.text.clone() }
    }

    /// Has the broker tell when topics come and go, where it can: then the group looks at once.
    pub(super) fn watch(&self, group: &Arc<Group>) {
        group.client.spawn(watch(group.clone(), self.query()));
    }
}

async fn watch(group: Arc<Group>, query: TopicQuery) {
    let mut backoff = Backoff::default();
    let mut switches = group.client.switches();
    let returning = Returning::default();
    while !group.is_closed() {
        let watching = tokio::select! {
            watching = group.client.watch_topics(group.id, &query, &returning) => watching,
            // The attempt may be waiting for a server of the old one.
            Ok(()) = switches.changed() => continue,
            () = group.ended.notified() => return,
        };
        match watching {
            // Another cluster may.
            Ok(None) => tokio::select! {
                switched = switches.changed() => if switched.is_err() { return },
                () = group.ended.notified() => return,
            },
            Ok(Some(mut watch)) => {
                backoff = Backoff::default();
                // For what changed before the watch began.
                group.look.notify_one();
                loop {
                    tokio::select! {
                        changed = watch.changed() => if !changed { break },
                        () = group.ended.notified() => return,
                    }
                    group.look.notify_one();
                }
            }
            Err(error) => {
                group.client.log().info(format_args!("cannot watch the topics of {}: {error}", group.name));
            }
        }
        if returning.take_held_up() {
            continue;
        }
        tokio::select! {
            () = backoff.wait(&mut switches) => {}
            () = group.ended.notified() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(pattern: &str, mode: RegexSubscriptionMode, names: &[&str]) -> Vec<String> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let pattern = TopicPattern::parse(pattern, mode).unwrap();
        pattern.matching(&names).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_whole_name_has_to_match_without_domain_and_partition() {
        let names = [
            "persistent://public/default/a-1-partition-0",
            "persistent://public/default/a-1-partition-1",
            "persistent://public/default/a-2",
            "persistent://public/default/xa-3",
            "persistent://public/default/a-4x",
            "non-persistent://public/default/a-5",
            "what is no name",
        ];
        let stored = ["persistent://public/default/a-1", "persistent://public/default/a-2"];
        for pattern in ["a-\\d", "public/default/a-\\d", "persistent://public/default/a-[0-9]"] {
            assert_eq!(matching(pattern, RegexSubscriptionMode::Persistent, &names), stored, "{pattern}");
        }
        let other = ["non-persistent://public/default/a-5"];
        assert_eq!(matching("a-\\d", RegexSubscriptionMode::NonPersistent, &names), other);
        assert_eq!(matching("a-\\d", RegexSubscriptionMode::All, &names).len(), 3);
        assert_eq!(matching("a-1|a-2", RegexSubscriptionMode::All, &names).len(), 1);
    }

    #[test]
    fn wrong_patterns_are_refused() {
        let parse = |pattern| TopicPattern::parse(pattern, RegexSubscriptionMode::All);
        assert!(matches!(parse("a[b"), Err(Error::InvalidConfiguration(_))));
        assert!(matches!(parse("a/b"), Err(Error::InvalidTopicName(_))));
        assert!(matches!(parse(""), Err(Error::InvalidTopicName(_))));
        assert_eq!(parse("persistent://t/n/a.*").unwrap().namespace, "t/n");
        assert_eq!(parse("a.*").unwrap().namespace, "public/default");
    }
}
