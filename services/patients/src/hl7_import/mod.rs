//! Importing HL7 v2 messages. Store, then apply, then acknowledge: what was acknowledged is never lost, and what is sent
//! again is acknowledged again.

mod apply;
mod body;
mod facts;
mod message;

use actix_web::http::{StatusCode, header as http_header};
use actix_web::{HttpRequest, HttpResponse, post, web};
use auth::permissions::Hl7Import;
use auth::{Actor, Permit};
use chassis::db;
use chassis::idempotency::IdempotencyKey;
use chassis::problem::Problem;
use hl7::adt::{AdtEvent, AdtMessage};
use hl7::{Header, ParseFault, Reason};

use self::body::Er7;
pub use self::body::ImportInput;
pub use self::message::ImportAnswer;
use self::message::{Incoming, Outcome, Parked, Stored};
use crate::app::App;
use crate::error::Error;

const ER7: &str = "application/hl7-v2";

/// Import one HL7 v2 message: ADT A01, A03, A04, A05, A08, A28 or A31.
///
/// The body is the message itself (ER7; segments end in CR, LF or both), or JSON `{"message": "…"}`. With
/// `Accept: application/hl7-v2` the answer is the bare acknowledgment. A message that was imported before changes nothing and
/// gets the acknowledgment that it got then. One that cannot be read or applied is kept for a person to look at.
#[utoipa::path(tag = "patients",
    request_body(content((String = "application/hl7-v2"), (String = "text/plain"), (ImportInput = "application/json"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "not needed: the message's control id is one already")),
    responses((status = 200, body = ImportAnswer),
        (status = 400, description = "cannot be read or applied; `acknowledgment` is AE or AR, `detail` says why"),
        (status = 409, description = "another message was received with this control id; `acknowledgment` is AE")))]
#[post("/api/patients/hl7/import/")]
pub async fn import(
    permit: Permit<Hl7Import>,
    key: IdempotencyKey,
    http: HttpRequest,
    body: Er7,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let outcome = receive(&app, &permit.actor, &key, &body).await?;
    let accepted = http.headers().get(http_header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepted.contains(ER7) { Ok(outcome.in_er7()) } else { outcome.in_json() }
}

async fn receive(app: &App, actor: &Actor, key: &IdempotencyKey, body: &Er7) -> Result<Outcome, Error> {
    let raw = body.bytes.as_ref();
    let (header, read) = match read(raw) {
        Ok((header, message)) => (header, Ok(message)),
        Err(fault) => (hl7::header_lossy(raw).unwrap_or_else(nobody), Err(fault)),
    };
    let incoming = Incoming { raw, digest: body.digest, header: header.without_nul(), actor };
    let header = &incoming.header;
    let mut conn = db::get(&app.db).await?;
    let message = match read {
        Ok(message) => message,
        Err(fault) => return message::park_new(&mut conn, &incoming, Parked::unreadable(header, &fault)).await,
    };
    match message::store(&mut conn, &incoming).await? {
        Stored::Answered(outcome) => {
            actor.trail.shows(outcome.patient());
            Ok(outcome)
        }
        Stored::ControlIdTaken => message::park_new(&mut conn, &incoming, Parked::control_id_taken(header)).await,
        Stored::Waiting(id) => apply::apply(&mut conn, app, key, id, &incoming, &message).await,
    }
}

/// The message, if it is one that is taken here. Merges wait for merging to be built.
fn read(raw: &[u8]) -> Result<(Header, AdtMessage), ParseFault> {
    let message = hl7::parse(raw)?;
    let (header, adt) = (message.header()?, hl7::adt::read(&message)?);
    if adt.event == AdtEvent::A40 {
        return Err(ParseFault { reason: Reason::UnsupportedEvent, segment: Some("MSH".to_owned()), field: Some(9) });
    }
    Ok((header, adt))
}

impl Outcome {
    /// Whose record it speaks of.
    fn patient(&self) -> Option<i64> {
        match self {
            Self::Applied { answer, .. } => Some(answer.patient),
            Self::Parked(_) => None,
        }
    }

    fn in_er7(self) -> HttpResponse {
        let (status, ack) = match self {
            Self::Applied { ack, .. } => (StatusCode::OK, ack),
            Self::Parked(parked) => (parked.status(), parked.ack),
        };
        HttpResponse::build(status).content_type("application/hl7-v2; charset=utf-8").body(ack)
    }

    fn in_json(self) -> Result<HttpResponse, Problem> {
        match self {
            Self::Applied { answer, replayed, .. } => {
                let mut response = HttpResponse::Ok();
                if replayed {
                    response.insert_header(("idempotent-replayed", "true"));
                }
                Ok(response.json(answer))
            }
            Self::Parked(parked) => Err(Problem::new(parked.status(), parked.reason.clone())
                .with_type("hl7-message-parked")
                .with("acknowledgment", parked.acknowledgment)),
        }
    }

    /// The same, for a request whose Idempotency-Key was answered before.
    fn replayed(self, again: bool) -> Self {
        match self {
            Self::Applied { answer, ack, .. } => Self::Applied { answer, ack, replayed: again },
            parked @ Self::Parked(_) => parked,
        }
    }
}

impl Parked {
    fn status(&self) -> StatusCode {
        if self.is_conflict { StatusCode::CONFLICT } else { StatusCode::BAD_REQUEST }
    }
}

/// Of a header made out of damaged bytes, what PostgreSQL can keep.
trait WithoutNul {
    fn without_nul(self) -> Self;
}

impl WithoutNul for Header {
    fn without_nul(mut self) -> Self {
        for text in [
            &mut self.sending_application,
            &mut self.sending_facility,
            &mut self.control_id,
            &mut self.message_code,
            &mut self.trigger_event,
        ] {
            text.retain(|c| !c.is_control());
        }
        self
    }
}

/// The header of a message that has none.
fn nobody() -> Header {
    Header {
        sending_application: String::new(),
        sending_facility: String::new(),
        receiving_application: String::new(),
        receiving_facility: String::new(),
        timestamp: None,
        message_code: String::new(),
        trigger_event: String::new(),
        control_id: String::new(),
        processing_id: String::new(),
        version: String::new(),
        accept_acknowledgment: String::new(),
        application_acknowledgment: String::new(),
        character_set: String::new(),
    }
}
