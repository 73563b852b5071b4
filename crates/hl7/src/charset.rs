//! Bytes to text and back, by the set that MSH-18 names.

use crate::fault::Reason;

/// The character sets that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    Ascii,
    Latin1,
    Latin9,
    Utf8,
}

/// Where ISO 8859-15 differs from ISO 8859-1.
const LATIN_9: [(u8, char); 8] =
    [(0xA4, '€'), (0xA6, 'Š'), (0xA8, 'š'), (0xB4, 'Ž'), (0xB8, 'ž'), (0xBC, 'Œ'), (0xBD, 'œ'), (0xBE, 'Ÿ')];

impl Charset {
    /// The set of a whole MSH-18. Of several the first is the message's, and the others are switched to by escape
    /// sequences that stay as they are written; but where ASCII comes first and UTF-8 is among them, it is UTF-8, of which
    /// ASCII is a part.
    pub(crate) fn of_field<'a>(mut declared: impl Iterator<Item = &'a str>) -> Result<Self, Reason> {
        let first = Self::named(declared.next().unwrap_or(""))?;
        let also_utf8 = declared.any(|name| !name.trim().is_empty() && Self::named(name) == Ok(Self::Utf8));
        Ok(if first == Self::Ascii && also_utf8 { Self::Utf8 } else { first })
    }

    /// The set of this name. Nothing declared means UTF-8, of which ASCII, the standard's default, is a part.
    pub(crate) fn named(declared: &str) -> Result<Self, Reason> {
        match declared.trim().to_ascii_uppercase().as_str() {
            "" | "UNICODE UTF-8" | "UNICODE" | "UTF-8" | "UTF8" => Ok(Self::Utf8),
            "ASCII" | "US-ASCII" | "ISO IR6" | "ISO-IR-6" => Ok(Self::Ascii),
            "8859/1" | "ISO-8859-1" | "ISO 8859-1" | "ISO8859-1" | "ISO IR100" => Ok(Self::Latin1),
            "8859/15" | "ISO-8859-15" | "ISO 8859-15" | "ISO8859-15" | "ISO IR203" => Ok(Self::Latin9),
            _ => Err(Reason::CharacterSet),
        }
    }

    /// The text, or nothing where the bytes are no text of this set: a name is never guessed at.
    pub(crate) fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Ascii if !bytes.is_ascii() => None,
            Self::Latin1 => Some(bytes.iter().copied().map(char::from).collect()),
            Self::Latin9 => Some(bytes.iter().map(|byte| latin_9(*byte)).collect()),
            Self::Ascii | Self::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
        }
    }

    /// The bytes of text that was decoded from this set.
    pub(crate) fn encode(self, text: &str) -> Vec<u8> {
        let byte = |c: char| {
            let special = LATIN_9.iter().find(|(_, special)| self == Self::Latin9 && *special == c);
            special.map(|(byte, _)| *byte).or_else(|| u8::try_from(c).ok()).unwrap_or(b'?')
        };
        match self {
            Self::Latin1 | Self::Latin9 => text.chars().map(byte).collect(),
            Self::Ascii | Self::Utf8 => text.as_bytes().to_vec(),
        }
    }
}

fn latin_9(byte: u8) -> char {
    LATIN_9.iter().find(|(special, _)| *special == byte).map_or(char::from(byte), |(_, c)| *c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_declared_set_reads_its_own_bytes_only() {
        assert_eq!(Charset::named("8859/1").unwrap().decode(b"Jos\xe9").unwrap(), "José");
        assert_eq!(Charset::named("8859/15").unwrap().decode(b"\xa4 5 \xe9").unwrap(), "€ 5 é");
        assert_eq!(Charset::named("").unwrap().decode("लक्ष्मी".as_bytes()).unwrap(), "लक्ष्मी");
        assert_eq!(Charset::named("").unwrap().decode(b"Jos\xe9"), None);
        assert_eq!(Charset::named("ASCII").unwrap().decode("José".as_bytes()), None);
        assert_eq!(Charset::named("BIG-5"), Err(Reason::CharacterSet));
    }

    #[test]
    fn of_several_sets_the_first_counts() {
        let of = |field: &str| Charset::of_field(field.split('~'));
        assert_eq!(of("UNICODE UTF-8~8859/1"), Ok(Charset::Utf8));
        assert_eq!(of("8859/1~UNICODE UTF-8"), Ok(Charset::Latin1));
        assert_eq!(of("ASCII~UNICODE UTF-8"), Ok(Charset::Utf8));
        assert_eq!(of("ASCII~ISO IR87"), Ok(Charset::Ascii));
        assert_eq!(of("~8859/1"), Ok(Charset::Utf8));
    }

    #[test]
    fn every_byte_comes_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        for set in [Charset::Latin1, Charset::Latin9] {
            assert_eq!(set.encode(&set.decode(&bytes).unwrap()), bytes);
        }
    }
}
