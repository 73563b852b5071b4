//! E-mail addresses, PIN codes and languages.

use chassis::strict_json::Fault;

use super::Rule;

/// An e-mail address, kept in lower case.
pub struct Email;

impl Rule for Email {
    fn canonical(text: &str) -> Result<String, Fault> {
        let text = text.to_ascii_lowercase();
        match text.rsplit_once('@') {
            Some((local, domain)) if text.len() <= 254 && is_local(local) && is_domain(domain) => Ok(text),
            _ => Err(Fault::new("invalid_email", "must be an e-mail address")),
        }
    }
}

fn is_local(local: &str) -> bool {
    (1..=64).contains(&local.len())
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"._%+-'".contains(&b))
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.')
        && domain.split('.').all(is_label)
        && last.len() >= 2
        && last.bytes().any(|b| b.is_ascii_alphabetic())
}

/// An Indian PIN code, or a postal code of another country; which, [`fits_country`] asks.
pub struct PostalCode;

impl Rule for PostalCode {
    fn canonical(text: &str) -> Result<String, Fault> {
        let code: String = text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase();
        let code = if code.len() == 7 && code.bytes().all(|b| b.is_ascii_digit() || b == b' ') {
            code.replace(' ', "")
        } else {
            code
        };
        if (1..=12).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ' || b == b'-') {
            Ok(code)
        } else {
            Err(Fault::new("invalid_pin_code", "must be a postal code"))
        }
    }
}

/// In India, a PIN code has six digits, the first not 0.
///
/// # Errors
/// `invalid_pin_code`.
pub fn fits_country(code: &str, country: &str) -> Result<(), Fault> {
    let is_pin = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) && !code.starts_with('0');
    if is_pin || !is_india(country) {
        Ok(())
    } else {
        Err(Fault::new("invalid_pin_code", "must be a PIN code of six digits, the first not 0"))
    }
}

/// Whether a country, as people write it, is India.
pub fn is_india(country: &str) -> bool {
    ["", "in", "ind", "india", "bharat"].contains(&country.trim().to_lowercase().as_str())
}

/// A BCP 47 language tag such as `ta`, `hi-IN` or `pa-Arab-PK`, in its usual case.
pub struct Language;

impl Rule for Language {
    fn canonical(text: &str) -> Result<String, Fault> {
        let fault = || Fault::new("invalid_language", "must be a BCP 47 language tag such as hi or ta-IN");
        let subtags: Vec<&str> = text.split('-').collect();
        let (primary, rest) = subtags.split_first().ok_or_else(fault)?;
        let is_primary = (2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_alphabetic());
        let is_subtag = |tag: &&str| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_primary
            || text.len() > 35
            || !rest.iter().all(is_subtag)
            || rest.last().is_some_and(|tag| tag.len() == 1)
        {
            return Err(fault());
        }
        let mut tag = primary.to_ascii_lowercase();
        for subtag in rest {
            tag.push('-');
            tag.push_str(&usual_case(subtag));
        }
        Ok(tag)
    }
}

fn usual_case(subtag: &str) -> String {
    let alphabetic = subtag.bytes().all(|b| b.is_ascii_alphabetic());
    match (subtag.len(), alphabetic) {
        (2, true) => subtag.to_ascii_uppercase(),
        (4, true) => {
            let lower = subtag.to_ascii_lowercase();
            lower.char_indices().map(|(place, c)| if place == 0 { c.to_ascii_uppercase() } else { c }).collect()
        }
        _ => subtag.to_ascii_lowercase(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn emails() {
        assert_eq!(Email::canonical("Lakshmi.R+x@Example.IN").unwrap(), "lakshmi.r+x@example.in");
        for text in [
            "",
            "x",
            "@x.in",
            "x@",
            "x@y",
            "a..b@x.in",
            "a b@x.in",
            "a@x..in",
            "a@-x.in",
            "a@x.1",
            "<a@x.in>",
            "a@b@x.in",
        ] {
            assert!(Email::canonical(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pin_codes_in_india_and_postal_codes_abroad() {
        assert_eq!(PostalCode::canonical("560 001").unwrap(), "560001");
        assert!(fits_country("560001", "India").is_ok());
        for code in ["012345", "56001", "5600011", "ABCDEF"] {
            assert!(fits_country(code, "India").is_err(), "{code}");
        }
        assert!(fits_country("SW1A 1AA", "United Kingdom").is_ok());
        assert!(PostalCode::canonical("9999; DROP").is_err());
    }

    #[test]
    fn languages() {
        for (text, kept) in [("HI", "hi"), ("ta-in", "ta-IN"), ("PA-ARAB-pk", "pa-Arab-PK")] {
            assert_eq!(Language::canonical(text).unwrap(), kept);
        }
        for text in ["", "h", "hindi", "hi_IN", "hi-", "hi-x", "12", "hi--IN"] {
            assert!(Language::canonical(text).is_err(), "{text}");
        }
    }
}
