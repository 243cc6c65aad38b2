//! Service URLs: where the brokers are.

use std::borrow::Cow;

use url::Url;

use crate::Error;

/// How the service is asked where topics are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `pulsar://`, `pulsar+ssl://`: with the binary protocol.
    Binary,
    /// `http://`, `https://`: through the brokers' REST interface.
    Http,
}

impl Scheme {
    /// The scheme that the beginning of a URL names, and whether it is with TLS.
    fn parse(text: &str) -> Option<(Self, bool)> {
        Some(match text {
            "pulsar" => (Scheme::Binary, false),
            "pulsar+ssl" => (Scheme::Binary, true),
            "http" => (Scheme::Http, false),
            "https" => (Scheme::Http, true),
            _ => return None,
        })
    }

    fn default_port(self, tls: bool) -> u16 {
        match (self, tls) {
            (Scheme::Binary, false) => 6650,
            (Scheme::Binary, true) => 6651,
            (Scheme::Http, false) => 80,
            (Scheme::Http, true) => 443,
        }
    }
}

/// Host and port of a broker or proxy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    /// A name, or an IP address; one of version 6 in brackets.
    pub host: String,
    pub port: u16,
    /// TLS is spoken there.
    pub tls: bool,
}

impl Address {
    /// The host without the brackets of an IPv6 address, which belong to URLs.
    pub fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // An IPv6 address keeps its brackets in `host`.
        write!(out, "{}:{}", self.host, self.port)
    }
}

/// One or more addresses that serve the same cluster: `pulsar://host:6650,other:6650`, or the same with `pulsar+ssl`,
/// `http` or `https`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceUrl {
    scheme: Scheme,
    tls: bool,
    addresses: Vec<Address>,
}

impl ServiceUrl {
    /// What the program says; blanks and ends of lines around it do not count.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parse_trimmed(text.trim())
    }

    fn parse_trimmed(text: &str) -> Result<Self, Error> {
        let invalid = |why: &str| Error::InvalidUrl(format!("{:?}: {why}", without_user(text)));
        // Parsers of URLs leave them out. In a log they are other lines.
        if text.contains(char::is_control) {
            return Err(invalid("it has control characters"));
        }
        let (scheme, hosts) = text.split_once("://").ok_or_else(|| invalid("it has no scheme"))?;
        let (scheme, tls) = Scheme::parse(scheme)
            .ok_or_else(|| invalid("the scheme must be pulsar, pulsar+ssl, http or https"))?;
        let addresses = hosts
            .trim_end_matches('/')
            .split(',')
            .map(|host| {
                parse_address(scheme, tls, host).ok_or_else(|| invalid("expected host:port[,host:port]"))
            })
            .collect::<Result<_, _>>()?;
        Ok(ServiceUrl { scheme, tls, addresses })
    }

    /// The URL of a cluster, as a broker names it.
    pub fn parse_broker_url(text: &str) -> Result<Self, Error> {
        check_len(text)?;
        Self::parse_trimmed(text)
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// TLS is spoken there.
    pub fn tls(&self) -> bool {
        self.tls
    }

    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }
}

/// A URL for people: names and passwords before an `@` do not belong in it, nor in a log.
pub(crate) fn without_user(text: &str) -> Cow<'_, str> {
    let Some((before, rest)) = text.rsplit_once('@') else {
        return text.into();
    };
    let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
    format!("{scheme}://...@{rest}").into()
}

/// Longest URL of a broker that is believed, in bytes: names of hosts have at most 253.
const MAX_BROKER_URL: usize = 1024;

fn check_len(text: &str) -> Result<(), Error> {
    if text.len() <= MAX_BROKER_URL {
        return Ok(());
    }
    Err(Error::InvalidUrl(format!("the URL of a broker has {} bytes", text.len())))
}

