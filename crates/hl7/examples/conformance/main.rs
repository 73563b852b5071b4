//! Compares what this crate reads out of messages with FHIR bundles that an independent converter made of the same messages.
//!
//! ```text
//! cargo run -p hl7 --example conformance -- <folder of messages> <folder of expected bundles> [<page to write>]
//! ```
//!
//! Facts are compared, never JSON: the bundles have identifiers and quirks of their own. Ends with 1 below 95 %. With the page, the
//! messages and the bundles' facts are written to `conformance/`, where a test looks whether the page is what would be written now.

mod bundle;
mod page;
mod reasons;
mod said;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// One fact, as both sides write it: `("address.city", "Chennai")`.
type Fact = (String, String);

/// The facts of a message.
type Facts = BTreeSet<Fact>;

/// How one message compares.
struct Compared {
    name: String,
    /// In the bundle.
    expected: Facts,
    matched: usize,
    /// In the bundle and not here, each with its reason.
    missing: Vec<(Fact, reasons::Reason)>,
    /// Here and not in the bundle.
    extra: Vec<Fact>,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to whoever ran it")]
fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (messages, expected, write) = match arguments.as_slice() {
        [messages, expected] => (messages, expected, None),
        [messages, expected, page] => (messages, expected, Some(page)),
        _ => {
            eprintln!("usage: conformance <folder of messages> <folder of expected bundles> [<page to write>]");
            return ExitCode::from(2);
        }
    };
    let compared = match compare_all(messages, expected) {
        Ok(compared) => compared,
        Err(fault) => {
            eprintln!("{fault}");
            return ExitCode::from(2);
        }
    };
    let page = page::page(&compared);
    match write {
        None => println!("{page}"),
        Some(path) => {
            let written = std::fs::write(path, page).and_then(|()| keep(messages, &compared));
            if let Err(fault) = written {
                eprintln!("{}: {fault}", path.display());
                return ExitCode::from(2);
            }
        }
    }
    let (matched, defined) = page::totals(&compared);
    println!("{matched} of {defined} facts that the tables define");
    if matched * 100 >= defined * 95 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn compare_all(messages: &Path, expected: &Path) -> Result<Vec<Compared>, String> {
    let at = |path: &Path, fault: &dyn std::fmt::Display| format!("{}: {fault}", path.display());
    let entries = std::fs::read_dir(messages).map_err(|fault| at(messages, &fault))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "hl7"));
    paths.sort();
    let mut compared = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).map_err(|fault| at(&path, &fault))?;
        let content = hl7::parse(&bytes).and_then(|message| hl7::read(&message)).map_err(|fault| at(&path, &fault))?;
        let (bundle, kept) = (expected.join(format!("{name}.json")), expected.join(format!("{name}.facts")));
        let expected = if bundle.exists() {
            let json = std::fs::read(&bundle).map_err(|fault| at(&bundle, &fault))?;
            bundle::facts(&serde_json::from_slice(&json).map_err(|fault| at(&bundle, &fault))?)
        } else {
            let lines = std::fs::read_to_string(&kept).map_err(|fault| at(&kept, &fault))?;
            let facts: Result<Facts, _> = lines.lines().map(serde_json::from_str).collect();
            facts.map_err(|fault| at(&kept, &fault))?
        };
        compared.push(compare(name, expected, &said::facts(&content)));
    }
    Ok(compared)
}

/// Where the messages and the facts of their bundles are kept, a fact a line.
fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

fn keep(messages: &Path, compared: &[Compared]) -> std::io::Result<()> {
    let folder = kept();
    std::fs::create_dir_all(&folder)?;
    for Compared { name, expected, .. } in compared {
        let file = format!("{name}.hl7");
        std::fs::write(folder.join(&file), std::fs::read(messages.join(&file))?)?;
        let lines: Result<String, _> =
            expected.iter().map(|fact| serde_json::to_string(fact).map(|line| line + "\n")).collect();
        std::fs::write(folder.join(format!("{name}.facts")), lines?)?;
    }
    Ok(())
}

fn compare(name: String, expected: Facts, said: &Facts) -> Compared {
    let (matched, missing): (Vec<&Fact>, Vec<&Fact>) = expected.iter().partition(|fact| is_said(fact, said));
    Compared {
        name,
        matched: matched.len(),
        missing: missing.into_iter().map(|fact| (fact.clone(), reasons::of(fact))).collect(),
        extra: said.iter().filter(|fact| !is_said(fact, &expected)).cloned().collect(),
        expected,
    }
}

/// The lines of an address are divided differently: a line that stands within another is there.
fn is_said((name, value): &Fact, facts: &Facts) -> bool {
    let within = |other: &Fact| other.0 == "address.line" && (other.1.contains(value) || value.contains(&other.1));
    facts.contains(&(name.clone(), value.clone())) || (name == "address.line" && facts.iter().any(within))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_would_be_written_now() -> Result<(), String> {
        let compared = compare_all(&kept(), &kept())?;
        assert!(
            page::page(&compared) == include_str!("../../../../docs/hl7-conformance.md"),
            "write docs/hl7-conformance.md anew"
        );
        let (matched, defined) = page::totals(&compared);
        assert!(compared.len() >= 17 && matched * 100 >= defined * 95, "{matched} of {defined}");
        Ok(())
    }
}
