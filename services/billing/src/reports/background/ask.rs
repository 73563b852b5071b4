//! `POST reports/`: a report is asked for.

use actix_web::http::StatusCode;
use actix_web::{post, web};
use auth::permissions::ReportRead;
use auth::{Permit, Reach};
use chassis::db;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::{self, Fault, Faults, Strict};
use chrono::Utc;
use deserr::Deserr;
use diesel_async::AsyncConnection;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::job::{NewJob, ReportView};
use crate::access::require;
use crate::app::App;
use crate::numbering::day_in_india;
use crate::reports::asked::{Asked, Given, Name};
use crate::reports::format::Format;

/// A report as it is asked for.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct ReportInput {
    /// Which.
    pub report: Name,
    /// As what: JSON unless said.
    #[deserr(default = Format::Json)]
    #[schema(default = "json")]
    pub format: Format,
    /// What it is about: the parameters of the report's GET.
    #[deserr(default = json!({}))]
    #[schema(value_type = Object)]
    pub parameters: Value,
}

/// Has the worker make a report, however large it is; a GET answers one of 10,000 rows at most.
///
/// `Location` is where to look how it stands and, once it is `DONE`, where it can be read. It is kept for some days
/// (`EHS_REPORTS_KEPT_DAYS`). A DOCTOR's is about their own appointments. Ten of one user wait at most.
#[utoipa::path(
    tag = "billing",
    request_body = ReportInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses(
        (status = 202, body = ReportView, description = "it will be made", headers(("Location" = String))),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not have this report"),
        (status = 409, description = "the key was used for another request"),
        (status = 429, description = "ten reports of the caller are not finished yet", headers(("Retry-After" = String))),
    )
)]
#[post("/api/billing/reports/")]
pub async fn ask(
    permit: Permit<ReportRead>,
    key: IdempotencyKey,
    body: Strict<Value>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let actor = &permit.actor;
    if let Some(name) = name_of(&body.value) {
        require(actor, name.action(), "have this report")?;
    }
    let input = read(body.value)?;
    let doctor = (input.report.reach(actor.role) != Some(Reach::All)).then_some(actor.user_id);
    let ReportInput { report, format, parameters } = input;
    let new = NewJob { report, format, parameters, asked_by: actor.user_id, asked_as: actor.role.as_str(), doctor };
    let mut conn = db::get(&app.db).await?;
    conn.transaction(async |conn| {
        if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
            actor.trail.repeats();
            return Ok(stored.into());
        }
        let job = new.insert(conn).await?;
        audit::write(conn, &actor.trail, []).await?;
        let location = format!("/api/billing/reports/{}/", job.id);
        let answer = Answer::new(StatusCode::ACCEPTED, Some(location), None, &ReportView::from(job))?;
        key.store(conn, actor.user_id, &answer).await?;
        Ok(answer)
    })
    .await
}

fn name_of(body: &Value) -> Option<Name> {
    body.get("report")?.as_str()?.parse().ok()
}

/// What is asked for, once nothing is wrong with it or with its parameters.
fn read(body: Value) -> Result<ReportInput, Problem> {
    let parameters = body.get("parameters").cloned().unwrap_or_else(|| json!({}));
    let given = Given { today: day_in_india(Utc::now()), doctor: None, percent: None };
    let inside = name_of(&body).map(|name| Asked::of(name, parameters, given).map(drop));
    let input = strict_json::parse::<ReportInput>(body);
    match (input, inside) {
        (Ok(input), None | Some(Ok(()))) => Ok(input),
        (input, inside) => {
            let of_input = input.err().iter().flat_map(Problem::faults).cloned().collect::<Vec<_>>();
            let inside = inside.and_then(Result::err);
            let inside = inside.iter().flat_map(Problem::faults).map(within);
            Err(Problem::bad_request(Faults(of_input.into_iter().chain(inside).collect())))
        }
    }
}

fn within(fault: &Fault) -> Fault {
    let field = if fault.field.is_empty() { "parameters".to_owned() } else { format!("parameters.{}", fault.field) };
    fault.clone().at(field)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_at_once() {
        let fields = |body: Value| {
            let refused = read(body).unwrap_err();
            let mut fields: Vec<_> = refused.faults().iter().map(|fault| fault.field.clone()).collect();
            fields.sort_unstable();
            fields
        };
        assert_eq!(fields(json!({"report": "profits", "format": "pdf", "by": 1})), ["by", "format", "report"]);
        assert_eq!(
            fields(
                json!({"report": "revenue", "format": "pdf", "parameters": {"end_date": "2026-02-30", "by": "day"}})
            ),
            ["format", "parameters.by", "parameters.end_date"]
        );
        assert_eq!(fields(json!({"report": "gst", "parameters": []})), ["parameters"]);
        assert_eq!(fields(json!({"report": "gst"})), ["parameters.month"]);
        assert_eq!(fields(json!([])), [""]);
        assert_eq!(read(json!({"report": "outstanding"})).unwrap().format, Format::Json);
    }
}
