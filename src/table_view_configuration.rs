//! What stands behind a table view configuration handle.

use std::ffi::CString;

use pulsar_rs_client::{Error, KeySource, TableViewConfig};

use crate::producer_configuration::SchemaInfo;
use crate::reader_configuration::some_text;

/// Values as the program set them; they are checked when a table view is created.
#[derive(Debug, Clone, Default)]
pub(crate) struct TableViewConfiguration {
    pub schema: SchemaInfo,
    pub subscription_name: CString,
    pub key_source: Option<KeySource>,
}

impl TableViewConfiguration {
    pub fn to_core(&self) -> Result<TableViewConfig, Error> {
        Ok(TableViewConfig {
            subscription: some_text(&self.subscription_name, "the subscription name")?,
            schema: self.schema.to_core()?,
            key_source: self.key_source.clone(),
            ..TableViewConfig::default()
        })
    }
}
