//! The committed headers are current, and each compiles alone, twice included, as C11 and as C++17.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

use std::path::Path;
use std::process::Command;

use abi::headers;

#[test]
fn committed_headers_are_current() {
    let root = abi::root();
    for header in headers::generate(&root).unwrap() {
        let committed = std::fs::read_to_string(root.join("include").join(&header.path)).unwrap_or_default();
        assert!(committed == header.text, "include/{} is not current: run `make headers`", header.path);
    }
}

#[test]
fn no_header_is_left_over() {
    let root = abi::root();
    let mut known: Vec<String> =
        headers::generate(&root).unwrap().into_iter().map(|header| header.path).collect();
    // Written by hand: they have no functions.
    known.extend(["pulsar/defines.h", "pulsar/Version.h", "pulsar/c/version.h"].map(str::to_owned));
    for path in every_header(&root) {
        assert!(known.contains(&path), "include/{path} has no source");
    }
}

#[test]
fn each_header_compiles_alone() {
    let root = abi::root();
    for path in every_header(&root) {
        let source = format!("#include <{path}>\n#include <{path}>\nint unused_{};\n", path.len());
        compile(&root, "gcc", &["-std=c11", "-x", "c"], &source, &path);
        compile(&root, "g++", &["-std=c++17", "-x", "c++"], &source, &path);
    }
}

fn every_header(root: &Path) -> Vec<String> {
    let include = root.join("include");
    let mut found = Vec::new();
    let mut folders = vec![include.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(&include).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn compile(root: &Path, compiler: &str, flags: &[&str], source: &str, what: &str) {
    let folder = std::env::temp_dir().join(format!("pulsar_rs-abi-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{}-{compiler}.c", what.replace('/', "-")));
    std::fs::write(&file, source).unwrap();
    let output = Command::new(compiler)
        .args(flags)
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic-errors", "-fsyntax-only", "-I"])
        .arg(root.join("include"))
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    let _ = std::fs::remove_dir(&folder);
    assert!(
        output.status.success(),
        "{what} does not compile with {compiler}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
