//! What the lists of this service share: reading their parameters.

use std::str::FromStr;

use chassis::page::Page;
use chassis::problem::Problem;
use chassis::strict_json::{self, Fault};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// More words than a name has find nothing and cost much.
const MOST_WORDS: usize = 8;
const LONGEST: usize = 100;

/// The words of a search.
///
/// # Errors
/// `too_long`.
pub fn search(text: String) -> Result<Vec<String>, Fault> {
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    if words.len() > MOST_WORDS || text.chars().count() > LONGEST {
        return Err(Fault::new("too_long", format!("must have at most {MOST_WORDS} words and {LONGEST} characters")));
    }
    Ok(words)
}

/// A text to compare with.
///
/// # Errors
/// `too_long`.
pub fn text(text: String) -> Result<Option<String>, Fault> {
    let text = text.trim();
    if text.chars().count() > LONGEST {
        return Err(Fault::new("too_long", format!("must have at most {LONGEST} characters")));
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

/// A number, or true or false.
///
/// # Errors
/// `invalid`.
pub fn number<T: FromStr>(text: String) -> Result<Option<T>, Fault> {
    strict_json::from_str(text).map(Some)
}

/// A pattern for `ILIKE` that finds `word` anywhere, and nothing in it as a wildcard.
#[must_use]
pub fn like(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// The position in a cursor, which is ours, of this version or another.
///
/// # Errors
/// 400 when it is another version's and no longer fits.
pub fn position<T: DeserializeOwned>(at: &Value) -> Result<T, Problem> {
    serde_json::from_value(at.clone())
        .map_err(|_fault| Problem::invalid("cursor", "invalid", "is not a cursor of ours"))
}

/// The same page of something else.
pub fn map<T, U>(page: Page<T>, of: impl Fn(T) -> U) -> Page<U> {
    Page {
        count: page.count,
        count_is_estimate: page.count_is_estimate,
        next: page.next,
        previous: page.previous,
        results: page.results.into_iter().map(of).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_letters() {
        assert_eq!(like(r"50%_\"), r"%50\%\_\\%");
    }
}
