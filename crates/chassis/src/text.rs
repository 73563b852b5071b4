//! Free text that people type: trimmed, bounded, without control characters and without markup.
//!
//! Markup is refused rather than escaped: a record is read by many clients, and one of them will forget to escape.
//! A lone `<` stays allowed, since clinicians write `BP <120/80`.
//!
//! What people type into one of these is refused where it contains an Aadhaar number, which may be kept nowhere. A number that
//! somebody else gave to a thing (a payment, a policy) is no free text: one of twelve digits in ten looks like an Aadhaar number,
//! and [`Line::new`] takes it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use deserr::{DeserializeError, Deserr, IntoValue, MergeWithError, Value, ValuePointerRef};
use serde::Serialize;

use crate::aadhaar;
use crate::strict_json::Fault;

/// One line of at most `MAX` characters.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Line<const MAX: usize>(String);

/// Several lines of at most `MAX` characters in all.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Paragraph<const MAX: usize>(String);

/// Checks one line of free text; gives it trimmed.
///
/// # Errors
/// `too_long`, `control_character` or `markup`.
pub fn line(text: &str, max: usize) -> Result<String, Fault> {
    check(text, max, |c| c.is_control())
}

/// Checks free text of several lines; gives it trimmed.
///
/// # Errors
/// `too_long`, `control_character` or `markup`.
pub fn paragraph(text: &str, max: usize) -> Result<String, Fault> {
    check(text, max, |c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

fn check(text: &str, max: usize, refused: impl Fn(char) -> bool) -> Result<String, Fault> {
    let text = text.trim();
    if text.chars().count() > max {
        return Err(Fault::new("too_long", format!("must have at most {max} characters")));
    }
    if text.chars().any(refused) {
        return Err(Fault::new("control_character", "must not contain control characters"));
    }
    if has_markup(text) {
        return Err(Fault::new("markup", "must not contain HTML"));
    }
    Ok(text.to_owned())
}

/// Whether there is something that a browser would take for a tag.
pub fn has_markup(text: &str) -> bool {
    text.split('<').skip(1).any(|after| {
        after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) && after.contains('>')
    })
}

macro_rules! free_text {
    ($name:ident, $check:path) => {
        impl<const MAX: usize> $name<MAX> {
            /// Checks a text that nobody has just typed: one that is kept already, or a thing's number.
            ///
            /// # Errors
            /// `too_long`, `control_character` or `markup`.
            pub fn new(text: &str) -> Result<Self, Fault> {
                $check(text, MAX).map(Self)
            }

            /// Checks a text that somebody has typed.
            ///
            /// # Errors
            /// The same, and `aadhaar`.
            pub fn typed(text: &str) -> Result<Self, Fault> {
                let text = Self::new(text)?;
                if aadhaar::is_within(&text) { Err(aadhaar::refused()) } else { Ok(text) }
            }

            /// A text that is kept already, whatever it would be told today.
            pub fn kept(text: &str) -> Self {
                Self(text.to_owned())
            }

            /// The text.
            pub fn into_inner(self) -> String {
                self.0
            }
        }

        impl<const MAX: usize> Deref for $name<MAX> {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl<const MAX: usize> fmt::Debug for $name<MAX> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("***")
            }
        }

        impl<E, const MAX: usize> Deserr<E> for $name<MAX>
        where
            E: DeserializeError + MergeWithError<Fault>,
        {
            fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<Self, E> {
                let text = <String as Deserr<E>>::deserialize_from_value(value, at)?;
                Self::typed(&text)
                    .map_err(|fault| deserr::take_cf_content(<E as MergeWithError<Fault>>::merge(None, fault, at)))
            }
        }

        impl<const MAX: usize> utoipa::PartialSchema for $name<MAX> {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .max_length(Some(MAX))
                    .into()
            }
        }

        impl<const MAX: usize> utoipa::ToSchema for $name<MAX> {
            /// Each length is a schema of its own.
            fn name() -> Cow<'static, str> {
                format!("{}{MAX}", stringify!($name)).into()
            }
        }
    };
}

free_text!(Line, line);
free_text!(Paragraph, paragraph);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clinical_comparisons_are_no_markup() {
        assert!(!has_markup("BP <120/80, SpO2 > 94"));
        assert!(has_markup("<script>alert(1)</script>"));
        assert!(has_markup("a <img src=x onerror=1>"));
    }

    #[test]
    fn what_people_type_holds_no_aadhaar_number_and_a_things_number_may_look_like_one() {
        for text in ["card 2341 2341 2346 shown", "234123412346"] {
            assert_eq!(Line::<100>::typed(text).err().map(|fault| fault.code), Some("aadhaar"), "{text}");
            assert_eq!(Paragraph::<100>::typed(text).err().map(|fault| fault.code), Some("aadhaar"), "{text}");
            assert!(Line::<100>::new(text).is_ok(), "{text}");
        }
        assert!(Line::<100>::typed("call +91 98765 43210 at 10").is_ok());
    }

    #[test]
    fn each_length_is_a_schema_of_its_own() {
        use utoipa::ToSchema;
        assert_eq!((Line::<200>::name(), Paragraph::<1000>::name()), ("Line200".into(), "Paragraph1000".into()));
    }
}