impl Address {
    /// The address in the URL of a broker, as lookups answer it to a client that speaks TLS or not: a broker that names
    /// one without must not talk a client out of it.
    pub fn parse_broker_url(text: &str, tls: bool) -> Result<Self, Error> {
        check_len(text)?;
        let url = ServiceUrl::parse_trimmed(text)?;
        if url.scheme != Scheme::Binary || url.tls != tls {
            let begin = if tls { "pulsar+ssl://" } else { "pulsar://" };
            return Err(Error::InvalidUrl(format!("{text:?}: the URL of a broker begins with {begin} here")));
        }
        url.addresses.into_iter().next().ok_or_else(|| Error::InvalidUrl(text.to_owned()))
    }
}

fn parse_address(scheme: Scheme, tls: bool, text: &str) -> Option<Address> {
    // A scheme that the library does not know, so that it leaves no port out.
    let url = Url::parse(&format!("pulsar://{text}")).ok()?;
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let host = url.host_str().filter(|host| !host.is_empty())?;
    if !bare || !matches!(url.path(), "" | "/") || url.port() == Some(0) {
        return None;
    }
    Some(Address { host: host.to_owned(), port: url.port().unwrap_or(scheme.default_port(tls)), tls })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<String> {
        ServiceUrl::parse(text).unwrap().addresses().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn errors_do_not_show_passwords() {
        for text in [
            "pulsar://me:secret@host:1",
            "other://me:secret@host",
            "me:secret@host",
            "pulsar://a,b:secret@h:1",
        ] {
            let error = ServiceUrl::parse(text).unwrap_err().to_string();
            assert!(!error.contains("secret") && error.contains('h'), "{error}");
        }
    }

    #[test]
    fn clusters_that_brokers_name_are_checked() {
        assert!(ServiceUrl::parse_broker_url("pulsar://a:1,b:2").is_ok());
        let many = format!("pulsar://a{}", ",a".repeat(1000));
        for wrong in ["", "a:1", &many] {
            assert!(ServiceUrl::parse_broker_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_or_more_hosts() {
        assert_eq!(addresses("pulsar://broker:6651"), ["broker:6651"]);
        assert_eq!(addresses("pulsar://broker/"), ["broker:6650"]);
        assert_eq!(addresses("pulsar://a:1,b,[::1]:3"), ["a:1", "b:6650", "[::1]:3"]);
        assert_eq!(addresses("http://a:8080,b"), ["a:8080", "b:80"]);
        assert_eq!(addresses("pulsar+ssl://a:1,b"), ["a:1", "b:6651"]);
        assert_eq!(addresses("https://a:8443,b"), ["a:8443", "b:443"]);
    }

    #[test]
    fn wrong_urls_are_refused() {
        for text in [
            "",
            "broker:6650",
            "foo://broker",
            "pulsar://",
            "pulsar://a:99999",
            "pulsar://a,,b",
            "pulsar://a:x",
            "pulsar://user@a",
            "pulsar://a/path",
            "pulsar://a:0",
            "pulsar://a:1?b",
            "pulsar://a:1#b",
            "pulsar://a:1\n,b",
            "pulsar://a\tb:1",
            "pulsar://a:1,\0b",
            "http://a/path",
            "http://a,http://b",
        ] {
            assert!(matches!(ServiceUrl::parse(text), Err(Error::InvalidUrl(_))), "{text:?}");
        }
    }

    #[test]
    fn what_a_file_has_around_a_url_does_not_count() {
        assert_eq!(addresses(" pulsar://a:1\r\n"), ["a:1"]);
        assert!(Address::parse_broker_url("pulsar://a:1\n", false).is_err(), "a broker's has none");
    }

    #[test]
    fn brokers_are_named_with_the_binary_protocol() {
        assert_eq!(Address::parse_broker_url("pulsar://a:1", false).unwrap().to_string(), "a:1");
        assert!(Address::parse_broker_url("pulsar+ssl://a:1", true).unwrap().tls);
        for (text, tls) in [
            ("http://a:1", false),
            ("https://a:1", true),
            ("pulsar://a:1", true),
            ("pulsar+ssl://a:1", false),
        ] {
            assert!(matches!(Address::parse_broker_url(text, tls), Err(Error::InvalidUrl(_))), "{text}");
        }
    }
}
