mod principal;

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::cached::{Cached, Fetched};
use super::document::Document;
use super::parameters::Parameters;
use super::{Answering, Authentication, Network, Secret, SecretHeaders};
use crate::Error;
use crate::http::HttpRequest;
use principal::Principal;

/// How long role tokens are to be good, at least and at most, in seconds, as the established clients ask for them.
const EXPIRY: (&str, &str) = ("7200", "86400");

/// A role token of Athenz: the tenant's service signs who it is with its RSA key, and ZTS gives it a token for the roles
/// that it has in the provider's domain. The token is kept until shortly before it ends.
///
/// ZTS must show a certificate for its name, of an authority of the client's trust file or, without one, of the system's,
/// whatever else the client's TLS settings say.
pub struct AthenzAuthentication {
    principal: Principal,
    provider_domain: String,
    zts_url: Url,
    principal_header: String,
    role_header: String,
    token: Cached,
}

impl AthenzAuthentication {
    /// As the established clients write it: `tenantDomain`, `tenantService`, `providerDomain`, `privateKey` (a path,
    /// `file:///PATH` or `data:application/x-pem-file;base64,...`; RSA in PEM), `ztsUrl`, and, where they are not the usual
    /// ones, `keyId` (0), `principalHeader` (`Athenz-Principal-Auth`) and `roleHeader` (`Athenz-Role-Auth`).
    pub fn from_parameters(text: &str) -> Result<Self, Error> {
        let parameters = Parameters::parse(text)?;
        for (name, instead) in [
            ("x509CertChain", "give privateKey, tenantDomain and tenantService"),
            ("caCert", "set the client's trust file"),
        ] {
            if parameters.get(name).is_some() {
                return Err(Error::Authentication(format!("Athenz: {name} is not supported: {instead}")));
            }
        }
        // In a URL they would lead to another place.
        let provider = parameters.want("providerDomain")?;
        if matches!(provider, "." | "..") {
            return Err(Error::Authentication("Athenz: providerDomain is no domain".into()));
        }
        let own = |name: &str, usual: &str| parameters.get(name).unwrap_or(usual).to_owned();
        let url = Url::parse(parameters.want("ztsUrl")?).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        Ok(AthenzAuthentication {
            principal: Principal {
                domain: parameters.want("tenantDomain")?.to_ascii_lowercase(),
                service: parameters.want("tenantService")?.to_ascii_lowercase(),
                key_id: own("keyId", "0"),
                key: Document::parse(parameters.want("privateKey")?, "application/x-pem-file")?,
            },
            provider_domain: provider.to_owned(),
            zts_url: url
                .ok_or_else(|| Error::Authentication("Athenz: ztsUrl is no http or https URL".into()))?,
            principal_header: own("principalHeader", "Athenz-Principal-Auth"),
            role_header: own("roleHeader", "Athenz-Role-Auth"),
            token: Cached::default(),
        })
    }

    async fn fetch(&self, network: &Network) -> Result<Fetched, Error> {
        let token = self.principal.token(SystemTime::now()).await?;
        let mut request = HttpRequest::get(self.role_url()?);
        super::identity::insert(&mut request.credentials, self.principal_header.clone(), &token)?;
        let answer = network.send(request).await?;
        token_in(&Zeroizing::new(answer.body), SystemTime::now())
    }

    /// Where ZTS gives tokens for the roles in the provider's domain.
    pub(super) fn role_url(&self) -> Result<Url, Error> {
        let mut url = self.zts_url.clone();
        url.path_segments_mut()
            .map_err(|()| Error::Authentication("Athenz: ztsUrl has no path".into()))?
            .pop_if_empty()
            .extend(["zts", "v1", "domain", &self.provider_domain, "token"]);
        let (least, most) = EXPIRY;
        url.query_pairs_mut().append_pair("minExpiryTime", least).append_pair("maxExpiryTime", most);
        Ok(url)
    }

    async fn token(&self, again: bool, network: &Network) -> Result<Zeroizing<String>, Error> {
        self.token.get(again, self.fetch(network)).await
    }
}

impl Authentication for AthenzAuthentication {
    fn method(&self) -> &'static str {
        "athenz"
    }

    fn answer<'a>(&'a self, challenge: Option<&'a [u8]>, network: &'a Network) -> Answering<'a, Secret> {
        Box::pin(async move {
            let token = self.token(challenge.is_some(), network).await?;
            Ok(Zeroizing::new(token.as_bytes().to_vec()))
        })
    }

    fn refused(&self) {
        self.token.refused();
    }

    fn http_headers<'a>(&'a self, network: &'a Network) -> Answering<'a, SecretHeaders> {
        Box::pin(async { Ok(vec![(self.role_header.clone(), self.token(false, network).await?)]) })
    }
}

impl fmt::Debug for AthenzAuthentication {
    /// The service, without its key.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Principal { domain, service, .. } = &self.principal;
        write!(out, "the Athenz service {domain}.{service}")
    }
}

/// The token in the answer of ZTS.
pub(super) fn token_in(body: &[u8], now: SystemTime) -> Result<Fetched, Error> {
    let wrong = || Error::Authentication("Athenz: the answer of ZTS has no token".into());
    let mut json: Value = serde_json::from_slice(body).map_err(|_| wrong())?;
    let end = json.get("expiryTime").and_then(Value::as_u64).map(Duration::from_secs);
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    match json.get_mut("token").map(Value::take) {
        Some(Value::String(token)) if !token.is_empty() => {
            let lifetime = end.map(|end| end.saturating_sub(now));
            Ok(Fetched { token: Zeroizing::new(token), lifetime })
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: &str = r#"{"tenantDomain":"Tenant","tenantService":"svc","providerDomain":"prov/ider",
        "privateKey":"file:///key.pem","ztsUrl":"https://zts:4443/base/"}"#;

    #[test]
    fn parameters_are_understood() {
        let made = AthenzAuthentication::from_parameters(PARAMETERS).unwrap();
        assert_eq!(format!("{made:?}"), "the Athenz service tenant.svc");
        assert_eq!(
            made.role_url().unwrap().as_str(),
            "https://zts:4443/base/zts/v1/domain/prov%2Fider/token?minExpiryTime=7200&maxExpiryTime=86400"
        );
        for name in ["tenantDomain", "tenantService", "providerDomain", "privateKey", "ztsUrl"] {
            let without = PARAMETERS.replace(name, "other");
            let error = AthenzAuthentication::from_parameters(&without).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
        for other in ["..", "."] {
            let elsewhere = PARAMETERS.replace("prov/ider", other);
            assert!(AthenzAuthentication::from_parameters(&elsewhere).is_err(), "{other}");
        }
        let copper =
            PARAMETERS.replace("\"tenantDomain\"", "\"x509CertChain\":\"file:///c\",\"tenantDomain\"");
        assert!(AthenzAuthentication::from_parameters(&copper).is_err());
    }

    #[test]
    fn answers_need_a_token() {
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        let body = |text: &str| token_in(text.as_bytes(), now);
        let fetched = body(r#"{"token":"v=Z1","expiryTime":1060}"#).unwrap();
        assert_eq!((fetched.token.as_str(), fetched.lifetime), ("v=Z1", Some(Duration::from_secs(60))));
        assert_eq!(body(r#"{"token":"v=Z1","expiryTime":1}"#).unwrap().lifetime, Some(Duration::ZERO));
        assert!(body("{}").is_err() && body("").is_err());
    }
}
