//! Bytes to a [`Message`].

use crate::charset::Charset;
use crate::fault::{ParseFault, Reason};
use crate::message::{Encoding, Message, Segment, Separators};

/// The largest message that is read, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The most segments of a message.
pub const MAX_SEGMENTS: usize = 5_000;
/// The most fields of a segment; the longest segment of the standard has fewer than 100.
pub const MAX_FIELDS: usize = 400;
/// The most repetitions of a field: readers compare them with each other.
pub const MAX_REPETITIONS: usize = 500;

/// Reads one message in ER7. Segments may end in CR, LF or CRLF; a byte order mark and MLLP framing are passed over.
///
/// # Errors
///
/// The first fault found. Any bytes give either a message or a fault, never a panic.
pub fn parse(bytes: &[u8]) -> Result<Message, ParseFault> {
    if bytes.len() > MAX_BYTES {
        return Err(ParseFault::whole(Reason::TooLarge));
    }
    let bytes = unframed(bytes);
    if bytes.is_empty() {
        return Err(ParseFault::whole(Reason::Empty));
    }
    if bytes.iter().any(|byte| matches!(byte, 0 | 0x0B | 0x1C)) {
        return Err(ParseFault::whole(Reason::ControlCharacter));
    }
    let encoding = declared(first_line(bytes))?;
    let text = encoding.charset.decode(bytes).ok_or_else(|| ParseFault::whole(Reason::NotText))?;
    let segments = segments(&text, encoding)?;
    Ok(Message { encoding, segments, before: Vec::new() })
}

/// A message, or a batch, that came as text (in JSON, say) as the bytes in which it would have come by itself: each message in
/// the set that its MSH-18 declares. Nothing where that set has not all of its characters.
pub fn encode(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut charset) = (Vec::with_capacity(text.len()), Charset::Utf8);
    for line in text.split_inclusive(['\r', '\n']) {
        if line.trim_start_matches(['\u{feff}', '\u{b}']).starts_with("MSH") {
            let msh = unframed(line.as_bytes());
            // What is no header is refused when it is read.
            charset = declared(msh).map_or(Charset::Utf8, |encoding| encoding.charset);
        }
        let encoded = charset.encode(line);
        if charset.decode(&encoded).as_deref() != Some(line) {
            return None;
        }
        bytes.extend(encoded);
    }
    Some(bytes)
}

/// A message as text for a person to look at, read or not: in the set that it declares, or else as much of it as is UTF-8.
pub fn decode_lossy(bytes: &[u8]) -> String {
    let declared = declared(first_line(unframed(bytes))).ok();
    let text = declared.and_then(|encoding| encoding.charset.decode(bytes));
    text.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
}

/// Without white space, byte order mark and MLLP framing around it.
pub(crate) fn unframed(bytes: &[u8]) -> &[u8] {
    const MARKS: [&[u8]; 2] = [b"\xEF\xBB\xBF", b"\x0B"];
    let mut rest = bytes.trim_ascii();
    while let Some(inner) =
        MARKS.iter().find_map(|mark| rest.strip_prefix(*mark)).or_else(|| rest.strip_suffix(b"\x1C"))
    {
        rest = inner.trim_ascii();
    }
    rest
}

/// Up to the first CR or LF.
pub(crate) fn first_line(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or(bytes)
}

/// The separators and the character set that the MSH segment declares.
fn declared(msh: &[u8]) -> Result<Encoding, ParseFault> {
    match msh.get(..3) {
        Some(b"MSH") => {}
        Some(b"FHS" | b"BHS") => return Err(ParseFault::whole(Reason::Batch)),
        _ => return Err(ParseFault::whole(Reason::NotHl7)),
    }
    let separators = separators(msh).ok_or_else(|| ParseFault::field(Reason::Separators, "MSH", 2))?;
    // The set decides how the bytes are read, so it is found before they are: its name is ASCII in every set.
    let declared = msh.split(|byte| char::from(*byte) == separators.field).nth(17).unwrap_or_default();
    let declared = String::from_utf8_lossy(declared);
    let charset = Charset::of_field(declared.split(separators.repetition))
        .map_err(|reason| ParseFault::field(reason, "MSH", 18))?;
    Ok(Encoding { separators, charset })
}

