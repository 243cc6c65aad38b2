//! Files with secrets and certificates that hang, and such that are just being replaced.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use broker::certificates::Authority;
use broker::unique;
use pulsar_rs_client::{
    Authentication, Client, ClientConfig, Error, ProducerConfig, TlsConfig, TokenAuthentication,
    authentication_by_name,
};
use pulsar_rs_testbroker::{Options, TestBroker, TlsOptions};
use tokio::runtime::Runtime;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(10);

/// Whoever reads it waits for somebody who writes.
struct Fifo(PathBuf);

impl Fifo {
    fn new() -> Self {
        let path = std::env::temp_dir().join(unique("pulsar_rs_fifo"));
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        Fifo(path)
    }

    /// Whoever waits reads nothing.
    fn release(&self) {
        drop(OpenOptions::new().read(true).write(true).open(&self.0).unwrap());
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn broker(authority: &Authority) -> TestBroker {
    let issued = authority.issue("127.0.0.1");
    let tls = TlsOptions::new(issued.certificate, issued.key);
    TestBroker::start(Options { tls: Some(tls), ..Options::default() }).unwrap()
}

/// A runtime like that of a client, with few threads for what blocks.
fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).max_blocking_threads(2).enable_all().build().unwrap()
}

#[test]
fn a_file_that_hangs_takes_one_thread() {
    let authority = Authority::new();
    let (broker, fifo) = (broker(&authority), Fifo::new());
    let path = fifo.0.display();
    let oauth = format!(r#"{{"issuer_url":"http://127.0.0.1:1","private_key":"file://{path}"}}"#);
    let tls = |change: &dyn Fn(&mut TlsConfig)| {
        let mut tls = TlsConfig { trust_certs_file: Some(authority.trust.clone()), ..TlsConfig::default() };
        change(&mut tls);
        ClientConfig { tls, ..ClientConfig::default() }
    };
    let with = |authentication: Arc<dyn Authentication>| ClientConfig {
        authentication: Some(authentication),
        ..tls(&|_| {})
    };
    let own = authority.issue("a client");
    for (what, config) in [
        ("a token", with(Arc::new(TokenAuthentication::from_file(&fifo.0)))),
        ("a document", with(authentication_by_name("oauth2", &oauth).unwrap())),
        ("a trust file", tls(&|tls| tls.trust_certs_file = Some(fifo.0.clone()))),
        (
            "a private key",
            tls(&|tls| {
                tls.certificate_file = Some(own.certificate.clone());
                tls.private_key_file = Some(fifo.0.clone());
            }),
        ),
    ] {
        let runtime = runtime();
        let (outcomes, others_go_on) = runtime.block_on(async {
            let config = ClientConfig {
                connect_timeout: Duration::from_millis(50),
                operation_timeout: Duration::from_millis(300),
                ..config
            };
            let client = Client::new(broker.tls_url().unwrap(), config).unwrap();
            let mut outcomes = Vec::new();
            for _ in 0..3 {
                outcomes.push(client.create_producer("t", ProducerConfig::default()).await.map(drop));
            }
            (outcomes, timeout(LONG, spawn_blocking(|| {})).await.is_ok())
        });
        fifo.release();
        runtime.shutdown_background();
        for outcome in outcomes {
            assert!(matches!(outcome, Err(Error::Timeout(_))), "{what}: {outcome:?}");
        }
        assert!(others_go_on, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_yet_that_of_the_certificate_is_read_again() {
    let authority = Authority::new();
    let (broker, fifo) = (broker(&authority), Fifo::new());
    let (old, new) = (authority.issue("old"), authority.issue("new"));
    let tls = TlsConfig {
        trust_certs_file: Some(authority.trust.clone()),
        certificate_file: Some(new.certificate.clone()),
        private_key_file: Some(fifo.0.clone()),
        ..TlsConfig::default()
    };
    let path = fifo.0.clone();
    let replacing = thread::spawn(move || {
        for key in [old.key, new.key] {
            // Waits until somebody reads.
            fs::write(&path, fs::read(key).unwrap()).unwrap();
            // The reader has to see the end before the next one begins.
            thread::sleep(Duration::from_millis(200));
        }
    });
    let client =
        Client::new(broker.tls_url().unwrap(), ClientConfig { tls, ..ClientConfig::default() }).unwrap();
    let created = timeout(LONG, client.create_producer("t", ProducerConfig::default())).await.unwrap();
    created.map(drop).unwrap();
    replacing.join().unwrap();
    client.close().await.unwrap();
}
