//! What programs compiled against the last release rely on: tables/released.txt, one line for each function, type and
//! constant. `make abi-released` writes it when a release is made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::headers::Header;

/// Where the list is.
#[must_use]
pub fn file(root: &Path) -> PathBuf {
    root.join("tests/abi/tables/released.txt")
}

/// The lines that the headers come to. What may be added to is several lines: each constant of an enum is one, and so
/// is each member of the structs of which callers say the size.
#[must_use]
pub fn list(headers: &[Header]) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for header in headers {
        for declaration in declarations(&header.text) {
            lines.extend(parts(&declaration).into_iter().map(|part| format!("{}\t{part}", header.path)));
        }
    }
    lines
}

/// The declarations of a header, each in one line, without comments, attributes and preprocessor.
fn declarations(text: &str) -> Vec<String> {
    let mut code = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    code.push_str(rest);
    let is_code = |line: &&str| {
        let line = line.trim_start();
        !(line.starts_with('#')
            || line.starts_with("//")
            || line.starts_with("extern \"C\"")
            || line.starts_with("}  // extern"))
    };
    let code: String = code.lines().filter(is_code).flat_map(|line| [line, " "]).collect();

    let (mut found, mut depth, mut declaration) = (Vec::new(), 0, String::new());
    for character in code.replace("PULSAR_PUBLIC", "").chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => {
                found.push(declaration.split_whitespace().collect::<Vec<_>>().join(" "));
                declaration.clear();
                continue;
            }
            _ => {}
        }
        declaration.push(character);
    }
    found
}

/// A declaration, or those parts of it that others may come behind.
fn parts(declaration: &str) -> Vec<String> {
    let members = |separator| {
        let (head, body) = declaration.split_once('{')?;
        let (kind, name) = head.trim().strip_prefix("typedef ")?.split_once(' ')?;
        let members = body.rsplit_once('}')?.0.split(separator);
        let members = members.map(str::trim).filter(|member| !member.is_empty());
        let numbered = |(number, member): (usize, &str)| match kind {
            "enum" => format!("enum {name}: {member}"),
            _ => format!("struct {name}, member {number}: {member}"),
        };
        Some(members.enumerate().map(numbered).collect())
    };
    let grows = declaration.starts_with("typedef struct pulsar_rs_")
        && declaration.rsplit(' ').next().is_some_and(|name| name.ends_with("_stats_t"));
    let apart = match declaration {
        _ if declaration.starts_with("typedef enum ") => members(','),
        _ if grows => members(';'),
        _ => None,
    };
    apart.unwrap_or_else(|| vec![declaration.to_owned()])
}
