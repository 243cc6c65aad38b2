//! What producers and consumers say about the structure of messages.

use pulsar_rs_wire::proto::{KeyValue, Schema as WireSchema, schema::Type};

use crate::Error;

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

/// A schema that a topic has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaInfo {
    /// The schema, as it was registered, but with a name that the broker gave it.
    pub schema: Schema,
    /// Its version, as the broker numbers it.
    pub version: Vec<u8>,
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
    Date,
    Time,
    Timestamp,
    KeyValue,
    Instant,
    LocalDate,
    LocalTime,
    LocalDateTime,
    ProtobufNative,
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

impl Schema {
    pub(crate) fn from_wire(schema: WireSchema) -> Result<Self, Error> {
        let unknown =
            || Error::Unknown(format!("the topic's schema is of an unknown type, {}", schema.r#type));
        let kind = SchemaType::from_wire(schema.r#type).ok_or_else(unknown)?;
        let properties = schema.properties.into_iter().map(|pair| (pair.key, pair.value)).collect();
        Ok(Schema { name: schema.name, kind, definition: schema.schema_data, properties })
    }
}

impl SchemaType {
    /// Its number in the protocol, which all clients have.
    pub fn number(self) -> i32 {
        self.to_wire().into()
    }

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
            SchemaType::Date => Type::Date,
            SchemaType::Time => Type::Time,
            SchemaType::Timestamp => Type::Timestamp,
            SchemaType::KeyValue => Type::KeyValue,
            SchemaType::Instant => Type::Instant,
            SchemaType::LocalDate => Type::LocalDate,
            SchemaType::LocalTime => Type::LocalTime,
            SchemaType::LocalDateTime => Type::LocalDateTime,
            SchemaType::ProtobufNative => Type::ProtobufNative,
        }
    }

    fn from_wire(kind: i32) -> Option<Self> {
        Some(match Type::try_from(kind).ok()? {
            Type::None => return None,
            Type::String => SchemaType::String,
            Type::Json => SchemaType::Json,
            Type::Protobuf => SchemaType::Protobuf,
            Type::Avro => SchemaType::Avro,
            Type::Bool => SchemaType::Boolean,
            Type::Int8 => SchemaType::Int8,
            Type::Int16 => SchemaType::Int16,
            Type::Int32 => SchemaType::Int32,
            Type::Int64 => SchemaType::Int64,
            Type::Float => SchemaType::Float32,
            Type::Double => SchemaType::Float64,
            Type::Date => SchemaType::Date,
            Type::Time => SchemaType::Time,
            Type::Timestamp => SchemaType::Timestamp,
            Type::KeyValue => SchemaType::KeyValue,
            Type::Instant => SchemaType::Instant,
            Type::LocalDate => SchemaType::LocalDate,
            Type::LocalTime => SchemaType::LocalTime,
            Type::LocalDateTime => SchemaType::LocalDateTime,
            Type::ProtobufNative => SchemaType::ProtobufNative,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_numbers_of_the_protocol() {
        let types: Vec<_> =
            (-1..=21).filter_map(|number| Some((number, SchemaType::from_wire(number)?))).collect();
        assert_eq!(types.len(), 20);
        for (number, kind) in types {
            assert_eq!(kind.number(), number);
        }
    }
}
