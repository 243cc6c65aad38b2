//! What producers and consumers say about the structure of messages.

use pulsar_rs_wire::proto::{KeyValue, Schema as WireSchema, schema::Type};

/// The structure of messages. A broker registers those of producers and consumers, and refuses who has one that does not
/// fit the topic's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// Name, for people.
    pub name: String,
    /// How messages are encoded.
    pub kind: SchemaType,
    /// The definition, in the form that the type has for it; empty for primitive types.
    pub definition: Vec<u8>,
    /// More about it, as names and values.
    pub properties: Vec<(String, String)>,
}

/// How messages are encoded: those types of the protocol that a broker registers.
#[allow(missing_docs)] // the names say it
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaType {
    String,
    Json,
    Protobuf,
    Avro,
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    KeyValue,
}

impl Schema {
    pub(crate) fn to_wire(&self) -> WireSchema {
        let properties = self.properties.iter();
        WireSchema {
            name: self.name.clone(),
            schema_data: self.definition.clone(),
            r#type: self.kind.to_wire().into(),
            properties: properties
                .map(|(key, value)| KeyValue { key: key.clone(), value: value.clone() })
                .collect(),
        }
    }
}

impl SchemaType {
    fn to_wire(self) -> Type {
        match self {
            SchemaType::String => Type::String,
            SchemaType::Json => Type::Json,
            SchemaType::Protobuf => Type::Protobuf,
            SchemaType::Avro => Type::Avro,
            SchemaType::Boolean => Type::Bool,
            SchemaType::Int8 => Type::Int8,
            SchemaType::Int16 => Type::Int16,
            SchemaType::Int32 => Type::Int32,
            SchemaType::Int64 => Type::Int64,
            SchemaType::Float32 => Type::Float,
            SchemaType::Float64 => Type::Double,
            SchemaType::KeyValue => Type::KeyValue,
        }
    }
}
