//! Small things that callers send: texts that must say something, numbers that people write with and without quotes.

use std::str::FromStr;

use chassis::strict_json::{Fault, Faults};
use chassis::text::Line;
use chassis::words::{from_text, refused};
use deserr::{IntoValue, Value, ValuePointerRef};

/// One line of text that says something.
///
/// # Errors
/// `empty`, or what [`Line::typed`] refuses.
pub fn filled<const MAX: usize>(text: String) -> Result<Line<MAX>, Fault> {
    says_something(Line::typed(&text)?)
}

/// The number that somebody else gave to a thing, such as a policy. It is no free text, in which Aadhaar numbers are looked for:
/// one number of twelve digits in ten looks like one.
///
/// # Errors
/// `empty`, or what [`Line::new`] refuses.
pub fn issued_number<const MAX: usize>(text: String) -> Result<Line<MAX>, Fault> {
    says_something(Line::new(&text)?)
}

/// The same, where it may be left out or empty: the number of a payment (of UPI twelve digits), a claim, a code.
///
/// # Errors
/// What [`Line::new`] refuses.
pub fn issued_number_if_given<const MAX: usize>(text: Option<String>) -> Result<Option<Line<MAX>>, Fault> {
    text.as_deref().map(Line::new).transpose()
}

fn says_something<const MAX: usize>(line: Line<MAX>) -> Result<Line<MAX>, Fault> {
    if line.is_empty() { Err(Fault::new("empty", "must not be empty")) } else { Ok(line) }
}

/// The same, where it may be left out.
///
/// # Errors
/// `empty`, or what [`Line::typed`] refuses.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hold_no_aadhaar_number_and_a_payments_number_may_look_like_one() {
        let code = |refused: Result<Line<200>, Fault>| refused.err().map(|fault| fault.code);
        assert_eq!(code(filled("card 2341 2341 2346".to_owned())), Some("aadhaar"));
        assert_eq!(code(filled(" ".to_owned())), Some("empty"));
        let upi = "234123412346".to_owned();
        assert_eq!(code(issued_number(upi.clone())), None);
        assert!(issued_number_if_given::<100>(Some(upi)).is_ok_and(|line| line.is_some()));
        assert_eq!(code(issued_number(" ".to_owned())), Some("empty"));
    }
}
