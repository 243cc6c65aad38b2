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
    let resolver = tokio::task::spawn_blocking(resolver).await??;
    let found = resolver.lookup_ip(host).await.map_err(io::Error::other)?;
    Ok(found.iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

#[cfg(feature = "rust-resolver")]
fn resolver() -> io::Result<hickory_resolver::TokioResolver> {
    use hickory_resolver::TokioResolver;
    use hickory_resolver::config::{NameServerConfig, ResolverConfig};
    use hickory_resolver::net::runtime::TokioRuntimeProvider;

    let builder = if std::path::Path::new("/etc/resolv.conf").exists() {
        TokioResolver::builder_tokio().map_err(|error| io::Error::other(format!("/etc/resolv.conf: {error}")))?
    } else {
        // As resolv.conf(5) has it: without the file, the name server of this machine.
        let local = NameServerConfig::udp_and_tcp(IpAddr::from([127, 0, 0, 1]));
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![local]);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    builder.build().map_err(io::Error::other)
}
