//! The tables of the established C API.

use std::path::Path;

/// A row of functions.tsv.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Header that declares it.
    pub header: String,
    /// Its name.
    pub name: String,
    /// Its return type.
    pub returns: String,
    /// Its parameters as C declares them.
    pub parameters: String,
}

impl Function {
    /// The C prototype.
    #[must_use]
    pub fn prototype(&self) -> String {
        let parameters = if self.parameters.is_empty() { "void" } else { &self.parameters };
        format!("{} {}({parameters});", self.returns, self.name)
    }
}

/// Rows of a table, without its head.
fn rows(root: &Path, table: &str) -> std::io::Result<Vec<Vec<String>>> {
    let text = std::fs::read_to_string(root.join("tests/abi/tables").join(table))?;
    Ok(text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}

/// One column of a row; empty when it is not there.
fn column(row: &[String], index: usize) -> String {
    row.get(index).cloned().unwrap_or_default()
}

/// All functions, also those that only older releases have.
pub fn functions(root: &Path) -> std::io::Result<Vec<Function>> {
    let function = |row: &Vec<String>| Function {
        header: column(row, 0),
        name: column(row, 1),
        returns: column(row, 2),
        parameters: column(row, 3),
    };
    let all = [rows(root, "functions.tsv")?, rows(root, "legacy.tsv")?];
    Ok(all.iter().flatten().map(function).collect())
}

/// (header, declaration) of all typedefs.
pub fn typedefs(root: &Path) -> std::io::Result<Vec<(String, String)>> {
    Ok(rows(root, "typedefs.tsv")?.iter().map(|row| (column(row, 0), column(row, 1))).collect())
}

/// (header, what it includes).
pub fn includes(root: &Path) -> std::io::Result<Vec<(String, String)>> {
    Ok(rows(root, "includes.tsv")?.iter().map(|row| (column(row, 0), column(row, 1))).collect())
}

/// (header, constant, value) of all enums.
pub fn constants(root: &Path) -> std::io::Result<Vec<(String, String, String)>> {
    let constant = |row: &Vec<String>| (column(row, 0), column(row, 2), column(row, 3));
    Ok(rows(root, "enums.tsv")?.iter().map(constant).collect())
}
