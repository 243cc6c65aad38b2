//! From src/ffi to include/.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::tables;

/// A generated header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its path below include/.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Where the sources of headers are, and where those headers are that are written by hand.
const SOURCES: [&str; 2] = ["src/ffi", "src/ffi/pulsar_rs"];

/// The handle types that the established API lacks, declared like the others.
const ADDED_HANDLES: [(&str, &str); 9] = [
    ("pulsar_rs/authentication.h", "typedef struct _pulsar_rs_certificate pulsar_rs_certificate_t;"),
    ("pulsar_rs/test_broker.h", "typedef struct _pulsar_rs_test_broker pulsar_rs_test_broker_t;"),
    ("pulsar_rs/bulk.h", "typedef struct _pulsar_rs_received pulsar_rs_received_t;"),
    ("pulsar_rs/crypto.h", "typedef struct _pulsar_rs_crypto_key_reader pulsar_rs_crypto_key_reader_t;"),
    ("pulsar_rs/crypto.h", "typedef struct _pulsar_rs_crypto_key pulsar_rs_crypto_key_t;"),
    ("pulsar_rs/completion.h", "typedef struct _pulsar_rs_completion_queue pulsar_rs_completion_queue_t;"),
    ("pulsar_rs/position.h", "typedef struct _pulsar_rs_positions pulsar_rs_positions_t;"),
    ("pulsar_rs/schema.h", "typedef struct _pulsar_rs_schema pulsar_rs_schema_t;"),
    ("pulsar_rs/stats.h", "typedef struct _pulsar_rs_stats pulsar_rs_stats_t;"),
];

/// Generates every header that has a source.
pub fn generate(root: &Path) -> Result<Vec<Header>, Box<dyn Error>> {
    let mut sources = Vec::new();
    for folder in SOURCES {
        for entry in std::fs::read_dir(root.join(folder))? {
            let source = entry?.path();
            if let Some(header) = header_of(&source)? {
                sources.push((header, source));
            }
        }
    }
    sources.sort();
    let paths: Vec<String> = sources.iter().map(|(header, _)| header.clone()).collect();
    let mut headers = Vec::new();
    for (path, source) in &sources {
        headers.push(Header { path: path.clone(), text: one(root, path, source, &paths)? });
    }
    headers.push(Header { path: "pulsar_rs.h".into(), text: all_of(&paths) });
    Ok(headers)
}

/// The header that a source says it is for, in its first line: ``//! `pulsar/c/client.h` ``.
fn header_of(source: &Path) -> std::io::Result<Option<String>> {
    if source.extension().is_none_or(|extension| extension != "rs") {
        return Ok(None);
    }
    let text = std::fs::read_to_string(source)?;
    let named = text.strip_prefix("//! `").and_then(|rest| rest.split_once('`'));
    let header = named.map(|(path, _)| path).filter(|path| path.strip_suffix(".h").is_some());
    Ok(header.map(str::to_owned))
}

fn one(root: &Path, path: &str, source: &PathBuf, all: &[String]) -> Result<String, Box<dyn Error>> {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;
    let handles = handle_types(root, path)?;
    config.sys_includes = includes(root, path, all)?;
    config.after_includes = (!handles.is_empty()).then(|| format!("\n{}", handles.join("\n")));
    config.export.exclude =
        tables::typedefs(root)?.iter().filter_map(|(_, line)| handle_name(line)).collect();
    config.export.exclude.extend(ADDED_HANDLES.iter().filter_map(|(_, line)| handle_name(line)));
    // Also where no function of the same header takes one.
    let typedefs = tables::typedefs(root)?.into_iter().filter(|(header, _)| header == path);
    config.export.include = typedefs.filter_map(|(_, line)| callback_name(&line)).collect();
    let bindings = cbindgen::Builder::new().with_config(config).with_src(source).generate()?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    Ok(without_keywords(&String::from_utf8(text)?))
}

