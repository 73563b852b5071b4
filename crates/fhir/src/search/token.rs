//! `[system]|[code]`, and the escapes that all values share.

use serde::{Deserialize, Serialize};

use super::Fault;

/// A value within a system, or within any.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The system: none was said, or it was said that there is none (empty).
    pub system: Option<String>,
    /// The value; not empty.
    pub value: String,
}

impl Token {
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let parts = split(text, '|');
        let (system, value) = match parts.as_slice() {
            [value] => (None, *value),
            [system, value] => (Some(unescape(system.trim())), *value),
            _ => return Err(Fault::new("invalid", "must be [system]|[value] or [value]")),
        };
        let value = unescape(value).trim().to_owned();
        if value.is_empty() {
            return Err(Fault::new("required", "must have a value, with or without its system"));
        }
        Ok(Self { system, value })
    }
}

/// The parts between separators that are not escaped.
pub(crate) fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut from, mut escaped) = (0, false);
    for (at, c) in text.char_indices() {
        if c == separator && !escaped {
            parts.extend(text.get(from..at));
            from = at.saturating_add(c.len_utf8());
        }
        escaped = c == '\\' && !escaped;
    }
    parts.extend(text.get(from..));
    parts
}

/// The text without its escapes; a `\` before anything else stands for itself.
pub(crate) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let escapes = c == '\\' && rest.peek().is_some_and(|next| ['\\', ',', '|', '$'].contains(next));
        plain.push(if escapes { rest.next().unwrap_or(c) } else { c });
    }
    plain
}
