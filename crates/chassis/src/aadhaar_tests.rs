use super::*;

// Made up: the check digit is right, the number is nobody's.
const NUMBER: &str = "234123412346";

fn kept(text: &str) -> String {
    String::from_utf8_lossy(&crossed_out(text.as_bytes())).into_owned()
}

#[test]
fn a_number_is_found_however_it_is_written_and_crossed_out_there() {
    for (text, expected) in [
        ("234123412346", "XXXXXXXX2346"),
        ("2341 2341 2346", "XXXX XXXX 2346"),
        ("2341-2341-2346", "XXXX-XXXX-2346"),
        ("UID: 2341 2341 2346.", "UID: XXXX XXXX 2346."),
        ("flat 5 2341 2341 2346", "flat 5 XXXX XXXX 2346"),
        ("23 4123412346", "XX XXXXXX2346"),
        ("flat 5, 2341 23412346", "flat 5, XXXX XXXX2346"),
        ("234 123 412 346", "XXX XXX XX2 346"),
        ("2 3 4 1 2 3 4 1 2 3 4 6", "X X X X X X X X 2 3 4 6"),
        ("2341.2341.2346", "XXXX.XXXX.2346"),
        ("2341_2341_2346", "XXXX_XXXX_2346"),
        ("2341  2341  2346", "XXXX  XXXX  2346"),
        ("2341  2341 2346x", "XXXX  XXXX 2346x"),
        ("2341 - 2341 - 2346", "XXXX - XXXX - 2346"),
        ("2341--2341--2346", "XXXX--XXXX--2346"),
        ("2341/2341/2346", "XXXX/XXXX/2346"),
        ("2341,2341,2346", "XXXX,XXXX,2346"),
        ("2341, 2341, 2346", "XXXX, XXXX, 2346"),
        ("2341:2341:2346", "XXXX:XXXX:2346"),
        ("2341\n2341\n2346", "XXXX\nXXXX\n2346"),
        ("no. 5 2341 2341\r\n2346 of Sita", "no. 5 XXXX XXXX\r\n2346 of Sita"),
        ("2341-2341 2346", "XXXX-XXXX 2346"),
        ("2341\u{a0}2341\u{2013}2346", "XXXX\u{a0}XXXX\u{2013}2346"),
        ("2341\u{200b}2341\u{200b}2346", "XXXX\u{200b}XXXX\u{200b}2346"),
        ("2341 2341 2346 2341 2341 2346", "XXXX XXXX 2346 XXXX XXXX 2346"),
        ("आधार २३४१ २३४१ २३४६", "आधार XXXX XXXX २३४६"),
        ("௨௩௪௧௨௩௪௧௨௩௪௬", "XXXXXXXX௨௩௪௬"),
        ("２３４１２３４１２３４６", "XXXXXXXX２３４６"),
        ("(234123412346)", "(XXXXXXXX2346)"),
    ] {
        assert!(is_within(text), "{text}");
        assert_eq!(kept(text), expected);
        assert!(is_crossed_out(expected) && !is_within(expected), "{expected}");
    }
    assert_eq!(crossed_out(b"Jos\xe9 2341\xa02341\xa02346 \xff"), b"Jos\xe9 XXXX\xa0XXXX\xa02346 \xff", "Latin-1");
}

// Of those with twelve digits, every check digit is right.
#[test]
fn other_numbers_are_none() {
    for text in [
        "",
        "12 34",
        "560001",
        "234123412347",
        "134123412346",
        "2341234123461",
        "2341 and 2341 and 2346",
        "2341          2341          2346",
        // ABHA numbers
        "91-1234-5678-9012",
        "91-2341-2341-2346",
        "91 5678 1234 9018",
        "91234123412346",
        // phones
        "+919876543216",
        "+91 98765 43216",
        "91 98765 43216",
        "91-9876543216",
        "+91-44-66660000",
        "+44 2079 460903",
        "+442079460903",
        "2200 6005 / 2200 6006",
        "2200 6005, 2200 6006",
        "2200-6005, 2200-6006",
        // times, years, counts
        "202611282325",
        "20261128 2325",
        "23-11-2026 09.16",
        "2023, 2024, 2025",
        "2023 2024 2025",
        "220 80 72 98 366",
    ] {
        assert!(!is_within(text), "{text}");
        assert_eq!(kept(text), text);
    }
}

#[test]
fn a_kept_message_shows_the_last_four_digits() {
    assert_eq!(kept("PID|1||234123412346^^^UIDAI^NI|x"), "PID|1||XXXXXXXX2346^^^UIDAI^NI|x");
    assert_eq!(kept("|2341 2341 2346|2341-2341-2346"), "|XXXX XXXX 2346|XXXX-XXXX-2346");
    let untouched = "|202611230915|20261123091500|+919876543210|1234567|91123456789012|";
    assert_eq!(kept(untouched), untouched);
}

#[test]
fn what_is_left_of_a_number_is_known_again_and_other_crosses_are_none() {
    for text in ["XXXX XXXX 234", "XXX-XX-2346", "MAX 12", "XXXXXXXX", "XXXXXXXX of 2346", "x: 2341"] {
        assert!(!is_crossed_out(text), "{text}");
    }
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

#[test]
fn a_long_text_takes_no_longer_than_its_length() {
    let time = |pieces: usize| {
        let text = "2341 2341-2346, 5 ".repeat(pieces);
        let began = std::time::Instant::now();
        assert!(is_within(&text) && !crossed_out(text.as_bytes()).is_empty());
        began.elapsed()
    };
    let (short, long) = (time(2_000), time(40_000));
    assert!(long < short * 200, "{short:?}, then {long:?}");
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

    #[test]
    fn any_bytes_are_kept_but_for_digits(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)) {
        proptest::prop_assert_eq!(crossed_out(&bytes).len() <= bytes.len(), true);
    }

    #[test]
    fn what_is_found_is_crossed_out_and_nothing_else(text in "[2341 ,\n-]{0,40}") {
        let found = is_within(&text);
        proptest::prop_assert_eq!(found, kept(&text) != text);
        proptest::prop_assert_eq!(kept(&text).chars().count(), text.chars().count());
    }
}
