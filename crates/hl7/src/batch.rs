//! Batches: many messages in one file, `FHS BHS MSH… BTS FTS`.
//!
//! A batch is split without being read: a message that cannot be read leaves the others as they are.

use chrono::{DateTime, Utc};

use crate::ack::AckCode;
use crate::escape;
use crate::fault::{ParseFault, Reason};
use crate::message::{Encoding, Segment};
use crate::parse::{first_line, separators, unframed};
use crate::warning::{Warning, Warnings};

/// The largest batch that is read, in bytes.
pub const MAX_BATCH_BYTES: usize = 32 * 1024 * 1024;
/// The most messages of a batch.
pub const MAX_BATCH_MESSAGES: usize = 10_000;

/// A batch, split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch<'a> {
    /// What FHS says, or else the first BHS.
    pub header: BatchHeader,
    /// The messages, in order; each is yet to be read with [`crate::parse()`].
    pub messages: Vec<&'a [u8]>,
    /// Counts that do not agree, trailers that are missing, lines that belong to no message.
    pub warnings: Vec<Warning>,
}

/// Who sends a batch to whom. It holds nothing of a patient.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchHeader {
    /// FHS-3, BHS-3.
    pub sending_application: String,
    /// FHS-4, BHS-4.
    pub sending_facility: String,
    /// FHS-5, BHS-5.
    pub receiving_application: String,
    /// FHS-6, BHS-6.
    pub receiving_facility: String,
    /// FHS-11, BHS-11.
    pub control_id: String,
}

/// Whether bytes begin as a batch does.
pub fn is_batch(bytes: &[u8]) -> bool {
    let bytes = unframed(bytes);
    bytes.starts_with(b"FHS") || bytes.starts_with(b"BHS")
}

/// Splits a batch into its messages.
///
/// # Errors
///
/// Where it is too large, does not begin with FHS or BHS, has separators that cannot be, or holds more messages than are
/// taken at once or none at all.
pub fn split(bytes: &[u8]) -> Result<Batch<'_>, ParseFault> {
    if bytes.len() > MAX_BATCH_BYTES {
        return Err(ParseFault::whole(Reason::TooLarge));
    }
    if !is_batch(bytes) {
        return Err(ParseFault::whole(Reason::NotHl7));
    }
    let bytes = unframed(bytes);
    let mut parts = Parts::new(bytes)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let line = first_line(rest);
        let at = bytes.len().saturating_sub(rest.len());
        parts.take(line, at)?;
        rest = rest.get(line.len().saturating_add(1)..).unwrap_or_default();
    }
    parts.finish(bytes)
}

/// A batch while it is split.
struct Parts {
    encoding: Encoding,
    header: BatchHeader,
    /// Where messages begin and end.
    spans: Vec<(usize, usize)>,
    is_in_message: bool,
    /// How many messages the open BHS has so far.
    in_batch: Option<usize>,
    batches: usize,
    has_file_header: bool,
    has_file_trailer: bool,
    warnings: Warnings,
}

impl Parts {
    fn new(bytes: &[u8]) -> Result<Self, ParseFault> {
        let first = first_line(bytes);
        let name = String::from_utf8_lossy(first.get(..3).unwrap_or_default()).into_owned();
        let separators = separators(first).ok_or_else(|| ParseFault::field(Reason::Separators, &name, 2))?;
        let encoding = Encoding { separators, ..Encoding::STANDARD };
        let text = String::from_utf8_lossy(first);
        Ok(Self {
            encoding,
            header: BatchHeader::of(&Segment { text: &text, encoding }),
            spans: Vec::new(),
            is_in_message: false,
            in_batch: None,
            batches: 0,
            has_file_header: false,
            has_file_trailer: false,
            warnings: Warnings::default(),
        })
    }

