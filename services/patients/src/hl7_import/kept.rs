//! The text of a message as it is kept, and applied: without Aadhaar numbers. One number of twelve digits in ten looks like one,
//! so what a field is for decides: a sender's own numbers of orders, visits and records, measured numbers, phones and concepts
//! are left as they are, and everywhere else what looks like one is crossed out. Pure.

use std::ops::Range;

use crate::fields::aadhaar;

/// Segments about the message itself.
const ABOUT_MESSAGE: [&[u8]; 6] = [b"MSH", b"FHS", b"BHS", b"BTS", b"FTS", b"MSA"];

/// Fields with numbers that the sender gives things: orders, results, visits, accounts, lots, policies.
const OF_THINGS: [(&[u8], &[usize]); 16] = [
    (b"PID", &[18]),
    (b"MRG", &[3, 5, 6]),
    (b"PV1", &[5, 19, 50]),
    (b"ORC", &[2, 3, 4, 8]),
    (b"OBR", &[2, 3, 26, 29]),
    (b"OBX", &[4, 21]),
    (b"SCH", &[1, 2, 26, 27]),
    (b"ARQ", &[1, 2, 24, 25]),
    (b"DG1", &[20]),
    (b"PR1", &[19]),
    (b"IAM", &[7]),
    (b"RXA", &[15]),
    (b"SPM", &[2, 3]),
    (b"TXA", &[12, 13, 14]),
    (b"TQ1", &[10]),
    (b"IN1", &[36]),
];

/// Fields with numbers that are given to people (CX).
const OF_PEOPLE: [(&[u8], &[usize]); 3] = [(b"PID", &[2, 3, 4, 21]), (b"MRG", &[1, 2, 4, 7]), (b"NK1", &[33])];

/// Fields with telephone numbers (XTN).
const PHONES: [(&[u8], &[usize]); 2] = [(b"PID", &[13, 14, 40]), (b"NK1", &[5, 6, 7, 31, 32, 40, 41])];

/// Types of OBX-5 that are numbers, times and identifiers of things.
const MEASURED: [&[u8]; 7] = [b"NM", b"SN", b"DT", b"TM", b"TS", b"DTM", b"EI"];

/// Types of numbers (HL7 table 0203) under which a hospital knows people and their visits.
const HOSPITALS_TYPES: [&str; 10] = ["MR", "MRT", "PI", "PN", "PT", "PE", "AN", "VN", "RI", "LR"];

/// Bytes of an escape sequence at most.
const LONGEST_ESCAPE: usize = 8;

/// The text of a message without Aadhaar numbers; of one that cannot be read too, as far as it has lines and fields.
pub fn of(bytes: &[u8]) -> Vec<u8> {
    aadhaar::without(bytes, &aadhaar::places(&searched(bytes)))
}

/// Whether a number that a message gives for a person is the sender's own, whatever it looks like: its type says so, its
/// authority is not Aadhaar's, and it begins with a year, as hospitals count.
pub fn is_hospitals_own(value: &str, type_code: &str, authority: &str) -> bool {
    let counts =
        (value.starts_with("19") || value.starts_with("20")) && value.bytes().all(|byte| byte.is_ascii_digit());
    counts && HOSPITALS_TYPES.contains(&type_code) && !names_aadhaar(authority)
}

fn names_aadhaar(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["aadhaar", "aadhar", "uidai"].iter().any(|name| text.contains(name))
}

/// The message with blanks where nothing is looked for: as long as it was, so that places in one are places in the other.
fn searched(bytes: &[u8]) -> Vec<u8> {
    let mut text = bytes.to_vec();
    let mut marks = Marks::STANDARD;
    for line in parts(bytes, 0..bytes.len(), |byte| matches!(byte, b'\r' | b'\n')) {
        let Some(segment) = Segment::of(bytes, line, &mut marks) else { continue };
        for blank in segment.blanks() {
            text.get_mut(blank).into_iter().flatten().for_each(|byte| *byte = b'|');
        }
        for escape in segment.escapes() {
            text.get_mut(escape).into_iter().flatten().for_each(|byte| *byte = b' ');
        }
    }
    text
}

/// The marks that divide a message.
#[derive(Clone, Copy)]
struct Marks {
    field: u8,
    component: u8,
    repetition: u8,
    escape: u8,
}

impl Marks {
    const STANDARD: Self = Self { field: b'|', component: b'^', repetition: b'~', escape: b'\\' };

    /// Those that a header declares.
    fn declared(header: &[u8]) -> Option<Self> {
        let [field, component, repetition, escape, ..] = *header.get(3..)? else { return None };
        Some(Self { field, component, repetition, escape })
    }
}

/// A line of the message that has fields.
struct Segment<'a> {
    bytes: &'a [u8],
    marks: Marks,
    name: &'a [u8],
    /// The fields, the segment's name first.
    fields: Vec<Range<usize>>,
}

impl<'a> Segment<'a> {
    fn of(bytes: &'a [u8], line: Range<usize>, marks: &mut Marks) -> Option<Self> {
        const BEFORE: [u8; 5] = [0x0B, b' ', 0xEF, 0xBB, 0xBF];
        let text = bytes.get(line.clone())?;
        let skipped = text.iter().position(|byte| !BEFORE.contains(byte))?;
        let line = line.start.checked_add(skipped)?..line.end;
        let text = bytes.get(line.clone())?;
        let name = text.get(..3)?;
        if matches!(name, b"MSH" | b"FHS" | b"BHS") {
            *marks = Marks::declared(text)?;
        }
        let marks = *marks;
        let fields = parts(bytes, line, |byte| byte == marks.field).collect();
        Some(Self { bytes, marks, name, fields })
    }

