//! The schemas of one topic. Compatibility is checked as far as the type goes.

use pulsar_rs_wire::proto::{Schema, ServerError};

use crate::refusal::Refusal;

/// Schemas in the order they were registered; a schema's version is its place, as 8 bytes big-endian.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    list: Vec<Schema>,
}

impl Schemas {
    /// Registers a schema, unless it is there already, and gives its version.
    pub fn register(&mut self, schema: &Schema) -> Result<Vec<u8>, Refusal> {
        let same = |known: &Schema| known.r#type == schema.r#type && known.schema_data == schema.schema_data;
        if let Some(version) = self.list.iter().position(same) {
            return Ok(encode_version(version));
        }
        if let Some(newest) = self.list.last().filter(|newest| newest.r#type != schema.r#type) {
            let (old, new) = (newest.r#type().as_str_name(), schema.r#type().as_str_name());
            let message = format!("Incompatible schema: exists schema type {old}, new schema type {new}");
            return Err(Refusal::new(ServerError::IncompatibleSchema, message));
        }
        self.list.push(schema.clone());
        Ok(encode_version(self.list.len() - 1))
    }

    /// The schema of a version, or the newest one, and its version.
    pub fn get(&self, version: Option<&[u8]>) -> Option<(&Schema, Vec<u8>)> {
        let index = match version {
            Some(version) => usize::try_from(u64::from_be_bytes(version.try_into().ok()?)).ok()?,
            None => self.list.len().checked_sub(1)?,
        };
        Some((self.list.get(index)?, encode_version(index)))
    }
}

fn encode_version(version: usize) -> Vec<u8> {
    (version as u64).to_be_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsar_rs_wire::proto::schema::Type;

    fn schema(kind: Type, data: &str) -> Schema {
        Schema { name: "s".into(), schema_data: data.into(), r#type: kind.into(), properties: Vec::new() }
    }

    #[test]
    fn versions_count_from_zero() {
        let mut schemas = Schemas::default();
        assert!(schemas.get(None).is_none());
        let versions: Vec<_> =
            ["a", "b", "a"].map(|data| schemas.register(&schema(Type::Avro, data)).unwrap()).into();
        assert_eq!(versions, [[0; 8], [0, 0, 0, 0, 0, 0, 0, 1], [0; 8]]);
        assert_eq!(schemas.get(None).unwrap().0.schema_data, b"b");
        assert_eq!(schemas.get(Some(&[0; 8])).unwrap().0.schema_data, b"a");
        assert!(schemas.get(Some(&[9; 8])).is_none());
        assert!(schemas.get(Some(&[0; 3])).is_none());
    }

    #[test]
    fn another_type_is_incompatible() {
        let mut schemas = Schemas::default();
        schemas.register(&schema(Type::Avro, "a")).unwrap();
        let refusal = schemas.register(&schema(Type::String, "")).unwrap_err();
        assert_eq!(refusal.code, i32::from(ServerError::IncompatibleSchema));
    }
}
