//! A test broker in a process of its own: prints its URLs on stdout when it listens, and serves until SIGTERM
//! or SIGINT.
#![forbid(unsafe_code)]

#[path = "pulsar_testbroker/access.rs"]
mod access;
#[path = "pulsar_testbroker/control.rs"]
mod control;

use std::io::Write as _;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use pulsar_rs_testbroker::{Options, TestBroker, TlsOptions};
use tokio::signal::unix::{SignalKind, signal};

const HELP: &str = "\
An in-memory Apache Pulsar broker for tests.

Usage: pulsar-testbroker [OPTION]...

Prints its URL (pulsar://HOST:PORT) on stdout when it listens, and with --http-port the URL for lookups over
HTTP (http://HOST:PORT) on a second line, with --tls-port the URLs with TLS (pulsar+ssl://HOST:PORT and
https://HOST:PORT) on two more; serves until SIGTERM or SIGINT.

  --port N               port to listen on; 0, the default, takes a free one
  --http-port N          port for lookups over HTTP; 0 takes a free one
  --host HOST            address to listen on (default 127.0.0.1)
  --tls-port N           port for clients with TLS; 0 takes a free one; wants --certificate and --key
  --https-port N         port for lookups over HTTPS; 0, the default, takes a free one
  --certificate FILE     the broker's certificate, in PEM
  --key FILE             the key of the certificate, in PEM
  --client-ca FILE       certificates of the authorities of clients, which then need a certificate
  --retention-mb N       MiB of acknowledged entries that a topic keeps (default 256)
  --max-message-size N   largest message in bytes (default 5242880)
  --partitions TOPIC=N   create a partitioned topic; may be given several times
  --namespace NAME       create a namespace (tenant/namespace); may be given several times
  --deduplication        drop messages whose sequence id was stored before
  --no-batch-index-acks  ignore acknowledgements of single messages in a batch
  --entry-metadata       send clients the broker's clock and a message count with every entry
  --control              take commands on stdin, see below
  --verbose              print every command to stderr
  --help                 print this
";

/// What the command line asks for.
enum Wanted {
    Help,
    Broker { options: Box<Options>, http: bool, control: Control },
}

/// Whether commands come on standard input.
#[derive(Clone, Copy, PartialEq)]
enum Control {
    None,
    Stdin,
}

fn main() -> ExitCode {
    let outcome = match parse(std::env::args().skip(1)) {
        Ok(Wanted::Help) => {
            print!("{HELP}\n{}\n{}", access::HELP, control::HELP);
            Ok(())
        }
        Ok(Wanted::Broker { options, http, control }) => {
            serve(*options, http, control).map_err(|error| error.to_string())
        }
        Err(why) => Err(format!("{why}\nTry --help.")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("pulsar-testbroker: {why}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut options = Options::default();
    let (mut http, mut control) = (false, Control::None);
    let mut tls = Tls::default();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value"));
        if access::take(&mut options, &argument, &mut value)? {
            continue;
        }
        match argument.as_str() {
            "--port" => options.port = number(&argument, &value()?)?,
            "--http-port" => {
                options.http_port = number(&argument, &value()?)?;
                http = true;
            }
            "--tls-port" => tls.port = Some(number(&argument, &value()?)?),
            "--https-port" => tls.https_port = number(&argument, &value()?)?,
            "--certificate" => tls.certificate = Some(value()?.into()),
            "--key" => tls.private_key = Some(value()?.into()),
            "--client-ca" => tls.client_ca = Some(value()?.into()),
            "--host" => options.host = address(&value()?)?,
            "--retention-mb" => {
                options.retention = number::<usize>(&argument, &value()?)?.saturating_mul(1 << 20);
            }
            "--max-message-size" => options.max_message_size = number(&argument, &value()?)?,
            "--partitions" => options.topics.push(partitions(&argument, &value()?)?),
            "--namespace" => options.namespaces.push(value()?),
            "--deduplication" => options.deduplication = true,
            "--no-batch-index-acks" => options.batch_index_acks = false,
            "--entry-metadata" => options.entry_metadata = true,
            "--control" => control = Control::Stdin,
            "--verbose" => options.verbose = true,
            "--help" | "-h" => return Ok(Wanted::Help),
            other => return Err(format!("unknown option {other}")),
        }
    }
    options.tls = tls.options()?;
    Ok(Wanted::Broker { options: Box::new(options), http, control })
}

/// The address of a host, which may be an address in text.
fn address(host: &str) -> Result<IpAddr, String> {
    let mut found = (host, 0).to_socket_addrs().map_err(|error| format!("--host {host}: {error}"))?;
    found.next().map(|address| address.ip()).ok_or_else(|| format!("--host {host} has no address"))
}

/// What the command line says of TLS.
#[derive(Default)]
struct Tls {
    port: Option<u16>,
    https_port: u16,
    certificate: Option<PathBuf>,
    private_key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
}

impl Tls {
    fn options(self) -> Result<Option<TlsOptions>, String> {
        match (self.port, self.certificate, self.private_key) {
            (None, None, None) if self.client_ca.is_none() => Ok(None),
            (Some(port), Some(certificate), Some(private_key)) => Ok(Some(TlsOptions {
                port,
                https_port: self.https_port,
                client_ca: self.client_ca,
                ..TlsOptions::new(certificate, private_key)
            })),
            _ => Err("TLS wants --tls-port, --certificate and --key".to_owned()),
        }
    }
}

fn number<N: FromStr>(option: &str, text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{option} wants a number, not {text:?}"))
}

fn partitions(option: &str, text: &str) -> Result<(String, u32), String> {
    let (topic, count) =
        text.rsplit_once('=').ok_or_else(|| format!("{option} wants TOPIC=N, not {text:?}"))?;
    Ok((topic.to_owned(), number(option, count)?))
}

fn serve(options: Options, http: bool, control: Control) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before the URL is printed: who reads it may end the process at once.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let broker = TestBroker::start(options)?;
        let mut stdout = std::io::stdout();
        writeln!(stdout, "{}", broker.url())?;
        if http {
            writeln!(stdout, "{}", broker.http_url())?;
        }
        for url in [broker.tls_url(), broker.https_url()].into_iter().flatten() {
            writeln!(stdout, "{url}")?;
        }
        stdout.flush()?;
        let mut commands = match control {
            Control::None => None,
            Control::Stdin => Some(control::lines()?),
        };
        loop {
            let next = async {
                match &mut commands {
                    Some(commands) => commands.recv().await,
                    None => std::future::pending().await,
                }
            };
            let command = tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                command = next => command,
            };
            // Who gave commands is gone; that ends nothing.
            let Some(command) = command else {
                commands = None;
                continue;
            };
            writeln!(stdout, "{}", control::obey(&broker, &command))?;
            stdout.flush()?;
        }
        broker.stop();
        Ok(())
    })
}
