//! Phone numbers: accepted as people type them, kept as E.164.

use chassis::strict_json::Fault;
use phonenumber::Mode;
use phonenumber::country::Id;

use super::Rule;

/// An Indian mobile number, an Indian landline with its area code, or a number abroad with its country code.
pub struct Phone;

impl Rule for Phone {
    const HOLDS_NUMBERS: bool = true;

    fn canonical(text: &str) -> Result<String, Fault> {
        e164(text).ok_or_else(|| {
            Fault::new("invalid_phone", "must be a phone number: ten digits in India, or with + and the country code")
        })
    }
}

fn e164(text: &str) -> Option<String> {
    if text.len() > 32 || !text.chars().all(|c| c.is_ascii_digit() || "+-(). /".contains(c) || c == '\u{a0}') {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    // Ten digits alone are a mobile number or none: a landline has its 0 or +91 before the area code.
    let is_bare = digits.len() == 10 && !text.contains('+') && !text.trim_start_matches(['(', ' ']).starts_with('0');
    indian_mobile(&digits).or_else(|| if is_bare { None } else { elsewhere(text) })
}

/// `^[6-9]\d{9}$` after `0`, `91` or `+91`.
fn indian_mobile(digits: &str) -> Option<String> {
    let national = match digits.len() {
        10 => digits,
        11 => digits.strip_prefix('0')?,
        12 => digits.strip_prefix("91")?,
        13 => digits.strip_prefix("091")?,
        14 => digits.strip_prefix("0091")?,
        _ => return None,
    };
    national.starts_with(['6', '7', '8', '9']).then(|| format!("+91{national}"))
}

fn elsewhere(text: &str) -> Option<String> {
    let number = phonenumber::parse(Some(Id::IN), text).ok()?;
    phonenumber::is_valid(&number).then(|| number.format().mode(Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mobile_number_in_every_notation_is_one_number() {
        for text in [
            "98765 43210",
            "+91-98765-43210",
            "09876543210",
            "+919876543210",
            "0091 98765 43210",
            "91 9876543210",
            "(98765) 43210",
            "9876.543.210",
        ] {
            assert_eq!(e164(text).as_deref(), Some("+919876543210"), "{text}");
        }
    }

    #[test]
    fn landlines_and_numbers_abroad() {
        assert_eq!(e164("080 2222 3333").as_deref(), Some("+918022223333"));
        assert_eq!(e164("+44 20 7946 0958").as_deref(), Some("+442079460958"));
        assert_eq!(e164("+1 650-253-0000").as_deref(), Some("+16502530000"));
    }

    #[test]
    fn what_no_phone_answers_to_is_refused() {
        for text in [
            "",
            "12345",
            "98765",
            "5555550123",
            "98765 4321O",
            "1234567890",
            "+91 0000000000",
            "tel:9876543210",
            "९८७६५४३२१०",
            "1-2-3",
            "+",
        ] {
            assert_eq!(e164(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_kept_is_accepted_again(national in "[6-9][0-9]{9}") {
            let kept = e164(&national);
            proptest::prop_assert_eq!(kept.as_deref().and_then(e164), kept);
        }

        #[test]
        fn any_text_is_read_without_panic(text in "[-+0-9 ().]{0,40}") {
            let _ = e164(&text);
        }
    }
}
