//! The message header: who sends what to whom.

use crate::fault::{ParseFault, Reason};
use crate::message::{Encoding, Message, Segment};
use crate::parse::{first_line, separators, unframed};
use crate::timestamp::Timestamp;

/// The longest message control id of any version, in characters.
const MAX_CONTROL_ID: usize = 199;
/// The longest name of an application or a facility (HD), in characters.
const MAX_NAME: usize = 227;
/// The longest message code or event, in characters: three letters of the standard, and room for a site's own.
const MAX_CODE: usize = 20;
/// How far into damaged bytes a header is looked for.
const LOSSY_BYTES: usize = 16 * 1024;

/// What MSH says. It holds nothing of a patient.
///
/// Applications and facilities are whole (`APOLLO^2.16.840^ISO`), in the standard separators.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// MSH-3.
    pub sending_application: String,
    /// MSH-4.
    pub sending_facility: String,
    /// MSH-5.
    pub receiving_application: String,
    /// MSH-6.
    pub receiving_facility: String,
    /// MSH-7, where it is a time.
    pub timestamp: Option<Timestamp>,
    /// MSH-9.1: `ADT`.
    pub message_code: String,
    /// MSH-9.2: `A01`; where it is empty, EVN-1.
    pub trigger_event: String,
    /// MSH-10: with sending application and facility, what makes a message the same message.
    pub control_id: String,
    /// MSH-11: `P` production, `T` training, `D` debugging.
    pub processing_id: String,
    /// MSH-12: `2.5.1`.
    pub version: String,
    /// MSH-15: when an accept acknowledgment is wanted (`AL`, `NE`, `ER`, `SU`).
    pub accept_acknowledgment: String,
    /// MSH-16: when an application acknowledgment is wanted.
    pub application_acknowledgment: String,
    /// MSH-18 as it was declared.
    pub character_set: String,
}

impl Header {
    /// Whether the sender asks for enhanced acknowledgment (`CA`, `CE`, `CR` on receipt).
    pub fn is_enhanced(&self) -> bool {
        !self.accept_acknowledgment.is_empty() || !self.application_acknowledgment.is_empty()
    }

    /// The message's type as it is spoken of: `ADT^A01`.
    pub fn message_type(&self) -> String {
        format!("{}^{}", self.message_code, self.trigger_event)
    }

    pub(crate) fn of(message: &Message) -> Result<Self, ParseFault> {
        let msh = message.segment("MSH").ok_or_else(|| ParseFault::whole(Reason::NotHl7))?;
        let mut header = Self::read(&msh);
        if header.trigger_event.is_empty() {
            header.trigger_event = message.segment("EVN").map(|evn| evn.field(1).text()).unwrap_or_default();
        }
        if header.message_code.is_empty() {
            return Err(ParseFault::field(Reason::MissingField, "MSH", 9));
        }
        if header.control_id.is_empty() {
            return Err(ParseFault::field(Reason::MissingField, "MSH", 10));
        }
        if let Some((_, _, field)) = header.key().into_iter().find(|(text, most, _)| is_longer(text, *most)) {
            return Err(ParseFault::field(Reason::TooLong, "MSH", field));
        }
        let version = header.version.as_str();
        if !(version.is_empty() || version == "2" || version.starts_with("2.")) {
            return Err(ParseFault::field(Reason::UnsupportedVersion, "MSH", 12));
        }
        Ok(header)
    }

    /// What makes a message the same message, as receivers keep it in an index: each with its limit and its field.
    fn key(&mut self) -> [(&mut String, usize, usize); 5] {
        [
            (&mut self.sending_application, MAX_NAME, 3),
            (&mut self.sending_facility, MAX_NAME, 4),
            (&mut self.message_code, MAX_CODE, 9),
            (&mut self.trigger_event, MAX_CODE, 9),
            (&mut self.control_id, MAX_CONTROL_ID, 10),
        ]
    }

    fn read(msh: &Segment<'_>) -> Self {
        Self {
            sending_application: msh.field(3).standard(),
            sending_facility: msh.field(4).standard(),
            receiving_application: msh.field(5).standard(),
            receiving_facility: msh.field(6).standard(),
            timestamp: Timestamp::parse(&msh.field(7).text()),
            message_code: msh.field(9).component(1).text(),
            trigger_event: msh.field(9).component(2).text(),
            control_id: msh.field(10).whole_text(),
            processing_id: msh.field(11).text(),
            version: msh.field(12).text(),
            accept_acknowledgment: msh.field(15).text(),
            application_acknowledgment: msh.field(16).text(),
            character_set: msh.field(18).text(),
        }
    }
}

