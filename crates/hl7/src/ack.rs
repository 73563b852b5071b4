//! Acknowledgments.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::escape;
use crate::fault::ParseFault;
use crate::header::Header;
use crate::message::Encoding;

/// The longest explanation that is sent back, in characters.
const MAX_EXPLANATION: usize = 250;

/// What MSA-1 says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum AckCode {
    /// Accepted and applied.
    AA,
    /// The message is wrong.
    AE,
    /// The message is refused: not of a kind that is taken here, or not now.
    AR,
    /// Enhanced mode: received and kept.
    CA,
    /// Enhanced mode: received, cannot be taken.
    CE,
    /// Enhanced mode: refused.
    CR,
}

impl AckCode {
    /// The two letters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AA => "AA",
            Self::AE => "AE",
            Self::AR => "AR",
            Self::CA => "CA",
            Self::CE => "CE",
            Self::CR => "CR",
        }
    }

    /// Whether the sender need not send again.
    pub fn is_positive(self) -> bool {
        matches!(self, Self::AA | Self::CA)
    }

    /// The same verdict on receipt instead of on application, for enhanced mode.
    pub fn on_receipt(self) -> Self {
        match self {
            Self::AA | Self::CA => Self::CA,
            Self::AE | Self::CE => Self::CE,
            Self::AR | Self::CR => Self::CR,
        }
    }

    /// The same verdict on application.
    pub fn on_application(self) -> Self {
        match self {
            Self::AA | Self::CA => Self::AA,
            Self::AE | Self::CE => Self::AE,
            Self::AR | Self::CR => Self::AR,
        }
    }
}

impl fmt::Display for AckCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a sender wants to hear of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers {
    /// At once, when the message is stored: `CA`, `CE` or `CR`. In original mode there is none.
    pub on_receipt: Option<AckCode>,
    /// When the message was applied or refused: `AA`, `AE` or `AR`.
    pub on_application: Option<AckCode>,
}

/// Which acknowledgments a message with this header is to get. `stored` is the verdict when it is received, `applied` the one
/// after it was applied; in whichever mode either is written.
///
/// Original mode (MSH-15 and MSH-16 empty): one answer, on application. Enhanced mode: as MSH-15 and MSH-16 say, where an
/// empty one means never.
pub fn answers(header: &Header, stored: AckCode, applied: AckCode) -> Answers {
    if !header.is_enhanced() {
        return Answers { on_receipt: None, on_application: Some(applied.on_application()) };
    }
    let wanted = |condition: &str, code: AckCode| match condition {
        "AL" => Some(code),
        "ER" => Some(code).filter(|code| !code.is_positive()),
        "SU" => Some(code).filter(|code| code.is_positive()),
        _ => None,
    };
    Answers {
        on_receipt: wanted(&header.accept_acknowledgment, stored.on_receipt()),
        on_application: wanted(&header.application_acknowledgment, applied.on_application()),
    }
}

/// The acknowledgment of a message: sender and receiver swapped, its control id in MSA-2, in UTF-8, segments ending in CR.
///
/// `error` goes to ERR-8 (and MSA-3 before version 2.5): words for a person, without patient data.
pub fn acknowledge(
    header: &Header,
    code: AckCode,
    new_control_id: &str,
    at: DateTime<Utc>,
    error: Option<&str>,
) -> String {
    let failure = error.map(|text| Failure { location: "", condition: ("207", "Application internal error"), text });
    write(header, code, new_control_id, at, failure)
}

/// The acknowledgment that refuses a message for a fault: with the place and the reason that the fault has. The code is
/// [`ParseFault::acknowledgment`], or its counterpart on receipt.
pub fn refuse(header: &Header, code: AckCode, fault: &ParseFault, new_control_id: &str, at: DateTime<Utc>) -> String {
    let location = match (&fault.segment, fault.field) {
        (Some(segment), Some(field)) if segment.len() == 3 => format!("{segment}^1^{field}"),
        (Some(segment), None) if segment.len() == 3 => format!("{segment}^1"),
        _ => String::new(),
    };
    let failure = Failure { location: &location, condition: fault.condition(), text: &fault.to_string() };
    write(header, code, new_control_id, at, Some(failure))
}

struct Failure<'a> {
    location: &'a str,
    condition: (&'a str, &'a str),
    text: &'a str,
}

fn write(
    header: &Header,
    code: AckCode,
    new_control_id: &str,
    at: DateTime<Utc>,
    failure: Option<Failure<'_>>,
) -> String {
    let text = |text: &str| escape::encode(text, &Encoding::STANDARD);
    let or = |value: &str, default: &str| if value.is_empty() { default.to_owned() } else { text(value) };
    let kind = match header.trigger_event.as_str() {
        "" => "ACK".to_owned(),
        event => format!("ACK^{}^ACK", text(event)),
    };
    let character_set = if header.character_set.is_empty() { "" } else { "UNICODE UTF-8" };
    let msh = [
        "MSH|^~\\&",
        &header.receiving_application,
        &header.receiving_facility,
        &header.sending_application,
        &header.sending_facility,
        &at.format("%Y%m%d%H%M%S+0000").to_string(),
        "",
        &kind,
        &text(new_control_id),
        &or(&header.processing_id, "P"),
        &or(&header.version, "2.5.1"),
        "",
        "",
        "",
        "",
        "",
        character_set,
    ]
    .join("|");
    let mut lines = vec![msh.trim_end_matches('|').to_owned()];
    let msa = format!("MSA|{code}|{}", text(&header.control_id));
    let Some(failure) = failure else {
        lines.push(msa);
        return finished(&lines);
    };
    let words: String = failure.text.chars().take(MAX_EXPLANATION).collect();
    let (number, name) = failure.condition;
    let severity = if code.is_positive() { "W" } else { "E" };
    lines.push(if before_err_segment(&header.version) { format!("{msa}|{}", text(&words)) } else { msa });
    lines.push(format!("ERR||{}|{number}^{name}^HL70357|{severity}||||{}", failure.location, text(&words)));
    finished(&lines)
}

