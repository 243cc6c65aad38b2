//! `pulsar/c/table_view_configuration.h`

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::guard::guard;
use super::handle::{self, Opaque};
use super::producer_configuration::{pulsar_schema_type, schema_info};
use super::string_map::pulsar_string_map_t;
use super::text::{copied, empty};
use crate::table_view_configuration::TableViewConfiguration;

/// How a table view behaves.
#[allow(non_camel_case_types)]
pub struct pulsar_table_view_configuration_t(());

impl Opaque for pulsar_table_view_configuration_t {
    type Value = TableViewConfiguration;
    const TAG: u32 = 0x5043_5431;
}

/// Creates a configuration with the defaults.
///
/// Ownership: the caller frees it with `pulsar_table_view_configuration_free`.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_table_view_configuration_create() -> *mut pulsar_table_view_configuration_t {
    guard(std::ptr::null_mut(), || handle::give(TableViewConfiguration::default()))
}

/// Frees a configuration. Table views that were created with it do not need it any more.
///
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_table_view_configuration_free(
    conf: Option<NonNull<pulsar_table_view_configuration_t>>,
) {
    guard((), || drop(handle::reclaim(conf)));
}

/// Sets the schema of the messages; a broker whose topic has another that does not fit refuses the view. Default: none.
///
/// Ownership: everything is copied.
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing without a configuration; name and definition may be NULL, and stand for empty ones, and so may the
/// properties.
/// Errors: a number that is no type changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_table_view_configuration_set_schema_info(
    table_view_configuration_t: Option<NonNull<pulsar_table_view_configuration_t>>,
    schemaType: MaybeUninit<pulsar_schema_type>,
    name: *const c_char,
    schema: *const c_char,
    properties: Option<NonNull<pulsar_string_map_t>>,
) {
    guard((), || {
        let _ = handle::with_mut(table_view_configuration_t, |conf| {
            if let Some(schema) = schema_info(schemaType, name, schema, properties) {
                conf.schema = schema;
            }
        });
    });
}

/// Sets the name of the subscription, which ends with the view. Default: a random one.
///
/// Threads: nobody else may use the configuration meanwhile.
/// NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_table_view_configuration_set_subscription_name(
    table_view_configuration_t: Option<NonNull<pulsar_table_view_configuration_t>>,
    subscription_name: *const c_char,
) {
    guard((), || {
        let _ = handle::with_mut(table_view_configuration_t, |conf| {
            if let Some(name) = copied(subscription_name) {
                conf.subscription_name = name;
            }
        });
    });
}

/// Returns the name of the subscription; empty when none was set.
///
/// Ownership: the string belongs to the configuration, until the name is set again.
/// NULL: returns an empty string.
#[unsafe(no_mangle)]
pub extern "C" fn pulsar_table_view_configuration_get_subscription_name(
    table_view_configuration_t: Option<NonNull<pulsar_table_view_configuration_t>>,
) -> *const c_char {
    guard(empty(), || {
        handle::with(table_view_configuration_t, |conf| conf.subscription_name.as_ptr()).unwrap_or(empty())
    })
}
