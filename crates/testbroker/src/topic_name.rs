//! Topic names, checked and brought to their full form.

use pulsar_rs_wire::proto::ServerError;

use crate::refusal::Refusal;

/// Topics with stored messages.
pub(crate) const PERSISTENT: &str = "persistent://";
/// Topics whose messages go to the consumers that are there, and nowhere else.
pub(crate) const NON_PERSISTENT: &str = "non-persistent://";

/// A topic name in its full form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicName {
    /// `persistent://tenant/namespace/topic`, or the old form with a cluster between tenant and namespace; of the
    /// domain `non-persistent` likewise.
    pub full: String,
    /// `tenant/namespace`, or `tenant/cluster/namespace` in the old form.
    pub namespace: String,
    /// The name has the old form. Such namespaces need not exist.
    pub old_form: bool,
}

impl TopicName {
    /// Reads a full or a short name. The errors are those of a real broker.
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        let invalid =
            |why: String| Refusal::new(ServerError::InvalidTopicName, format!("Invalid topic name: {why}"));
        let rest = match name.split_once("://") {
            None => return Self::parse_short(name),
            Some(("persistent" | "non-persistent", rest)) => rest,
            Some((domain, _)) => return Err(invalid(format!("Invalid topic domain: '{domain}'"))),
        };
        let parts: Vec<&str> = rest.splitn(4, '/').collect();
        let (namespace, local, old_form) = match parts[..] {
            [tenant, namespace, local] => (format!("{tenant}/{namespace}"), local, false),
            [tenant, cluster, namespace, local] => (format!("{tenant}/{cluster}/{namespace}"), local, true),
            _ => return Err(invalid(format!("Invalid topic name: {name}"))),
        };
        if parts.iter().any(|part| part.trim().is_empty()) {
            let blank = if local.trim().is_empty() { "local name" } else { "namespace" };
            return Err(invalid(format!("{name}. Topic {blank} must not be blank.")));
        }
        Ok(TopicName { full: name.to_owned(), namespace, old_form })
    }

    fn parse_short(name: &str) -> Result<Self, Refusal> {
        match name.split('/').collect::<Vec<_>>()[..] {
            [local] if !local.is_empty() => Self::parse(&format!("{PERSISTENT}public/default/{local}")),
            [_, _, _] => Self::parse(&format!("{PERSISTENT}{name}")),
            _ => Err(Refusal::new(
                ServerError::InvalidTopicName,
                format!(
                    "Invalid topic name: Invalid short topic name '{name}', it should be in the format of \
                     <tenant>/<namespace>/<topic> or <topic>"
                ),
            )),
        }
    }

    /// Whether messages are stored.
    pub fn is_persistent(&self) -> bool {
        !self.full.starts_with(NON_PERSISTENT)
    }

    /// Name of a partition.
    pub fn part(&self, number: u32) -> TopicName {
        TopicName { full: format!("{}-partition-{number}", self.full), ..self.clone() }
    }

    /// The partitioned topic that this names a partition of, and the partition's number.
    pub fn partition(&self) -> Option<(&str, u32)> {
        let (base, number) = self.full.rsplit_once("-partition-")?;
        // "+1" and the like are parsed as numbers but are no partitions.
        if number.bytes().all(|digit| digit.is_ascii_digit()) {
            Some((base, number.parse().ok()?))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(name: &str) -> String {
        TopicName::parse(name).unwrap().full
    }

    #[test]
    fn short_names_are_completed() {
        assert_eq!(full("x"), "persistent://public/default/x");
        assert_eq!(full("t/n/x"), "persistent://t/n/x");
        assert_eq!(full("persistent://public/default/x y"), "persistent://public/default/x y");
        assert_eq!(full("non-persistent://t/n/x"), "non-persistent://t/n/x");
    }

    #[test]
    fn the_old_form_has_a_cluster() {
        let name = TopicName::parse("persistent://a/b/c/d/e").unwrap();
        assert_eq!((name.namespace.as_str(), name.old_form), ("a/b/c", true));
    }

    #[test]
    fn malformed_names_are_refused_as_by_a_real_broker() {
        for name in
            ["", "a/b", "a/b/c/d", "foo://a/b/c", "persistent://a", "persistent://a/b", "persistent://a/b/"]
        {
            let refusal = TopicName::parse(name).unwrap_err();
            assert_eq!(refusal.code, i32::from(ServerError::InvalidTopicName), "{name}");
        }
    }

    #[test]
    fn partitions_are_told_apart() {
        let partition = |name: &str| TopicName::parse(name).unwrap().partition().map(|(_, number)| number);
        assert_eq!(partition("x-partition-12"), Some(12));
        assert_eq!(partition("x-partition-"), None);
        assert_eq!(partition("x-partition-+1"), None);
        assert_eq!(partition("x-partition-99999999999"), None);
        assert_eq!(partition("x"), None);
    }
}