/// MSH-1 and MSH-2, where they are five different marks; a sixth, for truncated values, may follow.
pub(crate) fn separators(msh: &[u8]) -> Option<Separators> {
    let (field, rest) = msh.get(3..)?.split_first()?;
    let marks: Vec<char> = rest.iter().take_while(|byte| *byte != field).copied().map(char::from).collect();
    let (&[component, repetition, escape, subcomponent] | &[component, repetition, escape, subcomponent, _]) =
        marks.as_slice()
    else {
        return None;
    };
    let field = char::from(*field);
    let mut all = vec![field, component, repetition, escape, subcomponent];
    let usable = all.iter().all(|mark| mark.is_ascii_punctuation() && *mark != '"');
    all.sort_unstable();
    all.dedup();
    (usable && all.len() == 5).then_some(Separators { field, component, repetition, escape, subcomponent })
}

fn segments(text: &str, encoding: Encoding) -> Result<Vec<String>, ParseFault> {
    let mut segments = Vec::new();
    for line in text.split(['\r', '\n']).filter(|line| !line.trim().is_empty()) {
        let place = segments.len() + 1;
        if place > MAX_SEGMENTS {
            return Err(ParseFault::whole(Reason::TooManySegments));
        }
        if !has_name(line, encoding.separators.field) {
            return Err(ParseFault::segment(Reason::SegmentName, format!("segment {place}")));
        }
        if line.matches(encoding.separators.field).count() > MAX_FIELDS {
            return Err(ParseFault::segment(Reason::TooManyFields, format!("segment {place}")));
        }
        if let Some(field) = repeats_too_often(line, encoding.separators) {
            return Err(ParseFault::field(Reason::TooManyRepetitions, format!("segment {place}"), field));
        }
        if place > 1 && (Segment { text: line, encoding }).name() == "MSH" {
            return Err(ParseFault::segment(Reason::SecondHeader, format!("segment {place}")));
        }
        segments.push(line.to_owned());
    }
    Ok(segments)
}

/// The number of the first field with too many repetitions.
fn repeats_too_often(line: &str, separators: Separators) -> Option<usize> {
    line.split(separators.field).position(|field| field.matches(separators.repetition).count() >= MAX_REPETITIONS)
}

