//! TLS with brokers: who is trusted, what is said when nobody is, and that nothing is lost.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use broker::certificates::{Authority, Issued, replace};
use broker::{eventually, unique};
use pulsar_rs_client::log::{Level, Logger, Record};
use pulsar_rs_client::{
    Client, ClientConfig, Consumer, ConsumerConfig, Error, FutureSink, InitialPosition, Producer,
    ProducerConfig, ProxyConfig, ProxyProtocol, TlsConfig,
};
use pulsar_rs_testbroker::{Kind, Options, TestBroker, TlsOptions, TlsVersion};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const HOST: &str = "127.0.0.1";
const PATIENCE: Duration = Duration::from_secs(20);

fn broker_with(tls: TlsOptions) -> TestBroker {
    TestBroker::start(Options { tls: Some(tls), ..Options::default() }).unwrap()
}

fn broker(issued: &Issued) -> TestBroker {
    broker_with(TlsOptions::new(&issued.certificate, &issued.key))
}

fn trusting(authority: &Authority) -> TlsConfig {
    TlsConfig { trust_certs_file: Some(authority.trust.clone()), ..TlsConfig::default() }
}

fn with_certificate(tls: TlsConfig, issued: &Issued) -> TlsConfig {
    TlsConfig {
        certificate_file: Some(issued.certificate.clone()),
        private_key_file: Some(issued.key.clone()),
        ..tls
    }
}

fn client(url: &str, tls: TlsConfig) -> Client {
    Client::new(url, ClientConfig { tls, ..ClientConfig::default() }).unwrap()
}

fn tls_url(broker: &TestBroker) -> &str {
    broker.tls_url().unwrap()
}

/// A URL of the broker by its name, which a TLS handshake can tell.
fn by_name(url: &str) -> String {
    url.replace(HOST, "localhost")
}

async fn producer(client: &Client, topic: &str) -> Result<Producer<FutureSink>, Error> {
    timeout(PATIENCE, client.create_producer(topic, ProducerConfig::default())).await.unwrap()
}

async fn consumer(client: &Client, topic: &str) -> Consumer {
    let config = ConsumerConfig { initial_position: InitialPosition::Earliest, ..ConsumerConfig::default() };
    client.subscribe(topic, "sub", config).await.unwrap()
}

/// Sends and receives.
async fn check(client: &Client) {
    let topic = unique("tls");
    let producer = producer(client, &topic).await.unwrap();
    let consumer = consumer(client, &topic).await;
    producer.send("by TLS").await.unwrap();
    let message = timeout(PATIENCE, consumer.receive()).await.unwrap().unwrap();
    assert_eq!(message.payload(), b"by TLS");
    consumer.acknowledge(&message).unwrap();
}

