//! `make headers`: writes the generated headers to include/. With `released` as its argument, `make abi-released`: writes
//! the list of what a release promises.

use std::fmt::Write as _;
use std::process::ExitCode;

use abi::headers::Header;
use abi::released;

fn main() -> ExitCode {
    let root = abi::root();
    let headers = match abi::headers::generate(&root) {
        Ok(headers) => headers,
        Err(error) => {
            eprintln!("cannot generate the headers: {error}");
            return ExitCode::FAILURE;
        }
    };
    let files = match std::env::args().nth(1).as_deref() {
        None => {
            headers.into_iter().map(|Header { path, text }| (root.join("include").join(path), text)).collect()
        }
        Some("released") => vec![(released::file(&root), list(&headers))],
        Some(other) => {
            eprintln!("abi: {other} is not `released`");
            return ExitCode::FAILURE;
        }
    };
    for (path, text) in files {
        if let Err(error) = write(&path, &text) {
            eprintln!("cannot write {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
        println!("{}", path.display());
    }
    ExitCode::SUCCESS
}

fn list(headers: &[Header]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "# What release {version} promises: `make abi-released` wrote it, a test holds the headers to it.\n"
    );
    for line in released::list(headers) {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn write(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}
