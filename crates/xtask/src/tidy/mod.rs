//! House rules that no compiler knows: names, sizes, READMEs, a gateway that knows no medicine, and schemas with names of their own.

mod schemas;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// A source file longer than this does more than one thing.
const LONGEST: usize = 600;

/// Names that say nothing: things go where they are used, or get a name of their own.
const EMPTY_NAMES: [&str; 12] = [
    "utils",
    "util",
    "common",
    "helper",
    "helpers",
    "manager",
    "misc",
    "shared",
    "base_service",
    "handler_impl",
    "repository",
    "stuff",
];

/// The gateway routes requests and knows nothing of what they are about.
const DOMAIN_NOUNS: [&str; 6] = ["patient", "appointment", "invoice", "billing", "doctor", "diagnosis"];

/// Checks everything and lists every fault.
pub fn tidy(root: &Path) -> Result<()> {
    let mut faults = Vec::new();
    let crates = crate_folders(root)?;
    for folder in &crates {
        if !folder.join("README.md").is_file() {
            faults.push(format!("{}: has no README.md", short(root, folder)));
        }
    }
    let mut files = Vec::new();
    for folder in crates.iter().chain([&root.join("tests")]) {
        collect(folder, &mut files)?;
    }
    for file in &files {
        check_file(root, file, &mut faults)?;
    }
    schemas::check(root, &mut faults)?;
    if faults.is_empty() {
        say!("{} source files in {} crates are as they should be", files.len(), crates.len());
        return Ok(());
    }
    bail!("{}", faults.join("\n"))
}

fn check_file(root: &Path, file: &Path, faults: &mut Vec<String>) -> Result<()> {
    let path = short(root, file);
    if let Some(name) = empty_name(&path) {
        faults.push(format!("{path}: `{name}` says nothing of what is in it"));
    }
    let text = fs::read_to_string(file)?;
    let lines = text.lines().count();
    if lines > LONGEST {
        faults.push(format!("{path}: {lines} lines; split it (at most {LONGEST})"));
    }
    if path.starts_with("crates/gateway/src/") {
        for (at, noun) in domain_nouns(&text) {
            faults.push(format!("{path}:{at}: the gateway says `{noun}`: it knows routes, not medicine"));
        }
    }
    Ok(())
}

fn empty_name(path: &str) -> Option<&'static str> {
    let words = path.split(['/', '.']);
    words.into_iter().find_map(|word| EMPTY_NAMES.into_iter().find(|name| *name == word))
}

/// Domain nouns in code, with their line; tests may name real paths.
fn domain_nouns(text: &str) -> Vec<(usize, &'static str)> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_lowercase();
    let mut found = Vec::new();
    for (at, line) in code.lines().enumerate() {
        found.extend(DOMAIN_NOUNS.into_iter().filter(|noun| line.contains(noun)).map(|noun| (at + 1, noun)));
    }
    found
}

fn crate_folders(root: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for group in ["crates", "services"] {
        for entry in fs::read_dir(root.join(group))?.flatten() {
            if entry.path().join("Cargo.toml").is_file() {
                folders.push(entry.path());
            }
        }
    }
    folders.sort();
    Ok(folders)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

fn short(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_names_are_whole_words() {
        assert_eq!(empty_name("crates/chassis/src/utils.rs"), Some("utils"));
        assert_eq!(empty_name("services/x/src/common/mod.rs"), Some("common"));
        assert_eq!(empty_name("crates/hl7/src/commonwealth.rs"), None);
    }

    #[test]
    fn the_gateway_may_name_medicine_in_its_tests_only() {
        assert_eq!(domain_nouns("fn route() {}\nfn patient_route() {}"), [(2, "patient")]);
        assert!(domain_nouns("fn route() {}\n#[cfg(test)]\nmod tests { /* /api/patients/ */ }").is_empty());
    }
}
