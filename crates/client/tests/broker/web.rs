//! A web server that answers with what a test gives it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header::LOCATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

/// Status and body for a request.
type Answers = dyn Fn(&Request<Bytes>) -> (u16, String) + Send + Sync;

/// Ends with its value.
pub struct WebServer {
    pub url: String,
    /// Its certificate in PEM, where it speaks TLS.
    pub certificate: Option<String>,
    task: AbortHandle,
}

impl WebServer {
    /// The answer to a status of 3xx is its `Location`.
    pub async fn start(answers: impl Fn(&Request<Bytes>) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::listen(None, Arc::new(answers)).await
    }

    /// The same behind a certificate of its own, for 127.0.0.1.
    pub async fn start_tls(
        answers: impl Fn(&Request<Bytes>) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let mut server = Self::listen(Some(TlsAcceptor::from(Arc::new(config))), Arc::new(answers)).await;
        server.certificate = Some(made.cert.pem());
        server
    }

    async fn listen(tls: Option<TlsAcceptor>, answers: Arc<Answers>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let task = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (answers, tls) = (answers.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(socket, answers).await,
                        // What the client refuses is what some tests want.
                        Some(tls) => {
                            if let Ok(socket) = tls.accept(socket).await {
                                serve(socket, answers).await;
                            }
                        }
                    }
                });
            }
        });
        WebServer { url: format!("{scheme}://{address}"), certificate: None, task: task.abort_handle() }
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: impl AsyncRead + AsyncWrite + Unpin, answers: Arc<Answers>) {
    let service = service_fn(|request: Request<Incoming>| {
        let answers = answers.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let (status, body) = answers(&Request::from_parts(head, body));
            let status = StatusCode::from_u16(status).unwrap();
            let mut response = Response::builder().status(status);
            if status.is_redirection() {
                response = response.header(LOCATION, body.clone());
            }
            Ok::<_, Infallible>(response.body(body).unwrap())
        }
    });
    // A client may go in the middle.
    let _ = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(socket), service).await;
}
