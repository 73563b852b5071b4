//! The rules of single fields. Pure.

use std::collections::HashSet;
use std::sync::LazyLock;

use auth::Role;
use auth::roles::UnknownRole;
use chassis::strict_json::Fault;
use chassis::text;
use secrecy::{ExposeSecret, SecretString};

/// Passwords have at least this many characters (NIST SP 800-63B asks for 8, and for 15 where it is the only factor).
pub const LEAST_PASSWORD: usize = 12;
/// And at most this many.
pub const MOST_PASSWORD: usize = 128;

/// A username: letters, digits and `_ . + -`; no `@`, so that it is nobody's email address.
///
/// # Errors
/// `required`, `invalid` or `too_long`.
pub fn username(text: String) -> Result<String, Fault> {
    let text = text.trim();
    let first = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let rest = text.bytes().all(|c| c.is_ascii_alphanumeric() || b"_.+-".contains(&c));
    match text.len() {
        0 => Err(Fault::new("required", "must not be empty")),
        1..=150 if first && rest => Ok(text.to_owned()),
        1..=150 => Err(Fault::new(
            "invalid",
            "must have letters, digits and _ . + - only, and begin with a letter, digit or _",
        )),
        _ => Err(Fault::new("too_long", "must have at most 150 characters")),
    }
}

/// NIST SP 800-63B: length, any characters, no rules of composition, none that everybody tries first.
///
/// # Errors
/// `too_short`, `too_long` or `too_common`.
pub fn password(text: String) -> Result<SecretString, Fault> {
    let length = text.chars().count();
    let password = SecretString::from(text);
    match length {
        ..LEAST_PASSWORD => Err(Fault::new("too_short", format!("must have at least {LEAST_PASSWORD} characters"))),
        LEAST_PASSWORD..=MOST_PASSWORD if is_common(password.expose_secret()) => {
            Err(Fault::new("too_common", "is one that everybody tries first"))
        }
        LEAST_PASSWORD..=MOST_PASSWORD => Ok(password),
        _ => Err(Fault::new("too_long", format!("must have at most {MOST_PASSWORD} characters"))),
    }
}

/// Passwords of twelve characters and more that lists of leaked ones begin with, Indian ones among them. The list is our
/// own work: words, names and sayings with what people put behind them.
fn common() -> &'static HashSet<&'static str> {
    static COMMON: LazyLock<HashSet<&'static str>> =
        LazyLock::new(|| include_str!("common-passwords.txt").lines().collect());
    &COMMON
}

/// In the list, one character over and over, a run of the keyboard or the alphabet, or a word that leads every list.
fn is_common(password: &str) -> bool {
    const RUNS: [&str; 4] =
        ["01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "1q2w3e4r5t6y7u8i9o0p"];
    const WORDS: [&str; 9] =
        ["password", "qwerty", "welcome", "letmein", "iloveyou", "admin", "administrator", "hospital", "changeme"];
    let lower = password.to_lowercase();
    if common().contains(lower.as_str()) {
        return true;
    }
    let first = lower.chars().next();
    let letters = lower.trim_matches(|c: char| !c.is_alphabetic());
    lower.chars().all(|c| Some(c) == first)
        || RUNS.iter().any(|run| run.contains(&lower))
        || WORDS.iter().any(|word| letters == *word || letters == word.repeat(2))
}

/// A required line of text, at most 100 characters.
///
/// # Errors
/// `required`, `too_long`, `control_character` or `markup`.
pub fn name(text: String) -> Result<String, Fault> {
    required(&text, 100)
}

/// A line of text that may be empty, at most 100 characters.
///
/// # Errors
/// `too_long`, `control_character` or `markup`.
pub fn last_name(text: String) -> Result<String, Fault> {
    text::line(&text, 100)
}

/// A number in the medical register, at most 50 characters.
///
/// # Errors
/// `required`, `too_long`, `control_character` or `markup`.
pub fn registration_number(text: String) -> Result<String, Fault> {
    required(&text, 50)
}

/// A department, or none.
///
/// # Errors
/// `required`, `too_long`, `control_character` or `markup`.
pub fn department(text: Option<String>) -> Result<Option<String>, Fault> {
    text.map(name).transpose()
}

fn required(text: &str, max: usize) -> Result<String, Fault> {
    let line = text::line(text, max)?;
    if line.is_empty() { Err(Fault::new("required", "must not be empty")) } else { Ok(line) }
}

/// A role.
///
/// # Errors
/// `unknown_value`.
pub fn role(text: String) -> Result<Role, Fault> {
    text.parse().map_err(|fault: UnknownRole| Fault::new("unknown_value", format!("is {fault}")))
}
