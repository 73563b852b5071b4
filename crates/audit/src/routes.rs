//! `audit/` and `audit/verify/`, the same in every service: [`routes!`](crate::routes!) gives them their paths.

use std::time::Duration;

use actix_web::HttpRequest;
use auth::Permit;
use auth::permissions::AuditRead;
use chassis::db::{self, Pool};
use chassis::fields::{Id, parameter};
use chassis::page::{self, CursorKey, Page};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery, from_str};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use deserr::Deserr;
use utoipa::IntoParams;

use crate::query::{self, Filters};
use crate::row::Row;
use crate::verify::{Seen, Verdict, Verification};

/// How long an answer verifies: well within the time that the gateway gives it.
const VERIFY_FOR: Duration = Duration::from_secs(4);

/// What the routes need, in the app's data.
#[derive(Clone)]
pub struct AuditLog {
    db: Pool,
    cursor_key: CursorKey,
    verify_for: Duration,
}

impl AuditLog {
    /// The log in a service's schema, and what seals its cursors.
    pub fn new(db: Pool, cursor_key: CursorKey) -> Self {
        Self { db, cursor_key, verify_for: VERIFY_FOR }
    }

    /// Answers of `audit/verify/` that verify for so long, and a link at least.
    pub fn verifying_for(self, verify_for: Duration) -> Self {
        Self { verify_for, ..self }
    }
}

/// What the log can be asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Parameters {
    /// Only rows about this patient.
    #[deserr(default, try_from(Option<String>) = parameter::<Id> -> Fault)]
    #[param(value_type = Option<i64>)]
    patient: Option<Id>,
    /// Only what this user did.
    #[deserr(default, try_from(Option<String>) = parameter::<Id> -> Fault)]
    #[param(value_type = Option<i64>)]
    actor: Option<Id>,
    /// Only this action, as rows name it.
    #[deserr(default)]
    action: Option<String>,
    /// From this day (UTC) or instant (RFC 3339) on.
    #[deserr(default, try_from(String) = instant -> Fault)]
    #[param(value_type = Option<String>)]
    start: Option<DateTime<Utc>>,
    /// Before this day (UTC) or instant.
    #[deserr(default, try_from(String) = instant -> Fault)]
    #[param(value_type = Option<String>)]
    end: Option<DateTime<Utc>>,
    /// From 1.
    #[deserr(default, try_from(String) = number -> Fault)]
    page: Option<u64>,
    /// 20, at most 100.
    #[deserr(default, try_from(String) = number -> Fault)]
    page_size: Option<u64>,
    /// From `next` or `previous`.
    #[deserr(default)]
    cursor: Option<String>,
}

/// What verifying can be asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VerifyParameters {
    /// A link that the log named, with `hash`: does the chain still hold it?
    #[deserr(default, try_from(Option<String>) = parameter::<Id> -> Fault)]
    #[param(value_type = Option<i64>)]
    seq: Option<Id>,
    /// The hash that the log named.
    #[deserr(default)]
    hash: Option<String>,
    /// From `next`.
    #[deserr(default)]
    cursor: Option<String>,
}

fn number(text: String) -> Result<Option<u64>, Fault> {
    from_str(text).map(Some)
}

fn instant(text: String) -> Result<Option<DateTime<Utc>>, Fault> {
    let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let instant = || DateTime::parse_from_rfc3339(&text).ok().map(|instant| instant.to_utc());
    let found = day.or_else(instant);
    found.map(Some).ok_or_else(|| Fault::new("invalid_instant", "must be a date or an RFC 3339 instant"))
}

/// A page of the log.
///
/// # Errors
/// 400 for faulty parameters.
pub async fn list(
    http: &HttpRequest,
    _permit: Permit<AuditRead>,
    StrictQuery(asked): StrictQuery<Parameters>,
    log: &AuditLog,
) -> Result<Page<Row>, Problem> {
    let filters = Filters {
        patient: asked.patient.map(Id::get),
        merged: Vec::new(),
        actor: asked.actor.map(Id::get),
        action: asked.action,
        start: asked.start,
        end: asked.end,
        successful: false,
    };
    let request = page::request(&log.cursor_key, filters, asked.page, asked.page_size, asked.cursor)?;
    let mut conn = db::get(&log.db).await?;
    let (rows, count) = query::rows(&mut conn, &request).await?;
    page::answer(http, &log.cursor_key, &request, rows, count, query::place)
}

