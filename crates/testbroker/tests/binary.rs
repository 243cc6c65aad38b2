//! The binary: what it prints, and how it ends.

// A test that fails here is to stop at once, as `#[test]` functions do.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_pulsar-testbroker");

/// A broker process and the URL that it printed.
fn start(arguments: &[&str]) -> (Child, String) {
    let mut child = Command::new(BINARY).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line)
}

fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().unwrap()
}

#[test]
fn it_prints_its_url_and_ends_on_a_signal() {
    for signal in ["-TERM", "-INT"] {
        let (mut child, line) = start(&["--partitions", "p=3", "--namespace", "a/b", "--deduplication"]);
        let address = line.strip_prefix("pulsar://").unwrap().trim_end();
        assert!(line.ends_with('\n') && address.starts_with("127.0.0.1:"), "{line:?}");
        TcpStream::connect(address).unwrap();
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(child.wait().unwrap().success());
        assert!(TcpStream::connect(address).is_err());
    }
}

#[test]
fn it_may_want_to_know_who_clients_are() {
    let folder = std::env::temp_dir().join(format!("pulsar_rs_users_{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (users, wrong) = (file("users", "ann:a:b\n\nbob:c\n"), file("wrong", "ann\n"));
    let arguments =
        ["--http-port", "0", "--users", &users, "--producer-role", "ann", "--refresh-check-ms", "50"];
    let mut child = Command::new(BINARY).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().skip(1);
    let http = lines.next().unwrap().unwrap();
    // Of user and password in base64.
    for (credentials, status) in [("", 401), ("YW5uOng=", 401), ("Ym9iOmM=", 403), ("YW5uOmE6Yg==", 200)] {
        let mut stream = TcpStream::connect(http.strip_prefix("http://").unwrap()).unwrap();
        let header = format!("Host: x\r\nAuthorization: Basic {credentials}\r\n\r\n");
        write!(stream, "GET /lookup/v2/topic/persistent/public/default/t HTTP/1.1\r\n{header}").unwrap();
        let answer = BufReader::new(stream).lines().next().unwrap().unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{credentials}: {answer}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for arguments in [["--users", wrong.as_str()], ["--users", "/no/such/file"], ["--refresh-check-ms", "x"]]
    {
        assert!(!run(&arguments).status.success(), "{arguments:?}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn it_takes_commands() {
    let mut command = Command::new(BINARY);
    command
        .args(["--control", "--entry-metadata", "--partitions", "p=2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = answers.next().unwrap().unwrap();
    let _client = TcpStream::connect(url.strip_prefix("pulsar://").unwrap()).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for (line, expected) in [
        ("add-partitions p 4", "ok"),
        ("add-partitions p 4", "error "),
        ("create-topic t 0", "ok"),
        ("close-producers t", "ok 0"),
        ("close-consumers t s", "ok 0"),
        ("backlog t s", "error "),
        ("unload t", "ok"),
        ("compact p", "ok"),
        ("delete-topic t", "ok"),
        ("delete-topic t", "error "),
        ("unload t", "error "),
        ("compact t", "error "),
        ("delay-receipts 5", "ok"),
        ("delay-receipts much", "error "),
        ("deduplication on", "ok"),
        ("freeze off", "ok"),
        ("refuse-connections maybe", "error "),
        ("refuse-connections off", "ok"),
        ("drop-connections", "ok"),
        ("", "error "),
    ] {
        writeln!(stdin, "{line}").unwrap();
        let answer = answers.next().unwrap().unwrap();
        assert!(answer.starts_with(expected), "{line}: {answer}");
    }
    // The broker goes on without whoever gave commands.
    drop(stdin);
    TcpStream::connect(url.strip_prefix("pulsar://").unwrap()).unwrap();
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn it_takes_a_port() {
    let (mut first, line) = start(&["--host", "127.0.0.1", "--port", "0", "--retention-mb", "1"]);
    let port = line.trim_end().rsplit(':').next().unwrap();
    let second = run(&["--port", port]);
    assert!(!second.status.success());
    assert!(String::from_utf8(second.stderr).unwrap().contains("in use"));
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn it_prints_where_it_answers_http() {
    let arguments = ["--http-port", "0"];
    let mut child = Command::new(BINARY).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("pulsar://127.0.0.1:"));
    let second = lines.next().unwrap().unwrap();
    TcpStream::connect(second.strip_prefix("http://").unwrap()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn it_prints_where_it_speaks_tls() {
    let folder = std::env::temp_dir().join(format!("pulsar-testbroker-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let mut child = Command::new(BINARY)
        .args(["--tls-port", "0", "--certificate", certificate, "--key", key])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for scheme in ["pulsar", "pulsar+ssl", "https"] {
        let url = lines.next().unwrap().unwrap();
        let (found, address) = url.split_once("://").unwrap();
        assert_eq!(found, scheme);
        TcpStream::connect(address).unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for wrong in [
        &["--tls-port", "0"][..],
        &["--client-ca", certificate],
        &["--tls-port", "0", "--certificate", key, "--key", key],
        &["--tls-port", "0", "--certificate", certificate, "--key", "/no/such/file"],
    ] {
        let output = run(wrong);
        assert!(!output.status.success() && output.stdout.is_empty(), "{wrong:?}");
        assert!(!output.stderr.is_empty(), "{wrong:?}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn it_explains_itself() {
    let help = run(&["--help"]);
    assert!(help.status.success());
    assert!(String::from_utf8(help.stdout).unwrap().contains("--partitions TOPIC=N"));
    for wrong in
        [&["--nonsense"][..], &["--port"], &["--port", "x"], &["--partitions", "p"], &["--partitions", "p=x"]]
    {
        let output = run(wrong);
        assert!(!output.status.success() && output.stdout.is_empty(), "{wrong:?}");
        assert!(!output.stderr.is_empty(), "{wrong:?}");
    }
}
