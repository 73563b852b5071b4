//! From what somebody types to the words that are looked for. Pure.

/// Words that are looked for at most; the rest is left out.
pub const AT_MOST: usize = 8;

/// The words of a search. Digits that belong to one phone number are put together and lose their prefix, whatever
/// stands between them; punctuation parts words as it parts the words of a name; an e-mail address stays whole.
pub fn of(search: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut number = String::new();
    for token in search.split_whitespace() {
        if is_of_number(token) {
            number.extend(token.chars().filter(char::is_ascii_digit));
            continue;
        }
        push_number(&mut words, &mut number);
        if token.contains('@') {
            words.push(token.to_owned());
        } else {
            words.extend(token.split(parts_words).map(without_apostrophes).filter(|word| !word.is_empty()));
        }
    }
    push_number(&mut words, &mut number);
    words.truncate(AT_MOST);
    words
}

fn is_of_number(token: &str) -> bool {
    token.chars().all(|c| c.is_ascii_digit() || "+-().".contains(c)) && token.contains(|c: char| c.is_ascii_digit())
}

fn push_number(words: &mut Vec<String>, number: &mut String) {
    let digits = std::mem::take(number);
    if digits.is_empty() {
        return;
    }
    // The index holds an Indian number with and without 91, and none with a trunk or exit prefix.
    let bare = match digits.len() {
        12 => digits.strip_prefix("91"),
        11 => digits.strip_prefix('0'),
        13 => digits.strip_prefix("091"),
        14 => digits.strip_prefix("0091"),
        _ => None,
    };
    words.push(bare.unwrap_or(&digits).to_owned());
}

/// The marks that `fold_name` in the database turns into spaces.
fn parts_words(c: char) -> bool {
    matches!(c, '.' | ',' | '-' | '/' | '(' | ')')
}

fn without_apostrophes(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '\'' | '\u{2019}' | '`')).collect()
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_phone_number_in_every_notation_is_one_word() {
        for text in [
            "98765 43210",
            "+91-98765-43210",
            "+91 98765 43210",
            "09876543210",
            "(0) 98765-43210",
            "0091 9876543210",
            "9876543210",
        ] {
            assert_eq!(of(text), ["9876543210"], "{text}");
        }
        assert_eq!(of("98765"), ["98765"]);
        assert_eq!(of("+91 98765"), ["9198765"]);
        assert_eq!(of("ravi 98765 43210 kumar"), ["ravi", "9876543210", "kumar"]);
    }

    #[test]
    fn names_numbers_and_addresses() {
        assert_eq!(of("R. Lakshmi"), ["R", "Lakshmi"]);
        assert_eq!(of("O'Brien D’Souza-Pinto"), ["OBrien", "DSouza", "Pinto"]);
        assert_eq!(of("P00012"), ["P00012"]);
        assert_eq!(of("r.kumar@example.in"), ["r.kumar@example.in"]);
        assert_eq!(of(" .. -- "), Vec::<String>::new());
        assert_eq!(of("a b c d e f g h i j").len(), 8);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".*") {
            proptest::prop_assert!(of(&text).len() <= super::AT_MOST);
        }
    }
}
