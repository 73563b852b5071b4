//! `POST hl7/parked/{id}/replay/`: a parked message is applied after all, in one transaction with its row.

use actix_web::http::StatusCode;
use actix_web::{post, web};
use auth::permissions::Hl7Import;
use auth::{Actor, Permit};
use chassis::db;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::{AsyncConnection, AsyncPgConnection};

use super::ReplayInput;
use super::input::MayBeEmpty;
use super::query::Parked;
use crate::app::App;
use crate::error::Error;
use crate::hl7_import::ImportAnswer;
use crate::hl7_import::apply::{self, Refusal, Work};
use crate::hl7_import::batch::{self, Batch, Imported};
use crate::hl7_import::body::encoded;
use crate::hl7_import::kept;
use crate::hl7_import::message::{Bringer, CONTROL_ID_TAKEN};
use crate::hl7_import::receive::{self, Desk, Read};
use crate::hl7_import::stored;

/// Apply a message that waits for a person: as it came, once what it lacked is there, or with a mended text.
///
/// What it came as stays in the archive beside the mended text. Its sender, should it send the same again, now hears that it
/// was applied. Where it cannot be applied this time either it goes on waiting, with the new reason.
///
/// A batch that could not be split waits as one. Mended, its messages are imported one by one, as `/api/patients/hl7/import/` does with a
/// batch, and are answered so; each has a row of its own from then on. What was not reached in time is `NOT_TAKEN`, and the batch
/// goes on waiting: replay it again.
#[utoipa::path(tag = "hl7", request_body = ReplayInput, params(("id" = i64, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses((status = 200, body = Imported), (status = 400, description = "cannot be read or applied yet; `detail` says why"),
        (status = 403, description = "this role may not"), (status = 404),
        (status = 409, description = "it was replayed or discarded before, another message has its control id, or the Idempotency-Key was used for another request")))]
#[post("/api/patients/hl7/parked/{id}/replay/")]
pub async fn replay(
    permit: Permit<Hl7Import>,
    id: web::Path<i64>,
    key: IdempotencyKey,
    body: MayBeEmpty,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let (desk, actor) = (Desk::of(&app), &permit.actor);
    let corrected = body.value.message.as_deref().map(encoded).transpose()?.map(|text| kept::of(&text));
    if let Some(replayed) = batch_of(&app, actor, *id, (&key, &body.digest), corrected.as_deref()).await? {
        return Ok(replayed);
    }
    let mut conn = db::get(&app.db).await?;
    let replayed = conn
        .transaction(async |conn| {
            if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
                actor.trail.repeats();
                return Ok(stored.into());
            }
            let answer = one(conn, &desk, actor, *id, corrected.as_deref()).await?;
            let answer = Answer::new(StatusCode::OK, None, None, &answer)?;
            key.store(conn, actor.user_id, &answer).await?;
            Ok::<_, Refused>(answer)
        })
        .await;
    match replayed {
        Ok(answer) => {
            metrics::counter!("hl7_parked_resolved_total", "resolution" => "replayed").increment(1);
            Ok(answer)
        }
        Err(Refused::Still { reason, acknowledgment }) => {
            Parked::still(&mut conn, *id, &reason).await.map_err(Error::from)?;
            Err(Problem::new(StatusCode::BAD_REQUEST, reason)
                .with_type("hl7-message-parked")
                .with("acknowledgment", acknowledgment))
        }
        Err(Refused::Error(error)) => Err(error.into()),
    }
}

/// The same of a batch: each of its messages is work of its own, and the parked row is done with once all of them were reached.
/// Nothing where it is none, or still cannot be split.
async fn batch_of(
    app: &App,
    actor: &Actor,
    id: i64,
    key: (&IdempotencyKey, &[u8; 32]),
    corrected: Option<&[u8]>,
) -> Result<Option<Answer>, Problem> {
    let desk = Desk::of(app);
    let (parked, text) = Parked::find(&mut *db::get(&app.db).await?, id).await?;
    let Some(batch) = Batch::of(corrected.unwrap_or(&text.sent)) else { return Ok(None) };
    if let Some(stored) = batch::answered_before(&desk, actor, key.0, key.1).await? {
        actor.trail.repeats();
        return Ok(Some(stored.into()));
    }
    if parked.resolution.is_some() {
        return Err(Error::MessageResolved.into());
    }
    let (answer, is_whole) = batch.replay(&desk, &app.audit, actor, key).await?;
    if is_whole {
        parked.taken_apart(&mut *db::get(&app.db).await?, actor.user_id, corrected).await.map_err(Error::from)?;
        metrics::counter!("hl7_parked_resolved_total", "resolution" => "replayed").increment(1);
    }
    Ok(Some(answer))
}

/// Why it is not applied.
enum Refused {
    /// It goes on waiting.
    Still {
        reason: String,
        acknowledgment: String,
    },
    Error(Error),
}

impl<E> From<E> for Refused
where
    Error: From<E>,
{
    fn from(fault: E) -> Self {
        Self::Error(fault.into())
    }
}

impl Refused {
    fn by(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Park(reason) => Self::Still { reason: reason.into_owned(), acknowledgment: "AE".to_owned() },
            Refusal::Error(error) => Self::Error(error),
        }
    }
}

async fn one(
    conn: &mut AsyncPgConnection,
    desk: &Desk,
    actor: &Actor,
    id: i64,
    corrected: Option<&[u8]>,
) -> Result<ImportAnswer, Refused> {
    let (parked, text) = Parked::lock(conn, id).await?;
    let Read { header, contents } = receive::read(corrected.unwrap_or(&text.sent)).await;
    let contents = contents.map_err(|fault| Refused::Still {
        reason: fault.to_string(),
        acknowledgment: fault.acknowledgment().to_string(),
    })?;
    parked.take_up(conn, actor.user_id, &header, corrected).await.map_err(|fault| match &fault {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
            Problem::conflict(CONTROL_ID_TAKEN).with_type("hl7-control-id-taken").into()
        }
        _ => Error::from(fault),
    })?;
    let bringer = Bringer::User(actor);
    let author = parked.received_by.or(Some(actor.user_id));
    let work = Work { desk, bringer, author, message: id, header: &header };
    let (answer, ack) = apply::now(conn, &work, &contents).await.map_err(Refused::by)?;
    stored::applied(conn, id, &answer, &ack).await?;
    Ok(answer)
}