/// The text with which a client is refused, or refuses the broker; it does not try for long.
async fn refusal(url: &str, tls: TlsConfig) -> String {
    let outcome = timeout(Duration::from_secs(5), producer(&client(url, tls), "t")).await.unwrap();
    match outcome {
        Err(Error::Connect(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn messages_go_both_ways_with_either_version_and_lookup() {
    let authority = Authority::new();
    let issued = authority.issue(HOST);
    for version in [None, Some(TlsVersion::V1_2), Some(TlsVersion::V1_3)] {
        let tls = TlsOptions { version, ..TlsOptions::new(&issued.certificate, &issued.key) };
        let broker = broker_with(tls);
        for url in [tls_url(&broker), broker.https_url().unwrap()] {
            for through in [true, false] {
                broker.proxy_through_service_url(through);
                check(&client(url, trusting(&authority))).await;
            }
        }
        assert!(broker.http_requests() > 0);
    }
}

#[tokio::test]
async fn large_messages_come_whole() {
    let authority = Authority::new();
    let broker = broker(&authority.issue(HOST));
    let client = client(tls_url(&broker), trusting(&authority));
    let topic = unique("large");
    let (producer, consumer) = (producer(&client, &topic).await.unwrap(), consumer(&client, &topic).await);
    for len in [1, 16 * 1024, 100_000, 4 * 1024 * 1024] {
        let payload: Vec<u8> = (0..len).map(|at: usize| at.to_le_bytes()[at % 3]).collect();
        producer.send(&payload[..]).await.unwrap();
        let message = timeout(PATIENCE, consumer.receive()).await.unwrap().unwrap();
        assert!(message.payload()[..] == payload[..], "{len} bytes");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said() {
    let authority = Authority::new();
    let years = |first: i32, last: i32| {
        move |params: &mut rcgen::CertificateParams| {
            params.not_before = rcgen::date_time_ymd(first, 1, 1);
            params.not_after = rcgen::date_time_ymd(last, 1, 1);
        }
    };
    for (issued, expected) in [
        (authority.issue_with(HOST, years(2001, 2002)), "has expired"),
        (authority.issue_with(HOST, years(3001, 3002)), "not valid yet"),
        (Authority::new().issue(HOST), "unknown issuer"),
        (authority.issue("elsewhere.example"), "elsewhere.example"),
    ] {
        let broker = broker(&issued);
        for url in [tls_url(&broker), broker.https_url().unwrap()] {
            let text = refusal(url, trusting(&authority)).await;
            assert!(text.contains(expected) && text.contains(HOST), "{text}");
        }
        assert_eq!(broker.commands_received(Kind::Connect), 0);
    }
}

#[tokio::test]
async fn only_the_certificates_of_the_trust_file_are_trusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let broker = broker(&authority.issue(HOST));
    check(&client(tls_url(&broker), trusting(&authority))).await;
    for tls in [trusting(&other), TlsConfig::default()] {
        let text = refusal(tls_url(&broker), tls).await;
        assert!(text.contains("unknown issuer"), "{text}");
    }
}

#[tokio::test]
async fn a_server_may_have_signed_its_certificate_itself() {
    let (authority, own) = Authority::of_host(HOST, |_| {});
    let first = broker(&own);
    for url in [tls_url(&first), first.https_url().unwrap()] {
        check(&client(url, trusting(&authority))).await;
    }
    // It is trusted because it was chosen, not because of what it is.
    let text = refusal(tls_url(&first), trusting(&Authority::new())).await;
    assert!(text.contains("accepted only if the trust file has it"), "{text}");
    // It has to be valid and for the host, as any other.
    let (authority, own) = Authority::of_host("elsewhere.example", |_| {});
    let elsewhere = broker(&own);
    let text = refusal(tls_url(&elsewhere), trusting(&authority)).await;
    assert!(text.contains("not for the name 127.0.0.1"), "{text}");
    check(&client(tls_url(&elsewhere), TlsConfig { verify_hostname: false, ..trusting(&authority) })).await;
    let (authority, own) =
        Authority::of_host(HOST, |params| params.not_after = rcgen::date_time_ymd(2002, 1, 1));
    let text = refusal(tls_url(&broker(&own)), trusting(&authority)).await;
    assert!(text.contains("has expired"), "{text}");
}

#[tokio::test]
async fn without_the_name_the_chain_still_counts() {
    let (authority, other) = (Authority::new(), Authority::new());
    let broker = broker(&authority.issue("elsewhere.example"));
    let any_name = |tls| TlsConfig { verify_hostname: false, ..tls };
    check(&client(tls_url(&broker), any_name(trusting(&authority)))).await;
    for tls in [trusting(&other), TlsConfig::default()] {
        let text = refusal(tls_url(&broker), any_name(tls)).await;
        assert!(text.contains("unknown issuer"), "{text}");
    }
}

/// Counts warnings about security.
#[derive(Default)]
struct Warnings(AtomicUsize);

impl Logger for Warnings {
    fn enabled(&self, level: Level) -> bool {
        level >= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if record.message.to_string().contains("TLS IS NOT SECURE") {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test]
async fn an_insecure_client_takes_anything_and_warns_once() {
    let authority = Authority::new();
    let broker = broker(&authority.issue("elsewhere.example"));
    let tls = TlsConfig { allow_insecure: true, ..TlsConfig::default() };
    let warnings = Arc::new(Warnings::default());
    let config = ClientConfig { tls, logger: warnings.clone(), ..ClientConfig::default() };
    let client = Client::new(tls_url(&broker), config).unwrap();
    check(&client).await;
    broker.drop_connections();
    check(&client).await;
    assert!(broker.commands_received(Kind::Connect) > 1);
    assert_eq!(warnings.0.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn brokers_may_want_a_certificate() {
    let (authority, other) = (Authority::new(), Authority::new());
    let issued = authority.issue(HOST);
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let broker = broker_with(TlsOptions {
            client_ca: Some(authority.trust.clone()),
            version: Some(version),
            ..TlsOptions::new(&issued.certificate, &issued.key)
        });
        let own = authority.issue("a client");
        for url in [tls_url(&broker), broker.https_url().unwrap()] {
            check(&client(url, with_certificate(trusting(&authority), &own))).await;
            let none = refusal(url, trusting(&authority)).await;
            assert!(
                none.contains("wants a certificate of ours, and none is configured"),
                "{version:?} {url}: {none}"
            );
            let strange = other.issue("a client");
            let wrong = refusal(url, with_certificate(trusting(&authority), &strange)).await;
            assert!(wrong.contains("refused our certificate"), "{version:?} {url}: {wrong}");
        }
    }
}

#[tokio::test]
async fn files_that_are_of_no_use_are_named() {
    let authority = Authority::new();
    let broker = broker(&authority.issue(HOST));
    let (own, second) = (authority.issue("a client"), authority.issue("another client"));
    let nonsense = authority.file("nonsense.pem", "nonsense");
    let cut = authority.file("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    let secret =
        authority.file("cut.key.pem", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n");
    let missing = PathBuf::from("/no/such/file.pem");
    let trust = |file: &PathBuf| TlsConfig { trust_certs_file: Some(file.clone()), ..TlsConfig::default() };
    let certificate = |file: &PathBuf| Issued { certificate: file.clone(), key: own.key.clone() };
    let key = |file: &PathBuf| Issued { certificate: own.certificate.clone(), key: file.clone() };
    let with = |issued: Issued| with_certificate(trusting(&authority), &issued);
    for (tls, file) in [
        (trust(&missing), &missing),
        (trust(&nonsense), &nonsense),
        (trust(&cut), &cut),
        (trust(&own.key), &own.key),
        (with(certificate(&missing)), &missing),
        (with(certificate(&nonsense)), &nonsense),
        (with(key(&missing)), &missing),
        (with(key(&nonsense)), &nonsense),
        (with(key(&secret)), &secret),
        (with(key(&second.key)), &second.key),
    ] {
        let error = producer(&client(tls_url(&broker), tls), "t").await.unwrap_err();
        let mut text = error.to_string();
        assert!(matches!(error, Error::Authentication(_)), "{text}");
        assert!(text.contains(file.to_str().unwrap()), "{file:?}: {text}");
        write!(text, "{error:?}").unwrap();
        assert!(!text.contains("c2Vjcm") && !text.contains("secret"), "{text}");
    }
    let without_key = TlsConfig { private_key_file: None, ..with(own) };
    let config = ClientConfig { tls: without_key, ..ClientConfig::default() };
    let refused = Client::new(tls_url(&broker), config).unwrap_err();
    assert!(matches!(refused, Error::InvalidConfiguration(_)), "{refused}");
}

#[tokio::test]
async fn renewed_files_are_used_when_connecting_again() {
    let (old, new) = (Authority::new(), Authority::new());
    let (server, own) = (old.issue(HOST), old.issue("a client"));
    let broker = broker_with(TlsOptions {
        client_ca: Some(old.trust.clone()),
        ..TlsOptions::new(&server.certificate, &server.key)
    });
    let client = client(tls_url(&broker), with_certificate(trusting(&old), &own));
    let topic = unique("renewed");
    let (producer, consumer) = (producer(&client, &topic).await.unwrap(), consumer(&client, &topic).await);
    producer.send("before").await.unwrap();
    // Everything is of another authority from now on: one old file, on either side, and nothing comes.
    server.replace_by(&new.issue(HOST));
    broker.drop_connections();
    let sending = producer.send("after");
    tokio::pin!(sending);
    assert!(timeout(Duration::from_millis(500), &mut sending).await.is_err());
    own.replace_by(&new.issue("a client"));
    replace(&old.trust, &new.trust);
    timeout(PATIENCE, sending).await.unwrap().unwrap();
    // The first may come twice.
    loop {
        let message = timeout(PATIENCE, consumer.receive()).await.unwrap().unwrap();
        if message.payload() == b"after" {
            break;
        }
    }
}

#[tokio::test]
async fn lookups_do_not_lead_out_of_tls() {
    let authority = Authority::new();
    let issued = authority.issue(HOST);
    let (first, second) = (broker(&issued), broker(&issued));
    let tls = || trusting(&authority);
    // Else clients would reach it through the first.
    second.proxy_through_service_url(false);
    // With TLS at the other broker, over the binary protocol and over HTTPS.
    first.redirect_lookups(tls_url(&second), 2);
    check(&client(tls_url(&first), tls())).await;
    first.redirect_http_lookups(second.https_url().unwrap(), 2);
    check(&client(first.https_url().unwrap(), tls())).await;
    assert_eq!(second.commands_received(Kind::Producer), 2);
    // Without.
    first.redirect_lookups(second.url(), 1);
    let error = producer(&client(tls_url(&first), tls()), "t").await.unwrap_err();
    assert!(matches!(&error, Error::Lookup(text) if text.contains("TLS")), "{error}");
    first.redirect_http_lookups(second.http_url(), 1);
    let error = producer(&client(first.https_url().unwrap(), tls()), "t").await.unwrap_err();
    assert!(matches!(&error, Error::Lookup(text) if text.contains("without TLS")), "{error}");
    // Into TLS a redirect may lead; the brokers are those for the service URL.
    first.redirect_http_lookups(second.https_url().unwrap(), 2);
    check(&client(first.http_url(), tls())).await;
    assert_eq!(second.commands_received(Kind::Producer), 3);
}

#[tokio::test]
async fn topics_that_move_stay_with_tls() {
    let authority = Authority::new();
    let issued = authority.issue(HOST);
    let (blue, green) = (broker(&issued), broker(&issued));
    // Else the client would reach the other broker through this one.
    blue.proxy_through_service_url(false);
    let client = client(tls_url(&blue), trusting(&authority));
    for topic in ["moved", "unloaded"] {
        let producer = producer(&client, topic).await.unwrap();
        producer.send("at blue").await.unwrap();
        if topic == "moved" {
            assert!(blue.move_topic(topic, tls_url(&green)));
        } else {
            assert_eq!(blue.close_producer(topic, Some(tls_url(&green))), 1);
        }
        producer.send("at green").await.unwrap();
    }
    assert_eq!(green.commands_received(Kind::Send), 2);
}

#[tokio::test]
async fn nothing_is_lost_when_connections_are_cut() {
    const MESSAGES: u32 = 20_000;
    let authority = Authority::new();
    let broker = broker(&authority.issue(HOST));
    broker.deduplication(true);
    let client = client(tls_url(&broker), trusting(&authority));
    let topic = unique("cut");
    let config = ProducerConfig { name: Some("p".into()), ..ProducerConfig::default() };
    let producer = client.create_producer(&topic, config).await.unwrap();
    let consumer = consumer(&client, &topic).await;
    let sending = tokio::spawn(async move {
        let mut sends = Vec::new();
        for number in 0..MESSAGES {
            let payload = [&number.to_le_bytes()[..], &[b'x'; 500]].concat();
            sends.push(producer.send(&payload[..]));
            if sends.len() == 500 {
                for send in sends.drain(..) {
                    send.await.unwrap();
                }
            }
        }
        for send in sends {
            send.await.unwrap();
        }
    });
    let mut seen = std::collections::HashSet::new();
    let mut cuts = 0;
    while seen.len() < MESSAGES as usize {
        let message = timeout(PATIENCE, consumer.receive()).await.unwrap().unwrap();
        seen.insert(u32::from_le_bytes(message.payload()[..4].try_into().unwrap()));
        consumer.acknowledge(&message).unwrap();
        if seen.len() > (cuts + 1) * 1500 {
            cuts += 1;
            broker.drop_connections();
        }
    }
    sending.await.unwrap();
    assert!(cuts >= 10, "{cuts} cuts");
}

#[tokio::test]
async fn a_proxy_is_told_the_broker_by_its_name() {
    let authority = Authority::new();
    let broker = broker(&authority.issue("broker.invalid"));
    let target = tls_url(&broker).strip_prefix("pulsar+ssl://").unwrap().to_owned();
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = proxy.local_addr().unwrap().port();
    let named = Arc::new(AtomicUsize::new(0));
    let counter = named.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = proxy.accept().await {
            let mut server = TcpStream::connect(&target).await.unwrap();
            let mut hello = [0; 4096];
            client.readable().await.unwrap();
            let len = client.peek(&mut hello).await.unwrap();
            if hello[..len].windows(14).any(|part| part == b"broker.invalid") {
                counter.fetch_add(1, Ordering::SeqCst);
            }
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    let config = |url: String| ClientConfig {
        tls: trusting(&authority),
        proxy: Some(ProxyConfig { url, protocol: ProxyProtocol::Sni }),
        ..ClientConfig::default()
    };
    // No name server has this one: only the proxy can lead there.
    let client =
        Client::new("pulsar+ssl://broker.invalid:6651", config(format!("pulsar+ssl://{HOST}:{port}")))
            .unwrap();
    check(&client).await;
    eventually(PATIENCE, "the proxy was told", || named.load(Ordering::SeqCst) > 0).await;
    let error = Client::new(broker.url(), config(format!("pulsar+ssl://{HOST}:{port}"))).unwrap_err();
    assert!(matches!(error, Error::InvalidConfiguration(_)), "{error}");
    let error = Client::new("pulsar+ssl://a", config("nonsense".into())).unwrap_err();
    assert!(matches!(error, Error::InvalidUrl(_)), "{error}");
}

#[tokio::test]
async fn names_are_verified_as_addresses_are() {
    let authority = Authority::new();
    let broker = broker(&authority.issue("localhost"));
    check(&client(&by_name(tls_url(&broker)), trusting(&authority))).await;
    let text = refusal(tls_url(&broker), trusting(&authority)).await;
    assert!(text.contains("localhost") && text.contains(HOST), "{text}");
}

#[tokio::test]
async fn a_peer_without_tls_is_no_reason_to_wait_for_ever() {
    let broker = TestBroker::start(Options::default()).unwrap();
    let config = ClientConfig { operation_timeout: Duration::from_millis(500), ..ClientConfig::default() };
    let url = broker.url().replace("pulsar://", "pulsar+ssl://");
    let error = producer(&Client::new(&url, config).unwrap(), "t").await.unwrap_err();
    assert!(matches!(&error, Error::Timeout(text) if text.contains("does it speak TLS?")), "{error}");
}
