//! A message as segments, fields, repetitions, components and subcomponents, numbered as the standard numbers them.
//!
//! What is not there reads as empty: an accessor never fails.

use std::fmt;

use crate::charset::Charset;
use crate::escape;
use crate::fault::ParseFault;
use crate::header::Header;

/// The marks that divide a message, from MSH-1 and MSH-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Separators {
    /// Between fields, `|` as a rule.
    pub field: char,
    /// Between components, `^` as a rule.
    pub component: char,
    /// Between repetitions, `~` as a rule.
    pub repetition: char,
    /// Around escape sequences, `\` as a rule.
    pub escape: char,
    /// Between subcomponents, `&` as a rule.
    pub subcomponent: char,
}

/// How a message is written: its separators and its character set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    /// The separators.
    pub separators: Separators,
    pub(crate) charset: Charset,
}

impl Encoding {
    /// `|^~\&` and UTF-8: what this crate writes.
    pub const STANDARD: Self = Self {
        separators: Separators { field: '|', component: '^', repetition: '~', escape: '\\', subcomponent: '&' },
        charset: Charset::Utf8,
    };
}

/// A message that was read whole. `Debug` shows its segments' names only.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    pub(crate) encoding: Encoding,
    pub(crate) segments: Vec<String>,
    /// Of one patient's part of a message: how many segments of each name stand before it.
    pub(crate) before: Vec<(String, usize)>,
}

impl Message {
    /// How the message is written.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The first segment of this name.
    pub fn segment(&self, name: &str) -> Option<Segment<'_>> {
        self.segments().find(|segment| segment.name() == name)
    }

    /// All segments, in order.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        self.segments.iter().map(|text| Segment { text, encoding: self.encoding })
    }

    /// The message written again, in its own separators and character set, segments ending in CR: what is read out of it is
    /// what was read before.
    pub fn to_bytes(&self) -> Vec<u8> {
        let lines = self.segments.iter().flat_map(|segment| [segment.as_str(), "\r"]);
        lines.flat_map(|text| self.encoding.charset.encode(text)).collect()
    }

    /// Whether it says the same as another, whenever it was sent: all but MSH-7 is equal. How lines end makes no difference.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let undated = |message: &Self| -> Vec<String> {
            let separator = message.encoding.separators.field;
            let msh = |line: &String| {
                // MSH-1 is the first separator itself: MSH-7 is the seventh part.
                let fields = line.split(separator).enumerate();
                fields.map(|(at, field)| if at == 6 { "" } else { field }).collect::<Vec<_>>().join("|")
            };
            let rest = message.segments.iter().skip(1).cloned();
            message.segments.first().map(msh).into_iter().chain(rest).collect()
        };
        self.encoding == other.encoding && undated(self) == undated(other)
    }

    /// The message once for each of its patients: what stands before the first (for the others MSH and EVN), then the patient's
    /// segments, which keep their numbers. The message itself where it speaks of one patient or of none.
    pub(crate) fn by_patient(&self) -> Vec<Self> {
        let is_named = |text: &String, name: &str| Segment { text, encoding: self.encoding }.name() == name;
        let begins: Vec<usize> =
            self.segments.iter().enumerate().filter(|(_, text)| is_named(text, "PID")).map(|(at, _)| at).collect();
        if begins.len() < 2 {
            return vec![self.clone()];
        }
        let ends = begins.iter().skip(1).copied().chain([self.segments.len()]);
        let parts = begins.iter().copied().zip(ends).enumerate();
        let one = |(number, (from, to)): (usize, (usize, usize))| {
            let (passed, own) = self.segments.get(..to)?.split_at_checked(from)?;
            let head = |text: &&String| number == 0 || is_named(text, "MSH") || is_named(text, "EVN");
            let mut before: Vec<(String, usize)> = Vec::new();
            for text in passed.iter().filter(|text| !head(text)) {
                let name = Segment { text, encoding: self.encoding }.name();
                match before.iter_mut().find(|(known, _)| known == name) {
                    Some((_, count)) => *count += 1,
                    None => before.push((name.to_owned(), 1)),
                }
            }
            let segments = passed.iter().filter(head).chain(own).cloned().collect();
            Some(Self { encoding: self.encoding, segments, before })
        };
        parts.filter_map(one).collect()
    }

    /// Who sends what to whom.
    ///
    /// # Errors
    ///
    /// Where the message's type or its control id is missing, or its version is not 2.
    pub fn header(&self) -> Result<Header, ParseFault> {
        Header::of(self)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Message ")?;
        f.debug_list().entries(self.segments().map(|segment| segment.name().to_owned())).finish()
    }
}

