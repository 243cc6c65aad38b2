//! Tokens that services give: OAuth 2.0 issuers, and ZTS of Athenz.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

mod broker;
#[path = "broker/web.rs"]
mod web;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use broker::lines::Lines;
use broker::{eventually, unique};
use hyper::Request;
use hyper::body::Bytes;
use pulsar_rs_client::{
    AthenzAuthentication, Authentication, Client, ClientConfig, Error, OAuth2Authentication, ProducerConfig,
    TlsConfig,
};
use pulsar_rs_testbroker::{Authentication as Wanted, Kind, Options, TestBroker, TokenKey};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{EncodeRsaPrivateKey, EncodeRsaPublicKey};
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use rsa::rand_core::OsRng;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use web::WebServer;

const CLIENT_SECRET: &str = "a client's s&cret";
const BOUND: Duration = Duration::from_secs(10);

/// A broker that takes the tokens it issues.
fn token_broker() -> Arc<TestBroker> {
    let wanted = Wanted {
        token: Some(TokenKey::Secret(b"what the broker and the issuer know".to_vec())),
        refresh_check: Duration::from_millis(50),
        ..Wanted::default()
    };
    let options = Options { authentication: Some(wanted), ..Options::default() };
    Arc::new(TestBroker::start(options).unwrap())
}

fn config(authentication: impl Authentication + 'static) -> ClientConfig {
    ClientConfig { authentication: Some(Arc::new(authentication)), ..ClientConfig::default() }
}

async fn create(url: &str, config: ClientConfig) -> Result<(), Error> {
    let client = Client::new(url, config).unwrap();
    let created = client.create_producer("t", ProducerConfig::default()).await.map(drop);
    client.close().await.unwrap();
    created
}

/// A file that goes with its value.
struct TempFile(PathBuf);

