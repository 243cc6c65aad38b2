//! From the names of hosts to their addresses.
//!
//! Programs that are linked with the system's C library at run time ask its getaddrinfo, which knows what the machine is
//! configured for (NSS). Those that glibc is linked into cannot: getaddrinfo would load libraries of the very same glibc.
//! For them the feature `rust-resolver` reads /etc/hosts and /etc/resolv.conf, and asks the name servers, by itself. The
//! getaddrinfo of musl does that as well and needs no substitute.

use std::io;
use std::net::{IpAddr, SocketAddr};

/// All addresses of a host, which may also be an address in text. On the runtime of the connection.
pub(crate) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    match host.parse::<IpAddr>() {
        Ok(ip) => Ok(vec![SocketAddr::new(ip, port)]),
        Err(_) => by_name(host, port).await,
    }
}

#[cfg(not(feature = "rust-resolver"))]
async fn by_name(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}

/// The files are read each time: names are looked up for new connections only, and containers and networks change.
#[cfg(feature = "rust-resolver")]
async fn by_name(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let name = host.to_owned();
    let (mut found, resolver) = tokio::task::spawn_blocking(move || {
        let listed =
            std::fs::read_to_string("/etc/hosts").map_or_else(|_| Vec::new(), |text| listed(&text, &name));
        resolver().map(|resolver| (listed, resolver))
    })
    .await??;
    // The resolver would ask name servers for the other kind of address of a name that is listed with one.
    if found.is_empty() {
        found = resolver.lookup_ip(host).await.map_err(io::Error::other)?.iter().collect();
    }
    Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

/// The addresses of a name in the text of /etc/hosts.
#[cfg(feature = "rust-resolver")]
fn listed(hosts: &str, name: &str) -> Vec<IpAddr> {
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
    let address = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    };
    lines.filter_map(address).collect()
}

#[cfg(feature = "rust-resolver")]
fn resolver() -> io::Result<hickory_resolver::TokioResolver> {
    use hickory_resolver::TokioResolver;
    use hickory_resolver::config::{NameServerConfig, ResolverConfig};
    use hickory_resolver::net::runtime::TokioRuntimeProvider;

    let builder = if std::path::Path::new("/etc/resolv.conf").exists() {
        TokioResolver::builder_tokio()
            .map_err(|error| io::Error::other(format!("/etc/resolv.conf: {error}")))?
    } else {
        // As resolv.conf(5) has it: without the file, the name server of this machine.
        let local = NameServerConfig::udp_and_tcp(IpAddr::from([127, 0, 0, 1]));
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![local]);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    builder.build().map_err(io::Error::other)
}

#[cfg(all(test, feature = "rust-resolver"))]
mod tests {
    use super::listed;

    #[test]
    fn hosts_are_listed_by_any_of_their_names() {
        let hosts = "# comment\n127.0.0.1\tlocalhost\n10.0.0.1 broker-1 broker # 10.0.0.9 other\n::1 localhost\nnonsense broker\n";
        assert_eq!(
            listed(hosts, "Localhost"),
            ["127.0.0.1".parse().unwrap(), "::1".parse::<std::net::IpAddr>().unwrap()]
        );
        assert_eq!(listed(hosts, "broker"), ["10.0.0.1".parse::<std::net::IpAddr>().unwrap()]);
        assert!(listed(hosts, "other").is_empty());
        assert!(listed(hosts, "10.0.0.1").is_empty());
    }
}
