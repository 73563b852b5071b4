//! Aadhaar numbers: found in order to be refused, since the law lets almost nobody keep them.

use chassis::strict_json::Fault;

/// The fault of a field in which an Aadhaar number turned up.
pub fn refused() -> Fault {
    Fault::new("aadhaar", "must not contain an Aadhaar number; leave it out")
}

/// Whether a text contains an Aadhaar number: twelve digits, plain or in groups parted by a space or a dash, the first
/// from 2 to 9, with a right Verhoeff check digit. An Indian phone number with its country code is none.
pub fn is_within(text: &str) -> bool {
    runs(text).any(|run| {
        (0..run.groups.len()).any(|start| run.groups.get(start..).is_some_and(|tail| run.starts(tail, start == 0)))
    })
}

/// A message's bytes with the first eight digits of what may be an Aadhaar number crossed out, so that at most the last
/// four are kept. Numbers that read as a time to the minute are left as they are, and so are phone numbers.
pub fn crossed_out(bytes: &[u8]) -> Vec<u8> {
    let mut kept = bytes.to_vec();
    for shape in [[12, 0, 0], [4, 4, 4]] {
        for start in 0..bytes.len() {
            if let Some(places) = digits_at(bytes, start, shape).filter(|places| is_kept_by_nobody(bytes, places)) {
                places.iter().take(8).filter_map(|place| kept.get_mut(*place).map(|byte| *byte = b'X')).for_each(drop);
            }
        }
    }
    kept
}

/// The places of twelve digits in groups of this shape, with no digit before or after them.
fn digits_at(bytes: &[u8], start: usize, shape: [usize; 3]) -> Option<Vec<usize>> {
    let is_digit = |place: usize| bytes.get(place).is_some_and(u8::is_ascii_digit);
    if !is_digit(start)
        || start.checked_sub(1).is_some_and(|before| is_digit(before) || bytes.get(before) == Some(&b'+'))
    {
        return None;
    }
    let (mut places, mut at) = (Vec::with_capacity(12), start);
    for group in shape.into_iter().filter(|group| *group > 0) {
        if !places.is_empty() {
            bytes.get(at).filter(|byte| matches!(byte, b' ' | b'-'))?;
            at += 1;
        }
        for _ in 0..group {
            is_digit(at).then(|| places.push(at))?;
            at += 1;
        }
    }
    (!is_digit(at)).then_some(places)
}

fn is_kept_by_nobody(bytes: &[u8], places: &[usize]) -> bool {
    let digits: Vec<u8> = places.iter().filter_map(|place| bytes.get(*place)?.checked_sub(b'0')).collect();
    let text: String = digits.iter().filter_map(|digit| char::from_digit(u32::from(*digit), 10)).collect();
    let is_time = chrono::NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M").is_ok();
    let is_phone = digits.starts_with(&[9, 1]) && digits.get(2).is_some_and(|third| *third >= 6);
    is_number(&digits) && !is_time && !is_phone
}

/// Whether these are the twelve digits of an Aadhaar number.
pub fn is_number(digits: &[u8]) -> bool {
    digits.len() == 12 && digits.first().is_some_and(|first| *first >= 2) && verhoeff(digits)
}

/// Groups of digits with single separators between them.
struct Run {
    groups: Vec<Vec<u8>>,
    after_plus: bool,
}

impl Run {
    /// Whether an Aadhaar number starts with the first of these groups and ends with one of them.
    fn starts(&self, groups: &[Vec<u8>], first: bool) -> bool {
        let mut digits = Vec::new();
        for group in groups {
            digits.extend_from_slice(group);
            if digits.len() >= 12 {
                break;
            }
        }
        is_number(&digits) && !(first && self.is_phone(groups, &digits))
    }

    fn is_phone(&self, groups: &[Vec<u8>], digits: &[u8]) -> bool {
        let code_apart = groups.first().is_some_and(|group| group.len() == 2);
        (self.after_plus || code_apart) && digits.starts_with(&[9, 1]) && digits.get(2).is_some_and(|third| *third >= 6)
    }
}