    fn take(&mut self, line: &[u8], at: usize) -> Result<(), ParseFault> {
        let end = at.saturating_add(line.len());
        match line.get(..3) {
            Some(b"FHS") => (self.has_file_header, self.is_in_message) = (true, false),
            Some(b"BHS") => {
                self.close_batch(None);
                (self.in_batch, self.is_in_message) = (Some(0), false);
                self.batches = self.batches.saturating_add(1);
            }
            Some(b"BTS") => {
                self.is_in_message = false;
                self.close_batch(Some(line));
            }
            Some(b"FTS") => {
                (self.has_file_trailer, self.is_in_message) = (true, false);
                self.close_batch(None);
                if self.count(line).is_some_and(|said| said != self.batches) {
                    self.warnings.add("FTS-1", "differs from the number of batches; all were read");
                }
            }
            Some(b"MSH") => {
                if self.spans.len() >= MAX_BATCH_MESSAGES {
                    return Err(ParseFault::whole(Reason::TooManyMessages));
                }
                self.spans.push((at, end));
                self.is_in_message = true;
                self.in_batch = self.in_batch.map(|count| count.saturating_add(1));
            }
            _ if line.trim_ascii().is_empty() => {}
            _ => match self.spans.last_mut().filter(|_| self.is_in_message) {
                Some(span) => span.1 = end,
                None => self.warnings.add("BHS", "a line that belongs to no message was passed over"),
            },
        }
        Ok(())
    }

    fn close_batch(&mut self, trailer: Option<&[u8]>) {
        let Some(counted) = self.in_batch.take() else {
            if trailer.is_some() {
                self.warnings.add("BTS", "ends a batch that did not begin");
            }
            return;
        };
        match trailer.map(|line| self.count(line)) {
            None => self.warnings.add("BTS", "is missing: the batch may have been cut short"),
            Some(Some(said)) if said != counted => {
                self.warnings.add("BTS-1", "differs from the number of messages; all were read");
            }
            Some(_) => {}
        }
    }

    /// The number in a trailer's first field.
    fn count(&self, trailer: &[u8]) -> Option<usize> {
        let text = String::from_utf8_lossy(trailer);
        Segment { text: &text, encoding: self.encoding }.field(1).text().parse().ok()
    }

    fn finish(mut self, bytes: &[u8]) -> Result<Batch<'_>, ParseFault> {
        self.close_batch(None);
        if self.has_file_header && !self.has_file_trailer {
            self.warnings.add("FTS", "is missing: the file may have been cut short");
        }
        if self.spans.is_empty() {
            return Err(ParseFault::whole(Reason::Empty));
        }
        let messages = self.spans.iter().filter_map(|(from, to)| bytes.get(*from..*to)).collect();
        Ok(Batch { header: self.header, messages, warnings: self.warnings.into_vec() })
    }
}

impl BatchHeader {
    fn of(segment: &Segment<'_>) -> Self {
        Self {
            sending_application: segment.field(3).standard(),
            sending_facility: segment.field(4).standard(),
            receiving_application: segment.field(5).standard(),
            receiving_facility: segment.field(6).standard(),
            control_id: segment.field(11).whole_text(),
        }
    }
}

