//! Email addresses and phone numbers, as people type them. Pure.

use chassis::phi::Phi;
use chassis::strict_json::Fault;
use phonenumber::Mode;
use phonenumber::country::Id;

/// An email address as it is stored: trimmed, and otherwise as typed.
///
/// ASCII only, and no quoted local parts: what every mail server takes.
///
/// # Errors
/// `invalid` or `too_long`.
pub fn email(text: String) -> Result<Phi<String>, Fault> {
    let text = text.trim();
    if text.len() > 254 {
        return Err(Fault::new("too_long", "must have at most 254 characters"));
    }
    let valid = text.split_once('@').is_some_and(|(local, domain)| is_local(local) && is_domain(domain));
    if valid { Ok(Phi::new(text.to_owned())) } else { Err(Fault::new("invalid", "is not an email address")) }
}

fn is_local(local: &str) -> bool {
    let atom = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&c);
    local.len() <= 64 && local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom))
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.')
        && domain.split('.').all(label)
        && top.len() >= 2
        && top.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// A phone number as it is stored: E.164. Null and empty: none.
///
/// # Errors
/// `invalid`.
pub fn phone(text: Option<String>) -> Result<Option<Phi<String>>, Fault> {
    let text = text.unwrap_or_default();
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let number = typed_by_a_person(text).and_then(|()| indian_mobile(text).or_else(|| elsewhere(text)));
    match number {
        Some(number) => Ok(Some(Phi::new(number))),
        None => Err(Fault::new("invalid", "is not a phone number; write it as 98765 43210 or +91 98765 43210")),
    }
}

/// Digits and what people put between them; the parser below would read past anything else.
fn typed_by_a_person(text: &str) -> Option<()> {
    let (first, rest) = text.split_at_checked(1)?;
    let between = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.');
    (text.len() <= 32 && (first == "+" || first.chars().all(between)) && rest.chars().all(between)).then_some(())
}

/// `0`, `91`, `+91` or nothing, then ten digits from 6 on. India hands out blocks faster than number plans are published,
/// so that this rule goes before the plan.
fn indian_mobile(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let national = match (text.starts_with('+'), digits.len()) {
        (_, 12) => digits.strip_prefix("91")?,
        (false, 14) => digits.strip_prefix("0091")?,
        (false, 11) => digits.strip_prefix('0')?,
        (false, 10) => digits.as_str(),
        _ => return None,
    };
    national.starts_with(['6', '7', '8', '9']).then(|| format!("+91{national}"))
}

/// Landlines and other countries, by the number plan. Ten digits alone are a mobile number or none: a landline has its 0 or
/// +91 before the area code.
fn elsewhere(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if !text.starts_with('+') && !digits.starts_with('0') {
        return None;
    }
    let number = phonenumber::parse(Some(Id::IN), text).ok().filter(phonenumber::is_valid)?;
    let number = number.format().mode(Mode::E164).to_string();
    (number.len() <= 16).then_some(number)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn e164(text: &str) -> Option<String> {
        phone(Some(text.to_owned())).ok().flatten().map(Phi::into_inner)
    }

    #[test]
    fn indian_numbers_however_they_are_typed() {
        for text in [
            "9876543210",
            "98765 43210",
            "+91-98765-43210",
            "+91 98765 43210",
            "919876543210",
            "09876543210",
            "0 98765-43210",
            " (98765) 43210 ",
            "+919876543210",
            "0091 98765 43210",
        ] {
            assert_eq!(e164(text).as_deref(), Some("+919876543210"), "{text}");
        }
        assert_eq!(e164("011 2658 8500").as_deref(), Some("+911126588500"), "a landline in Delhi");
        assert_eq!(e164("+44 20 7946 0958").as_deref(), Some("+442079460958"));
    }

    #[test]
    fn what_is_no_number() {
        for text in [
            "12345",
            "0000000000",
            "5876543210",
            "1234567890",
            "98765432101234567",
            "+91 0000000000",
            "phone",
            "98765 4321O",
            "98765+43210",
            "'; DROP TABLE users; --",
            "<b>9876543210</b>",
            "९८७६५४३२१०",
            "+",
            "-",
            "9876543210;ext=1",
        ] {
            assert_eq!(e164(text), None, "{text}");
            assert!(phone(Some(text.to_owned())).is_err(), "{text}");
        }
        assert_eq!(phone(None).unwrap(), None);
        assert_eq!(phone(Some("  ".to_owned())).unwrap(), None);
    }

    #[test]
    fn email_addresses() {
        for good in
            ["a@b.in", " asha.rao+ehs@aiims.edu ", "o'brien@example.co.uk", "x@xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g"]
        {
            assert!(email(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "a@",
            "@b.in",
            "a@b",
            "a@@b.in",
            "a b@c.in",
            "a@b..in",
            ".a@b.in",
            "a.@b.in",
            "a@-b.in",
            "a@b.i",
            "a@b.1n",
            "<a@b.in>",
            "a@b.in\nBcc: x@y.in",
            "आशा@b.in",
            "a@b.in,c@d.in",
            "\"a b\"@c.in",
        ] {
            assert!(email(bad.to_owned()).is_err(), "{bad}");
        }
        assert_eq!(email(format!("{}@b.in", "a".repeat(250))).unwrap_err().code, "too_long");
    }
}