fn runs(text: &str) -> impl Iterator<Item = Run> {
    let mut found = Vec::new();
    let mut run: Option<Run> = None;
    let mut before = ' ';
    for c in text.chars() {
        match (digit(c), &mut run) {
            (Some(digit), None) => run = Some(Run { groups: vec![vec![digit]], after_plus: before == '+' }),
            (Some(digit), Some(run)) => match run.groups.last_mut() {
                Some(group) if self::digit(before).is_some() => group.push(digit),
                _ => run.groups.push(vec![digit]),
            },
            (None, Some(_)) if is_separator(c) && digit(before).is_some() => {}
            (None, _) => found.extend(run.take()),
        }
        before = c;
    }
    found.extend(run);
    found.into_iter()
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | '_' | '\u{a0}' | '\u{2010}'..='\u{2013}')
}

/// The zeros of the digits in which numbers are written in India: Latin, the scripts of its languages, Arabic's two, and the
/// wide ones of input methods. Nine others follow each.
const ZEROS: [char; 13] = [
    '0', '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}', '\u{be6}', '\u{c66}', '\u{ce6}',
    '\u{d66}', '\u{ff10}',
];

/// The value of a digit in whichever of these scripts.
fn digit(c: char) -> Option<u8> {
    let above = |zero: char| u32::from(c).checked_sub(u32::from(zero)).filter(|value| *value < 10);
    ZEROS.into_iter().find_map(above).and_then(|value| u8::try_from(value).ok())
}

const PRODUCT: [[u8; 10]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
];

const PERMUTATION: [[u8; 10]; 8] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
    [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
    [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
    [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
    [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
    [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
    [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
];

/// Verhoeff's check over digits, the check digit last.
pub(crate) fn verhoeff(digits: &[u8]) -> bool {
    let check = digits.iter().rev().enumerate().try_fold(0_u8, |sum, (place, digit)| {
        let permuted = PERMUTATION.get(place % 8)?.get(usize::from(*digit))?;
        PRODUCT.get(usize::from(sum))?.get(usize::from(*permuted)).copied()
    });
    check == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made up: the check digit is right, the number is nobody's.
    const NUMBER: &str = "234123412346";

    #[test]
    fn a_number_is_found_however_it_is_written() {
        for text in [
            "234123412346",
            "2341 2341 2346",
            "2341-2341-2346",
            "UID: 2341 2341 2346.",
            "flat 5 2341 2341 2346",
            "23 4123412346",
            "2341.2341.2346",
            "2341_2341_2346",
            "आधार २३४१ २३४१ २३४६",
            "௨௩௪௧௨௩௪௧௨௩௪௬",
            "２３４１２３４１２３４６",
        ] {
            assert!(is_within(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_none() {
        for text in [
            "234123412347",
            "134123412346",
            "2341234123461",
            "12 34",
            "560001",
            "91-1234-5678-9012",
            "",
            "2341  2341 2346x",
        ] {
            assert!(!is_within(text), "{text}");
        }
    }

    #[test]
    fn a_kept_message_shows_the_last_four_digits() {
        let kept = |text: &str| String::from_utf8_lossy(&crossed_out(text.as_bytes())).into_owned();
        assert_eq!(kept("PID|1||234123412346^^^UIDAI^NI|x"), "PID|1||XXXXXXXX2346^^^UIDAI^NI|x");
        assert_eq!(kept("|2341 2341 2346|2341-2341-2346"), "|XXXX XXXX 2346|XXXX-XXXX-2346");
        let untouched = "|202611230915|20261123091500|+919876543210|1234567|91123456789012|";
        assert_eq!(kept(untouched), untouched);
    }

    #[test]
    fn a_phone_number_with_its_country_code_is_none() {
        let phones = (0..10_u64).map(|last| format!("+91 98765 4321{last}"));
        let mut seen = 0;
        for phone in phones {
            assert!(!is_within(&phone), "{phone}");
            let bare: String = phone.chars().filter(char::is_ascii_digit).collect();
            seen += usize::from(is_within(&bare));
        }
        assert_eq!(seen, 1, "one check digit of ten is right, and without the plus nobody can tell");
    }

    proptest::proptest! {
        #[test]
        fn one_wrong_digit_is_noticed(place in 0_usize..12, by in 1_u8..10) {
            let mut digits: Vec<u8> = NUMBER.bytes().map(|b| b - b'0').collect();
            proptest::prop_assert!(verhoeff(&digits));
            if let Some(digit) = digits.get_mut(place) {
                *digit = (*digit + by) % 10;
            }
            proptest::prop_assert!(!verhoeff(&digits));
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".*") {
            let _ = is_within(&text);
        }
    }
}
