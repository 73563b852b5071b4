//! What came of other systems' messages.

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use auth::permissions::ExternalAppointmentRead;
use chassis::fields::number;
use chassis::page::{self, Page, Position};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chassis::words;
use chrono::{DateTime, Utc};
use deserr::Deserr;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::Error;
use crate::schema::external_messages;

words! {
    /// What came of a message.
    pub enum Outcome {
        /// The appointment is as it says.
        Applied = "APPLIED",
        /// A rule forbids it; somebody has to look at it.
        Refused = "REFUSED",
    }
}

#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct Parameters {
    #[deserr(default)]
    outcome: Option<Outcome>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page: Option<u64>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page_size: Option<u64>,
    #[deserr(default)]
    cursor: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Filters {
    outcome: Option<Outcome>,
}

/// A message about an appointment in another system's schedule, and what came of it.
#[derive(Clone, Debug, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = external_messages, check_for_backend(Pg))]
pub struct ExternalMessage {
    /// Id of the message in the patients service.
    pub id: i64,
    /// When it came here.
    pub received_at: DateTime<Utc>,
    /// Application and facility that sent it.
    pub sender: String,
    /// What it says: `BOOKED`, `RESCHEDULED`, `MODIFIED`, `CANCELLED`.
    pub change: String,
    /// Id of the patient.
    #[serde(rename = "patient")]
    pub patient_id: i64,
    /// Id of the appointment, where it was applied.
    #[serde(rename = "appointment")]
    pub appointment_id: Option<i64>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why it was refused: `double_booking`, `outside_hours`, `unknown_doctor` and so on; empty where it was applied.
    pub code: String,
    /// When the appointment was to begin, where it says so.
    pub starts_at: Option<DateTime<Utc>>,
}

/// What came of other systems' messages about appointments, the newest first.
#[utoipa::path(
    tag = "appointments",
    params(
        ("outcome" = Option<Outcome>, Query, description = "only this outcome"),
        ("page" = Option<u64>, Query, description = "from 1; follow `next` for the deep ones"),
        ("page_size" = Option<u64>, Query, description = "20 unless given, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in `next` and `previous`"),
    ),
    responses(
        (status = 200, body = Page<ExternalMessage>),
        (status = 400, description = "bad parameters, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not see them"),
    )
)]
#[get("/api/appointments/external/")]
pub async fn external(
    permit: Permit<ExternalAppointmentRead>,
    StrictQuery(parameters): StrictQuery<Parameters>,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<web::Json<Page<ExternalMessage>>, Problem> {
    let Parameters { outcome, page, page_size, cursor } = parameters;
    let request = page::request(&app.cursor_key, Filters { outcome }, page, page_size, cursor)?;
    let mut conn = app.conn().await?;
    let rows = rows(&mut conn, &request.filters, &request.position, request.size + 1).await?;
    let count = page::count_of(&mut conn, || all(&request.filters).select(external_messages::id)).await?;
    let page = page::answer(&http, &app.cursor_key, &request, rows, count, |row| json!(row.id))?;
    permit.actor.trail.shows(page.results.iter().map(|row| row.patient_id));
    Ok(web::Json(page))
}

fn all(filters: &Filters) -> external_messages::BoxedQuery<'static, Pg> {
    let rows = external_messages::table.into_boxed();
    match filters.outcome {
        Some(outcome) => rows.filter(external_messages::outcome.eq(outcome)),
        None => rows,
    }
}

async fn rows(
    conn: &mut AsyncPgConnection,
    filters: &Filters,
    position: &Position,
    limit: i64,
) -> Result<Vec<ExternalMessage>, Error> {
    let rows = all(filters).limit(limit);
    let id = |at: &serde_json::Value| {
        at.as_i64().ok_or_else(|| Error::invalid("cursor", "invalid", "is not a cursor of ours"))
    };
    let rows = match position {
        Position::First => rows.order(external_messages::id.desc()),
        Position::Offset(offset) => rows.order(external_messages::id.desc()).offset(*offset),
        Position::After(at) => rows.filter(external_messages::id.lt(id(at)?)).order(external_messages::id.desc()),
        Position::Before(at) => rows.filter(external_messages::id.gt(id(at)?)).order(external_messages::id.asc()),
    };
    Ok(rows.select(ExternalMessage::as_select()).load(conn).await?)
}
