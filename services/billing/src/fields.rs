//! Small things that callers send: texts that must say something, numbers that people write with and without quotes.

use std::str::FromStr;

use chassis::strict_json::{Fault, Faults};
use chassis::text::Line;
use chassis::words::{from_text, refused};
use deserr::{IntoValue, Value, ValuePointerRef};

/// One line of text that says something.
///
/// # Errors
/// `empty`, or what [`Line`] refuses.
pub fn filled<const MAX: usize>(text: String) -> Result<Line<MAX>, Fault> {
    let line = Line::new(&text)?;
    if line.is_empty() { Err(Fault::new("empty", "must not be empty")) } else { Ok(line) }
}

/// The same, where it may be left out.
///
/// # Errors
/// `empty`, or what [`Line`] refuses.
pub fn filled_if_given<const MAX: usize>(text: Option<String>) -> Result<Option<Line<MAX>>, Fault> {
    text.map(filled).transpose()
}

/// Reads a JSON string or a whole number, for quantities and rates, of which people write `1` as often as `"1"`.
///
/// # Errors
/// The fault at its place; a fraction written as a JSON number is one, for it would pass through a float.
pub fn from_text_or_integer<T, V>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<T, Faults>
where
    T: FromStr<Err = Fault>,
    V: IntoValue,
{
    match value {
        Value::Integer(whole) => whole.to_string().parse().map_err(|fault| refused(fault, at)),
        Value::Float(_) => Err(refused(Fault::new("wrong_type", "write a fraction as a string, such as \"1.5\""), at)),
        other => from_text(other, at),
    }
}
