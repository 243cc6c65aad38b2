//! The exported functions: one file per C header, each function in three steps: check, one call, map the
//! error. Conversions of raw pointers are in [`handle`], and nowhere else.

// Names are those of the C API.
#![allow(non_snake_case, clippy::enum_variant_names)]

pub(crate) mod handle;

mod acknowledge;
mod arguments;
mod guard;
mod operations;
pub(crate) mod text;

pub(crate) mod authentication;
pub(crate) mod client;
pub(crate) mod client_configuration;
pub(crate) mod consumer;
pub(crate) mod consumer_configuration;
pub(crate) mod message;
pub(crate) mod message_id;
pub(crate) mod message_router;
pub(crate) mod messages;
pub(crate) mod producer;
pub(crate) mod producer_configuration;
pub(crate) mod pulsar_rs;
pub(crate) mod reader;
pub(crate) mod reader_configuration;
pub(crate) mod result;
pub(crate) mod string_list;
pub(crate) mod string_map;
pub(crate) mod table_view;
pub(crate) mod table_view_configuration;