/// One segment.
#[derive(Clone, Copy)]
pub struct Segment<'m> {
    pub(crate) text: &'m str,
    pub(crate) encoding: Encoding,
}

impl<'m> Segment<'m> {
    /// Its three-character name.
    pub fn name(&self) -> &'m str {
        self.text.get(..3).unwrap_or(self.text)
    }

    /// A field by its number, from 1. MSH-1 is the field separator itself.
    pub fn field(&self, number: usize) -> Field<'m> {
        let separator = self.encoding.separators.field;
        let raw = if matches!(self.name(), "MSH" | "FHS" | "BHS") {
            match number {
                1 => self.text.get(3..4),
                _ => self.text.split(separator).nth(number.saturating_sub(1)),
            }
        } else {
            self.text.split(separator).nth(number)
        };
        Field { raw: raw.unwrap_or(""), encoding: self.encoding }
    }
}

/// One field, with its repetitions.
#[derive(Clone, Copy)]
pub struct Field<'m> {
    pub(crate) raw: &'m str,
    encoding: Encoding,
}

impl<'m> Field<'m> {
    /// Nothing but white space: no change to what the receiver knows.
    pub fn is_empty(&self) -> bool {
        self.raw.trim().is_empty()
    }

    /// `""`: the receiver is to delete what it knows.
    pub fn is_delete(&self) -> bool {
        is_delete(self.raw, self.encoding)
    }

    /// The repetitions that hold anything.
    pub fn repetitions(&self) -> impl Iterator<Item = Repetition<'m>> + use<'m> {
        let encoding = self.encoding;
        self.raw
            .split(encoding.separators.repetition)
            .zip(1..)
            .filter(|(raw, _)| !raw.trim().is_empty())
            .map(move |(raw, number)| Repetition { raw, number, encoding })
    }

    /// A repetition by its place, from 0.
    pub fn repetition(&self, place: usize) -> Repetition<'m> {
        let raw = self.raw.split(self.encoding.separators.repetition).nth(place);
        Repetition { raw: raw.unwrap_or(""), number: place.saturating_add(1), encoding: self.encoding }
    }

    /// A component of the first repetition, from 1.
    pub fn component(&self, number: usize) -> Component<'m> {
        self.repetition(0).component(number)
    }

    /// The text of the first component of the first repetition.
    pub fn text(&self) -> String {
        self.component(1).text()
    }

    /// The whole field as text, separators included, for a field that has no parts.
    pub(crate) fn whole_text(&self) -> String {
        escape::decode(self.raw, &self.encoding).trim().to_owned()
    }

    /// The first repetition written again with the standard separators.
    pub(crate) fn standard(&self) -> String {
        let s = self.encoding.separators;
        let component = |raw: &str| {
            let parts: Vec<String> = raw
                .split(s.subcomponent)
                .map(|part| escape::encode(&escape::decode(part, &self.encoding), &Encoding::STANDARD))
                .collect();
            parts.join("&")
        };
        let components: Vec<String> = self.repetition(0).raw.split(s.component).map(component).collect();
        components.join("^").trim().to_owned()
    }
}

/// One repetition of a field.
#[derive(Clone, Copy)]
pub struct Repetition<'m> {
    raw: &'m str,
    number: usize,
    encoding: Encoding,
}

impl<'m> Repetition<'m> {
    /// Which repetition it is, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The whole repetition as text, separators included, for a value that has no parts; `""` reads as empty.
    pub fn whole_text(&self) -> String {
        if self.is_delete() { String::new() } else { escape::decode(self.raw, &self.encoding).trim().to_owned() }
    }

    /// A component by its number, from 1.
    pub fn component(&self, number: usize) -> Component<'m> {
        let raw = number.checked_sub(1).and_then(|place| self.raw.split(self.encoding.separators.component).nth(place));
        Component { raw: raw.unwrap_or(""), encoding: self.encoding }
    }

    /// `""`: this repetition is to be deleted.
    pub fn is_delete(&self) -> bool {
        is_delete(self.raw, self.encoding)
    }
}

/// One component of a repetition.
#[derive(Clone, Copy)]
pub struct Component<'m> {
    raw: &'m str,
    encoding: Encoding,
}

impl Component<'_> {
    /// The text of the first subcomponent; `""` reads as empty.
    pub fn text(&self) -> String {
        self.subcomponent(1)
    }

    /// The text of a subcomponent by its number, from 1, trimmed, escapes read; `""` reads as empty.
    pub fn subcomponent(&self, number: usize) -> String {
        let raw = number
            .checked_sub(1)
            .and_then(|place| self.raw.split(self.encoding.separators.subcomponent).nth(place))
            .unwrap_or("")
            .trim();
        if raw == DELETE { String::new() } else { escape::decode(raw, &self.encoding).trim().to_owned() }
    }

    /// `""`: what this component stands for is to be deleted.
    pub fn is_delete(&self) -> bool {
        is_delete(self.raw, self.encoding)
    }
}

