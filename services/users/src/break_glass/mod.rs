//! `GET break-glass/`, `PATCH break-glass/{id}/`: who went beyond their care, and whether that was justified.

pub mod review;

use std::collections::HashMap;

use actix_web::{HttpRequest, get, patch, web};
use auth::Permit;
use auth::permissions::{BreakGlassRead, BreakGlassReview};
use chassis::etag::{Etagged, IfMatch};
use chassis::page::{self, Page, PageRequest, Position};
use chassis::problem::Problem;
use chassis::strict_json::{self, Fault, Faults, MergePatch, StrictQuery};
use chassis::text::Paragraph;
use chrono::{DateTime, Utc};
use deserr::Deserr;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use self::review::Review;
use crate::app::App;
use crate::error::Error;
use crate::listing;
use crate::schema::{break_glass_reviews, users};

chassis::words! {
    /// Where a review stands.
    pub enum Status {
        /// Nobody has looked at it.
        Pending = "PENDING",
        /// There was reason to.
        Justified = "JUSTIFIED",
        /// There was none.
        NotJustified = "NOT_JUSTIFIED",
    }
}

/// A use of break-glass.
#[derive(Debug, Serialize, ToSchema)]
pub struct Use {
    /// Id.
    pub id: i64,
    /// Id of the doctor or nurse.
    pub user: i64,
    /// Their name; empty where the account is not there.
    pub user_name: String,
    /// The role that they acted in.
    pub role: String,
    /// What they gave as the reason.
    pub reason: String,
    /// Ids of the patients: the one whose record was opened, or those beyond their care that a search showed.
    pub patients: Vec<i64>,
    /// When.
    pub granted_at: DateTime<Utc>,
    /// When the record closed again; null for a search, which opens none.
    pub expires_at: Option<DateTime<Utc>>,
    /// `PENDING`, `JUSTIFIED` or `NOT_JUSTIFIED`.
    pub status: Status,
    /// What the auditor wrote.
    pub note: String,
    /// Id of the auditor.
    pub reviewed_by: Option<i64>,
    /// When they said so.
    pub reviewed_at: Option<DateTime<Utc>>,
}

/// What an auditor says.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = BreakGlassVerdict)]
pub struct Verdict {
    /// `JUSTIFIED` or `NOT_JUSTIFIED`.
    #[deserr(try_from(String) = judged -> Fault)]
    #[schema(value_type = String, example = "JUSTIFIED")]
    pub status: Status,
    /// Why; left out, what was written stays.
    #[deserr(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub note: Option<Paragraph<2000>>,
}

/// What the list can be asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Parameters {
    /// `PENDING`, `JUSTIFIED` or `NOT_JUSTIFIED`.
    #[deserr(default, try_from(String) = one_status -> Fault)]
    #[param(value_type = Option<String>)]
    status: Option<Status>,
    /// A doctor's or nurse's id.
    #[deserr(default, try_from(String) = listing::number -> Fault)]
    user: Option<i64>,
    /// From 1.
    #[deserr(default, try_from(String) = listing::number -> Fault)]
    page: Option<u64>,
    /// 20, at most 100.
    #[deserr(default, try_from(String) = listing::number -> Fault)]
    page_size: Option<u64>,
    /// From `next` or `previous`.
    #[deserr(default)]
    cursor: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Filters {
    status: Option<Status>,
    user: Option<i64>,
}

/// List uses of break-glass, the newest first.
#[utoipa::path(
    tag = "users",
    params(Parameters),
    responses(
        (status = 200, description = "a page of uses", body = Page<Use>),
        (status = 400, description = "bad or unknown parameters"),
        (status = 401, description = "no, bad or expired token"),
        (status = 403, description = "neither an ADMIN nor an AUDITOR"),
    ),
)]
#[get("/api/users/break-glass/")]
pub async fn list(
    http: HttpRequest,
    _permit: Permit<BreakGlassRead>,
    StrictQuery(asked): StrictQuery<Parameters>,
    app: web::Data<App>,
) -> Result<web::Json<Page<Use>>, Problem> {
    let filters = Filters { status: asked.status, user: asked.user };
    let request = page::request(&app.cursor_key, filters, asked.page, asked.page_size, asked.cursor)?;
    let mut conn = app.conn().await?;
    let count = page::count_of(&mut conn, || matching(&request.filters).select(break_glass_reviews::id)).await?;
    let rows = rows(&mut conn, &request).await?;
    let uses = shown(&mut conn, rows).await?;
    Ok(web::Json(page::answer(&http, &app.cursor_key, &request, uses, count, |shown| json!(shown.id))?))
}

