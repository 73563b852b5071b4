//! ABHA: the number (14 digits) and the address (`name@abdm`) of the Ayushman Bharat Digital Mission.

use chassis::strict_json::Fault;

use super::Rule;

/// An ABHA number: kept as 14 digits, shown by [`shown`].
pub struct AbhaNumber;

impl Rule for AbhaNumber {
    const HOLDS_NUMBERS: bool = true;

    fn canonical(text: &str) -> Result<String, Fault> {
        let digits: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
        if digits.len() == 14 && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(digits)
        } else {
            Err(Fault::new("invalid_abha_number", "must be the 14 digits of an ABHA number, with or without hyphens"))
        }
    }
}

/// `NN-NNNN-NNNN-NNNN`.
pub fn shown(digits: &str) -> String {
    let mut shown = String::with_capacity(17);
    for (place, digit) in digits.chars().enumerate() {
        if matches!(place, 2 | 6 | 10) {
            shown.push('-');
        }
        shown.push(digit);
    }
    shown
}

/// Whether the last digit is a Luhn check digit. Likely for all ABHA numbers but unproven: warn, never refuse.
pub fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .chars()
        .rev()
        .filter_map(|c| c.to_digit(10))
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 => digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// An ABHA address, kept in lower case.
pub struct AbhaAddress;

impl Rule for AbhaAddress {
    fn canonical(text: &str) -> Result<String, Fault> {
        let text = text.to_ascii_lowercase();
        match text.split_once('@') {
            Some((name, "abdm" | "sbx")) if is_name(name) => Ok(text),
            _ => Err(Fault::new(
                "invalid_abha_address",
                "must be like name@abdm: at least 4 letters, digits, dots or underscores, no digit first, no dot at either end",
            )),
        }
    }
}

fn is_name(name: &str) -> bool {
    (4..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && !name.ends_with('.')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_kept_bare_and_shown_with_hyphens() {
        for text in ["91-1234-5678-9012", "91123456789012", "91 1234 5678 9012"] {
            let kept = AbhaNumber::canonical(text).unwrap();
            assert_eq!(kept, "91123456789012");
            assert_eq!(shown(&kept), "91-1234-5678-9012");
        }
        for text in ["", "9112345678901", "911234567890123", "91-1234-5678-901X", "९१123456789012"] {
            assert!(AbhaNumber::canonical(text).is_err(), "{text}");
        }
    }

    #[test]
    fn luhn_tells_and_does_not_refuse() {
        assert!(passes_luhn("79927398713"));
        assert!(!passes_luhn("79927398710"));
        assert!(AbhaNumber::canonical("00000000000001").is_ok());
    }

    #[test]
    fn addresses() {
        assert_eq!(AbhaAddress::canonical("Lakshmi.R@abdm").unwrap(), "lakshmi.r@abdm");
        for text in ["ravi_1@sbx", "abcd@abdm"] {
            assert!(AbhaAddress::canonical(text).is_ok(), "{text}");
        }
        for text in [
            "abc@abdm",
            "1ravi@abdm",
            ".ravi@abdm",
            "ravi.@abdm",
            "ravi@gmail",
            "ravi",
            "ra vi@abdm",
            "ravi@abdm@abdm",
            "ravi-k@abdm",
        ] {
            assert!(AbhaAddress::canonical(text).is_err(), "{text}");
        }
    }
}