/// What can be made out of the header of a message too damaged to read, so that the refusal can be addressed.
/// Its fields may be empty; nothing where there is no MSH at all.
pub fn header_lossy(bytes: &[u8]) -> Option<Header> {
    let bytes = unframed(bytes.get(..LOSSY_BYTES).unwrap_or(bytes));
    let msh = bytes
        .split(|byte| matches!(byte, b'\r' | b'\n' | 0x0B))
        .find(|line| line.starts_with(b"MSH") && line.len() > 3)
        .map(first_line)?;
    let separators = separators(msh).unwrap_or(Encoding::STANDARD.separators);
    let text = String::from_utf8_lossy(msh);
    let mut header = Header::read(&Segment { text: &text, encoding: Encoding { separators, ..Encoding::STANDARD } });
    for (text, most, _) in header.key() {
        *text = text.chars().take(most).collect();
        while is_longer(text, most) {
            text.pop();
        }
    }
    Some(header)
}

/// Three bytes a character, which is what the scripts of India take.
fn is_longer(text: &str, most: usize) -> bool {
    text.len() > most.saturating_mul(3) || text.chars().count() > most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn header(msh: &str) -> Result<Header, ParseFault> {
        parse(msh.as_bytes()).unwrap().header()
    }

    #[test]
    fn the_header_is_read_whole() {
        let header = header("MSH*:~\\&*HIS*APOLLO:2.16:ISO*EHS*E^S*202611230915+0530**ADT:A04:ADT_A01*M-1*P*2.5.1***AL*NE**UNICODE UTF-8").unwrap();
        assert_eq!(header.sending_facility, "APOLLO^2.16^ISO");
        assert_eq!(header.receiving_facility, "E\\S\\S");
        assert_eq!(header.message_type(), "ADT^A04");
        assert_eq!((header.control_id.as_str(), header.version.as_str()), ("M-1", "2.5.1"));
        assert!(header.is_enhanced());
        assert_eq!(header.timestamp.unwrap().to_string(), "2026-11-23T09:15+05:30");
    }

    #[test]
    fn what_a_header_must_have_is_asked_for() {
        let fault = |msh: &str| header(msh).unwrap_err().to_string();
        assert_eq!(fault("MSH|^~\\&|H|A|E|E|||ADT^A01||P|2.5"), "MSH-10: a required field is empty");
        assert_eq!(fault("MSH|^~\\&|H|A|E|E||||1|P|2.5"), "MSH-9: a required field is empty");
        assert_eq!(fault("MSH|^~\\&|H|A|E|E|||ADT^A01|1|P|3.0"), "MSH-12: the version is not HL7 version 2");
        for (field, msh) in [
            ("MSH-3", format!("{}|A|E|E|||ADT^A01|1", "H".repeat(228))),
            ("MSH-4", format!("H|A^1.2.3^{}|E|E|||ADT^A01|1", "I".repeat(220))),
            ("MSH-9", format!("H|A|E|E|||{}^A01|1", "A".repeat(21))),
            ("MSH-9", format!("H|A|E|E|||ADT^{}|1", "A".repeat(21))),
            ("MSH-10", format!("H|A|E|E|||ADT^A01|{}", "1".repeat(200))),
            ("MSH-10", format!("H|A|E|E|||ADT^A01|{}", "🏥".repeat(150))),
        ] {
            let expected = format!("{field}: a field is longer than the standard allows");
            assert_eq!(fault(&format!("MSH|^~\\&|{msh}|P|2.5")), expected);
        }
        let longest = format!("{}|{}|E|E|||ADT^A01|{}", "H".repeat(227), "क".repeat(227), "1".repeat(199));
        assert!(header(&format!("MSH|^~\\&|{longest}|P|2.5")).is_ok());
        assert_eq!(header("MSH|^~\\&|H|A|E|E|||ADT|1|P|2.2\rEVN|A08").unwrap().trigger_event, "A08");
    }

    #[test]
    fn a_damaged_message_still_says_whom_to_answer() {
        let header = header_lossy(b"\x0Bjunk\rMSH|^~\\&|HIS|APOLLO|EHS|EHS|x||ADT^A01|77|P|2.5\rPID|\xff\0").unwrap();
        assert_eq!((header.sending_application.as_str(), header.control_id.as_str()), ("HIS", "77"));
        assert_eq!(header_lossy(b"MSH|^^^^|HIS|APOLLO||||||9").unwrap().control_id, "9");
        let long = header_lossy(format!("MSH|^~\\&|{}|A|E|E|||ADT|1", "H".repeat(3000)).as_bytes()).unwrap();
        assert_eq!((long.sending_application.len(), long.control_id.as_str()), (227, "1"));
        assert_eq!(header_lossy(b"hello"), None);
        assert_eq!(header_lossy(b"MSH"), None);
    }
}