/// Types by their names alone, as the established headers have them: to cgo, `enum pulsar_result` and
/// `pulsar_result` are different types.
fn without_keywords(text: &str) -> String {
    let mut text = text.to_owned();
    for keyword in ["enum", "struct"] {
        let declaration = format!("typedef {keyword} ");
        let names: Vec<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix(&declaration)?.strip_suffix(" {").map(str::to_owned))
            .collect();
        for name in names {
            let kept = format!("{declaration}{name} {{");
            text = text.replace(&kept, "\u{0}");
            text = text.replace(&format!("{keyword} {name} "), &format!("{name} "));
            text = text.replace('\u{0}', &kept);
        }
    }
    text
}

/// What a header includes: as in the established API, but for headers that are not there yet.
fn includes(root: &Path, path: &str, all: &[String]) -> Result<Vec<String>, Box<dyn Error>> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found: Vec<String> = Vec::new();
    for (header, include) in tables::includes(root)? {
        if header != path {
            continue;
        }
        // Relative names stand for neighbours.
        let neighbour = format!("{folder}/{include}");
        let include = if all.contains(&neighbour) { neighbour } else { include };
        if !include.starts_with("pulsar/c/") || all.contains(&include) {
            found.push(include);
        }
    }
    // An addition includes what it adds to.
    if let Some(name) = path.strip_prefix("pulsar_rs/") {
        let extended = format!("pulsar/c/{name}");
        let on_all =
            ["bulk.h", "completion.h", "crypto.h", "position.h", "reconnect.h", "schema.h", "stats.h"]
                .contains(&name);
        // That one is written by hand.
        if name == "position.h" {
            found.push("pulsar_rs/bulk.h".into());
        }
        // A function of the program returns one, which the established header does not know.
        if name == "authentication.h" {
            found.push("pulsar/c/result.h".into());
        }
        found.push(if all.contains(&extended) || name == "version.h" {
            extended
        } else {
            format!("pulsar/c/{}.h", if on_all { "client" } else { "result" })
        });
    }
    if found.iter().all(|include| include != "pulsar/defines.h") {
        found.insert(0, "pulsar/defines.h".into());
    }
    for library in ["stdbool.h", "stddef.h", "stdint.h"] {
        if !found.iter().any(|include| include == library) {
            found.push(library.into());
        }
    }
    Ok(found)
}

/// The declarations of handle types that a header has in the established API.
fn handle_types(root: &Path, path: &str) -> std::io::Result<Vec<String>> {
    let added = ADDED_HANDLES.iter().filter(|(header, _)| *header == path);
    let added: Vec<String> = added.map(|(_, line)| (*line).into()).collect();
    if !added.is_empty() {
        return Ok(added);
    }
    let lines = tables::typedefs(root)?.into_iter();
    let lines = lines.filter(|(header, line)| header == path && handle_name(line).is_some());
    Ok(lines.map(|(_, line)| line).collect())
}

/// The name in `typedef struct _pulsar_client pulsar_client_t;`.
fn handle_name(line: &str) -> Option<String> {
    let words: Vec<&str> = line.trim_end_matches(';').split_whitespace().collect();
    match words[..] {
        ["typedef", "struct", tag, name] if tag.starts_with('_') => Some(name.to_owned()),
        _ => None,
    }
}

/// The name in `typedef void (*pulsar_send_callback)(pulsar_result, ...);`.
fn callback_name(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("(*")?;
    rest.split_once(')').map(|(name, _)| name.to_owned())
}

/// The header that includes all.
fn all_of(paths: &[String]) -> String {
    let mut text = String::from(
        "/* Generated by `make headers` from src/ffi. Do not edit. SPDX-License-Identifier: Apache-2.0 */\n\n\
         #pragma once\n\n/* Everything: the established API, and the additions of pulsar_rs. */\n\n\
         #include <pulsar/c/version.h>\n",
    );
    for path in paths {
        let _ = writeln!(text, "#include <{path}>");
    }
    text
}
