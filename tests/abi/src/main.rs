//! `make headers`: writes the generated headers to include/.

use std::process::ExitCode;

fn main() -> ExitCode {
    let root = abi::root();
    let headers = match abi::headers::generate(&root) {
        Ok(headers) => headers,
        Err(error) => {
            eprintln!("cannot generate the headers: {error}");
            return ExitCode::FAILURE;
        }
    };
    for header in headers {
        let path = root.join("include").join(&header.path);
        if let Err(error) = write(&path, &header.text) {
            eprintln!("cannot write {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
        println!("{}", path.display());
    }
    ExitCode::SUCCESS
}

fn write(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}
