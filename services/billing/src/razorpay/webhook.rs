//! `POST webhooks/razorpay/`: the provider's word, which needs no token but its signature.

use actix_web::{HttpRequest, post, web};
use chassis::db;
use chassis::problem::Problem;
use chassis::strict_json::read_body;
use chassis::trail::Trail;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use super::event::{Event, Word};
use super::reconcile::refund_again;
use crate::app::App;
use crate::payments::settle::{self, Settled};
use crate::schema::provider_events;

/// A webhook's body holds at most this many bytes.
const LIMIT: usize = 256 * 1024;
/// The provider delivers again for a day; what is older was kept by somebody.
pub const OLDEST: TimeDelta = TimeDelta::days(3);

/// What came of it, for whoever reads the provider's delivery log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Received {
    /// `completed`, `returned`, `refund_sent`, `refund_failed`, `known`, `foreign`, `mismatch` or `ignored`.
    pub outcome: &'static str,
}

/// Takes the payment provider's webhook.
///
/// The body must be signed with the webhook's secret (`X-Razorpay-Signature`) and not be older than three days. One that was
/// seen before (`X-Razorpay-Event-Id`) changes nothing, nor does one about an order of somebody else's.
#[utoipa::path(
    tag = "billing",
    request_body(content = serde_json::Value, content_type = "application/json", description = "the provider's event"),
    params(
        ("X-Razorpay-Signature" = String, Header, description = "HMAC-SHA256 of the body, in hexadecimal"),
        ("X-Razorpay-Event-Id" = Option<String>, Header, description = "by which a repeated one is known"),
    ),
    responses(
        (status = 200, body = Received, description = "taken, or nothing of ours"),
        (status = 400, description = "not signed by the provider, too old, or no event"),
        (status = 413, description = "more than 256 KiB"),
        (status = 503, description = "the database does not answer; deliver it again"),
    ),
    security(()),
)]
#[post("/api/billing/webhooks/razorpay/")]
pub async fn webhook(
    http: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
) -> Result<web::Json<Received>, Problem> {
    let body = read_body(payload.into_inner(), LIMIT).await?;
    let now = Utc::now();
    let event = read(&app, &http, &body, now).inspect_err(|_refusal| count("refused"))?;
    let mut conn = db::get(&app.db).await?;
    let (trail, id) = (Trail::of(&http), event_id(&http));
    let outcome = conn
        .transaction(async |conn| {
            if seen_before(conn, id.as_deref(), now).await? {
                return Ok::<_, Problem>("known");
            }
            let settled = match event.word() {
                Word::Captured(word) => settle::captured(conn, &app.outbox, &word, now).await?,
                Word::Refund(word, went) => settle::refund_went(conn, &word, went, now, refund_again(now, 1)).await?,
                Word::Nothing => return Ok("ignored"),
            };
            if let Some(patient) = settled.patient() {
                audit::write(conn, &trail, [patient]).await?;
            }
            Ok(settled.as_str())
        })
        .await?;
    count(outcome);
    if outcome == Settled::Mismatch.as_str() {
        tracing::error!("a webhook about an order of ours does not say what was ordered");
    }
    Ok(web::Json(Received { outcome }))
}

fn read(app: &App, http: &HttpRequest, body: &[u8], now: DateTime<Utc>) -> Result<Event, Problem> {
    let header = http.headers().get("x-razorpay-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signed = app.provider.as_ref().is_some_and(|provider| provider.has_signed(body, header));
    if !signed {
        return Err(Problem::invalid("X-Razorpay-Signature", "wrong_signature", "is not the provider's"));
    }
    let event: Event = serde_json::from_slice(body)
        .map_err(|why| Problem::invalid("", "not_an_event", format!("is no event: column {}", why.column())))?;
    match event.created_at() {
        Some(at) if now - at <= OLDEST => Ok(event),
        Some(_) => Err(Problem::invalid("created_at", "too_old", "is more than three days ago")),
        None => Err(Problem::invalid("created_at", "required", "is required")),
    }
}

/// The event's id; one that no event has is as good as none.
fn event_id(http: &HttpRequest) -> Option<String> {
    let id = http.headers().get("x-razorpay-event-id").and_then(|value| value.to_str().ok());
    id.filter(|id| (1..=64).contains(&id.len())).map(str::to_owned)
}

/// Notes the event's id. It is not signed, so that somebody may send an old event under a new id: what was settled once is not
/// settled again for that.
async fn seen_before(conn: &mut AsyncPgConnection, id: Option<&str>, now: DateTime<Utc>) -> QueryResult<bool> {
    let Some(id) = id else { return Ok(false) };
    let noted = diesel::insert_into(provider_events::table)
        .values((provider_events::event_id.eq(id), provider_events::received_at.eq(now)))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(noted == 0)
}

fn count(outcome: &'static str) {
    metrics::counter!("billing_provider_webhooks_total", "outcome" => outcome).increment(1);
}