    /// Where what looks like an Aadhaar number is none.
    fn blanks(&self) -> Vec<Range<usize>> {
        if ABOUT_MESSAGE.contains(&self.name) {
            return self.fields.clone();
        }
        let fields = self.fields.iter().cloned().enumerate().skip(1);
        fields.flat_map(|(number, field)| self.blanks_of(number, field)).collect()
    }

    fn blanks_of(&self, number: usize, field: Range<usize>) -> Vec<Range<usize>> {
        let is_in = |list: &[(&[u8], &[usize])]| {
            list.iter().any(|(name, fields)| *name == self.name && fields.contains(&number))
        };
        if is_in(&OF_THINGS) || self.is_measured(number) {
            return vec![field];
        }
        let repetitions = parts(self.bytes, field, |byte| byte == self.marks.repetition);
        if is_in(&OF_PEOPLE) {
            return repetitions.filter_map(|one| self.own_number(one)).collect();
        }
        if is_in(&PHONES) {
            return repetitions.flat_map(|one| self.components(one)).filter(|one| self.is_phone(one)).collect();
        }
        repetitions.flat_map(|one| self.concepts(one)).collect()
    }

    /// OBX-5 where OBX-2 says that it is a number; a number that OBX-3 calls an Aadhaar number is one.
    fn is_measured(&self, number: usize) -> bool {
        let field = |number: usize| self.fields.get(number).map_or(&b""[..], |field| self.text(field));
        self.name == b"OBX"
            && number == 5
            && MEASURED.contains(&field(2).trim_ascii())
            && !names_aadhaar(&String::from_utf8_lossy(field(3)))
    }

    /// The number of a CX that is the sender's own.
    fn own_number(&self, repetition: Range<usize>) -> Option<Range<usize>> {
        let parts: Vec<Range<usize>> = self.components(repetition).collect();
        let text = |at: usize| parts.get(at).map(|part| String::from_utf8_lossy(self.text(part).trim_ascii()));
        let authority = [text(3), text(8), text(9)].into_iter().flatten().collect::<Vec<_>>().join(" ");
        is_hospitals_own(&text(0)?, &text(4)?, &authority).then(|| parts.first().cloned()).flatten()
    }

    /// The codes of a repetition that are concepts of SNOMED CT: they bear the same check digit.
    fn concepts(&self, repetition: Range<usize>) -> Vec<Range<usize>> {
        const NAMES: [&[u8]; 4] = [b"SCT", b"SNM", b"SNOMED", b"SNOMED-CT"];
        let parts: Vec<Range<usize>> = self.components(repetition).collect();
        let is_snomed = |at: usize| parts.get(at).is_some_and(|part| NAMES.contains(&self.text(part).trim_ascii()));
        [(0, 2), (3, 5)]
            .into_iter()
            .filter(|(_, system)| is_snomed(*system))
            .filter_map(|(code, _)| parts.get(code).cloned())
            .collect()
    }

    /// A mobile number with its country code and without a `+`.
    fn is_phone(&self, component: &Range<usize>) -> bool {
        let text = self.text(component).trim_ascii();
        text.len() == 12 && matches!(text, [b'9', b'1', b'6'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit))
    }

    /// Escape sequences, such as line ends, which part what stands before and behind them.
    fn escapes(&self) -> Vec<Range<usize>> {
        let Some((from, to)) = self.fields.get(1).zip(self.fields.last()) else { return Vec::new() };
        if ABOUT_MESSAGE.contains(&self.name) {
            return Vec::new();
        }
        let mut found = Vec::new();
        let mut opened = None;
        for (at, byte) in self.bytes.iter().enumerate().take(to.end).skip(from.start) {
            match (opened, *byte == self.marks.escape) {
                (None, true) => opened = Some(at),
                (Some(from), true) if self.is_escape(from..at) => {
                    found.push(from..at.saturating_add(1));
                    opened = None;
                }
                (Some(_), true) => opened = Some(at),
                (_, false) => {}
            }
        }
        found
    }

    /// `\.br`, `\X0D0A`: a letter or a dot behind the mark, and no more than a few characters.
    fn is_escape(&self, opened: Range<usize>) -> bool {
        let first = self.bytes.get(opened.start.saturating_add(1));
        opened.len() < LONGEST_ESCAPE && first.is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'.')
    }

    fn components(&self, repetition: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<'_, 'a> {
        parts(self.bytes, repetition, |byte| byte == self.marks.component)
    }

    fn text(&self, part: &Range<usize>) -> &'a [u8] {
        self.bytes.get(part.clone()).unwrap_or_default()
    }
}

/// The parts of a stretch of bytes between separators.
fn parts(bytes: &[u8], of: Range<usize>, separates: impl Fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut at = of.start;
    let text = bytes.get(of).unwrap_or_default();
    text.split(move |byte| separates(*byte)).map(move |part| {
        let from = at;
        at = from.saturating_add(part.len()).saturating_add(1);
        from..from.saturating_add(part.len())
    })
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
