use pulsar_rs_wire::extension::CommandLookupTopic;
use pulsar_rs_wire::proto::CommandLookupTopicResponse;
use pulsar_rs_wire::proto::command_lookup_topic_response::LookupType;

use crate::auth::Operation;
use crate::broker::{Broker, by_scheme};
use crate::connection::ConnectionId;
use crate::refusal::Handled;
use crate::topic_name::TopicName;

/// `Lookup`: this broker serves every topic, unless a test wants a redirect first. As with a real broker,
/// a lookup creates nothing and does not ask whether a partition exists.
pub(super) fn handle(broker: &mut Broker, id: ConnectionId, lookup: &CommandLookupTopic) -> Handled {
    let name = TopicName::parse(&lookup.topic)?;
    broker.check_permission(id, Operation::Lookup)?;
    broker.registry.check_namespace(&name)?;
    let redirect = broker.lookups.redirects > 0;
    let (response, (plain, tls)) = if redirect {
        broker.lookups.redirects -= 1;
        (LookupType::Redirect, by_scheme(Some(broker.lookups.redirect_url.clone())))
    } else {
        (LookupType::Connect, (Some(broker.url.clone()), broker.tls_url.clone()))
    };
    let answer = CommandLookupTopicResponse {
        broker_service_url: plain,
        broker_service_url_tls: tls,
        response: Some(response.into()),
        request_id: lookup.request_id,
        authoritative: Some(true),
        proxy_through_service_url: Some(!redirect && broker.lookups.through_service_url),
        ..CommandLookupTopicResponse::default()
    };
    broker.send(id, answer);
    Ok(())
}
