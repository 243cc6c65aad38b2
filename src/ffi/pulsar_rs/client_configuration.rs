//! `pulsar_rs/client_configuration.h`

use std::ffi::{c_char, c_int, c_uint};
use std::ptr::NonNull;

use crate::client_configuration::ClusterFailover;
use crate::ffi::client_configuration::{get, pulsar_client_configuration_t, set};
use crate::ffi::handle::c_strs;
use crate::ffi::text::copied;

/// Sets the number of connections to each broker, 1 to 1000. Producers and consumers are spread over them in turn when
/// they are created, and keep to theirs; lookups use one. More than one helps where a single connection is the limit,
/// such as one stream over a long distance. Default 1.
///
/// Threads: nobody else may use the configuration meanwhile.
/// Errors: another number makes every use of the client fail with `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_client_configuration_set_connections_per_broker(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    connections: c_int,
) {
    set(conf, |conf| conf.connections_per_broker = connections);
}

/// Returns the number of connections to each broker.
///
/// NULL: returns 1.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_client_configuration_get_connections_per_broker(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
) -> c_int {
    get(conf, |conf| conf.connections_per_broker, 1)
}

/// Names clusters to use while the one of the service URL, the primary, is down: `count` service URLs, the preferred one
/// first. Default: none.
///
/// Every `check_interval_ms` the client looks at the cluster in use: with `pulsar://` it has to answer a handshake, with
/// `http://` a request, in 10 s at most. To refuse this client's credentials is an answer, too; to refuse its certificate
/// in the TLS handshake is none. When it is down for `failover_delay_ms`, the first other cluster that is up is used,
/// beginning with the primary. When the primary is up again for `switch_back_delay_ms`, it is used again. Usual are 30000,
/// 60000 and 30000, in the order of the parameters; a delay of 0 means at the first look that says so.
///
/// Going over closes all connections to the old cluster. Producers and consumers come back at the new one, and what was
/// sent and not confirmed is sent again there. Acknowledgements of messages of the old cluster are dropped, since its ids
/// mean nothing at the new one; so do not acknowledge by ids from before. Messages and subscriptions themselves are not
/// carried over: that is the clusters' own matter, such as geo-replication. Producers without a name get one of the new
/// cluster. With deduplication, what is sent again can be taken for a duplicate if the new cluster has messages of the
/// producer's name with higher sequence ids; that is logged. A message in chunks of which some are at the old cluster
/// already fails with `pulsar_result_Disconnected`. Each switch is logged; `pulsar_rs_client_service_url` tells the
/// cluster in use.
///
/// Ownership: the strings are copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: a NULL array, or a `count` of 0, names no clusters, and there is no failover; NULL strings are skipped.
/// Errors: a `check_interval_ms` of 0, or URLs that are malformed, NULL or not UTF-8 throughout, make every use of the
/// client fail, with `pulsar_result_InvalidConfiguration` or `pulsar_result_InvalidUrl`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_client_configuration_set_cluster_failover(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    secondary_urls: *const *const c_char,
    count: usize,
    failover_delay_ms: c_uint,
    switch_back_delay_ms: c_uint,
    check_interval_ms: c_uint,
) {
    set(conf, |conf| {
        let is_wanted = !secondary_urls.is_null() && count > 0;
        conf.failover = is_wanted.then(|| ClusterFailover {
            secondaries: c_strs(secondary_urls, count),
            failover_delay_ms,
            switch_back_delay_ms,
            check_interval_ms,
        });
    });
}

/// Sets a proxy between the client and all brokers, `pulsar+ssl://host:port`, that is told the broker by the name in the
/// TLS handshake (SNI), as Apache Traffic Server does it. Default: none. TLS is spoken with the broker itself, so the
/// service URL has to be `pulsar+ssl://` or `https://`; lookups over `https://` do not go through the proxy.
///
/// Ownership: the string is copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: a NULL or empty string takes the proxy back.
/// Errors: a URL that is malformed makes every use of the client fail with `pulsar_result_InvalidUrl`; a service URL
/// without TLS, with `pulsar_result_InvalidConfiguration`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_client_configuration_set_proxy(
    conf: Option<NonNull<pulsar_client_configuration_t>>,
    url: *const c_char,
) {
    set(conf, |conf| conf.proxy_url = copied(url).unwrap_or_default());
}
