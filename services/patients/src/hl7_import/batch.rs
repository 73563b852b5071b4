//! Batches (FHS, BHS): each message for itself, in order, and one answer for all.

use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, Responder};
use audit::Recorder;
use audit::row::Outcome as Audited;
use auth::Actor;
use chassis::db;
use chassis::idempotency::{Answer, IdempotencyKey, Stored};
use chassis::problem::Problem;
use chassis::trail::Trail;
use chrono::Utc;
use diesel_async::AsyncConnection;
use hl7::{AckCode, Header};
use serde::Serialize;
use utoipa::ToSchema;

use super::message::{self, Bringer, ImportAnswer, Outcome};
use super::receive::{self, Desk, Read};
use crate::error::Error;

/// Messages are applied for so long; what is left is to be sent again.
const PATIENCE: Duration = Duration::from_secs(20);
/// The status of a message that is to be sent again.
const NOT_TAKEN: &str = "NOT_TAKEN";
/// What is said of it.
const NOT_REACHED: &str = "was not reached in time; send the batch again: what was taken of it is not applied twice";

/// What the sender hears: of one message, or of a batch.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Imported {
    /// Of one message.
    One(ImportAnswer),
    /// Of a batch.
    Batch(BatchAnswer),
}

/// What became of a batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BatchAnswer {
    /// FHS-11, or else BHS-11.
    pub batch_control_id: String,
    /// Messages in the batch.
    pub count: usize,
    /// Those of them that were applied, now or before.
    pub accepted: usize,
    /// Counts that do not agree, trailers that are missing.
    pub warnings: Vec<String>,
    /// Each message, in the batch's order.
    pub messages: Vec<MessageAnswer>,
}

/// What became of one message of a batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MessageAnswer {
    /// MSH-10.
    pub message_control_id: String,
    /// `ADT^A01`.
    pub message_type: String,
    /// `APPLIED`; `PARKED`: a person has to look at it; `NOT_TAKEN`: send it again.
    pub status: &'static str,
    /// `AA`; `AE` or `AR` where it is parked; `AR` where it is to be sent again.
    pub acknowledgment: String,
    /// The patient's id; null where it was not applied. Of several patients the first.
    pub patient: Option<i64>,
    /// The ids of all patients of a message that speaks of several, in its order; left out of others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patients: Vec<i64>,
    /// Whether the patient is new.
    pub created: bool,
    /// What was left out, and why.
    pub warnings: Vec<String>,
    /// Why it was not applied; null where it was.
    pub detail: Option<String>,
}

/// A batch that could be split.
pub struct Batch<'a>(hl7::batch::Batch<'a>);

/// One message of it, answered.
struct Answered {
    answer: MessageAnswer,
    ack: String,
}

impl<'a> Batch<'a> {
    /// The bytes as a batch, where they are one that can be split. One that cannot is refused as any unreadable message is.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        if !hl7::batch::is_batch(bytes) {
            return None;
        }
        hl7::batch::split(bytes).ok().map(Self)
    }

    /// Imports the messages of a request.
    ///
    /// # Errors
    /// When the Idempotency-Key was used for another request.
    pub async fn import(
        &self,
        desk: &Desk,
        recorder: &Recorder,
        actor: &Actor,
        (key, digest): (&IdempotencyKey, &[u8; 32]),
        http: &HttpRequest,
        in_er7: bool,
    ) -> Result<HttpResponse, Problem> {
        if let Some(stored) = answered_before(desk, actor, key, digest).await? {
            actor.trail.repeats();
            return Ok(Answer::from(stored).respond_to(http));
        }
        let answered = self.each(desk, recorder, actor).await?;
        if in_er7 {
            return Ok(HttpResponse::Ok().content_type(super::ER7_UTF8).body(self.acknowledge(&answered)));
        }
        let (answer, _is_whole) = self.settle(desk, actor, (key, digest), answered).await?;
        Ok(answer.respond_to(http))
    }

    /// Imports the messages of a batch that was parked and can be split now; says whether all of them were reached.
    ///
    /// # Errors
    /// As of [`import`](Self::import).
    pub async fn replay(
        &self,
        desk: &Desk,
        recorder: &Recorder,
        actor: &Actor,
        key: (&IdempotencyKey, &[u8; 32]),
    ) -> Result<(Answer, bool), Problem> {
        let answered = self.each(desk, recorder, actor).await?;
        self.settle(desk, actor, key, answered).await
    }

    async fn each(&self, desk: &Desk, recorder: &Recorder, actor: &Actor) -> Result<Vec<Answered>, Problem> {
        let mut answered = Vec::with_capacity(self.0.messages.len());
        let begun = Instant::now();
        for bytes in &self.0.messages {
            // Each in an audit row of its own; what came before shows its patient in the row of the batch.
            let own = Trail::of_facts(actor.trail.facts().clone());
            own.follows(&actor.trail);
            let bringer = Actor { trail: own.clone(), ..actor.clone() };
            let one = self.one(desk, recorder, Bringer::User(&bringer), bytes, begun).await;
            let noted = own.noted();
            actor.trail.shows(noted.patients.filter(|_| !noted.written).into_iter().flatten());
            answered.push(match one {
                Ok(answered) => answered,
                // Where not even the first could be stored there is nothing to tell of.
                Err(error) if answered.is_empty() => return Err(error.into()),
                Err(_) => Answered::not_taken(bytes).await,
            });
        }
        Ok(answered)
    }

    /// The answer, kept for the key where all messages were reached: sent again, a batch of which something is left goes on.
    async fn settle(
        &self,
        desk: &Desk,
        actor: &Actor,
        (key, digest): (&IdempotencyKey, &[u8; 32]),
        answered: Vec<Answered>,
    ) -> Result<(Answer, bool), Problem> {
        let is_whole = answered.iter().all(|one| one.answer.status != NOT_TAKEN);
        let answer = Answer::new(StatusCode::OK, None, None, &self.answer(answered))?;
        let answer = if !is_whole { answer } else { keep(desk, actor, key, digest, answer).await? };
        Ok((answer, is_whole))
    }

    /// Takes the messages of a frame; gives the batch that acknowledges them.
    pub async fn receive(&self, desk: &Desk, recorder: &Recorder, trail: &Trail, within: Duration) -> String {
        let mut answered = Vec::with_capacity(self.0.messages.len());
        let begun = Instant::now() + within.min(PATIENCE);
        let begun = begun.checked_sub(PATIENCE).unwrap_or(begun);
        for bytes in &self.0.messages {
            let own = Trail::of_facts(trail.facts().clone());
            own.follows(trail);
            answered.push(match self.one(desk, recorder, Bringer::System(&own), bytes, begun).await {
                Ok(answered) => answered,
                Err(_) => Answered::not_taken(bytes).await,
            });
        }
        self.acknowledge(&answered)
    }

    async fn one(
        &self,
        desk: &Desk,
        recorder: &Recorder,
        bringer: Bringer<'_>,
        bytes: &[u8],
        begun: Instant,
    ) -> Result<Answered, Error> {
        if begun.elapsed() >= PATIENCE {
            return Ok(Answered::not_taken(bytes).await);
        }
        let (header, outcome) = receive::receive(desk, bringer, None, bytes).await.inspect_err(|error| {
            tracing::warn!(fault = %error, "a message of a batch was not taken");
        })?;
        if let Outcome::Parked(_) = outcome {
            recorder.record(bringer.trail(), Audited::Refused).await?;
        }
        Ok(Answered::of(&header, &outcome))
    }

    fn answer(&self, answered: Vec<Answered>) -> BatchAnswer {
        let messages: Vec<MessageAnswer> = answered.into_iter().map(|one| one.answer).collect();
        BatchAnswer {
            batch_control_id: self.0.header.control_id.clone(),
            count: messages.len(),
            accepted: messages.iter().filter(|one| one.status == "APPLIED").count(),
            warnings: self.0.warnings.iter().map(|w| format!("{}: {}", w.location, w.message)).collect(),
            messages,
        }
    }

    fn acknowledge(&self, answered: &[Answered]) -> String {
        let acks = answered.iter().map(|one| {
            let code = if one.answer.status == "APPLIED" { AckCode::AA } else { AckCode::AE };
            (code, one.ack.as_str())
        });
        hl7::batch::acknowledge(&self.0.header, acks, &message::new_control_id(), Utc::now())
    }
}