/// The acknowledgment of a batch: the acknowledgments of its messages, as [`crate::ack`] wrote them, between a header that
/// goes back to the sender and a trailer that counts them. BHS-10 says how many were accepted.
pub fn acknowledge<'a>(
    header: &BatchHeader,
    acknowledgments: impl IntoIterator<Item = (AckCode, &'a str)>,
    new_control_id: &str,
    at: DateTime<Utc>,
) -> String {
    let (mut body, mut total, mut accepted) = (String::new(), 0_usize, 0_usize);
    for (code, acknowledgment) in acknowledgments {
        total = total.saturating_add(1);
        accepted = accepted.saturating_add(usize::from(code.is_positive()));
        body.push_str(acknowledgment);
    }
    let text = |text: &str| escape::encode(text, &Encoding::STANDARD);
    let bhs = [
        "BHS|^~\\&",
        &header.receiving_application,
        &header.receiving_facility,
        &header.sending_application,
        &header.sending_facility,
        &at.format("%Y%m%d%H%M%S+0000").to_string(),
        "",
        "",
        &format!("{accepted} of {total} accepted"),
        &text(new_control_id),
        &text(&header.control_id),
    ]
    .join("|");
    format!("{}\r{body}BTS|{total}\r", bhs.trim_end_matches('|'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn message(id: usize) -> String {
        format!("MSH|^~\\&|HIS|APOLLO|EHS|EHS|||ADT^A08|{id}|P|2.5\rPID|1||7\r")
    }

    fn warned(text: &str) -> Vec<String> {
        split(text.as_bytes()).unwrap().warnings.into_iter().map(|warning| warning.location).collect()
    }

    #[test]
    fn a_file_is_split_into_its_messages() {
        let file = format!(
            "FHS|^~\\&|HIS|APOLLO|EHS|EHS|||||F-1\rBHS|^~\\&|||||||||B-1\r\n{}{}BTS|2\rBHS|^~\\&\r{}BTS|1\rFTS|2\r",
            message(1),
            message(2).replace('\r', "\r\n"),
            message(3)
        );
        let batch = split(file.as_bytes()).unwrap();
        let ids: Vec<String> =
            batch.messages.iter().map(|bytes| parse(bytes).unwrap().header().unwrap().control_id).collect();
        assert_eq!(ids, ["1", "2", "3"]);
        assert_eq!((batch.header.sending_facility.as_str(), batch.header.control_id.as_str()), ("APOLLO", "F-1"));
        assert_eq!(batch.warnings, []);
        assert_eq!(split(format!("\u{feff}\x0B{file}\x1C\r").as_bytes()).unwrap().messages.len(), 3);
    }

    #[test]
    fn a_message_that_cannot_be_read_leaves_the_others() {
        let file = format!("BHS|^~\\&|HIS\r{}MSH|bad\rPID|\u{0}\rwhat\r{}BTS|3\r", message(1), message(2));
        let batch = split(file.as_bytes()).unwrap();
        let read: Vec<bool> = batch.messages.iter().map(|bytes| parse(bytes).is_ok()).collect();
        assert_eq!(read, [true, false, true]);
    }

    #[test]
    fn counts_and_trailers_are_checked() {
        let m = message(1);
        assert_eq!(warned(&format!("BHS|^~\\&\r{m}BTS|7\r")), ["BTS-1"]);
        assert_eq!(warned(&format!("BHS|^~\\&\r{m}BTS|\r")), Vec::<String>::new());
        assert_eq!(warned(&format!("BHS|^~\\&\r{m}")), ["BTS"]);
        assert_eq!(warned(&format!("FHS|^~\\&\rBHS|^~\\&\r{m}BTS|1\rFTS|9\r")), ["FTS-1"]);
        assert_eq!(warned(&format!("FHS|^~\\&\rBHS|^~\\&\r{m}BTS|1\r")), ["FTS"]);
        assert_eq!(warned(&format!("BHS|^~\\&\rNTE|1\r{m}BTS|1\rPID|1\r")), ["BHS"]);
        assert_eq!(warned(&format!("BHS*:~\\&\r{m}BTS*4\r")), ["BTS-1"]);
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        let reason = |text: &str| split(text.as_bytes()).unwrap_err().reason;
        assert_eq!(reason(&message(1)), Reason::NotHl7);
        assert_eq!(reason("BHS|^^^^|"), Reason::Separators);
        assert_eq!(reason("BHS|^~\\&|\rBTS|0\r"), Reason::Empty);
        assert_eq!(reason(&format!("BHS|^~\\&\r{}", "MSH|\r".repeat(MAX_BATCH_MESSAGES + 1))), Reason::TooManyMessages);
        assert_eq!(split(&vec![b'B'; MAX_BATCH_BYTES + 1]).unwrap_err().reason, Reason::TooLarge);
    }

    #[test]
    fn the_answer_goes_back_the_way_the_batch_came() {
        let header = BatchHeader {
            sending_application: "HIS".to_owned(),
            receiving_facility: "EHS".to_owned(),
            control_id: "B|1".to_owned(),
            ..BatchHeader::default()
        };
        let acks = [(AckCode::AA, "MSH|^~\\&|1\rMSA|AA|1\r"), (AckCode::AE, "MSH|^~\\&|2\rMSA|AE|2\r")];
        let answer = acknowledge(&header, acks, "A-1", DateTime::UNIX_EPOCH);
        assert_eq!(answer.lines().count(), 1);
        assert!(answer.starts_with("BHS|^~\\&||EHS|HIS||19700101000000+0000|||1 of 2 accepted|A-1|B\\F\\1\rMSH"));
        assert!(answer.ends_with("MSA|AE|2\rBTS|2\r"));
        assert_eq!(split(answer.as_bytes()).unwrap().messages.len(), 2);
    }
}
