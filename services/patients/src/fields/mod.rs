//! The values that a patient's record is made of: what is accepted, and the one form in which each is kept. Pure.
//!
//! Every text passes [`checked`], over HTTP and from HL7 alike, so that what is stored would always be accepted again.

pub mod abha;
pub mod birth_date;
pub mod contact;
pub mod lists;
pub mod phone;
pub mod words;

pub use chassis::aadhaar;
use chassis::phi::Phi;
use chassis::strict_json::Fault;

/// What a text must be, and its canonical form.
pub trait Rule {
    /// Whether a number of twelve digits may be part of a good value; elsewhere it is taken for an Aadhaar number.
    const HOLDS_NUMBERS: bool = false;

    /// The canonical form of a trimmed text.
    ///
    /// # Errors
    /// What is wrong, without repeating the value.
    fn canonical(text: &str) -> Result<String, Fault>;
}

/// A text under a rule; an Aadhaar number is refused whatever the rule says.
///
/// # Errors
/// The rule's fault, or `aadhaar`.
pub fn checked<R: Rule>(text: &str) -> Result<Phi<String>, Fault> {
    let canonical = R::canonical(text.trim());
    let suspicious = match &canonical {
        Ok(_) if R::HOLDS_NUMBERS => false,
        Ok(canonical) => aadhaar::is_within(canonical),
        Err(_) => aadhaar::is_within(text),
    };
    if suspicious {
        return Err(aadhaar::refused());
    }
    canonical.map(Phi::new)
}

/// For a field that must be there: the rule decides about the empty text too.
///
/// # Errors
/// As [`checked`].
pub fn required<R: Rule>(text: String) -> Result<Phi<String>, Fault> {
    checked::<R>(&text)
}

/// For a field that may be absent, null or empty, which are the same.
///
/// # Errors
/// As [`checked`].
pub fn optional<R: Rule>(text: Option<String>) -> Result<Option<Phi<String>>, Fault> {
    match text {
        Some(text) if !text.trim().is_empty() => checked::<R>(&text).map(Some),
        _ => Ok(None),
    }
}

/// For a text that may be empty and is then kept as empty.
///
/// # Errors
/// As [`checked`].
pub fn or_empty<R: Rule>(text: Option<String>) -> Result<Phi<String>, Fault> {
    optional::<R>(text).map(Option::unwrap_or_default)
}

/// The id of something in another service, which no Aadhaar number is.
///
/// # Errors
/// `out_of_range` unless positive, or `aadhaar`.
pub fn optional_id(id: Option<i64>) -> Result<Option<i64>, Fault> {
    match id {
        Some(id) if id < 1 => Err(Fault::new("out_of_range", "must be a positive id")),
        Some(id) if is_aadhaar(id) => Err(aadhaar::refused()),
        id => Ok(id),
    }
}

fn is_aadhaar(id: i64) -> bool {
    let digits: Vec<u8> = id.to_string().bytes().map(|digit| digit.saturating_sub(b'0')).collect();
    aadhaar::is_number(&digits)
}
