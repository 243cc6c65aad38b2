//! Patterns of topic names, as clients subscribe to them.

use pulsar_rs_wire::proto::ServerError;
use regex_lite::Regex;

use crate::refusal::Refusal;
use crate::topic_name::{NON_PERSISTENT, PERSISTENT};

/// Longest pattern that is looked at, in characters, as `subscriptionPatternMaxLength` of broker.conf.
pub(crate) const MAX_LENGTH: usize = 50;

/// A regular expression over whole topic names, without their domain and the number of a partition.
#[derive(Debug, Clone)]
pub(crate) struct TopicPattern {
    regex: Regex,
    /// Characters of the pattern without its domain.
    pub len: usize,
}

impl TopicPattern {
    /// Reads a pattern. A domain in front of it says nothing: who asks for a list says which domains are meant.
    pub fn parse(pattern: &str) -> Result<Self, Refusal> {
        let expression = match pattern.split_once("://") {
            None => pattern.to_owned(),
            Some((front, rest)) => {
                let anchor = front.strip_suffix("non-persistent").or(front.strip_suffix("persistent"));
                let anchor =
                    anchor.ok_or_else(|| invalid(&format!("Does not support topic domain: {front}")))?;
                format!("{anchor}{rest}")
            }
        };
        let whole = Regex::new(&format!("^(?:{expression})$"));
        let len = expression.chars().count();
        whole.map(|regex| TopicPattern { regex, len }).map_err(|error| invalid(&error.to_string()))
    }

    /// Whether a full topic name matches.
    pub fn matches(&self, name: &str) -> bool {
        let name = name.strip_prefix(PERSISTENT).or(name.strip_prefix(NON_PERSISTENT)).unwrap_or(name);
        let whole = match name.rsplit_once("-partition-") {
            Some((whole, number))
                if !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()) =>
            {
                whole
            }
            _ => name,
        };
        self.regex.is_match(whole)
    }
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(ServerError::UnknownError, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        TopicPattern::parse(pattern).unwrap().matches(name)
    }

    #[test]
    fn whole_names_match_without_domain_and_partition() {
        let name = "persistent://public/default/orders-1";
        assert!(matches("public/default/orders-.*", name));
        assert!(matches("persistent://public/default/orders-.*", name));
        assert!(matches("^persistent://public/default/orders-.*$", name));
        assert!(matches("non-persistent://public/default/orders-.*", name));
        assert!(!matches("public/default/orders", name));
        assert!(!matches("default/orders-1", name));
        assert!(matches("public/default/(a|orders)", "non-persistent://public/default/orders-partition-3"));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        assert!(TopicPattern::parse("(").is_err());
        assert!(TopicPattern::parse("http://x").is_err());
    }
}