impl TempFile {
    fn new(name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = std::env::temp_dir().join(unique(name));
        std::fs::write(&path, content).unwrap();
        TempFile(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Answers as an issuer whose description names nothing but the place for tokens.
struct Issuer {
    broker: Arc<TestBroker>,
    lifetime: Duration,
    tokens: Arc<AtomicU32>,
}

impl Issuer {
    fn answer(&self, request: &Request<Bytes>) -> (u16, String) {
        let host = request.headers()["host"].to_str().unwrap();
        let scheme = if self.lifetime.is_zero() { "https" } else { "http" };
        match request.uri().path() {
            "/realm/.well-known/openid-configuration" => {
                (200, json!({ "token_endpoint": format!("{scheme}://{host}/give") }).to_string())
            }
            "/give" => {
                let form: Vec<(String, String)> =
                    url::form_urlencoded::parse(request.body()).into_owned().collect();
                let has = |name: &str, value: &str| form.contains(&(name.to_owned(), value.to_owned()));
                let kind = request.headers()["content-type"].to_str().unwrap();
                assert_eq!(kind, "application/x-www-form-urlencoded");
                if !has("client_secret", CLIENT_SECRET) {
                    return (
                        401,
                        json!({ "error": "invalid_client", "error_description": "no" }).to_string(),
                    );
                }
                assert!(has("grant_type", "client_credentials") && has("client_id", "me"), "{form:?}");
                assert!(has("audience", "urn:broker"), "{form:?}");
                self.tokens.fetch_add(1, Ordering::Relaxed);
                let lifetime = if self.lifetime.is_zero() { BOUND } else { self.lifetime };
                let token = self.broker.issue_token("ann", Some(lifetime)).unwrap();
                (200, json!({ "access_token": token, "expires_in": lifetime.as_secs() }).to_string())
            }
            _ => (404, String::new()),
        }
    }
}

fn parameters(issuer: &str, key: &str) -> String {
    let mut parameters = json!({ "issuer_url": format!("{issuer}/realm/"), "audience": "urn:broker" });
    if key.is_empty() {
        parameters["client_id"] = "me".into();
        parameters["client_secret"] = CLIENT_SECRET.into();
    } else {
        parameters["private_key"] = key.into();
    }
    parameters.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_gives_a_token_for_every_form_of_credentials() {
    let broker = token_broker();
    let tokens = Arc::new(AtomicU32::new(0));
    let issuer =
        Issuer { broker: broker.clone(), lifetime: Duration::from_secs(3600), tokens: tokens.clone() };
    let server = WebServer::start(move |request| issuer.answer(request)).await;
    let content = json!({ "type": "client_credentials", "client_id": "me", "client_secret": CLIENT_SECRET });
    let file = TempFile::new("credentials", content.to_string());
    let path = file.0.display();
    let data = format!("data:application/json;base64,{}", STANDARD.encode(content.to_string()));
    for (number, key) in
        ["", &path.to_string(), &format!("file://{path}"), &format!("file:{path}"), &data].iter().enumerate()
    {
        let authentication = OAuth2Authentication::from_parameters(&parameters(&server.url, key)).unwrap();
        let authentication: Arc<dyn Authentication> = Arc::new(authentication);
        for url in [broker.url(), broker.http_url()] {
            let authentication = Some(authentication.clone());
            create(url, ClientConfig { authentication, ..ClientConfig::default() }).await.unwrap();
        }
        assert_eq!(tokens.load(Ordering::Relaxed) as usize, number + 1, "one token is enough: {key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_issuer_is_asked_over_tls_with_the_clients_trust_file() {
    let broker = token_broker();
    // A lifetime of zero stands for an issuer behind TLS.
    let issuer = Issuer { broker: broker.clone(), lifetime: Duration::ZERO, tokens: Arc::default() };
    let server = WebServer::start_tls(move |request| issuer.answer(request)).await;
    let make = || OAuth2Authentication::from_parameters(&parameters(&server.url, "")).unwrap();
    let trusted = TempFile::new("trusted", server.certificate.as_ref().unwrap());
    let tls = TlsConfig { trust_certs_file: Some(trusted.0.clone()), ..TlsConfig::default() };
    create(broker.url(), ClientConfig { tls, ..config(make()) }).await.unwrap();
    // What is said of brokers does not count for issuers: they are told secrets.
    let careless = TlsConfig { allow_insecure: true, verify_hostname: false, ..TlsConfig::default() };
    for tls in [TlsConfig::default(), careless] {
        let refused = create(broker.url(), ClientConfig { tls, ..config(make()) }).await;
        assert!(
            matches!(&refused, Err(Error::Authentication(text)) if text.contains(&server.url)),
            "{refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_renewed_before_they_end_and_when_the_broker_asks() {
    let broker = token_broker();
    let tokens = Arc::new(AtomicU32::new(0));
    let issuer = Issuer { broker: broker.clone(), lifetime: Duration::from_secs(2), tokens: tokens.clone() };
    let server = WebServer::start(move |request| issuer.answer(request)).await;
    let authentication = OAuth2Authentication::from_parameters(&parameters(&server.url, "")).unwrap();
    let client = Client::new(broker.url(), config(authentication)).unwrap();
    let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
    eventually(BOUND, "two tokens ended", || broker.commands_received(Kind::AuthResponse) >= 2).await;
    producer.send("x").await.unwrap();
    assert_eq!(broker.commands_received(Kind::Connect), 1, "the connection went on");
    assert!(tokens.load(Ordering::Relaxed) >= 3);
    client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_at_the_issuer_is_told_without_secrets() {
    let broker = token_broker();
    let issuer =
        Issuer { broker: broker.clone(), lifetime: Duration::from_secs(3600), tokens: Arc::default() };
    let good = WebServer::start(move |request| issuer.answer(request)).await;
    let wrong_secret = format!("{CLIENT_SECRET}!");
    let key = json!({ "client_id": "me", "client_secret": wrong_secret }).to_string();
    let wrong_key = format!("data:application/json;base64,{}", STANDARD.encode(key));
    let nothing = WebServer::start(|_| (200, "{}".into())).await;
    let garbage = WebServer::start(|_| (200, "<html>".into())).await;
    let elsewhere = WebServer::start(|request| match request.uri().path() {
        "/give" => (307, "http://127.0.0.1:1/steal".into()),
        _ => (200, json!({ "token_endpoint": format!("http://{}/give", request.headers()["host"].to_str().unwrap()) }).to_string()),
    })
    .await;
    let lines = Arc::new(Lines::default());
    let mut told = Vec::new();
    for (url, key, reason) in [
        (&good.url, wrong_key.as_str(), "invalid_client"),
        (&good.url, "/no/such/file", "/no/such/file"),
        (&nothing.url, "", "token_endpoint"),
        (&garbage.url, "", "token_endpoint"),
        (&elsewhere.url, "", "redirects"),
        (&"http://127.0.0.1:1".to_owned(), "", "127.0.0.1:1"),
    ] {
        let authentication = OAuth2Authentication::from_parameters(&parameters(url, key)).unwrap();
        let config = ClientConfig { logger: lines.clone(), ..config(authentication) };
        told.push(format!("{config:?}"));
        let error = create(broker.url(), config).await.unwrap_err();
        assert!(matches!(&error, Error::Authentication(text) if text.contains(reason)), "{reason}: {error}");
        told.push(error.to_string());
    }
    told.extend(lines.0.lock().iter().cloned());
    for line in told {
        assert!(!line.contains(CLIENT_SECRET) && !line.contains("cret%21"), "{line}");
    }
}

/// A new RSA key: the file of the private one in a form, and the public one in DER.
fn rsa_key(traditional: bool) -> (TempFile, Vec<u8>) {
    let key = RsaPrivateKey::new(&mut OsRng, 2048).unwrap();
    let form = LineEnding::LF;
    let pem = if traditional { key.to_pkcs1_pem(form).unwrap() } else { key.to_pkcs8_pem(form).unwrap() };
    let public = key.to_public_key().to_pkcs1_der().unwrap().as_bytes().to_vec();
    (TempFile::new("athenz-key", &pem), public)
}

/// Checks a request as ZTS does; the token that it gives is the role of the broker's user.
fn zts(request: &Request<Bytes>, public: &[u8], header: &str) -> (u16, String) {
    assert_eq!(request.uri().path(), "/zts/v1/domain/provider/token");
    let query = request.uri().query().unwrap();
    assert!(query.contains("minExpiryTime=7200") && query.contains("maxExpiryTime=86400"), "{query}");
    let Some(token) = request.headers().get(header) else {
        return (401, String::new());
    };
    let (unsigned, signature) = token.to_str().unwrap().rsplit_once(";s=").unwrap();
    let standard = signature.replace('.', "+").replace('_', "/").replace('-', "=");
    let signature = STANDARD.decode(standard).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
    if key.verify(unsigned.as_bytes(), &signature).is_err() {
        return (403, String::new());
    }
    let value = |name: &str| {
        let mut fields = unsigned.split(';').filter_map(|field| field.split_once('='));
        fields.find(|field| field.0 == name).map(|field| field.1.to_owned()).unwrap()
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let time = |name: &str| value(name).parse::<u64>().unwrap();
    assert!(unsigned.starts_with("v=S1;d=tenant;n=service;"), "{unsigned}");
    assert!(time("t") <= now && now < time("e") && value("k") == "v7", "{unsigned}");
    assert!(!value("a").is_empty());
    (200, json!({ "token": "v=Z1;d=provider;r=writer", "expiryTime": now + 7200 }).to_string())
}

fn parameters_of(key: &Path, zts: &str, header: &str) -> String {
    json!({
        "tenantDomain": "tenant", "tenantService": "service", "providerDomain": "provider",
        "privateKey": key.to_str().unwrap(), "keyId": "v7", "ztsUrl": zts, "principalHeader": header,
    })
    .to_string()
}

/// The role token is what the first command has.
async fn shown_to_brokers(parameters: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("pulsar://{}", listener.local_addr().unwrap());
    let config = ClientConfig {
        operation_timeout: Duration::from_secs(1),
        ..config(AthenzAuthentication::from_parameters(parameters).unwrap())
    };
    let connecting = tokio::spawn(async move { create(&url, config).await });
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut frame = vec![0; 4096];
    let read = socket.read(&mut frame).await.unwrap();
    let text = String::from_utf8_lossy(&frame[..read]).into_owned();
    assert!(text.contains("athenz") && text.contains("v=Z1;d=provider;r=writer"), "{text}");
    drop((socket, listener));
    assert!(connecting.await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn zts_gives_role_tokens_to_who_signs_with_the_tenants_key() {
    let broker = TestBroker::start(Options::default()).unwrap();
    for (traditional, header) in [(false, "Athenz-Principal-Auth"), (true, "My-Principal")] {
        let (file, public) = rsa_key(traditional);
        let asked = Arc::new(AtomicU32::new(0));
        let (count, key) = (asked.clone(), public.clone());
        let server = WebServer::start(move |request| {
            count.fetch_add(1, Ordering::Relaxed);
            zts(request, &key, header)
        })
        .await;
        let pem = std::fs::read(&file.0).unwrap();
        for private_key in [
            format!("file://{}", file.0.display()),
            format!("data:application/x-pem-file;base64,{}", STANDARD.encode(pem)),
        ] {
            let parameters = parameters_of(Path::new(&private_key), &server.url, header);
            let authentication = AthenzAuthentication::from_parameters(&parameters).unwrap();
            asked.store(0, Ordering::Relaxed);
            let client = Client::new(broker.url(), config(authentication)).unwrap();
            let producer = client.create_producer("t", ProducerConfig::default()).await.unwrap();
            broker.drop_connections();
            producer.send("x").await.unwrap();
            assert_eq!(asked.load(Ordering::Relaxed), 1, "a token serves until it ends");
            client.close().await.unwrap();
        }
        shown_to_brokers(&parameters_of(&file.0, &server.url, header)).await;
        let (other, _) = rsa_key(false);
        let parameters = parameters_of(&other.0, &server.url, header);
        let authentication = AthenzAuthentication::from_parameters(&parameters).unwrap();
        let refused = create(broker.url(), config(authentication)).await;
        assert!(matches!(&refused, Err(Error::Authentication(text)) if text.contains("403")), "{refused:?}");
    }
}
