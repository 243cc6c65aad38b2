//! Nothing that the last release had is gone or different.

#![allow(clippy::unwrap_used)] // in a test, that is how to fail

use std::collections::BTreeSet;

use abi::headers::{self, Header};
use abi::released;

#[test]
fn what_was_released_stays() {
    let root = abi::root();
    let text = std::fs::read_to_string(released::file(&root)).unwrap();
    let now = released::list(&headers::generate(&root).unwrap());
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let gone: Vec<&&str> = lines.iter().filter(|line| !now.contains(**line)).collect();
    assert!(
        gone.is_empty(),
        "gone, or different, since the last release, and programs rely on it (the ABI policy is in CONTRIBUTING.md):\n{gone:#?}"
    );
    assert!(lines.len() > 500, "the list of the last release is not complete");
}

fn header(text: &str) -> Header {
    Header { path: "pulsar_rs/a.h".into(), text: text.into() }
}

const BEFORE: &str =
    "/* f(void); */\n#include <stdint.h>\n#ifdef __cplusplus\nextern \"C\" {\n#endif // __cplusplus\n
typedef enum pulsar_rs_color { pulsar_rs_Red = 0, } pulsar_rs_color;
typedef struct pulsar_rs_a_stats_t { /** one; */ int one; } pulsar_rs_a_stats_t;
typedef struct pulsar_rs_fixed_t { int one; } pulsar_rs_fixed_t;
typedef void (*pulsar_rs_call)(int, void *);
PULSAR_PUBLIC
int pulsar_rs_f(int a,
                int b);
#ifdef __cplusplus\n}  // extern \"C\"\n#endif\n";

/// What is missing of BEFORE once `from` is `to`.
fn missing(from: &str, to: &str) -> BTreeSet<String> {
    assert!(BEFORE.contains(from), "{from}");
    let after = released::list(&[header(&BEFORE.replace(from, to))]);
    released::list(&[header(BEFORE)]).difference(&after).cloned().collect()
}

#[test]
fn every_part_is_listed() {
    let lines: Vec<String> = released::list(&[header(BEFORE)]).into_iter().collect();
    assert_eq!(
        lines,
        [
            "pulsar_rs/a.h\tenum pulsar_rs_color: pulsar_rs_Red = 0",
            "pulsar_rs/a.h\tint pulsar_rs_f(int a, int b)",
            "pulsar_rs/a.h\tstruct pulsar_rs_a_stats_t, member 0: int one",
            "pulsar_rs/a.h\ttypedef struct pulsar_rs_fixed_t { int one; } pulsar_rs_fixed_t",
            "pulsar_rs/a.h\ttypedef void (*pulsar_rs_call)(int, void *)",
        ]
    );
}

#[test]
fn changes_are_seen_and_additions_are_free() {
    for (from, to) in [
        ("int b", "long b"),
        ("int pulsar_rs_f", "void pulsar_rs_f"),
        ("Red = 0", "Red = 1"),
        ("int one; } pulsar_rs_a_stats_t", "int zero; int one; } pulsar_rs_a_stats_t"),
        ("int one; } pulsar_rs_fixed_t", "int one; int two; } pulsar_rs_fixed_t"),
        ("(int, void *)", "(void *)"),
    ] {
        assert_eq!(missing(from, to).len(), 1, "{from} -> {to}");
    }
    for (from, to) in [
        ("Red = 0, ", "Red = 0, pulsar_rs_Blue = 1, "),
        ("int one; } pulsar_rs_a_stats_t", "int one; int two; } pulsar_rs_a_stats_t"),
        ("PULSAR_PUBLIC", "PULSAR_PUBLIC void pulsar_rs_g(void);\nPULSAR_PUBLIC"),
        ("/* f(void); */", "/* something else; */"),
    ] {
        assert!(missing(from, to).is_empty(), "{from} -> {to}");
    }
}