const DELETE: &str = "\"\"";

/// Whether the text says `""` somewhere and nothing else anywhere: `""^""` deletes as `""` does.
fn is_delete(raw: &str, encoding: Encoding) -> bool {
    let s = encoding.separators;
    let mut parts = raw
        .split([s.repetition, s.component, s.subcomponent])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .peekable();
    parts.peek().is_some() && parts.all(|part| part == DELETE)
}

#[cfg(test)]
mod tests {
    use crate::parse;

    const MESSAGE: &str = "MSH|^~\\&|HIS|APOLLO|EHS|EHS|20261123||ADT^A08^ADT_A01|42|P|2.5\r\
        PID|1||UH-7^^^APOLLO&2.16&ISO^MR~HIN-1^^^ABDM^HIN||RAO \\T\\ CO^\"\"|\"\"|\"\"^\"\"|  \r";

    #[test]
    fn parts_are_numbered_as_the_standard_numbers_them() {
        let message = parse(MESSAGE.as_bytes()).unwrap();
        let msh = message.segment("MSH").unwrap();
        assert_eq!(msh.field(1).raw, "|");
        assert_eq!(msh.field(2).raw, "^~\\&");
        assert_eq!(msh.field(9).component(2).text(), "A08");
        let pid = message.segment("PID").unwrap();
        assert_eq!(pid.field(3).repetitions().count(), 2);
        assert_eq!(pid.field(3).repetition(0).component(4).subcomponent(2), "2.16");
        assert_eq!(pid.field(3).repetition(1).component(5).text(), "HIN");
        assert_eq!(pid.field(5).text(), "RAO & CO");
    }

    #[test]
    fn empty_delete_and_missing_are_three_things() {
        let message = parse(MESSAGE.as_bytes()).unwrap();
        let pid = message.segment("PID").unwrap();
        assert!(pid.field(6).is_delete() && pid.field(7).is_delete());
        assert!(!pid.field(5).is_delete() && pid.field(5).component(2).is_delete());
        assert_eq!(pid.field(5).component(2).text(), "");
        assert!(pid.field(8).is_empty() && !pid.field(8).is_delete());
        assert!(pid.field(99).is_empty() && pid.field(99).repetition(7).component(0).text().is_empty());
        assert!(message.segment("ZZZ").is_none());
    }

    #[test]
    fn a_message_that_is_sent_again_says_the_same_at_another_time() {
        let first = parse(MESSAGE.as_bytes()).unwrap();
        let same = |text: &str| parse(text.as_bytes()).unwrap().says_the_same(&first);
        assert!(same(MESSAGE) && same(&MESSAGE.replace('\r', "\r\n")));
        assert!(
            same(&MESSAGE.replace("|20261123|", "|20261124093000+0530|")) && same(&MESSAGE.replace("|20261123|", "||"))
        );
        for (from, to) in
            [("|42|", "|43|"), ("UH-7", "UH-8"), ("|20261123|", "|20261123|x"), ("|HIS|", "|LIS|"), ("  \r", "  |\r")]
        {
            assert!(!same(&MESSAGE.replace(from, to)), "{to}");
        }
    }

    #[test]
    fn a_message_of_several_patients_is_one_for_each() {
        let text = "MSH|^~\\&|H\rEVN|A40\rNTE|1\rPID|1||7\rMRG|6\rOBX|1\rOBX|2\rPID|2||9\rMRG|8\rOBX|1\r";
        let parts = parse(text.as_bytes()).unwrap().by_patient();
        let shown: Vec<String> = parts.iter().map(|part| part.segments.join(" ")).collect();
        assert_eq!(
            shown,
            ["MSH|^~\\&|H EVN|A40 NTE|1 PID|1||7 MRG|6 OBX|1 OBX|2", "MSH|^~\\&|H EVN|A40 PID|2||9 MRG|8 OBX|1"]
        );
        let numbers = |name: &str| parts[1].before.iter().find(|(known, _)| known == name).map(|(_, count)| *count);
        assert_eq!((numbers("OBX"), numbers("PID"), numbers("MSH")), (Some(2), Some(1), None));
        let one = parse(MESSAGE.as_bytes()).unwrap();
        assert_eq!(one.by_patient(), [one]);
    }

    #[test]
    fn debug_shows_no_content() {
        let message = parse(MESSAGE.as_bytes()).unwrap();
        assert_eq!(format!("{message:?}"), r#"Message ["MSH", "PID"]"#);
    }
}
