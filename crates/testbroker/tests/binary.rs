//! The binary: what it prints, and how it ends.

// A test that fails here is to stop at once, as `#[test]` functions do.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
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
