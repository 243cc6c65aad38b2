use pulsar_rs_wire::Command;
use pulsar_rs_wire::proto::command_subscribe::SubType;
use pulsar_rs_wire::proto::schema::Type;
use pulsar_rs_wire::proto::{
    CommandGetOrCreateSchema, CommandGetSchema, CommandGetSchemaResponse, CommandProducer, CommandSubscribe,
    Schema, ServerError,
};

use crate::client::{Client, subscription};
use crate::target::{Target, topic};

const V1: &str = r#"{"type":"record","name":"A","fields":[{"name":"a","type":"string"}]}"#;
const V2: &str = r#"{"type":"record","name":"A","fields":[{"name":"a","type":"string"},
    {"name":"b","type":["null","string"],"default":null}]}"#;

fn schema(kind: Type, data: &str) -> Schema {
    Schema { name: "A".into(), schema_data: data.into(), r#type: kind.into(), properties: Vec::new() }
}

fn produce(client: &mut Client, topic: &str, id: u64, schema: Schema) -> Result<Vec<u8>, ServerError> {
    let wanted = CommandProducer {
        topic: topic.into(),
        producer_id: id,
        schema: Some(schema),
        ..CommandProducer::default()
    };
    match client.open_producer(wanted) {
        Command::ProducerSuccess(success) => Ok(success.schema_version.unwrap()),
        Command::Error(error) => Err(ServerError::try_from(error.error).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn get(client: &mut Client, topic: &str, version: Option<Vec<u8>>) -> CommandGetSchemaResponse {
    let request_id = client.request_id();
    client.send(CommandGetSchema { request_id, topic: topic.into(), schema_version: version });
    match client.command() {
        Command::GetSchemaResponse(answer) if answer.request_id == request_id => answer,
        other => panic!("{other:?}"),
    }
}

fn get_or_create(client: &mut Client, topic: &str, schema: Schema) -> Result<Vec<u8>, ServerError> {
    let request_id = client.request_id();
    client.send(CommandGetOrCreateSchema { request_id, topic: topic.into(), schema });
    match client.command() {
        Command::GetOrCreateSchemaResponse(answer) => match answer.schema_version {
            Some(version) => Ok(version),
            None => Err(answer.error_code()),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn schemas_have_versions() {
    let target = Target::any();
    let (mut client, topic) = (target.client(), topic("schema"));
    let versions = [vec![0; 8], vec![0, 0, 0, 0, 0, 0, 0, 1]];
    assert_eq!(get(&mut client, &topic, None).error_code(), ServerError::TopicNotFound);
    assert_eq!(produce(&mut client, &topic, 1, schema(Type::Avro, V1)), Ok(versions[0].clone()));
    assert_eq!(produce(&mut client, &topic, 2, schema(Type::Avro, V2)), Ok(versions[1].clone()));
    assert_eq!(produce(&mut client, &topic, 3, schema(Type::Avro, V1)), Ok(versions[0].clone()));
    assert_eq!(
        produce(&mut client, &topic, 4, schema(Type::String, "")),
        Err(ServerError::IncompatibleSchema)
    );
    let newest = get(&mut client, &topic, None);
    assert_eq!(newest.schema_version.unwrap(), versions[1]);
    let oldest = get(&mut client, &topic, Some(versions[0].clone())).schema.unwrap();
    assert_eq!(
        (oldest.schema_data, oldest.name),
        (V1.into(), topic.trim_start_matches("persistent://").into())
    );
    let missing = get(&mut client, &topic, Some(vec![0, 0, 0, 0, 0, 0, 0, 9]));
    assert_eq!(missing.error_code(), ServerError::TopicNotFound);
    assert_eq!(get_or_create(&mut client, &topic, schema(Type::Avro, V2)), Ok(versions[1].clone()));
}

#[test]
fn a_schema_needs_its_topic() {
    let target = Target::any();
    let mut client = target.client();
    let created = get_or_create(&mut client, &topic("absent"), schema(Type::Avro, V1));
    assert_eq!(created, Err(ServerError::TopicNotFound));
}

#[test]
fn consumers_register_schemas_too() {
    let target = Target::any();
    let (mut client, topic) = (target.client(), topic("schema"));
    let wanted = |schema| CommandSubscribe { schema: Some(schema), ..subscription(&topic, SubType::Shared) };
    assert!(matches!(client.open_consumer(wanted(schema(Type::Avro, V1))), Command::Success(_)));
    assert_eq!(get(&mut client, &topic, None).schema.unwrap().schema_data, V1.as_bytes());
    let other = CommandSubscribe { consumer_id: 2, ..wanted(schema(Type::String, "")) };
    let request_id = client.request_id();
    client.send(CommandSubscribe { request_id, ..other });
    client.refused(ServerError::IncompatibleSchema);
}