/// Read one use of break-glass.
#[utoipa::path(
    tag = "users",
    responses(
        (status = 200, description = "the use", body = Use, headers(("ETag"))),
        (status = 304, description = "unchanged since If-None-Match"),
        (status = 401, description = "no, bad or expired token"),
        (status = 403, description = "neither an ADMIN nor an AUDITOR"),
        (status = 404, description = "no such use"),
    ),
)]
#[get("/api/users/break-glass/{id}/")]
pub async fn read(
    _permit: Permit<BreakGlassRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<Use>, Problem> {
    let mut conn = app.conn().await?;
    let review = Review::find(&mut conn, *id).await?.ok_or(Error::NotFound("use of break-glass"))?;
    etagged(&mut conn, review).await
}

/// Say whether a use of break-glass was justified.
///
/// An auditor may change their mind; the last word stands.
#[utoipa::path(
    tag = "users",
    request_body(content = Verdict, content_type = "application/merge-patch+json"),
    params(("If-Match" = Option<String>, Header, description = "the ETag that the verdict is based on")),
    responses(
        (status = 200, description = "the use, reviewed", body = Use, headers(("ETag"))),
        (status = 400, description = "bad input: every fault of it"),
        (status = 401, description = "no, bad or expired token"),
        (status = 403, description = "not an AUDITOR, or the use is the caller's own"),
        (status = 404, description = "no such use"),
        (status = 412, description = "changed since If-Match"),
    ),
)]
#[patch("/api/users/break-glass/{id}/")]
pub async fn judge(
    permit: Permit<BreakGlassReview>,
    id: web::Path<i64>,
    if_match: IfMatch,
    patch: MergePatch,
    app: web::Data<App>,
) -> Result<Etagged<Use>, Problem> {
    let verdict: Verdict = strict_json::parse(patch.value)?;
    let (auditor, id) = (permit.actor.user_id, id.into_inner());
    let mut conn = app.conn().await?;
    let review = conn
        .transaction(async |conn| -> Result<Review, Error> {
            let review = Review::hold(conn, id).await?.ok_or(Error::NotFound("use of break-glass"))?;
            if_match.check(review.version)?;
            if review.user_id == auditor {
                return Err(Problem::forbidden("Nobody reviews what they did themselves.").into());
            }
            let note = verdict.note.map_or(review.note, Paragraph::into_inner);
            let review = Review::judge(conn, id, verdict.status, &note, auditor).await?;
            audit::write(conn, &permit.actor.trail, []).await?;
            Ok(review)
        })
        .await?;
    etagged(&mut conn, review).await
}

async fn etagged(conn: &mut AsyncPgConnection, review: Review) -> Result<Etagged<Use>, Problem> {
    let version = review.version;
    let body = shown(conn, vec![review]).await?.pop().ok_or_else(|| Problem::internal("a review was lost"))?;
    Ok(Etagged { version, body })
}

type Matching = break_glass_reviews::BoxedQuery<'static, diesel::pg::Pg>;

fn matching(filters: &Filters) -> Matching {
    let mut query = break_glass_reviews::table.into_boxed();
    if let Some(status) = filters.status {
        query = query.filter(break_glass_reviews::status.eq(status.as_str()));
    }
    if let Some(user) = filters.user {
        query = query.filter(break_glass_reviews::user_id.eq(user));
    }
    query
}

async fn rows(conn: &mut AsyncPgConnection, request: &PageRequest<Filters>) -> Result<Vec<Review>, Error> {
    use break_glass_reviews::dsl;
    let query = matching(&request.filters).limit(request.size.saturating_add(1));
    let query = match &request.position {
        Position::First => query.order(dsl::id.desc()),
        Position::Offset(rows) => query.order(dsl::id.desc()).offset(*rows),
        Position::After(at) => query.filter(dsl::id.lt(listing::position::<i64>(at)?)).order(dsl::id.desc()),
        Position::Before(at) => query.filter(dsl::id.gt(listing::position::<i64>(at)?)).order(dsl::id.asc()),
    };
    Ok(query.select(Review::as_select()).load(conn).await?)
}

/// Uses with the names of those who did them.
async fn shown(conn: &mut AsyncPgConnection, reviews: Vec<Review>) -> Result<Vec<Use>, Problem> {
    let ids: Vec<i64> = reviews.iter().map(|review| review.user_id).collect();
    let named = users::table.filter(users::id.eq_any(ids)).select((users::id, users::first_name, users::last_name));
    let named: Vec<(i64, String, String)> = named.load(conn).await?;
    let names: HashMap<i64, String> =
        named.into_iter().map(|(id, first, last)| (id, format!("{first} {last}").trim().to_owned())).collect();
    reviews.into_iter().map(|review| review.shown(&names)).collect()
}

fn judged(text: String) -> Result<Status, Fault> {
    match text.parse()? {
        Status::Pending => Err(Fault::new("unknown_value", "must be one of JUSTIFIED NOT_JUSTIFIED")),
        status => Ok(status),
    }
}

fn one_status(text: String) -> Result<Option<Status>, Fault> {
    text.parse().map(Some)
}
