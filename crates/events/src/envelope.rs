//! The envelope around a payload: names, times, and its form on the wire.

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use prost::Message;
use prost_types::Timestamp;
use uuid::Uuid;

use crate::v1::{Actor, Envelope, envelope::Payload};

/// Names of all events, in the order of `envelope.proto`; a test compares the two.
pub const EVENT_TYPES: &[&str] = &[
    "UserRegistered",
    "UserUpdated",
    "PatientRegistered",
    "PatientUpdated",
    "AppointmentBooked",
    "AppointmentUpdated",
    "AppointmentCompleted",
    "InvoiceIssued",
    "PaymentReceived",
    "BreakGlassUsed",
    "PatientMerged",
    "PatientUnmerged",
    "ExternalAppointmentReceived",
    "InvoiceCancelled",
    "PaymentRefunded",
    "WaitlistOffered",
    "WaitlistOfferClosed",
];

impl Payload {
    /// Name of the event, as `subscriptions.yaml` has it.
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::UserRegistered(_) => "UserRegistered",
            Self::UserUpdated(_) => "UserUpdated",
            Self::PatientRegistered(_) => "PatientRegistered",
            Self::PatientUpdated(_) => "PatientUpdated",
            Self::AppointmentBooked(_) => "AppointmentBooked",
            Self::AppointmentUpdated(_) => "AppointmentUpdated",
            Self::AppointmentCompleted(_) => "AppointmentCompleted",
            Self::InvoiceIssued(_) => "InvoiceIssued",
            Self::InvoiceCancelled(_) => "InvoiceCancelled",
            Self::PaymentReceived(_) => "PaymentReceived",
            Self::BreakGlassUsed(_) => "BreakGlassUsed",
            Self::PatientMerged(_) => "PatientMerged",
            Self::PatientUnmerged(_) => "PatientUnmerged",
            Self::ExternalAppointmentReceived(_) => "ExternalAppointmentReceived",
            Self::PaymentRefunded(_) => "PaymentRefunded",
            Self::WaitlistOffered(_) => "WaitlistOffered",
            Self::WaitlistOfferClosed(_) => "WaitlistOfferClosed",
        }
    }
}

impl Envelope {
    /// Wraps what happened now to the aggregate (its kind and id) in a new event.
    pub fn new(
        actor: Option<(i64, &str)>,
        aggregate: (&str, i64),
        traceparent: Option<String>,
        payload: Payload,
    ) -> Self {
        let (aggregate_type, aggregate_id) = aggregate;
        Self {
            event_id: Uuid::now_v7().to_string(),
            r#type: payload.event_type().to_owned(),
            aggregate_type: aggregate_type.to_owned(),
            aggregate_id,
            occurred_at: Some(timestamp(Utc::now())),
            actor: actor.map(|(user_id, role)| Actor { user_id, role: role.to_owned() }),
            traceparent: traceparent.unwrap_or_default(),
            payload: Some(payload),
        }
    }

    /// The SQS message group: events of one aggregate, in order.
    pub fn message_group(&self) -> String {
        format!("{}-{}", self.aggregate_type, self.aggregate_id)
    }
}

/// Why the body of a message is no event. Says nothing of what the body holds.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Not base64.
    #[error("the body is not base64")]
    NotBase64,
    /// Base64 of something else than an envelope.
    #[error("the body is not an envelope")]
    NotAnEnvelope,
    /// The event id is not a UUID.
    #[error("the event id is not a UUID")]
    EventId,
    /// No payload, or one that this program does not know yet.
    #[error("the payload is absent or unknown to this version")]
    UnknownPayload,
}

/// The body of a queue message for an encoded envelope.
pub fn to_wire(encoded: &[u8]) -> String {
    BASE64_STANDARD.encode(encoded)
}

/// Reads the body of a queue message; the event's id comes along, parsed.
pub fn from_wire(body: &str) -> Result<(Uuid, Envelope), Malformed> {
    // Causes are dropped on purpose: a decoder's message may quote the body.
    let encoded = BASE64_STANDARD.decode(body).ok().ok_or(Malformed::NotBase64)?;
    let envelope = Envelope::decode(encoded.as_slice()).ok().ok_or(Malformed::NotAnEnvelope)?;
    let id = Uuid::parse_str(&envelope.event_id).ok().ok_or(Malformed::EventId)?;
    if envelope.payload.is_none() {
        return Err(Malformed::UnknownPayload);
    }
    Ok((id, envelope))
}

/// A point in time for a message.
pub fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: time.timestamp(),
        // A leap second makes this more than a billion; the next microsecond is near enough.
        nanos: i32::try_from(time.timestamp_subsec_nanos().min(999_999_999)).unwrap_or_default(),
    }
}

/// A point in time from a message; none when it is outside the calendar.
pub fn time(timestamp: &Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(timestamp.seconds, u32::try_from(timestamp.nanos).ok()?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;
    use crate::v1::PaymentSnapshot;

    fn event() -> Envelope {
        let paid =
            PaymentSnapshot { id: 7, invoice_id: 3, amount_paise: 50_000, method: "UPI".to_owned(), received_at: None };
        Envelope::new(Some((1, "ACCOUNTANT")), ("invoice", 3), None, Payload::PaymentReceived(paid))
    }

    #[test]
    fn what_goes_over_the_wire_comes_back() {
        let sent = event();
        let (id, read) = from_wire(&to_wire(&sent.encode_to_vec())).unwrap();
        assert_eq!(read, sent);
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(read.message_group(), "invoice-3");
    }

    #[test]
    fn what_is_no_event_is_named() {
        let wire = |change: fn(&mut Envelope)| {
            let mut sent = event();
            change(&mut sent);
            to_wire(&sent.encode_to_vec())
        };
        assert!(matches!(from_wire("%%"), Err(Malformed::NotBase64)));
        assert!(matches!(from_wire("////"), Err(Malformed::NotAnEnvelope)));
        assert!(matches!(from_wire(""), Err(Malformed::EventId)));
        assert!(matches!(from_wire(&wire(|e| e.event_id = "7".to_owned())), Err(Malformed::EventId)));
        assert!(matches!(from_wire(&wire(|e| e.payload = None)), Err(Malformed::UnknownPayload)));
    }

    #[test]
    fn times_survive_to_the_nanosecond() {
        let now = Utc::now();
        assert_eq!(time(&timestamp(now)), Some(now));
        assert_eq!(time(&Timestamp { seconds: i64::MAX, nanos: 0 }), None);
        assert_eq!(time(&Timestamp { seconds: 0, nanos: -1 }), None);
    }
}
