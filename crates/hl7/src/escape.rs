//! Escape sequences: `\F\`, `\S\`, `\T\`, `\R\`, `\E\`, `\Xhh\`, `\.br\` and the like.

use crate::message::Encoding;

/// The most lines or spaces that one command stands for, so that few bytes cannot become many.
const MAX_BLANKS: usize = 20;

/// Text as it was meant. A sequence that is not known stays as it was written: nothing is lost.
pub(crate) fn decode(raw: &str, encoding: &Encoding) -> String {
    let escape = encoding.separators.escape;
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once(escape) {
        text.push_str(before);
        let tail = after.split_once(escape).and_then(|(sequence, tail)| Some((meaning(sequence, encoding)?, tail)));
        if let Some((meaning, tail)) = tail {
            text.push_str(&meaning);
            rest = tail;
        } else {
            text.push(escape);
            rest = after;
        }
    }
    text.push_str(rest);
    printable(text)
}

/// Text as it may stand in a field: separators escaped, line ends as `\.br\`.
pub(crate) fn encode(text: &str, encoding: &Encoding) -> String {
    let s = encoding.separators;
    let mut raw = String::with_capacity(text.len());
    let sequence = |raw: &mut String, name: &str| {
        raw.push(s.escape);
        raw.push_str(name);
        raw.push(s.escape);
    };
    for c in text.chars() {
        match c {
            c if c == s.field => sequence(&mut raw, "F"),
            c if c == s.component => sequence(&mut raw, "S"),
            c if c == s.repetition => sequence(&mut raw, "R"),
            c if c == s.escape => sequence(&mut raw, "E"),
            c if c == s.subcomponent => sequence(&mut raw, "T"),
            '\n' => sequence(&mut raw, ".br"),
            c if c.is_control() => {}
            c => raw.push(c),
        }
    }
    raw
}

fn meaning(sequence: &str, encoding: &Encoding) -> Option<String> {
    let s = encoding.separators;
    match sequence {
        "F" => Some(s.field.to_string()),
        "S" => Some(s.component.to_string()),
        "T" => Some(s.subcomponent.to_string()),
        "R" => Some(s.repetition.to_string()),
        "E" => Some(s.escape.to_string()),
        "P" => Some("#".to_owned()),
        "H" | "N" => Some(String::new()),
        _ => match sequence.strip_prefix('.') {
            Some(command) => formatting(command),
            None => hex(sequence.strip_prefix('X')?, encoding),
        },
    }
}

/// The commands of formatted text: what sets lines and spaces apart is kept, how they are laid out is not.
fn formatting(command: &str) -> Option<String> {
    let (name, count) = command.split_at_checked(2)?;
    let count = match count.trim_start_matches(['+', '-']) {
        "" => 1,
        digits => digits.parse::<usize>().ok()?.min(MAX_BLANKS),
    };
    match name {
        "br" | "ce" => Some("\n".to_owned()),
        "sp" => Some("\n".repeat(count)),
        "sk" => Some(" ".repeat(count)),
        "in" | "ti" | "fi" | "nf" => Some(String::new()),
        _ => None,
    }
}

fn hex(digits: &str, encoding: &Encoding) -> Option<String> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? * 16 + nibble(*low)?),
            _ => None,
        })
        .collect();
    encoding.charset.decode(&bytes?)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Without control characters, of which an escape can smuggle in any; line ends and tabs stay.
fn printable(text: String) -> String {
    let unwanted = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.contains(unwanted) { text.replace(unwanted, "") } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::charset::Charset;

    fn decoded(raw: &str) -> String {
        decode(raw, &Encoding::STANDARD)
    }

    #[test]
    fn sequences_mean_what_the_standard_says() {
        assert_eq!(decoded(r"Rao \T\ Sons"), "Rao & Sons");
        assert_eq!(decoded(r"a\F\b\S\c\R\d\E\e"), r"a|b^c~d\e");
        assert_eq!(decoded(r"one\.br\two"), "one\ntwo");
        assert_eq!(decoded(r"\X41\\X4243\"), "ABC");
        assert_eq!(decoded(r"\XE0A4B2\क"), "लक");
        assert_eq!(decoded(r"\H\bold\N\"), "bold");
        assert_eq!(decoded(r"\.in+4\one\.sp2\two\.ti-2\\.sk3\three\.ce\four"), "one\n\ntwo   three\nfour");
    }

    #[test]
    fn what_is_not_a_sequence_stays() {
        assert_eq!(decoded(r"C:\data\x"), r"C:\data\x");
        assert_eq!(decoded(r"लक्ष्मी\"), r"लक्ष्मी\");
        assert_eq!(decoded(r"\X4\ \XZZ\ \XFF\"), r"\X4\ \XZZ\ \XFF\");
        assert_eq!(decoded(r"\Zab\ \.xy\ \C2842\ \X..\"), r"\Zab\ \.xy\ \C2842\ \X..\");
        assert_eq!(decoded(r"\T\T\ \\\ \"), r"&T\ \\\ \");
    }

    #[test]
    fn few_bytes_do_not_become_many() {
        assert_eq!(decoded(r"\.sp99999999\").len(), MAX_BLANKS);
        assert_eq!(decoded(&r"\.sk999\".repeat(100)).len(), MAX_BLANKS * 100);
        assert_eq!(decoded(&"\\".repeat(100_000)).len(), 100_000);
    }

    #[test]
    fn hex_is_read_in_the_messages_own_set() {
        let latin = Encoding { charset: Charset::Latin1, ..Encoding::STANDARD };
        assert_eq!(decode(r"Jos\XE9\", &latin), "José");
    }

    #[test]
    fn an_escape_smuggles_no_control_character_in() {
        assert_eq!(decoded(r"a\X00\b\X1B0D\c"), "abc");
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(text in r"[ -~\n\u{900}-\u{97f}]{0,60}") {
            prop_assert_eq!(decoded(&encode(&text, &Encoding::STANDARD)), text);
        }

        #[test]
        fn any_text_decodes(text in ".{0,200}") {
            decoded(&text);
        }
    }
}
