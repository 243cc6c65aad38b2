//! The declared functions, types and constants are those of the established API: a C compiler is given both
//! declarations of everything and finds them compatible.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

use abi::{headers, tables};

/// Names of the functions that a header declares.
fn declared(text: &str) -> BTreeSet<String> {
    let declarations = text.split("PULSAR_PUBLIC").skip(1);
    declarations
        .filter_map(|rest| {
            let head = rest.split_once('(')?.0;
            Some(head.trim_end().rsplit([' ', '*', '\n']).next()?.to_owned())
        })
        .collect()
}

#[test]
fn every_function_stands_in_the_header_that_programs_expect() {
    let root = abi::root();
    let established = tables::functions(&root).unwrap();
    for header in headers::generate(&root).unwrap() {
        for name in declared(&header.text) {
            if name.starts_with("pulsar_rs_") {
                assert!(header.path.starts_with("pulsar_rs/"), "{name} is an addition, in {}", header.path);
                continue;
            }
            let expected = established.iter().find(|function| function.name == name);
            let expected = expected.unwrap_or_else(|| panic!("{name} is no function of the established API"));
            assert_eq!(header.path, expected.header, "{name}");
        }
    }
}

#[test]
fn types_are_used_by_their_names_alone() {
    for header in headers::generate(&abi::root()).unwrap() {
        for line in header.text.lines().filter(|line| !line.starts_with("typedef") && !line.starts_with(" *"))
        {
            assert!(!line.contains("enum ") && !line.contains("struct "), "{}: {line}", header.path);
        }
    }
}

#[test]
fn the_list_of_exports_is_complete() {
    let root = abi::root();
    let list = std::fs::read_to_string(root.join("src/abi.rs")).unwrap();
    let words = list.split(|character: char| !(character.is_alphanumeric() || character == '_'));
    let listed: BTreeSet<String> = words
        .filter(|word| *word == "resume_message_listener" || word.matches('_').count() > 1)
        .filter(|word| word.starts_with("pulsar_") || word.starts_with("resume_"))
        .map(str::to_owned)
        .collect();
    let generated = headers::generate(&root).unwrap();
    let declared: BTreeSet<String> = generated.iter().flat_map(|header| declared(&header.text)).collect();
    assert_eq!(listed, declared);
}

#[test]
fn signatures_types_and_constants_are_the_established_ones() {
    let root = abi::root();
    let generated = headers::generate(&root).unwrap();
    let paths: BTreeSet<&str> = generated.iter().map(|header| header.path.as_str()).collect();
    let names: BTreeSet<String> = generated.iter().flat_map(|header| declared(&header.text)).collect();
    let all_text: String = generated.iter().map(|header| header.text.as_str()).collect();

    let mut source = String::from("#include <pulsar_rs.h>\n#include <stddef.h>\n");
    let functions = tables::functions(&root).unwrap();
    for function in functions.iter().filter(|function| names.contains(&function.name)) {
        writeln!(source, "{}", function.prototype()).unwrap();
    }
    for (header, declaration) in tables::typedefs(&root).unwrap() {
        if paths.contains(header.as_str()) {
            source.push_str(&redeclared(&declaration, &all_text));
        }
    }
    for (header, constant, value) in tables::constants(&root).unwrap() {
        if paths.contains(header.as_str()) && all_text.contains(&format!(" {constant} = ")) {
            writeln!(source, "_Static_assert({constant} == ({value}), \"{constant}\");").unwrap();
        }
    }
    check(&root, &source);
}

/// A typedef once more, where its name is in our headers. Structs cannot be declared twice: their members are
/// compared instead.
fn redeclared(declaration: &str, all_text: &str) -> String {
    let name = if let Some((head, _)) = declaration.split_once(")(").filter(|_| !declaration.contains('{')) {
        head.rsplit('*').next().unwrap_or_default()
    } else {
        declaration.trim_end_matches(';').rsplit([' ', '*']).next().unwrap_or_default()
    };
    if !all_text.contains(&format!("{name};")) && !all_text.contains(&format!("(*{name})")) {
        return String::new();
    }
    let Some((_, body)) = declaration.split_once('{') else {
        return format!("{declaration}\n");
    };
    let members = body.split_once('}').unwrap_or_default().0;
    let mut text = format!("typedef struct {{{members}}} expected_{name};\n");
    let same = |what: String| format!("_Static_assert({what}, \"{name}\");\n");
    text += &same(format!("sizeof({name}) == sizeof(expected_{name})"));
    for member in members.split(';').map(str::trim).filter(|member| !member.is_empty()) {
        let member = match member.split_once("(*") {
            Some((_, rest)) => rest.split(')').next().unwrap_or_default(),
            None => member.rsplit([' ', '*']).next().unwrap_or_default(),
        };
        text += &same(format!("offsetof({name}, {member}) == offsetof(expected_{name}, {member})"));
        text += &same(format!(
            "__builtin_types_compatible_p(__typeof__((({name} *)0)->{member}), __typeof__(((expected_{name} *)0)->{member}))"
        ));
    }
    text
}

fn check(root: &std::path::Path, source: &str) {
    let file = std::env::temp_dir().join(format!("pulsar_rs-signatures-{}.c", std::process::id()));
    std::fs::write(&file, source).unwrap();
    let output = Command::new("gcc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"])
        .arg(root.join("include"))
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(output.status.success(), "{}\n{source}", String::from_utf8_lossy(&output.stderr));
    // So that an empty comparison does not pass for a good one.
    for part in
        ["pulsar_client_create(", "_pulsar_message ", "expected_pulsar_logger_t", "pulsar_result_Ok =="]
    {
        assert!(source.contains(part), "nothing compared for {part}\n{source}");
    }
}
