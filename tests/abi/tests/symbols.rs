//! What the built library exports is what the headers declare, and nothing else.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the library is as it is shipped: built now, unless the environment says that it is.
fn library_folder(root: &Path) -> PathBuf {
    if let Some(folder) = std::env::var_os("PULSAR_RS_LIBRARY_FOLDER") {
        return root.join(folder);
    }
    let status =
        Command::new("make").args(["--no-print-directory", "build"]).current_dir(root).status().unwrap();
    assert!(status.success());
    root.join("target/lib")
}

fn declared(root: &Path) -> BTreeSet<String> {
    let headers = abi::headers::generate(root).unwrap();
    let declarations = headers.iter().flat_map(|header| header.text.split("PULSAR_PUBLIC").skip(1));
    declarations
        .filter_map(|rest| {
            let head = rest.split_once('(')?.0;
            Some(head.trim_end().rsplit([' ', '*', '\n']).next()?.to_owned())
        })
        .collect()
}

fn symbols(file: &Path, flags: &[&str]) -> BTreeSet<String> {
    let output = Command::new("nm").args(flags).arg(file).output().unwrap();
    assert!(output.status.success(), "nm cannot read {}", file.display());
    let text = String::from_utf8_lossy(&output.stdout);
    let names = text.lines().filter_map(|line| line.split_whitespace().nth(2));
    names.map(|name| name.split('@').next().unwrap_or(name).to_owned()).collect()
}

#[test]
fn the_shared_library_exports_what_the_headers_declare() {
    let root = abi::root();
    let file = library_folder(&root).join("libpulsar_rs.so");
    let exported = symbols(&file, &["--dynamic", "--defined-only", "--extern-only"]);
    assert_eq!(exported, declared(&root));
}

#[test]
fn the_static_library_shows_what_the_headers_declare() {
    let root = abi::root();
    let file = library_folder(&root).join("libpulsar_rs.a");
    let defined = symbols(&file, &["--defined-only", "--extern-only", "--no-sort"]);
    assert_eq!(defined, declared(&root));
}

#[test]
fn the_shared_library_is_named_by_its_major_version() {
    let file = library_folder(&abi::root()).join("libpulsar_rs.so");
    let output = Command::new("readelf").arg("--dynamic").arg(&file).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let soname =
        text.lines().find(|line| line.contains("(SONAME)")).and_then(|line| line.split(['[', ']']).nth(1));
    assert_eq!(soname, Some(concat!("libpulsar_rs.so.", env!("CARGO_PKG_VERSION_MAJOR"))));
}

#[test]
fn the_library_needs_no_cpp_runtime_and_no_openssl() {
    let root = abi::root();
    let file = library_folder(&root).join("libpulsar_rs.so");
    let output = Command::new("readelf").arg("--dynamic").arg(&file).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let needed: BTreeSet<&str> = text
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .collect();
    let allowed =
        ["libc.so.6", "libgcc_s.so.1", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"];
    assert!(!needed.is_empty());
    assert!(needed.iter().all(|library| allowed.contains(library)), "{needed:?}");
}

/// What is called there runs with the little stack that musl gives to threads: see tests/c/check.h.
#[test]
fn every_function_is_called_in_a_c_test() {
    let root = abi::root();
    let mut sources = String::new();
    for folder in ["tests/c", "tests/c/pulsar_rs", "tests/conformance"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "c" || extension == "h") {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let words: BTreeSet<&str> =
        sources.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').collect();
    let uncalled: Vec<_> =
        declared(&root).into_iter().filter(|name| !words.contains(name.as_str())).collect();
    assert!(uncalled.is_empty(), "{uncalled:?}");
}
