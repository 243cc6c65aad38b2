//! Who clients show to be, against a broker that wants to know it.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use broker::certificates::{Authority, Issued};
use broker::eventually;
use broker::lines::{Lines, Warnings};
use parking_lot::Mutex;
use pulsar_rs_client::{
    Answering, Authentication, BasicAuthentication, CertificatePem, Client, ClientConfig, Consumer,
    ConsumerConfig, Error, FutureSink, Network, Producer, ProducerConfig, Secret, TlsAuthentication,
    TlsConfig, TokenAuthentication, UnusableAuthentication, authentication_by_name,
};
use pulsar_rs_testbroker::{
    Authentication as Wanted, Authorization, Kind, Options, TestBroker, TlsOptions, TokenKey,
};
use zeroize::Zeroizing;

const SECRET: &[u8] = b"what the broker and the issuer know";
const PASSWORD: &str = "correct-horse-battery";
/// `ServerError::ServiceNotReady`.
const NOT_READY: i32 = 6;
const BOUND: Duration = Duration::from_secs(10);

/// A broker that takes tokens and one user, and looks often whether tokens have ended.
fn broker() -> TestBroker {
    let wanted = Wanted {
        token: Some(TokenKey::Secret(SECRET.to_vec())),
        users: BTreeMap::from([("ann".to_owned(), PASSWORD.to_owned())]),
        refresh_check: Duration::from_millis(50),
        ..Wanted::default()
    };
    TestBroker::start(Options { authentication: Some(wanted), ..Options::default() }).unwrap()
}

fn config(authentication: impl Authentication + 'static) -> ClientConfig {
    ClientConfig { authentication: Some(Arc::new(authentication)), ..ClientConfig::default() }
}

fn token(broker: &TestBroker, role: &str, seconds: Option<u64>) -> String {
    broker.issue_token(role, seconds.map(Duration::from_secs)).unwrap()
}

