//! No two types of a service have one name in its OpenAPI document: the document would keep one of them, for both.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::{collect, short};

/// Crates whose types stand in the documents of services.
const PLATFORM: [&str; 4] = ["audit", "auth", "chassis", "events"];
/// Macros that give each type in them a schema.
const MACROS: [&str; 2] = ["words! {", "rows! {"];

/// Notes each name that stands for two types of a service.
pub fn check(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    for service in fs::read_dir(root.join("services"))?.flatten() {
        let folders = PLATFORM.map(|name| root.join("crates").join(name));
        let mut files = Vec::new();
        for folder in folders.iter().chain([&service.path()]) {
            collect(&folder.join("src"), &mut files)?;
        }
        let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in &files {
            for name in names(&fs::read_to_string(file)?) {
                types.entry(name).or_default().push(short(root, file));
            }
        }
        let twice = types.into_iter().filter(|(_name, places)| places.len() > 1);
        faults.extend(twice.map(|(name, places)| {
            format!("{}: one name, `{name}`, in one OpenAPI document; say #[schema(as = …)]", places.join(" and "))
        }));
    }
    Ok(())
}

/// The names that a source file's types have in a document.
fn names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut in_macro, mut attributes) = (false, String::new());
    for line in text.lines() {
        let code = line.trim();
        if MACROS.iter().any(|opening| code.ends_with(opening)) {
            in_macro = true;
        } else if line == "}" {
            in_macro = false;
        } else if let Some(name) = declared(code) {
            if in_macro || attributes.contains("ToSchema") {
                names.push(renamed(&attributes).unwrap_or(name).to_owned());
            }
        } else if code.starts_with("//") {
            continue;
        } else if !code.ends_with([';', '}']) {
            attributes.push_str(code); // or something else, which says neither of the words
            continue;
        }
        attributes.clear();
    }
    names
}

/// The type that a line begins to declare.
fn declared(code: &str) -> Option<&str> {
    let code = code.strip_prefix("pub(crate) ").or_else(|| code.strip_prefix("pub ")).unwrap_or(code);
    word(code.strip_prefix("struct ").or_else(|| code.strip_prefix("enum "))?)
}

/// The name that an attribute gives it instead.
fn renamed(attributes: &str) -> Option<&str> {
    word(attributes.split_once("schema(as = ")?.1)
}

fn word(text: &str) -> Option<&str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_under_the_names_that_they_have_in_a_document() {
        let text = "use utoipa::ToSchema;\n\n/// Not a ToSchema.\nstruct Row;\n\n#[derive(Debug, ToSchema)]\n/// Shown.\npub struct View<T> {\n    id: i64,\n}\n\n\
                    #[derive(\n    Debug,\n    ToSchema,\n)]\n#[schema(as = Gone)]\npub enum Status {\n    Gone,\n}\n\n\
                    chassis::words! {\n    /// Why.\n    pub enum Reason {\n        /// One.\n        One = \"ONE\",\n    }\n}\n\n\
                    rows! {\n    /// A.\n    pub struct A {\n        pub a: i64,\n    }\n\n    /// B.\n    pub struct B {\n        pub b: i64,\n    }\n}\n\nstruct Hidden;\n";
        assert_eq!(names(text), ["View", "Gone", "Reason", "A", "B"]);
    }
}
