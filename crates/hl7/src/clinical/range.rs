//! OBX-7: the range of results that is usual.

use serde::Serialize;

use crate::datatype::Decimal;
use crate::masked::masked;

/// A reference range. The words are always there; the limits where the words are of a form that leaves no doubt.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ReferenceRange {
    /// As it was written.
    pub text: String,
    /// The lowest usual value.
    pub low: Option<Decimal>,
    /// The highest usual value.
    pub high: Option<Decimal>,
}

masked!(ReferenceRange);

impl ReferenceRange {
    /// Reads `3.5-5.0`, `-2 to 2`, `<5`, `>= 60`, a unit behind it or not. `M 13-17` stays words.
    pub(super) fn read(text: String) -> Self {
        let (low, high) = limits(&text).unwrap_or_default();
        Self { text, low, high }
    }
}

fn limits(text: &str) -> Option<(Option<Decimal>, Option<Decimal>)> {
    let text = text.trim().trim_start_matches(['(', '[']);
    for (mark, is_high) in [("<=", true), (">=", false), ("≤", true), ("≥", false), ("<", true), (">", false)] {
        if let Some(rest) = text.strip_prefix(mark) {
            let (number, rest) = number(rest.trim_start())?;
            let alone = is_unit(rest);
            return alone.then_some(if is_high { (None, Some(number)) } else { (Some(number), None) });
        }
    }
    let (low, rest) = number(text)?;
    let rest = rest.trim_start();
    let rest = ["to", "-", "–", "—"].iter().find_map(|mark| rest.strip_prefix(mark))?;
    let (high, rest) = number(rest.trim_start())?;
    is_unit(rest).then_some((Some(low), Some(high)))
}

/// The number in front, and what follows it.
fn number(text: &str) -> Option<(Decimal, &str)> {
    let end = text
        .char_indices()
        .find(|(at, c)| !(c.is_ascii_digit() || *c == '.' || (*at == 0 && matches!(c, '-' | '+'))))
        .map_or(text.len(), |(at, _)| at);
    let (digits, rest) = text.split_at_checked(end)?;
    Some((Decimal::parse(digits)?, rest))
}

/// A unit at most: no further number, limit or condition.
fn is_unit(rest: &str) -> bool {
    let rest = rest.trim().trim_end_matches([')', ']']).trim();
    !rest.contains([';', ',', ':', '<', '>', '=']) && rest.split_whitespace().count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, String) {
        let range = ReferenceRange::read(text.to_owned());
        let shown = |limit: Option<Decimal>| limit.map_or(String::new(), |limit| limit.as_str().to_owned());
        (shown(range.low), shown(range.high))
    }

    fn pair(low: &str, high: &str) -> (String, String) {
        (low.to_owned(), high.to_owned())
    }

    #[test]
    fn limits_are_read_where_there_is_no_doubt() {
        assert_eq!(read("70-80"), pair("70", "80"));
        assert_eq!(read("3.50 - 5.0 mmol/L"), pair("3.50", "5.0"));
        assert_eq!(read("-2 to 2"), pair("-2", "2"));
        assert_eq!(read("-5--1"), pair("-5", "-1"));
        assert_eq!(read("(0.4–4.0)"), pair("0.4", "4.0"));
        assert_eq!(read("<5"), pair("", "5"));
        assert_eq!(read(">= 60 mL/min"), pair("60", ""));
    }

    #[test]
    fn words_stay_words() {
        for text in
            ["M 13-17", "Negative", "13-17; F 12-15", "70", "", "<5 or >9", "1:40", "5-", "0-5 years 1-3", "<", "1-2,3"]
        {
            assert_eq!(read(text), pair("", ""), "{text}");
        }
    }
}