/// A capital letter, two capitals or digits, and then a separator or nothing.
fn has_name(line: &str, separator: char) -> bool {
    let mut chars = line.trim_end().chars();
    chars.next().is_some_and(|c| c.is_ascii_uppercase())
        && (0..2).all(|_| chars.next().is_some_and(|c| c.is_ascii_uppercase() || c.is_ascii_digit()))
        && chars.next().is_none_or(|c| c == separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSH: &str = "MSH|^~\\&|HIS|APOLLO|EHS|EHS|20261123||ADT^A08|42|P|2.5";

    fn reason(bytes: &[u8]) -> Reason {
        parse(bytes).unwrap_err().reason
    }

    #[test]
    fn text_becomes_the_bytes_that_its_message_declares() {
        let latin = "MSH|^~\\&|H|A|E|E|||ADT^A01|1|P|2.5||||||8859/1\rPID|1||7||José\r";
        let bytes = encode(latin).unwrap();
        assert!(bytes.ends_with(b"Jos\xe9\r"));
        assert_eq!(decode_lossy(&bytes), latin);
        assert_eq!(encode(&latin.replace("José", "लक्ष्मी")), None);
        let batch = format!("BHS|^~\\&\r{latin}{}BTS|2\r", latin.replace("8859/1", "UNICODE UTF-8"));
        let bytes = encode(&batch).unwrap();
        assert!(
            bytes.windows(4).any(|part| part == b"Jos\xe9") && bytes.windows(5).any(|part| part == "José".as_bytes())
        );
        assert_eq!(encode("hello é").unwrap(), "hello é".as_bytes());
        assert_eq!(decode_lossy(b"hello \xff"), "hello \u{fffd}");
    }

    #[test]
    fn line_ends_marks_and_frames_make_no_difference() {
        let plain = parse(format!("{MSH}\rPID|1||7\r").as_bytes()).unwrap();
        for other in [
            format!("{MSH}\nPID|1||7\n"),
            format!("{MSH}\r\nPID|1||7"),
            format!("\u{feff}{MSH}\r\r\nPID|1||7\r"),
            format!("\x0B{MSH}\rPID|1||7\r\x1C\r"),
            format!(" \n\x0B\u{feff}{MSH}\rPID|1||7\r\x1C"),
        ] {
            assert_eq!(parse(other.as_bytes()).unwrap(), plain);
        }
    }

    #[test]
    fn separators_are_the_messages_own() {
        let message = parse(b"MSH$:*!%$HIS\rPID$1$$7:::APOLLO%x*8$$A!S!B").unwrap();
        let pid = message.segment("PID").unwrap();
        assert_eq!(pid.field(3).repetition(1).component(1).text(), "8");
        assert_eq!(pid.field(3).component(4).subcomponent(2), "x");
        assert_eq!(pid.field(5).text(), "A:B");
        assert!(parse(b"MSH|^~\\&#|HIS").is_ok());
    }

    #[test]
    fn each_fault_is_named() {
        assert_eq!(reason(b" \r\n"), Reason::Empty);
        assert_eq!(reason(b"PID|1"), Reason::NotHl7);
        assert_eq!(reason(b"BHS|^~\\&|"), Reason::Batch);
        for msh in ["MSH", "MSH|", "MSH|^~", "MSH|^^^^|", "MSH|^~\\&&&|", "MSHA^~\\&A", "MSH|^~\\|", "MSH|^~\"&|"] {
            assert_eq!(reason(msh.as_bytes()), Reason::Separators, "{msh}");
        }
        assert_eq!(reason(format!("{MSH}\rPID|\0").as_bytes()), Reason::ControlCharacter);
        assert_eq!(reason(format!("{MSH}\r\x1C\x0B{MSH}").as_bytes()), Reason::ControlCharacter);
        assert_eq!(reason(format!("{MSH}\r{MSH}").as_bytes()), Reason::SecondHeader);
        assert_eq!(reason(&[MSH.as_bytes(), b"\rPID|1||7||Jos\xe9"].concat()), Reason::NotText);
        assert_eq!(reason(format!("{MSH}||||||KOI8-R").as_bytes()), Reason::CharacterSet);
        assert_eq!(reason(&vec![b'M'; MAX_BYTES + 1]), Reason::TooLarge);
        assert_eq!(reason(format!("{MSH}\r{}", "NTE|1\r".repeat(MAX_SEGMENTS)).as_bytes()), Reason::TooManySegments);
        let repeated = parse(format!("{MSH}\rPID|1||{}", "7~".repeat(MAX_REPETITIONS)).as_bytes()).unwrap_err();
        assert_eq!((repeated.reason, repeated.field), (Reason::TooManyRepetitions, Some(3)));
        assert_eq!(reason(format!("{MSH}\rPID{}", "|".repeat(MAX_FIELDS + 1)).as_bytes()), Reason::TooManyFields);
    }

    #[test]
    fn a_fault_says_where_and_not_what() {
        let fault = parse(format!("{MSH}\rPID|1\rlakshmi r, 98765 43210").as_bytes()).unwrap_err();
        assert_eq!(fault.to_string(), "segment 3: a line does not begin with a segment name");
        assert!(!format!("{fault:?}").contains("lakshmi"));
    }
}
