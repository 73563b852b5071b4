//! `Idempotency-Key`: a POST sent again gives the first answer again. The key is claimed in the transaction that does
//! the work, so that work and answer are stored together or not at all; a second request with the key waits for the
//! first one's transaction.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder, web};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::db::Pool;
use crate::etag;
use crate::prepared::Prepare as _;
use crate::problem::Problem;
use crate::schema::idempotency_keys;

/// How long an answer is kept.
pub const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// In one round, so that a backlog leaves time for what the database is there for: 50,000 a minute are more than come.
const PRUNE_BATCHES: u32 = 50;

/// The request's key, if it has one, and the operation that it was sent to.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    key: Option<String>,
    operation: String,
}

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(read(request))
    }
}

fn read(request: &HttpRequest) -> Result<IdempotencyKey, Problem> {
    let operation = format!("{} {}", request.method(), request.path());
    let Some(value) = request.headers().get("idempotency-key") else {
        return Ok(IdempotencyKey { key: None, operation });
    };
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > 255 || !key.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        return Err(Problem::invalid("Idempotency-Key", "invalid", "must be 1 to 255 visible ASCII characters"));
    }
    Ok(IdempotencyKey { key: Some(key.to_owned()), operation })
}

/// An answer given before.
#[derive(Clone, Debug, Queryable)]
pub struct Stored {
    operation: String,
    digest: Vec<u8>,
    status: Option<i16>,
    location: Option<String>,
    version: Option<i64>,
    body: Option<Vec<u8>>,
}

impl IdempotencyKey {
    /// Insists on the header, as payments do.
    ///
    /// # Errors
    /// 400 without it.
    pub fn require(&self) -> Result<(), Problem> {
        if self.key.is_some() {
            return Ok(());
        }
        Err(Problem::invalid("Idempotency-Key", "required", "this call needs the header Idempotency-Key"))
    }

    /// Claims the key for `actor` (0 for somebody not signed in), in the transaction of the work and before it.
    /// `Some` is the answer that was given before: give it again and do nothing.
    ///
    /// # Errors
    /// 409 when the key was used for something else.
    pub async fn claim(
        &self,
        conn: &mut AsyncPgConnection,
        actor: i64,
        digest: &[u8; 32],
    ) -> Result<Option<Stored>, Problem> {
        use idempotency_keys::dsl;
        let Some(key) = &self.key else {
            return Ok(None);
        };
        let claimed = diesel::insert_into(idempotency_keys::table)
            .values((
                dsl::actor.eq(actor),
                dsl::key.eq(key),
                dsl::operation.eq(&self.operation),
                dsl::digest.eq(digest.as_slice()),
            ))
            .on_conflict_do_nothing()
            .prepared()
            .execute(conn)
            .await?;
        if claimed == 1 {
            return Ok(None);
        }
        let stored: Stored = idempotency_keys::table
            .find((actor, key))
            .select((dsl::operation, dsl::digest, dsl::status, dsl::location, dsl::version, dsl::body))
            .first(conn)
            .await?;
        if stored.operation != self.operation || stored.digest != digest {
            return Err(Problem::conflict("This Idempotency-Key was used for another request.")
                .with_type("idempotency-key-reused"));
        }
        Ok(Some(stored))
    }

    /// Keeps the answer, in the transaction that claimed the key.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn store(&self, conn: &mut AsyncPgConnection, actor: i64, answer: &Answer) -> Result<(), Problem> {
        use idempotency_keys::dsl;
        let Some(key) = &self.key else { return Ok(()) };
        let status = i16::try_from(answer.status.as_u16()).map_err(Problem::internal)?;
        diesel::update(idempotency_keys::table.find((actor, key)))
            .set((
                dsl::status.eq(Some(status)),
                dsl::location.eq(answer.location.as_deref()),
                dsl::version.eq(answer.version),
                dsl::body.eq(Some(answer.body.as_ref())),
            ))
            .prepared()
            .execute(conn)
            .await?;
        Ok(())
    }
}

/// Forgets answers older than [`KEPT`], at most a thousand at a time. Returns how many.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn prune(conn: &mut AsyncPgConnection) -> QueryResult<usize> {
    // by their places: to find a thousand keys again, PostgreSQL would read the whole table
    diesel::sql_query(
        "DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency_keys \
         WHERE created_at < now() - make_interval(secs => $1) ORDER BY created_at LIMIT 1000 FOR UPDATE SKIP LOCKED))",
    )
    .bind::<diesel::sql_types::Double, _>(KEPT.as_secs_f64())
    .execute(conn)
    .await
}

/// Forgets answers older than [`KEPT`], all of them, every minute until the shutdown: a task of every worker.
///
/// # Errors
/// None: what cannot be forgotten now is forgotten later.
pub async fn keep_pruned(pool: Pool, shutdown: CancellationToken) -> anyhow::Result<()> {
    loop {
        if let Err(error) = prune_all(&pool).await {
            tracing::warn!(error = format!("{error:#}"), "old idempotency keys stay for now");
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(PRUNE_EVERY) => {}
        }
    }
}

async fn prune_all(pool: &Pool) -> anyhow::Result<()> {
    let mut conn = pool.get().await?;
    for _ in 0..PRUNE_BATCHES {
        if prune(&mut conn).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// An answer that can be stored and given again.
#[derive(Clone, Debug)]
pub struct Answer {
    status: StatusCode,
    location: Option<String>,
    version: Option<i64>,
    body: web::Bytes,
    replayed: bool,
}

impl Answer {
    /// 201 for a new resource at `location`.
    ///
    /// # Errors
    /// 500 when the body cannot be written as JSON.
    pub fn created(location: String, version: i64, body: &impl Serialize) -> Result<Self, Problem> {
        Self::new(StatusCode::CREATED, Some(location), Some(version), body)
    }

    /// 200 with a version.
    ///
    /// # Errors
    /// 500 when the body cannot be written as JSON.
    pub fn ok(version: i64, body: &impl Serialize) -> Result<Self, Problem> {
        Self::new(StatusCode::OK, None, Some(version), body)
    }

    /// Any other answer.
    ///
    /// # Errors
    /// 500 when the body cannot be written as JSON.
    pub fn new(
        status: StatusCode,
        location: Option<String>,
        version: Option<i64>,
        body: &impl Serialize,
    ) -> Result<Self, Problem> {
        let body = serde_json::to_vec(body).map_err(Problem::internal)?.into();
        Ok(Self { status, location, version, body, replayed: false })
    }
}

impl From<Stored> for Answer {
    fn from(stored: Stored) -> Self {
        let status = stored.status.and_then(|s| u16::try_from(s).ok()).and_then(|s| StatusCode::from_u16(s).ok());
        Self {
            status: status.unwrap_or(StatusCode::OK),
            location: stored.location,
            version: stored.version,
            body: stored.body.unwrap_or_default().into(),
            replayed: true,
        }
    }
}

impl Responder for Answer {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.content_type("application/json");
        if let Some(location) = self.location {
            response.insert_header((header::LOCATION, location));
        }
        if let Some(version) = self.version {
            response.insert_header((header::ETAG, etag::tag(version)));
        }
        if self.replayed {
            response.insert_header(("idempotent-replayed", "true"));
        }
        response.body(self.body)
    }
}
