//! Replaces itself by the vendored protoc, arguments unchanged.

use std::os::unix::process::CommandExt;
use std::process::Command;

#[cfg(target_arch = "aarch64")]
use protoc_bin_vendored_linux_aarch_64::protoc_bin_path;
#[cfg(target_arch = "x86_64")]
use protoc_bin_vendored_linux_x86_64::protoc_bin_path;

fn main() {
    let error = Command::new(protoc_bin_path())
        .args(std::env::args_os().skip(1))
        .exec();
    eprintln!("cannot run the vendored protoc: {error}");
    std::process::exit(1);
}