/// Before version 2.5 the words stand in MSA-3, where such senders look for them.
fn before_err_segment(version: &str) -> bool {
    matches!(version, "2" | "2.0" | "2.0D" | "2.1" | "2.2" | "2.3" | "2.3.1" | "2.4")
}

fn finished(lines: &[String]) -> String {
    let mut message = lines.join("\r");
    message.push('\r');
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{header_lossy, parse};

    fn header(version: &str) -> Header {
        let msh = format!("MSH|^~\\&|HIS|APOLLO^2.16^ISO|EHS|EHS CHENNAI|20261123||ADT^A01^ADT_A01|MSG&7|P|{version}");
        parse(msh.as_bytes()).unwrap().header().unwrap()
    }

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_400_000, 0).unwrap()
    }

    #[test]
    fn an_acknowledgment_goes_back_the_way_the_message_came() {
        insta::assert_snapshot!(
            acknowledge(&header("2.5.1"), AckCode::AA, "ACK-1", at(), None).replace('\r', "\n"),
            @r"
        MSH|^~\&|EHS|EHS CHENNAI|HIS|APOLLO^2.16^ISO|20261123021320+0000||ACK^A01^ACK|ACK-1|P|2.5.1
        MSA|AA|MSG\T\7
        "
        );
    }

    #[test]
    fn a_refusal_says_what_and_where() {
        let fault = parse(b"MSH|^~\\&|HIS|APOLLO|EHS|EHS|||ADT^A01||P|2.5").unwrap().header().unwrap_err();
        insta::assert_snapshot!(
            refuse(&header("2.5.1"), fault.acknowledgment(), &fault, "ACK-2", at()).replace('\r', "\n"),
            @r"
        MSH|^~\&|EHS|EHS CHENNAI|HIS|APOLLO^2.16^ISO|20261123021320+0000||ACK^A01^ACK|ACK-2|P|2.5.1
        MSA|AE|MSG\T\7
        ERR||MSH^1^10|101^Required field missing^HL70357|E||||MSH-10: a required field is empty
        "
        );
        insta::assert_snapshot!(
            acknowledge(&header("2.3"), AckCode::AR, "ACK-3", at(), Some("no | such\nthing")).replace('\r', "\n"),
            @r"
        MSH|^~\&|EHS|EHS CHENNAI|HIS|APOLLO^2.16^ISO|20261123021320+0000||ACK^A01^ACK|ACK-3|P|2.3
        MSA|AR|MSG\T\7|no \F\ such\.br\thing
        ERR|||207^Application internal error^HL70357|E||||no \F\ such\.br\thing
        "
        );
    }

    #[test]
    fn an_acknowledgment_is_a_message_that_reads_back() {
        let mut header = header_lossy(b"MSH|^~\\&|HIS|\xE0\xA4\x95|||||ADT|").unwrap();
        header.character_set = "8859/1".to_owned();
        let ack = parse(acknowledge(&header, AckCode::CE, "A|1", at(), Some("लिखित")).as_bytes()).unwrap();
        assert_eq!(ack.header().unwrap().control_id, "A|1");
        assert_eq!(ack.header().unwrap().receiving_facility, "क");
        assert_eq!(ack.segment("MSH").unwrap().field(18).text(), "UNICODE UTF-8");
        assert_eq!(ack.segment("MSA").unwrap().field(1).text(), "CE");
        assert_eq!(ack.segment("ERR").unwrap().field(8).text(), "लिखित");
    }

    #[test]
    fn a_sender_hears_what_it_asked_for() {
        let heard = |accept: &str, application: &str, applied: AckCode| {
            let mut header = header("2.5.1");
            header.accept_acknowledgment = accept.to_owned();
            header.application_acknowledgment = application.to_owned();
            let answers = answers(&header, AckCode::AA, applied);
            (answers.on_receipt.map(AckCode::as_str), answers.on_application.map(AckCode::as_str))
        };
        assert_eq!(heard("", "", AckCode::AE), (None, Some("AE")));
        assert_eq!(heard("AL", "NE", AckCode::AE), (Some("CA"), None));
        assert_eq!(heard("AL", "", AckCode::AA), (Some("CA"), None));
        assert_eq!(heard("NE", "AL", AckCode::AR), (None, Some("AR")));
        assert_eq!(heard("AL", "ER", AckCode::AA), (Some("CA"), None));
        assert_eq!(heard("ER", "ER", AckCode::AE), (None, Some("AE")));
        assert_eq!(heard("SU", "SU", AckCode::CE), (Some("CA"), None));
        assert_eq!(heard("NE", "NE", AckCode::AA), (None, None));
    }

    #[test]
    fn each_code_has_its_counterpart_on_receipt() {
        assert_eq!(AckCode::AR.on_receipt().to_string(), "CR");
        assert!(AckCode::CA.is_positive() && !AckCode::AE.is_positive());
    }
}
