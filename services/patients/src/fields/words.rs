//! Names of people and of places.

use chassis::strict_json::Fault;
use chassis::text;

use super::Rule;

/// The only name, or the first: must have a letter.
pub struct FirstName;

/// The last name, which many people do not have.
pub struct LastName;

/// What a line of an address holds.
pub struct AddressLine;

/// A town, a district, a state, a country, a relationship.
pub struct PlaceName;

impl Rule for FirstName {
    fn canonical(text: &str) -> Result<String, Fault> {
        name(text)
    }
}

impl Rule for LastName {
    fn canonical(text: &str) -> Result<String, Fault> {
        name(text)
    }
}

impl Rule for PlaceName {
    fn canonical(text: &str) -> Result<String, Fault> {
        plain(text, 100, ".,'-/()&")
    }
}

impl Rule for AddressLine {
    fn canonical(text: &str) -> Result<String, Fault> {
        plain(text, 200, ".,'-/()&#:+*@")
    }
}

/// Letters of any script with initials, apostrophes and hyphens; digits too (`Baby 2 of Lakshmi`).
fn name(text: &str) -> Result<String, Fault> {
    let name = plain(text, 100, ".,'-/()`")?;
    if name.chars().any(char::is_alphabetic) { Ok(name) } else { Err(Fault::new("invalid_name", "must have a letter")) }
}

fn plain(text: &str, max: usize, punctuation: &str) -> Result<String, Fault> {
    let line = text::line(text, max)?;
    let allowed = |c: char| {
        c.is_ascii_alphanumeric() || c == ' ' || punctuation.contains(c) || (!c.is_ascii() && !is_invisible(c))
    };
    if !line.chars().all(allowed) {
        return Err(Fault::new(
            "invalid_character",
            format!("must consist of letters, digits, spaces and {punctuation}"),
        ));
    }
    Ok(line.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What would make two different names look alike. The two joiners stay: Indian scripts need them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e000}'..='\u{f8ff}')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_kind() {
        for text in [
            "R. Lakshmi",
            "Lakshmi R",
            "O'Brien",
            "D'Souza-Pinto",
            "José",
            "लक्ष्मी",
            "രാജേഷ്",
            "محمد",
            "Baby 2 of Lakshmi",
            "S/o Ram",
            "李",
        ] {
            assert_eq!(name(text).unwrap(), text);
        }
        assert_eq!(name("  Ravi   Kumar ").unwrap(), "Ravi Kumar");
    }

    #[test]
    fn what_is_no_name() {
        for text in [
            "",
            "42",
            "...",
            "<b>Ravi</b>",
            "Ravi\0",
            "Ravi\nKumar",
            "Robert'); DROP TABLE patients;--",
            "a=1",
            "Ra\u{202e}vi",
            "Ra\u{200b}vi",
            "\u{feff}",
        ] {
            assert!(name(text).is_err(), "{text:?}");
        }
        assert!(name(&"a".repeat(101)).is_err());
    }

    #[test]
    fn addresses_hold_more() {
        assert!(AddressLine::canonical("#12/4, 3rd Cross: Opp. S.B.I. & Sons").is_ok());
        assert!(AddressLine::canonical("x'; DELETE FROM patients").is_err());
    }
}
