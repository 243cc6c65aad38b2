use pulsar_rs_wire::Command;
use pulsar_rs_wire::extension::{
    CommandWatchTopicList, CommandWatchTopicListClose, CommandWatchTopicListSuccess, CommandWatchTopicUpdate,
};
use pulsar_rs_wire::proto::command_get_topics_of_namespace::Mode;
use pulsar_rs_wire::proto::{CommandGetTopicsOfNamespace, CommandGetTopicsOfNamespaceResponse, ServerError};

use crate::client::Client;
use crate::http::administer;
use crate::target::{Target, topic};

const NAMESPACE: &str = "public/default";

/// A name for topics of one test, short enough for a pattern.
fn name() -> String {
    let full = topic("l");
    full.strip_prefix("persistent://public/default/").unwrap().to_owned()
}

impl Client {
    fn topics(
        &mut self,
        mode: Mode,
        pattern: &str,
        hash: Option<&str>,
    ) -> CommandGetTopicsOfNamespaceResponse {
        let request_id = self.request_id();
        self.send(CommandGetTopicsOfNamespace {
            request_id,
            namespace: NAMESPACE.into(),
            mode: Some(mode.into()),
            topics_pattern: Some(pattern.into()),
            topics_hash: hash.map(str::to_owned),
        });
        match self.command() {
            Command::GetTopicsOfNamespaceResponse(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn ask_to_watch(&mut self, pattern: &str, hash: Option<&str>) -> Command {
        let request_id = self.request_id();
        self.send(CommandWatchTopicList {
            request_id,
            watcher_id: 3,
            namespace: NAMESPACE.into(),
            topics_pattern: pattern.into(),
            topics_hash: hash.map(str::to_owned),
        });
        self.command()
    }

    fn watch(&mut self, pattern: &str, hash: Option<&str>) -> CommandWatchTopicListSuccess {
        match self.ask_to_watch(pattern, hash) {
            Command::WatchTopicListSuccess(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn updated(&mut self) -> CommandWatchTopicUpdate {
        match self.command() {
            Command::WatchTopicUpdate(update) => update,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn lists_are_filtered_by_domain_and_pattern() {
    let target = Target::any();
    let (mut client, name) = (target.client(), name());
    let stored = [format!("persistent://{NAMESPACE}/{name}-a"), format!("persistent://{NAMESPACE}/{name}-b")];
    let passing = format!("non-persistent://{NAMESPACE}/{name}-a");
    for (id, topic) in stored.iter().chain([&passing]).enumerate() {
        client.produce(topic, id as u64);
    }
    let pattern = format!("{NAMESPACE}/{name}.*");
    let list = |client: &mut Client, mode, pattern: &str| {
        let mut topics = client.topics(mode, pattern, None).topics;
        topics.sort_unstable();
        topics
    };
    assert_eq!(list(&mut client, Mode::Persistent, &pattern), stored);
    assert_eq!(list(&mut client, Mode::NonPersistent, &pattern), std::slice::from_ref(&passing));
    let all = [passing, stored[0].clone(), stored[1].clone()];
    assert_eq!(list(&mut client, Mode::All, &pattern), all);
    assert_eq!(list(&mut client, Mode::Persistent, &format!("{NAMESPACE}/{name}-b")), stored[1..]);
    assert_eq!(list(&mut client, Mode::Persistent, &format!("{NAMESPACE}/{name}")), [] as [&str; 0]);

    let answer = client.topics(Mode::Persistent, &pattern, None);
    assert_eq!((answer.filtered, answer.changed), (Some(true), Some(true)));
    let again = client.topics(Mode::Persistent, &pattern, answer.topics_hash.as_deref());
    assert_eq!((again.topics.len(), again.changed), (0, Some(false)));
    assert_eq!(again.topics_hash, answer.topics_hash);
}

#[test]
fn a_long_pattern_is_not_applied() {
    let target = Target::any();
    let (mut client, name) = (target.client(), name());
    let topic = format!("persistent://{NAMESPACE}/{name}");
    client.produce(&topic, 0);
    let answer = client.topics(Mode::Persistent, &format!("{NAMESPACE}/nothing{}", "x".repeat(40)), None);
    assert_eq!(answer.filtered, Some(false));
    assert!(answer.topics.contains(&topic));
    // A domain in front counts in a question for a list, and not in a watch.
    for (front, len, applied, watched) in [
        ("", 50, true, true),
        ("", 51, false, false),
        ("persistent://", 37, true, true),
        ("persistent://", 50, false, true),
        ("persistent://", 51, false, false),
    ] {
        let pattern = format!("{front}{}", "x".repeat(len));
        let answer = client.topics(Mode::Persistent, &pattern, None);
        assert_eq!(answer.filtered, Some(applied), "{pattern}");
        let answer = target.client().ask_to_watch(&pattern, None);
        assert_eq!(matches!(answer, Command::WatchTopicListSuccess(_)), watched, "{pattern}: {answer:?}");
    }
}

#[test]
fn who_watches_is_told_what_comes() {
    let target = Target::any();
    let (mut client, mut other, name) = (target.client(), target.client(), name());
    let topic = |local: &str| format!("persistent://{NAMESPACE}/{name}-{local}");
    other.produce(&topic("a"), 0);
    let pattern = format!("persistent://{NAMESPACE}/{name}-[a-e]");
    let start = client.watch(&pattern, None);
    assert_eq!((start.watcher_id, &start.topic), (3, &vec![topic("a")]));
    other.produce(&topic("z"), 1);
    other.produce(&format!("non-persistent://{NAMESPACE}/{name}-c"), 2);
    other.produce(&topic("b"), 3);
    let update = client.updated();
    assert_eq!((update.watcher_id, &update.new_topics), (3, &vec![topic("b")]));
    assert_eq!(update.deleted_topics, [] as [&str; 0]);
    assert_ne!(update.topics_hash, start.topics_hash);

    assert_eq!(administer(&target, "DELETE", &topic("a"), "?force=true"), 204);
    let closed = other.command();
    assert!(matches!(closed, Command::CloseProducer(_)), "{closed:?}");
    let gone = client.updated();
    assert_eq!((&gone.deleted_topics, gone.new_topics.len()), (&vec![topic("a")], 0));
    assert_ne!(gone.topics_hash, update.topics_hash);
    let update = gone;

    // The same watch again: the list as it is now, unless its hash is known.
    let again = client.watch(&pattern, Some(&update.topics_hash));
    assert_eq!((again.topic.len(), &again.topics_hash), (0, &update.topics_hash));

    let request_id = client.request_id();
    client.send(CommandWatchTopicListClose { request_id, watcher_id: 3 });
    client.succeeded();
    other.produce(&topic("c"), 4);
    client.nothing();
    client.send(CommandWatchTopicListClose { request_id, watcher_id: 9 });
    client.succeeded();
}

#[test]
fn partitions_are_watched_one_by_one() {
    let target = Target::own(pulsar_rs_testbroker::Options::default());
    let Target::Own(broker) = &target else { return };
    let mut client = target.client();
    assert_eq!(client.watch("public/default/p", None).topic, [] as [&str; 0]);
    broker.create_topic("p", 2).unwrap();
    assert_eq!(client.updated().new_topics, ["persistent://public/default/p-partition-0"]);
    assert_eq!(client.updated().new_topics, ["persistent://public/default/p-partition-1"]);
    broker.add_partitions("p", 3).unwrap();
    assert_eq!(client.updated().new_topics, ["persistent://public/default/p-partition-2"]);
}

#[test]
fn bad_patterns_are_not_watched() {
    let target = Target::any();
    let mut client = target.client();
    let answer = client.ask_to_watch(&"x".repeat(51), None);
    let Command::Error(error) = answer else { panic!("{answer:?}") };
    assert_eq!(error.error, i32::from(ServerError::NotAllowedError), "{error:?}");
    client.send(CommandWatchTopicList { topics_pattern: "(".into(), ..CommandWatchTopicList::default() });
    client.closed();
}
