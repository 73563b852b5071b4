//! Bytes to text, by the set that MSH-18 names.

use crate::fault::Reason;

/// The character sets that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    Ascii,
    Latin1,
    Utf8,
}

impl Charset {
    /// The set that MSH-18 names. Nothing declared means UTF-8, of which ASCII, the standard's default, is a part.
    pub(crate) fn named(declared: &str) -> Result<Self, Reason> {
        match declared.trim().to_ascii_uppercase().as_str() {
            "" | "UNICODE UTF-8" | "UNICODE" | "UTF-8" | "UTF8" => Ok(Self::Utf8),
            "ASCII" | "US-ASCII" | "ISO IR6" | "ISO-IR-6" => Ok(Self::Ascii),
            "8859/1" | "ISO-8859-1" | "ISO 8859-1" | "ISO8859-1" | "ISO IR100" => Ok(Self::Latin1),
            _ => Err(Reason::CharacterSet),
        }
    }

    /// The text, or nothing where the bytes are no text of this set: a name is never guessed at.
    pub(crate) fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Ascii if !bytes.is_ascii() => None,
            Self::Latin1 => Some(bytes.iter().copied().map(char::from).collect()),
            Self::Ascii | Self::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_declared_set_reads_its_own_bytes_only() {
        assert_eq!(Charset::named("8859/1").unwrap().decode(b"Jos\xe9").unwrap(), "José");
        assert_eq!(Charset::named("").unwrap().decode("लक्ष्मी".as_bytes()).unwrap(), "लक्ष्मी");
        assert_eq!(Charset::named("").unwrap().decode(b"Jos\xe9"), None);
        assert_eq!(Charset::named("ASCII").unwrap().decode("José".as_bytes()), None);
        assert_eq!(Charset::named("BIG-5"), Err(Reason::CharacterSet));
    }
}
