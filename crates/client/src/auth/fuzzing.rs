//! What fuzz targets call of authentication.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderMap};
use serde_json::Value;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::cached::Cached;
use super::parameters::Parameters;
use super::{
    AthenzAuthentication, Authentication, BasicAuthentication, Network, OAuth2Authentication,
    TokenAuthentication, athenz, authentication_by_name, identity, network, oauth2,
};
use crate::fuzzing::{SECRET, block_on, check_text, has_secret};
use crate::http::HttpAnswer;
use crate::log::{Log, StderrLogger};
use crate::tls::Connector;
use crate::{Error, TlsConfig};

const METHODS: [&str; 5] = ["token", "basic", "tls", "oauth2", "athenz"];

/// Names whose values are secret, and of URLs that may have a password.
const SECRETS: [&str; 3] = ["token", "password", "client_secret"];
const URLS: [&str; 3] = ["issuer_url", "issuerUrl", "ztsUrl"];

/// One that asks nobody.
static NETWORK: LazyLock<Network> = LazyLock::new(|| {
    let log = Log::new(std::sync::Arc::new(StderrLogger));
    let connector = Connector::new(TlsConfig::default(), None, None, log).expect("no files are configured");
    Network::new(connector, Duration::ZERO, Duration::ZERO)
});

/// Parameters of authentication, as configurations have them. The first byte says for which method; the second in which
/// form: 0, text as it is; 1, JSON, and 2, pairs, of lines `name:value`, to whose values secrets are added where they belong;
/// JSON is cut off behind as many bytes as the third says, if that is not 0.
///
/// # Panics
///
/// When a text shows a secret, and when something else is told to brokers and issuers than was given.
pub fn parameters(data: &[u8]) {
    let [method, form, cut, text @ ..] = data else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let method = METHODS[usize::from(*method) % METHODS.len()];
    if has_secret(data) {
        return;
    }
    if form % 3 == 0 {
        let _ = authentication_by_name(method, text).map(|made| format!("{made:?}"));
        return stable(text);
    }
    let pairs: HashMap<String, String> =
        text.lines().filter_map(|line| line.split_once(':')).map(pair).collect();
    if form % 3 == 1 {
        let json =
            Value::Object(pairs.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect());
        let json = json.to_string();
        let parsed = Parameters::parse_json(&json).expect("it is an object");
        assert!(!format!("{parsed:?}").contains(SECRET));
        for (name, value) in &pairs {
            assert_eq!(parsed.get(name), Some(value.as_str()).filter(|value| !value.is_empty()));
        }
        if *cut != 0 {
            let cut = json.floor_char_boundary(usize::from(*cut));
            return secretive(method, &json[..cut]);
        }
        secretive(method, &json);
        return meant(&json, &parsed);
    }
    let is_plain = |text: &str| !text.contains(',');
    if pairs.iter().all(|(name, value)| is_plain(name) && is_plain(value) && name.trim() == name) {
        let list: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        let list = list.join(",");
        if !list.trim_start().starts_with('{') {
            let parsed = Parameters::parse(&list).expect("nothing is wrong");
            for (name, value) in &pairs {
                assert_eq!(parsed.get(name), Some(value.as_str()).filter(|value| !value.is_empty()));
            }
            if method != "token" {
                secretive(method, &list);
            }
        }
    }
}

/// Puts secrets where they belong.
fn pair((name, value): (&str, &str)) -> (String, String) {
    let value = if SECRETS.contains(&name) {
        format!("{value}{SECRET}")
    } else if let Some(rest) = value.strip_prefix("https://").filter(|_| URLS.contains(&name)) {
        format!("https://me:{SECRET}@{rest}")
    } else if let Some(document) = value.strip_prefix("data:") {
        // `$` stands for secrets in what a data URL holds.
        let (kind, document) = document.split_once(',').unwrap_or_default();
        format!("data:{kind},{}", STANDARD.encode(document.replace('$', SECRET)))
    } else {
        value.to_owned()
    };
    (name.to_owned(), value)
}

/// What it parses to is the same when it is written again.
fn stable(text: &str) {
    let Ok(parsed) = Parameters::parse(text) else {
        return;
    };
    let Ok(Value::Object(object)) = serde_json::from_str::<Value>(text) else {
        return;
    };
    let again = Parameters::parse_json(&Value::Object(object.clone()).to_string()).expect("it is JSON");
    for name in object.keys() {
        assert_eq!(parsed.get(name), again.get(name));
    }
}

/// Whatever comes of parameters says nothing of what is secret in them.
fn secretive(method: &str, parameters: &str) {
    match authentication_by_name(method, parameters) {
        Ok(made) => {
            let text = format!("{made:?}");
            assert!(!text.contains(SECRET) && !made.method().is_empty(), "{text}");
        }
        Err(error) => {
            assert!(matches!(error, Error::Authentication(_)), "{error}");
            assert!(!error.to_string().contains(SECRET), "{error}");
        }
    }
}

