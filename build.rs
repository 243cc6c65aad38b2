//! The name that programs linked with the shared library look for: see the ABI policy in CONTRIBUTING.md.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let major = env!("CARGO_PKG_VERSION_MAJOR");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libpulsar_rs.so.{major}");
}