/// Whether the chain holds, as far as an answer comes.
///
/// # Errors
/// 400 when one of `seq` and `hash` is missing, and for a cursor that is not ours or not alone.
pub async fn verdict(
    http: &HttpRequest,
    _permit: Permit<AuditRead>,
    StrictQuery(asked): StrictQuery<VerifyParameters>,
    log: &AuditLog,
) -> Result<Verdict, Problem> {
    let mut verification = asked.verification(&log.cursor_key)?;
    let mut conn = db::get(&log.db).await?;
    let mut verdict = verification.go_on(&mut conn, Some(log.verify_for)).await?;
    if !verification.is_over() {
        verdict.next = Some(page::link(http, &log.cursor_key, &verification)?);
    }
    Ok(verdict)
}

impl VerifyParameters {
    fn verification(self, key: &CursorKey) -> Result<Verification, Problem> {
        match (self.seq, self.hash, self.cursor) {
            (Some(seq), Some(hash), None) => Ok(Verification::new(Some(Seen { seq: seq.get(), hash }))),
            (None, None, None) => Ok(Verification::new(None)),
            (None, None, Some(cursor)) => {
                key.open(&cursor)?.ok_or_else(|| Problem::invalid("cursor", "invalid", "is not a cursor of ours"))
            }
            (_, _, Some(_)) => Err(Problem::invalid("cursor", "not_alone", "stands alone: it carries seq and hash")),
            _ => Err(Problem::invalid("hash", "incomplete", "seq and hash are given together")),
        }
    }
}

/// Makes the two handlers `list` and `verify` at a service's paths:
/// `pub mod audit_log { audit::routes!("/api/patients/audit/", "/api/patients/audit/verify/"); }`
// rustfmt would indent the attributes further at every run.
#[rustfmt::skip]
#[macro_export]
macro_rules! routes {
    ($list:tt, $verify:tt) => {
        use ::actix_web::{HttpRequest, get, web};
        use ::auth::Permit;
        use ::auth::permissions::AuditRead;
        use ::chassis::page::Page;
        use ::chassis::problem::Problem;
        use ::chassis::strict_json::StrictQuery;
        use $crate::routes::{AuditLog, Parameters, VerifyParameters};
        use $crate::row::Row;
        use $crate::verify::Verdict;

        /// Who did what to whose record, the latest first.
        #[utoipa::path(
            tag = "audit",
            params(Parameters),
            responses(
                (status = 200, description = "a page of rows", body = Page<Row>),
                (status = 400, description = "bad or unknown parameters"),
                (status = 401, description = "no, bad or expired token"),
                (status = 403, description = "neither ADMIN nor AUDITOR"),
            ),
        )]
        #[get($list)]
        pub async fn list(
            http: HttpRequest,
            permit: Permit<AuditRead>,
            asked: StrictQuery<Parameters>,
            log: web::Data<AuditLog>,
        ) -> Result<web::Json<Page<Row>>, Problem> {
            Ok(web::Json($crate::routes::list(&http, permit, asked, &log).await?))
        }

        /// Whether every row is as it was written, none is missing, and none was added behind.
        ///
        /// An answer verifies for four seconds. A longer log is verified by following `next` until it is null.
        #[utoipa::path(
            tag = "audit",
            params(VerifyParameters),
            responses(
                (status = 200, description = "what verifying found", body = Verdict),
                (status = 400, description = "bad or unknown parameters"),
                (status = 401, description = "no, bad or expired token"),
                (status = 403, description = "neither ADMIN nor AUDITOR"),
            ),
        )]
        #[get($verify)]
        pub async fn verify(
            http: HttpRequest,
            permit: Permit<AuditRead>,
            asked: StrictQuery<VerifyParameters>,
            log: web::Data<AuditLog>,
        ) -> Result<web::Json<Verdict>, Problem> {
            Ok(web::Json($crate::routes::verdict(&http, permit, asked, &log).await?))
        }
    };
}