/// What brokers and issuers are told is what the parameters say.
fn meant(json: &str, parameters: &Parameters) {
    if let Ok(basic) = BasicAuthentication::from_parameters(json) {
        let told = block_on(basic.answer(None, &NETWORK)).expect("it is there");
        let want = |name| parameters.get(name).unwrap_or_default();
        assert_eq!(told.as_slice(), format!("{}:{}", want("username"), want("password")).as_bytes());
        check_header(&basic);
    }
    if let (Ok(token), Some(given)) = (TokenAuthentication::from_parameters(json), parameters.get("token")) {
        let told = block_on(token.answer(None, &NETWORK)).expect("it is not empty");
        assert_eq!(told.as_slice(), given.trim().as_bytes());
        check_header(&token);
    }
    if let Ok(athenz) = AthenzAuthentication::from_parameters(json) {
        let url = athenz.role_url().expect("it has a path");
        let base = Url::parse(parameters.get("ztsUrl").unwrap_or_default()).expect("it was accepted");
        assert_eq!(url.origin(), base.origin());
        let segments: Vec<_> = url.path_segments().into_iter().flatten().collect();
        assert!(segments.len() >= 5, "{url}");
        let [zts, v1, domain, _, token] = segments[segments.len() - 5..] else { unreachable!() };
        assert_eq!([zts, v1, domain, token], ["zts", "v1", "domain", "token"], "{url}");
    }
    if let Ok(oauth2) = OAuth2Authentication::from_parameters(json) {
        let document = parameters.get("private_key").or(parameters.get("privateKey"));
        if document.is_some_and(|document| !document.starts_with("data:")) {
            return;
        }
        let form = match block_on(oauth2.form()) {
            Ok(form) => form,
            Err(error) => {
                assert!(!error.to_string().contains(SECRET), "{error}");
                return;
            }
        };
        let fields: HashMap<_, _> = form_urlencoded::parse(&form).collect();
        for name in ["audience", "scope"] {
            assert_eq!(fields.get(name).map(AsRef::as_ref), parameters.get(name));
        }
        if document.is_none() {
            for name in ["client_id", "client_secret"] {
                assert_eq!(fields.get(name).map(AsRef::as_ref), parameters.get(name));
            }
        }
        assert_eq!(fields["grant_type"], "client_credentials");
    }
}

/// One header at most, of one line, which is not shown.
fn check_header(authentication: &dyn Authentication) {
    for (name, value) in block_on(authentication.http_headers(&NETWORK)).expect("it is there") {
        let mut headers = HeaderMap::new();
        match identity::insert(&mut headers, name, &value) {
            Ok(()) => {
                assert_eq!(headers[AUTHORIZATION].as_bytes(), value.as_bytes());
                assert!(!format!("{headers:?}").contains(SECRET));
            }
            Err(error) => assert!(!error.to_string().contains(SECRET), "{error}"),
        }
    }
}

/// Answers of who gives tokens: a byte that says which, and the body, where `$` stands for secrets.
///
/// # Panics
///
/// When a text shows what was answered, and when tokens are asked for without TLS of an issuer that has it.
pub fn token_answer(data: &[u8]) {
    let Some((kind, body)) = data.split_first().filter(|_| !has_secret(data)) else {
        return;
    };
    let Ok(body) = std::str::from_utf8(body).map(|body| body.replace('$', SECRET)) else {
        return;
    };
    match kind % 5 {
        0 => check_token(oauth2::token_in(body.as_bytes()), &body, "access_token"),
        1 => check_token(athenz::token_in(body.as_bytes(), SystemTime::now()), &body, "token"),
        2 => {
            let answer = HttpAnswer { status: StatusCode::BAD_REQUEST, body: body.into() };
            check_text(&network::refused("POST https://issuer/token", &answer).to_string());
        }
        scheme => {
            let issuer = if scheme == 3 { "https://issuer" } else { "http://issuer" };
            let given = format!(r#"{{"issuer_url":"{issuer}","client_id":"me","client_secret":"s"}}"#);
            let oauth2 = OAuth2Authentication::from_parameters(&given).expect("nothing is missing");
            match oauth2.endpoint_in(body.as_bytes()) {
                Ok(url) if scheme == 3 => assert_eq!(url.scheme(), "https"),
                Ok(url) => assert!(matches!(url.scheme(), "http" | "https"), "{url}"),
                Err(error) => check_text(&error.to_string()),
            }
        }
    }
}

fn check_token(fetched: Result<super::cached::Fetched, Error>, body: &str, name: &str) {
    let fetched = match fetched {
        Ok(fetched) => fetched,
        Err(error) => return check_text(&error.to_string()),
    };
    let json: Value = serde_json::from_str(body).expect("it was read");
    let cached = Cached::default();
    let lifetime = fetched.lifetime;
    let token: Zeroizing<String> = block_on(cached.get(false, async { Ok(fetched) })).expect("it is there");
    assert_eq!(json[name].as_str(), Some(token.as_str()));
    assert!(!token.is_empty());
    // It is given out again while it is good.
    let again = block_on(cached.get(false, async { Err(Error::Authentication("asked".into())) }));
    assert!(
        again.is_ok() || lifetime.is_none_or(|lifetime| lifetime < Duration::from_secs(60)),
        "{lifetime:?}"
    );
    assert!(again.is_err() || lifetime.is_some(), "its end is not known");
}
