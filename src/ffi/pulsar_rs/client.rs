//! `pulsar_rs/client.h`

use std::ffi::c_char;
use std::ptr::NonNull;

use crate::ffi::client::pulsar_client_t;
use crate::ffi::guard::guard;
use crate::ffi::handle;
use crate::ffi::operations::last_error_text;

/// Returns the text of the last failure of this client, with its cause; NULL when nothing failed so far.
///
/// Ownership: the caller frees the string with `free`.
/// Threads: failures on any thread count.
/// NULL: returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_client_last_error(client: Option<NonNull<pulsar_client_t>>) -> *mut c_char {
    last_error_text(client)
}

/// Returns the service URL that is used now: that of the client or, where
/// `pulsar_rs_client_configuration_set_cluster_failover` names others, that of the cluster it went over to.
///
/// Ownership: the caller frees the string with `free`.
/// Threads: the client may go over to another cluster at any time.
/// NULL: returns NULL, as for a client whose URL or configuration is wrong.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_rs_client_service_url(client: Option<NonNull<pulsar_client_t>>) -> *mut c_char {
    guard(std::ptr::null_mut(), || {
        let url = handle::shared(client).ok().and_then(|client| client.service_url());
        url.map_or(std::ptr::null_mut(), |url| handle::malloc_text(&url))
    })
}