async fn create(url: &str, config: ClientConfig) -> Result<(), Error> {
    let client = Client::new(url, config).unwrap();
    let created = client.create_producer("t", ProducerConfig::default()).await;
    let sent = match created {
        Ok(producer) => producer.send("x").await.map(drop),
        Err(error) => Err(error),
    };
    client.close().await.unwrap();
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_proof_is_accepted_and_every_other_is_refused() {
    let broker = broker();
    let good = token(&broker, "ann", Some(3600));
    create(broker.url(), config(TokenAuthentication::new(&good))).await.unwrap();
    create(broker.url(), config(BasicAuthentication::new("ann", PASSWORD))).await.unwrap();
    for (what, wrong) in [
        ("a token that ended", config(TokenAuthentication::new(&token(&broker, "ann", Some(0))))),
        ("a token of another issuer", config(TokenAuthentication::new(&format!("{good}x")))),
        ("what is no token", config(TokenAuthentication::new("abc"))),
        ("a wrong password", config(BasicAuthentication::new("ann", "x"))),
        ("an unknown user", config(BasicAuthentication::new("bob", PASSWORD))),
        ("another method", config(BasicAuthentication::new("ann", PASSWORD).with_method("other"))),
        ("a certificate, without TLS", config(TlsAuthentication::new("/no/file", "/no/file"))),
        ("nothing", ClientConfig::default()),
    ] {
        let refused = create(broker.url(), wrong).await;
        assert_eq!(refused, Err(Error::Authentication("Failed to authenticate".into())), "{what}");
    }
    // What the client itself cannot find is told with the reason.
    for unusable in [
        config(TokenAuthentication::from_file("/no/such/file")),
        config(UnusableAuthentication::new("/no/such/file.so cannot be loaded")),
    ] {
        let error = create(broker.url(), unusable).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::Authentication(_)) && text.contains("/no/such/file"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_lookups_show_the_same_proof() {
    let broker = broker();
    let url = broker.http_url();
    let good = token(&broker, "ann", Some(3600));
    create(url, config(TokenAuthentication::new(&good))).await.unwrap();
    create(url, config(BasicAuthentication::new("ann", PASSWORD))).await.unwrap();
    let before = broker.commands_received(Kind::Connect);
    for wrong in [
        config(TokenAuthentication::new("abc")),
        config(TokenAuthentication::new("a\nb")),
        config(TokenAuthentication::from_file("/no/such/file")),
        config(BasicAuthentication::new("ann", "x")),
        ClientConfig::default(),
    ] {
        let refused = create(url, wrong).await;
        assert!(matches!(refused, Err(Error::Authentication(_))), "{refused:?}");
    }
    assert_eq!(broker.commands_received(Kind::Connect), before, "the lookup was refused");
    broker.authorize(Some(Authorization::default()));
    let refused = create(url, config(TokenAuthentication::new(&good))).await;
    assert!(matches!(refused, Err(Error::Authorization(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_a_proof() {
    let authority = Authority::new();
    let (server, ann) = (authority.issue("127.0.0.1"), authority.issue("ann"));
    let wanted = Wanted { token: Some(TokenKey::Secret(SECRET.to_vec())), tls: true, ..Wanted::default() };
    let tls = TlsOptions {
        client_ca: Some(authority.trust.clone()),
        ..TlsOptions::new(server.certificate, server.key)
    };
    let rules = Authorization { super_users: BTreeSet::from(["ann".to_owned()]), ..Authorization::default() };
    let options = Options {
        authentication: Some(wanted),
        authorization: Some(rules),
        tls: Some(tls),
        ..Options::default()
    };
    let broker = TestBroker::start(options).unwrap();
    let trusting = |config: ClientConfig| ClientConfig {
        tls: TlsConfig { trust_certs_file: Some(authority.trust.clone()), ..config.tls },
        ..config
    };
    let eve = authority.issue("eve");
    let good = token(&broker, "ann", None);
    for url in [broker.tls_url().unwrap(), broker.https_url().unwrap()] {
        let shown = config(TlsAuthentication::new(&ann.certificate, &ann.key));
        create(url, trusting(shown)).await.unwrap();
        let other = config(TlsAuthentication::new(&eve.certificate, &eve.key));
        let refused = create(url, trusting(other)).await;
        assert!(matches!(refused, Err(Error::Authorization(_))), "{refused:?}");
        let refused = create(url, trusting(ClientConfig::default())).await;
        assert!(matches!(refused, Err(Error::Connect(_))), "the handshake wants one: {refused:?}");
        let missing = config(TlsAuthentication::new("/no/such/certificate", &ann.key));
        let refused = create(url, trusting(missing)).await;
        assert!(
            matches!(&refused, Err(Error::Authentication(text)) if text.contains("/no/such/certificate")),
            "{refused:?}"
        );
        // Another proof counts more than the certificate of the handshake.
        let mut both = trusting(config(TokenAuthentication::new(&good)));
        both.tls.certificate_file = Some(eve.certificate.clone());
        both.tls.private_key_file = Some(eve.key.clone());
        create(url, both).await.unwrap();
    }
}

/// A broker that wants a certificate of the authority, without asking for anything else.
fn broker_for_certificates(authority: &Authority) -> TestBroker {
    let server = authority.issue("127.0.0.1");
    let tls = TlsOptions {
        client_ca: Some(authority.trust.clone()),
        ..TlsOptions::new(server.certificate, server.key)
    };
    TestBroker::start(Options { tls: Some(tls), ..Options::default() }).unwrap()
}

fn read(issued: &Issued) -> CertificatePem {
    let read = |path| Zeroizing::new(std::fs::read(path).unwrap());
    CertificatePem { certificate: read(&issued.certificate), private_key: read(&issued.key) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_gives_the_certificate_for_each_connection() {
    let (authority, stranger) = (Authority::new(), Authority::new().issue("stranger"));
    let broker = broker_for_certificates(&authority);
    for (url, each) in [(broker.tls_url().unwrap(), 1), (broker.https_url().unwrap(), 2)] {
        let given = Arc::new(Mutex::new(authority.issue("first")));
        let calls = Arc::new(AtomicUsize::new(0));
        let supplier = TlsAuthentication::from_supplier({
            let (given, calls) = (given.clone(), calls.clone());
            move || {
                calls.fetch_add(1, Ordering::SeqCst);
                Ok(read(&given.lock()))
            }
        });
        let mut config = config(supplier);
        config.tls.trust_certs_file = Some(authority.trust.clone());
        // What the authentication shows counts more than these.
        config.tls.certificate_file = Some(stranger.certificate.clone());
        config.tls.private_key_file = Some(stranger.key.clone());
        let client = Client::new(url, config).unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 0, "nothing has connected");
        let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
        producer.send("x").await.unwrap();
        let first = calls.load(Ordering::SeqCst);
        assert!(first >= each, "{url}: {first} calls");
        *given.lock() = authority.issue("second");
        broker.drop_connections();
        producer.send("y").await.unwrap();
        assert!(calls.load(Ordering::SeqCst) > first, "{url}: not asked again");
        // One that the broker refuses is refused from the next connection on.
        *given.lock() = stranger.clone();
        broker.drop_connections();
        let late = tokio::time::timeout(Duration::from_millis(500), producer.send("z")).await;
        assert!(late.is_err(), "{url}: {late:?}");
        client.close().await.unwrap();
    }
}

/// What a supplier of certificates does.
type Given = Box<dyn Fn() -> Result<CertificatePem, Error> + Send + Sync>;

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_gives_no_certificate_that_can_be_used_fails_the_connection() {
    let authority = Authority::new();
    let broker = broker_for_certificates(&authority);
    let (own, other) = (authority.issue("ann"), authority.issue("bob"));
    let nonsense = || Zeroizing::new(b"nonsense".to_vec());
    let secret = b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    let cases: [(Given, &str); 7] = [
        (Box::new(|| Err(Error::Authentication("the vault is sealed".into()))), "the vault is sealed"),
        (Box::new(|| panic!("a test")), "panicked"),
        (
            Box::new(|| Ok(CertificatePem::default())),
            "certificate from the certificate supplier: it has no certificate in PEM",
        ),
        (
            Box::new({
                let own = read(&own);
                move || Ok(CertificatePem { certificate: nonsense(), ..own.clone() })
            }),
            "certificate from the certificate supplier: it has no certificate in PEM",
        ),
        (
            Box::new({
                let own = read(&own);
                move || Ok(CertificatePem { private_key: nonsense(), ..own.clone() })
            }),
            "private key from the certificate supplier: it has no private key",
        ),
        (
            Box::new({
                let own = read(&own);
                move || Ok(CertificatePem { private_key: Zeroizing::new(secret.to_vec()), ..own.clone() })
            }),
            "private key from the certificate supplier: it is not a key of a kind that is supported",
        ),
        (
            Box::new({
                let (own, other) = (read(&own), read(&other));
                move || Ok(CertificatePem { private_key: other.private_key.clone(), ..own.clone() })
            }),
            "private key from the certificate supplier: it is not that of the certificate that was given with it",
        ),
    ];
    for (given, expected) in cases {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let supplier = TlsAuthentication::from_supplier(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            given()
        });
        assert_eq!(
            format!("{supplier:?}"),
            "TlsAuthentication { source: Supplier(the certificate supplier) }"
        );
        let lines = Arc::new(Lines::default());
        let mut config = ClientConfig { logger: lines.clone(), ..config(supplier) };
        config.tls.trust_certs_file = Some(authority.trust.clone());
        let refused = create(broker.tls_url().unwrap(), config).await;
        assert!(
            matches!(&refused, Err(Error::Authentication(text)) if text.contains(expected)),
            "{expected}: {refused:?}"
        );
        assert_eq!(calls.load(Ordering::SeqCst), 1, "{expected}");
        let told = format!("{refused:?} {:?}", lines.0.lock());
        assert!(!told.contains("c2VjcmV0") && !told.contains("nonsense"), "{told}");
    }
    assert_eq!(format!("{:?}", read(&own)), "a certificate and its key");
    // Without TLS nobody asks for one.
    let supplier = TlsAuthentication::from_supplier(|| panic!("a test"));
    create(broker.url(), config(supplier)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lookups_are_redirected_to_learns_the_proof_only_where_that_is_permitted() {
    let target = broker();
    let good = token(&target, "ann", None);
    for (permitted, outcome) in [(false, false), (true, true)] {
        let first = TestBroker::start(Options::default()).unwrap();
        first.redirect_http_lookups(target.http_url(), 1);
        let config = ClientConfig {
            http_redirects_keep_authorization: permitted,
            ..config(TokenAuthentication::new(&good))
        };
        let created = create(first.http_url(), config).await;
        assert_eq!(created.is_ok(), outcome, "{created:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_does_not_ask_takes_any_proof() {
    let broker = TestBroker::start(Options::default()).unwrap();
    create(broker.url(), config(BasicAuthentication::new("ann", "x"))).await.unwrap();
    create(broker.url(), config(TlsAuthentication::new("/no/file", "/no/file"))).await.unwrap();
    create(broker.url(), config(TokenAuthentication::new("abc"))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_taken_anew_for_each_connection() {
    let broker = broker();
    let calls = Arc::new(AtomicUsize::new(0));
    let good = token(&broker, "ann", None);
    let supplier = TokenAuthentication::from_supplier({
        let calls = calls.clone();
        move || {
            calls.fetch_add(1, Ordering::Relaxed);
            Ok(Zeroizing::new(good.clone()))
        }
    });
    let client = Client::new(broker.url(), config(supplier)).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 0, "nothing is connected yet");
    let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    producer.send("x").await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    broker.drop_connections();
    producer.send("y").await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed) as u64, broker.commands_received(Kind::Connect));
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_rewritten_is_read_again() {
    let broker = broker();
    let path = std::env::temp_dir().join(broker::unique("token"));
    std::fs::write(&path, "wrong").unwrap();
    let authentication = TokenAuthentication::from_parameters(&format!("file://{}", path.display())).unwrap();
    let client = Client::new(broker.url(), config(authentication)).unwrap();
    let refused = client.create_producer("t", ProducerConfig::default()).await;
    assert!(matches!(refused.map(drop), Err(Error::Authentication(_))));
    std::fs::write(&path, token(&broker, "ann", None) + "\n").unwrap();
    client.create_producer("t", ProducerConfig::default()).await.map(drop).unwrap();
    std::fs::remove_file(&path).unwrap();
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_asks_again_gets_the_new_token_on_the_same_connection() {
    let broker = Arc::new(broker());
    let issuer = broker.clone();
    let supplier = TokenAuthentication::from_supplier(move || {
        Ok(Zeroizing::new(issuer.issue_token("ann", Some(Duration::from_secs(2))).unwrap()))
    });
    let client = Client::new(broker.url(), config(supplier)).unwrap();
    let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    eventually(BOUND, "two tokens ended", || broker.commands_received(Kind::AuthResponse) >= 2).await;
    producer.send("x").await.unwrap();
    assert_eq!(broker.commands_received(Kind::Connect), 1, "the connection went on");
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_whose_token_ended_tries_with_growing_pauses_until_there_is_a_new_one() {
    let broker = broker();
    let current = Arc::new(Mutex::new(token(&broker, "ann", Some(1))));
    let supplier = TokenAuthentication::from_supplier({
        let current = current.clone();
        move || Ok(Zeroizing::new(current.lock().clone()))
    });
    let lines = Arc::new(Lines::default());
    let client =
        Client::new(broker.url(), ClientConfig { logger: lines.clone(), ..config(supplier) }).unwrap();
    let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    eventually(BOUND, "the token was refused thrice", || broker.commands_received(Kind::Connect) >= 4).await;
    let before = broker.commands_received(Kind::Connect);
    tokio::time::sleep(Duration::from_millis(600)).await;
    // The third pause is 320 ms at least, the fourth twice that.
    assert!(broker.commands_received(Kind::Connect) - before <= 2, "it storms");
    assert!(lines.0.lock().iter().any(|line| line.contains("Failed to authenticate")));
    *current.lock() = token(&broker, "ann", None);
    producer.send("x").await.unwrap();
    client.close().await.unwrap();
}

/// Producers, and as many consumers that watch for topics, whose token, which the mutex holds, has ended.
async fn with_a_token_that_ended(
    broker: &TestBroker,
    url: &str,
    producers: usize,
) -> (Client, Vec<Producer<FutureSink>>, Arc<Mutex<String>>, Vec<Consumer>) {
    let current = Arc::new(Mutex::new(token(broker, "ann", None)));
    let supplier = TokenAuthentication::from_supplier({
        let current = current.clone();
        move || Ok(Zeroizing::new(current.lock().clone()))
    });
    let client = Client::new(url, config(supplier)).unwrap();
    let (mut all, mut consumers) = (Vec::new(), Vec::new());
    for number in 0..producers {
        all.push(client.create_producer(&format!("t{number}"), ProducerConfig::default()).await.unwrap());
        let pattern_discovery_interval = Duration::from_millis(100);
        let config = ConsumerConfig { pattern_discovery_interval, ..ConsumerConfig::default() };
        consumers.push(client.subscribe_pattern(&format!("none-{number}-.*"), "s", config).await.unwrap());
    }
    "wrong".clone_into(&mut current.lock());
    broker.drop_connections();
    (client, all, current, consumers)
}

/// How often a broker was asked: connections, and requests over HTTP.
fn asked(broker: &TestBroker) -> u64 {
    broker.commands_received(Kind::Connect) + broker.http_requests()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_come_back_share_one_attempt_and_come_back_together() {
    for http in [false, true] {
        let broker = broker();
        let url = if http { broker.http_url() } else { broker.url() };
        let (client, producers, current, _consumers) = with_a_token_that_ended(&broker, url, 50).await;
        let before = asked(&broker);
        tokio::time::sleep(Duration::from_secs(3)).await;
        // After pauses of 0.1, 0.2, 0.4, 0.8 and 1.6 s, each up to a fifth shorter. Over HTTP sixteen may ask at the same
        // time at first.
        let attempts = asked(&broker) - before;
        assert!(attempts >= 3, "they gave up after {attempts}");
        assert!(attempts <= 8 + if http { 16 } else { 0 }, "{attempts} attempts, HTTP: {http}");
        *current.lock() = token(&broker, "ann", None);
        let mut connected = 0;
        // The longest pause that has begun by now.
        eventually(Duration::from_millis(3500), "the first is back", || {
            connected = producers.iter().filter(|producer| producer.is_connected()).count();
            connected > 0
        })
        .await;
        eventually(Duration::from_secs(1), "all others are, too", || {
            producers.iter().all(Producer::is_connected)
        })
        .await;
        client.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_do_not_wait_for_the_pause_of_those_who_come_back_and_end_it() {
    for http in [false, true] {
        let broker = broker();
        let url = if http { broker.http_url() } else { broker.url() };
        let (client, producers, current, _consumers) = with_a_token_that_ended(&broker, url, 10).await;
        // By then a pause of 2.6 s at least has begun.
        tokio::time::sleep(Duration::from_millis(3200)).await;
        let start = Instant::now();
        for _ in 0..20 {
            let refused = client.create_producer("new", ProducerConfig::default()).await;
            assert!(matches!(refused.map(drop), Err(Error::Authentication(_))));
        }
        *current.lock() = token(&broker, "ann", None);
        client.create_producer("new", ProducerConfig::default()).await.unwrap();
        eventually(Duration::from_secs(1), "it brings all others back", || {
            producers.iter().all(Producer::is_connected)
        })
        .await;
        assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
        client.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_closed_while_it_waits_to_come_back_does_not() {
    let broker = broker();
    let (client, producers, current, _consumers) = with_a_token_that_ended(&broker, broker.url(), 1).await;
    *current.lock() = token(&broker, "ann", None);
    eventually(BOUND, "the new token is used", || producers.iter().all(Producer::is_connected)).await;
    let mut closed = Vec::new();
    for number in 0..20 {
        closed.push(
            client.subscribe(&format!("alone-{number}"), "s", ConsumerConfig::default()).await.unwrap(),
        );
    }
    "wrong".clone_into(&mut current.lock());
    broker.drop_connections();
    eventually(BOUND, "all wait", || closed.iter().all(|consumer| !consumer.is_connected())).await;
    // By then a pause of 0.6 s at least has begun.
    tokio::time::sleep(Duration::from_millis(900)).await;
    for consumer in closed {
        consumer.close().await.unwrap();
    }
    *current.lock() = token(&broker, "ann", None);
    let before = broker.commands_received(Kind::Subscribe);
    client.create_producer("new", ProducerConfig::default()).await.unwrap();
    eventually(BOUND, "the producer is back", || producers.iter().all(Producer::is_connected)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(broker.commands_received(Kind::Subscribe), before);
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_asks_again_in_vain_loses_the_connection_with_the_reason() {
    let broker = broker();
    let first = Mutex::new(Some(token(&broker, "ann", Some(1))));
    let supplier = TokenAuthentication::from_supplier(move || match first.lock().take() {
        Some(token) => Ok(Zeroizing::new(token)),
        None => Err(Error::Authentication("the vault is sealed".into())),
    });
    let lines = Arc::new(Lines::default());
    let client =
        Client::new(broker.url(), ClientConfig { logger: lines.clone(), ..config(supplier) }).unwrap();
    let _producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    let told = |text: &str| lines.0.lock().iter().any(|line| line.contains(text));
    eventually(BOUND, "the reason is told", || {
        told("ended: disconnected: cannot tell the broker again who we are")
    })
    .await;
    assert!(told("the vault is sealed"));
    eventually(BOUND, "the connection is gone", || broker.connection_count() == 0).await;
    client.close().await.unwrap();
}

/// A token once, and panics for whoever asks again.
#[derive(Debug)]
struct Fragile(TokenAuthentication);

impl Authentication for Fragile {
    fn method(&self) -> &str {
        self.0.method()
    }

    fn answer<'a>(&'a self, challenge: Option<&'a [u8]>, network: &'a Network) -> Answering<'a, Secret> {
        assert!(challenge.is_none(), "a test");
        self.0.answer(challenge, network)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_asks_what_panics_loses_the_connection_with_the_reason() {
    let broker = broker();
    let fragile = Fragile(TokenAuthentication::new(&token(&broker, "ann", Some(1))));
    let lines = Arc::new(Lines::default());
    let client =
        Client::new(broker.url(), ClientConfig { logger: lines.clone(), ..config(fragile) }).unwrap();
    let _producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    eventually(BOUND, "the reason is told", || {
        let lines = lines.0.lock();
        lines
            .iter()
            .any(|line| line.contains("cannot tell the broker again who we are") && line.contains("panicked"))
    })
    .await;
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refusal_is_enough_for_all_who_wait_for_the_connection() {
    let broker = broker();
    let client = Client::new(broker.url(), config(TokenAuthentication::new("wrong"))).unwrap();
    let creating: Vec<_> = (0..50)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move {
                client.create_producer(&format!("t{number}"), ProducerConfig::default()).await.map(drop)
            })
        })
        .collect();
    for created in creating {
        assert!(matches!(created.await.unwrap(), Err(Error::Authentication(_))));
    }
    assert!(broker.commands_received(Kind::Connect) < 10, "{}", broker.commands_received(Kind::Connect));
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_do_what_they_may() {
    let broker = broker();
    let roles = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let rules = Authorization {
        super_users: roles(&["root"]),
        produce: roles(&["writer"]),
        consume: roles(&["reader"]),
    };
    broker.authorize(Some(rules));
    for (role, produces, consumes) in
        [("root", true, true), ("writer", true, false), ("reader", false, true), ("none", false, false)]
    {
        let token = TokenAuthentication::new(&token(&broker, role, None));
        let client = Client::new(broker.url(), config(token)).unwrap();
        let produced = client.create_producer("t", ProducerConfig::default()).await.map(drop);
        let consumed = client.subscribe("t", role, ConsumerConfig::default()).await.map(drop);
        for (allowed, outcome) in [(produces, produced), (consumes, consumed)] {
            match outcome {
                Ok(()) => assert!(allowed, "{role}"),
                Err(Error::Authorization(_)) => assert!(!allowed, "{role}"),
                Err(other) => panic!("{role}: {other}"),
            }
        }
        client.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_again_and_again_is_told_once_for_each_reason() {
    let broker = broker();
    let role = |name: &str| BTreeSet::from([name.to_owned()]);
    let rules = |name| Some(Authorization { produce: role(name), ..Authorization::default() });
    broker.authorize(rules("ann"));
    let warnings = Arc::new(Warnings::default());
    let authentication = TokenAuthentication::new(&token(&broker, "ann", None));
    let config = ClientConfig { logger: warnings.clone(), ..config(authentication) };
    let client = Client::new(broker.url(), config).unwrap();
    let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    let lookups = || broker.commands_received(Kind::Lookup);
    let before = lookups();
    broker.authorize(rules("bob"));
    broker.drop_connections();
    eventually(BOUND, "the second attempt is over, the third begins", || lookups() >= before + 3).await;
    assert_eq!(warnings.with("not authorized"), 1, "{:?}", warnings.0);
    for text in ["one", "two"] {
        broker.fail_next(Kind::Lookup, NOT_READY, text, 1);
    }
    eventually(BOUND, "the first reason is told again", || warnings.with("not authorized") == 2).await;
    assert_eq!(warnings.with("not served yet"), 1, "{:?}", warnings.0);
    assert!(!producer.is_connected());
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supplier_that_hangs_costs_no_more_than_the_connection() {
    let broker = broker();
    let (release, hang) = std::sync::mpsc::channel::<()>();
    let hang = Mutex::new(hang);
    let supplier = TokenAuthentication::from_supplier(move || {
        let _ = hang.lock().recv();
        Err(Error::Authentication("too late".into()))
    });
    let config = ClientConfig {
        connect_timeout: Duration::from_millis(100),
        operation_timeout: Duration::from_millis(500),
        ..config(supplier)
    };
    let client = Client::new(broker.url(), config).unwrap();
    let created = client.create_producer("t", ProducerConfig::default()).await;
    assert!(matches!(created.map(drop), Err(Error::Timeout(_))));
    drop(release);
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_no_log_no_error_and_no_debug() {
    let broker = broker();
    let good = token(&broker, "ann", Some(1));
    let parameters = format!(r#"{{"username":"ann","password":"{PASSWORD}"}}"#);
    let lines = Arc::new(Lines::default());
    let mut told = Vec::new();
    for authentication in [
        Arc::new(TokenAuthentication::new(&good)) as Arc<dyn Authentication>,
        Arc::new(TokenAuthentication::new(&format!("{good}{PASSWORD}"))),
        Arc::new(TokenAuthentication::new(&format!("with\r\nline {PASSWORD}"))),
        authentication_by_name("token", &format!("token:{PASSWORD}")).unwrap(),
        authentication_by_name("basic", &parameters).unwrap(),
        Arc::new(BasicAuthentication::new("bob", PASSWORD)),
    ] {
        for url in [broker.url(), broker.http_url()] {
            let logger = lines.clone();
            let config = ClientConfig {
                authentication: Some(authentication.clone()),
                logger,
                ..ClientConfig::default()
            };
            told.push(format!("{config:?} {authentication:#?}"));
            if let Err(error) = create(url, config).await {
                told.push(format!("{error} {error:?}"));
            }
        }
    }
    for wrong in
        [format!("username:ann,pass:{PASSWORD}"), format!("{{\"username\":{PASSWORD}"), PASSWORD.into()]
    {
        told.push(format!("{:?}", authentication_by_name("basic", &wrong).unwrap_err()));
    }
    told.extend(lines.0.lock().iter().cloned());
    assert!(told.len() > 20, "{told:?}");
    let signature = good.rsplit('.').next().unwrap();
    for line in told {
        assert!(!line.contains(PASSWORD) && !line.contains(signature), "{line}");
    }
}
