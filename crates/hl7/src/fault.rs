//! Why a message cannot be read, in words that are safe to log and to send back.

use std::fmt;

use crate::ack::AckCode;

/// What is wrong with a message, and where.
///
/// Holds nothing of what the message says: neither `Display` nor `Debug` can leak a patient's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseFault {
    /// What is wrong.
    pub reason: Reason,
    /// The segment by its name (`PID`), or by its place (`segment 4`) where the name is what is wrong.
    pub segment: Option<String>,
    /// The field's number within the segment, from 1.
    pub field: Option<usize>,
}

/// The kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Nothing but white space.
    #[error("the message is empty")]
    Empty,
    /// More bytes than [`crate::MAX_BYTES`].
    #[error("the message is larger than is read here")]
    TooLarge,
    /// The first segment is not MSH.
    #[error("the message does not begin with an MSH segment")]
    NotHl7,
    /// It begins with FHS or BHS.
    #[error("a batch stands where one message is read")]
    Batch,
    /// MSH-1 and MSH-2 do not name five different punctuation marks.
    #[error("the separators in MSH-1 and MSH-2 are missing, or not all different")]
    Separators,
    /// MSH-18 names a set other than ASCII, ISO 8859-1, ISO 8859-15 and UTF-8.
    #[error("the character set is not one that is read here")]
    CharacterSet,
    /// The bytes are not text in the declared set.
    #[error("the bytes are not text in the character set that MSH-18 declares")]
    NotText,
    /// A NUL, or a framing byte, inside the message.
    #[error("the message holds a NUL or a framing byte")]
    ControlCharacter,
    /// A line that does not begin with a segment's name.
    #[error("a line does not begin with a segment name")]
    SegmentName,
    /// More segments than [`crate::MAX_SEGMENTS`].
    #[error("the message has more segments than are read here")]
    TooManySegments,
    /// More messages than [`crate::batch::MAX_BATCH_MESSAGES`].
    #[error("the batch has more messages than are read here")]
    TooManyMessages,
    /// More fields than [`crate::MAX_FIELDS`].
    #[error("a segment has more fields than are read here")]
    TooManyFields,
    /// More repetitions than [`crate::MAX_REPETITIONS`].
    #[error("a field repeats more often than is read here")]
    TooManyRepetitions,
    /// An MSH segment that is not the first.
    #[error("there is a second MSH segment; send one message at a time")]
    SecondHeader,
    /// More PID segments than this message may have.
    #[error("the message speaks of more patients than are read of one message of its kind")]
    TooManyPatients,
    /// A segment that this message must have.
    #[error("a required segment is missing")]
    MissingSegment,
    /// A field that this message must have.
    #[error("a required field is empty")]
    MissingField,
    /// A field is longer than the standard lets it be.
    #[error("a field is longer than the standard allows")]
    TooLong,
    /// MSH-12 names something other than version 2.
    #[error("the version is not HL7 version 2")]
    UnsupportedVersion,
    /// MSH-9 names a message that is not read here.
    #[error("messages of this type are not read here")]
    UnsupportedMessage,
    /// MSH-9 names an event that is not read here.
    #[error("messages for this event are not read here")]
    UnsupportedEvent,
}

impl ParseFault {
    /// The fault of a message of which only the size is known.
    pub fn too_large() -> Self {
        Self::whole(Reason::TooLarge)
    }

    pub(crate) fn whole(reason: Reason) -> Self {
        Self { reason, segment: None, field: None }
    }

    pub(crate) fn segment(reason: Reason, segment: impl Into<String>) -> Self {
        Self { reason, segment: Some(segment.into()), field: None }
    }

    pub(crate) fn field(reason: Reason, segment: impl Into<String>, field: usize) -> Self {
        Self { reason, segment: Some(segment.into()), field: Some(field) }
    }

    /// The answer this fault calls for: `AR` where this system does not take such messages at all,
    /// `AE` where this one is wrong.
    pub fn acknowledgment(&self) -> AckCode {
        match self.reason {
            Reason::UnsupportedVersion | Reason::UnsupportedMessage | Reason::UnsupportedEvent => AckCode::AR,
            _ => AckCode::AE,
        }
    }

    /// The code and its text from HL7 table 0357, for ERR-3.
    pub fn condition(&self) -> (&'static str, &'static str) {
        match self.reason {
            Reason::UnsupportedVersion => ("203", "Unsupported version id"),
            Reason::UnsupportedMessage | Reason::Batch => ("200", "Unsupported message type"),
            Reason::UnsupportedEvent => ("201", "Unsupported event code"),
            Reason::MissingField => ("101", "Required field missing"),
            Reason::NotText | Reason::CharacterSet | Reason::ControlCharacter | Reason::TooLong => {
                ("102", "Data type error")
            }
            Reason::Empty | Reason::TooLarge => ("207", "Application internal error"),
            Reason::NotHl7
            | Reason::Separators
            | Reason::SegmentName
            | Reason::TooManySegments
            | Reason::TooManyMessages
            | Reason::TooManyFields
            | Reason::TooManyRepetitions
            | Reason::SecondHeader
            | Reason::TooManyPatients
            | Reason::MissingSegment => ("100", "Segment sequence error"),
        }
    }
}

impl fmt::Display for ParseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.segment, self.field) {
            (Some(segment), Some(field)) => write!(f, "{segment}-{field}: {}", self.reason),
            (Some(segment), None) => write!(f, "{segment}: {}", self.reason),
            (None, _) => write!(f, "{}", self.reason),
        }
    }
}

impl std::error::Error for ParseFault {}