impl Answered {
    fn of(header: &Header, outcome: &Outcome) -> Self {
        let answer = match outcome {
            Outcome::Applied { answer, .. } => MessageAnswer {
                message_control_id: answer.message_control_id.clone(),
                message_type: answer.message_type.clone(),
                status: outcome.status(),
                acknowledgment: answer.acknowledgment.clone(),
                patient: Some(answer.patient),
                patients: answer.patients.clone(),
                created: answer.created,
                warnings: answer.warnings.clone(),
                detail: None,
            },
            Outcome::Parked(parked) => {
                Self::unapplied(header, outcome.status(), &parked.acknowledgment, parked.reason.clone())
            }
        };
        Self { answer, ack: outcome.ack().to_owned() }
    }

    async fn not_taken(bytes: &[u8]) -> Self {
        let Read { header, .. } = receive::read(bytes).await;
        let answer = Self::unapplied(&header, NOT_TAKEN, "AR", NOT_REACHED.to_owned());
        Self { answer, ack: message::not_now(&header) }
    }

    fn unapplied(header: &Header, status: &'static str, acknowledgment: &str, detail: String) -> MessageAnswer {
        MessageAnswer {
            message_control_id: header.control_id.clone(),
            message_type: header.message_type(),
            status,
            acknowledgment: acknowledgment.to_owned(),
            patient: None,
            patients: Vec::new(),
            created: false,
            warnings: Vec::new(),
            detail: Some(detail),
        }
    }
}

/// Why a transaction that only looked is undone.
enum Undone {
    New,
    Failed(Error),
}

impl<E> From<E> for Undone
where
    Error: From<E>,
{
    fn from(fault: E) -> Self {
        Self::Failed(fault.into())
    }
}

/// What this key was answered, without claiming it: each message of the batch is work of its own.
///
/// # Errors
/// When the key was used for another request, or PostgreSQL refuses.
pub async fn answered_before(
    desk: &Desk,
    actor: &Actor,
    key: &IdempotencyKey,
    digest: &[u8; 32],
) -> Result<Option<Stored>, Problem> {
    let mut conn = db::get(&desk.db).await?;
    let looked = conn.transaction(async |conn| key.claim(conn, actor.user_id, digest).await?.ok_or(Undone::New)).await;
    match looked {
        Ok(stored) => Ok(Some(stored)),
        Err(Undone::New) => Ok(None),
        Err(Undone::Failed(error)) => Err(error.into()),
    }
}

/// Keeps the answer for the key; gives the one that another request with it was given meanwhile.
async fn keep(
    desk: &Desk,
    actor: &Actor,
    key: &IdempotencyKey,
    digest: &[u8; 32],
    answer: Answer,
) -> Result<Answer, Problem> {
    let mut conn = db::get(&desk.db).await?;
    let kept = conn.transaction(async |conn| {
        if let Some(stored) = key.claim(conn, actor.user_id, digest).await? {
            return Ok(stored.into());
        }
        key.store(conn, actor.user_id, &answer).await?;
        Ok::<_, Error>(answer)
    });
    Ok(kept.await?)
}
