//! HL7 v2 messages of other systems. Store, then apply, then acknowledge: what was acknowledged is never lost, and what is sent
//! again is acknowledged again.

mod message;

mod kept;
mod stored;

pub mod receive;

mod apply;
mod entries;
mod facts;
mod joined;
mod order;
mod said;
mod schedule;

pub mod backlog;
pub mod mllp;

pub mod batch;
mod body;
pub mod parked;

use actix_web::http::{StatusCode, header as http_header};
use actix_web::{HttpRequest, HttpResponse, post, web};
use auth::Permit;
use auth::permissions::Hl7Import;
use chassis::idempotency::IdempotencyKey;
use chassis::problem::Problem;

pub(crate) use self::apply::take_turns;
use self::body::Er7;
pub use self::body::ImportInput;
pub(crate) use self::facts::Known;
pub use self::message::ImportAnswer;
use self::message::{Bringer, Outcome, Parked};
use self::receive::Desk;
use crate::app::App;

const ER7: &str = "application/hl7-v2";
const ER7_UTF8: &str = "application/hl7-v2; charset=utf-8";

/// Import HL7 v2 messages: ADT A01, A03, A04, A05, A08, A28, A31 and A40, ORU R01, SIU S12 to S15, VXU V04.
///
/// The body is the message itself (ER7; segments end in CR, LF or both), or JSON `{"message": "…"}`. With
/// `Accept: application/hl7-v2` the answer is the bare acknowledgment. A message that was imported before changes nothing and
/// gets the acknowledgment that it got then. One that cannot be read or applied is kept for a person to look at
/// (`/api/patients/hl7/parked/`).
///
/// ADT brings the record up to date, A40 merges two; what is said of the patient's health (AL1, DG1, PR1, OBX, RXA) goes into
/// the medical history, once: what is sent again amends. SIU is handed on to appointments. A patient who is not known yet is
/// registered. A40 and ORU may speak of several patients: all of it is applied, or nothing.
///
/// A message that is applied after a later one of its sender (it was left for a fault of ours, or replayed) undoes nothing of that:
/// `warnings` say what was left as it is.
///
/// A batch (`FHS`, `BHS`) is answered as a whole, with an outcome for each of its messages in `messages`; what was taken of it
/// stays, and is answered the same when the batch is sent again.
#[utoipa::path(tag = "patients",
    request_body(content((String = "application/hl7-v2"), (String = "text/plain"), (ImportInput = "application/json"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "not needed: the message's control id is one already")),
    responses((status = 200, body = batch::Imported),
        (status = 400, description = "cannot be read or applied; `acknowledgment` is AE or AR, `detail` says why"),
        (status = 403, description = "this role may not"),
        (status = 409, description = "another message was received with this control id; `acknowledgment` is AE"),
        (status = 413, description = "a message of more than 1 MiB, a batch of more than 2 MiB"),
        (status = 415, description = "neither ER7 nor JSON")))]
#[post("/api/patients/hl7/import/")]
pub async fn import(
    permit: Permit<Hl7Import>,
    key: IdempotencyKey,
    http: HttpRequest,
    body: Er7,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let (desk, actor) = (Desk::of(&app), &permit.actor);
    let accepted = http.headers().get(http_header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let in_er7 = accepted.contains(ER7);
    if let Some(batch) = batch::Batch::of(&body.bytes) {
        return batch.import(&desk, &app.audit, actor, (&key, &body.digest), &http, in_er7).await;
    }
    let key = Some((actor, &key, &body.digest));
    let (_header, outcome) = receive::receive(&desk, Bringer::User(actor), key, &body.bytes).await?;
    if in_er7 { Ok(outcome.in_er7()) } else { outcome.in_json() }
}

impl Outcome {
    fn in_er7(self) -> HttpResponse {
        let (status, ack) = match self {
            Self::Applied { ack, .. } => (StatusCode::OK, ack),
            Self::Parked(parked) => (parked.status(), parked.ack),
        };
        HttpResponse::build(status).content_type(ER7_UTF8).body(ack)
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
            Self::Parked(parked) => Err(parked.into()),
        }
    }
}

impl Parked {
    fn status(&self) -> StatusCode {
        if self.is_conflict { StatusCode::CONFLICT } else { StatusCode::BAD_REQUEST }
    }
}

impl From<Parked> for Problem {
    fn from(parked: Parked) -> Self {
        Self::new(parked.status(), parked.reason.clone())
            .with_type("hl7-message-parked")
            .with("acknowledgment", parked.acknowledgment)
    }
}
