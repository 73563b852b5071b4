//! Who opened a patient's record: what the audit log says of it, in words for the patient.

use std::collections::HashMap;

use actix_web::{HttpRequest, get, web};
use audit::query::{self, Filters};
use audit::row::Row;
use auth::permissions::PatientAccessLog;
use auth::{Action, Permit, Role};
use chassis::db;
use chassis::fields::number;
use chassis::page::{self, Page, PageRequest};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chassis::words;
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::access::Scope;
use crate::app::App;
use crate::error::Error;
use crate::merge::survivor;
use crate::patient::Patient;
use crate::staff;

words! {
    /// What a record was opened for, as the role and the reason tell it.
    pub enum Purpose {
        /// By the patient themselves.
        Own = "OWN",
        /// Beyond the caller's care, for the reason that they gave; an auditor reviews it.
        Emergency = "EMERGENCY",
        /// By a doctor or nurse in whose care the patient is.
        Treatment = "TREATMENT",
        /// At the desk or by the administration.
        Administration = "ADMINISTRATION",
        /// For billing.
        Billing = "BILLING",
        /// To review who opened what.
        Audit = "AUDIT",
        /// By another system of the hospital, which sent a message of its own accord: nobody was signed in.
        Interface = "INTERFACE",
        /// By a person of whom the log says no role.
        Unknown = "UNKNOWN",
    }
}

/// One time that a record was opened.
#[derive(Debug, Serialize, ToSchema)]
pub struct Access {
    /// When.
    pub at: DateTime<Utc>,
    /// The role that they acted in.
    pub role: Option<String>,
    /// Their name; null where only the role is known, and for the patient themselves.
    pub name: Option<String>,
    /// Whether it was the patient themselves.
    pub own: bool,
    /// What they did, as the permission table names it: `PatientRead`, `PatientWrite`.
    pub action: String,
    /// What for.
    pub purpose: Purpose,
    /// The reason that they gave to go beyond their care (`EMERGENCY`).
    pub reason: Option<String>,
}

/// What the log can be asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Parameters {
    /// From 1.
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page: Option<u64>,
    /// 20, at most 100.
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page_size: Option<u64>,
    /// From `next` or `previous`.
    #[deserr(default)]
    cursor: Option<String>,
}

/// See who opened a record, the latest first.
///
/// A PATIENT sees it of their own record, ADMIN and AUDITOR of any, also of one that is deactivated. It has every time
/// that the record, here in patients, was shown or changed: by others, by the patient (`own`), and by looking at this log.
/// What was refused showed nothing of the record and is not in it. Appointments and bills have logs of their own. While another
/// record is merged into this one, the log has that one's too.
#[utoipa::path(tag = "patients", params(("id" = i64, Path), Parameters),
    responses((status = 200, body = Page<Access>), (status = 400, description = "unknown or faulty parameters"),
        (status = 401, description = "no, bad or expired token"), (status = 403, description = "this role may not"),
        (status = 404, description = "not there, or not for the caller to know of")))]
#[get("/api/patients/{id}/access-log/")]
pub async fn list(
    permit: Permit<PatientAccessLog>,
    id: web::Path<i64>,
    StrictQuery(asked): StrictQuery<Parameters>,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<web::Json<Page<Access>>, Problem> {
    let mut conn = db::get(&app.db).await?;
    let patient = Patient::find(&mut conn, &Scope::of(&permit), *id).await.map_err(Error::from)?;
    permit.actor.trail.shows([patient.id]);
    let place = page::request(&app.cursor_key, (), asked.page, asked.page_size, asked.cursor)?;
    let PageRequest { size, position, .. } = place.clone();
    let merged = survivor::merged(&mut conn, patient.id).await.map_err(Error::from)?;
    // Whose log it is, the path says, and never the cursor.
    let request = PageRequest { filters: opened(patient.id, merged.iter().map(|(id, _)| *id)), size, position };
    let (rows, count) = query::rows(&mut conn, &request).await?;
    let page = page::answer(&http, &app.cursor_key, &place, rows, count, query::place)?;
    let actors = page.results.iter().filter_map(|row| row.actor);
    let names = staff::names(&mut conn, actors).await?;
    let Page { count, count_is_estimate, next, previous, results } = page;
    let accounts: Vec<i64> =
        merged.iter().map(|(_, account)| *account).chain([patient.facts.user_id]).flatten().collect();
    let results = results.into_iter().map(|row| Access::of(row, &accounts, &names)).collect();
    Ok(web::Json(Page { count, count_is_estimate, next, previous, results }))
}

/// Which rows of the audit log are in a patient's access log: those about the patient, and about who was merged into them.
pub fn opened(patient: i64, merged: impl IntoIterator<Item = i64>) -> Filters {
    let merged = merged.into_iter().collect();
    Filters { patient: Some(patient), merged, successful: true, ..Filters::default() }
}

impl Access {
    /// `accounts` are the patient's own.
    fn of(row: Row, accounts: &[i64], names: &HashMap<i64, String>) -> Self {
        let own = row.actor.is_some_and(|actor| accounts.contains(&actor));
        let name = row.actor.filter(|_| !own).and_then(|actor| names.get(&actor).cloned());
        let purpose = Purpose::of(&row, own);
        Self { at: row.at, role: row.role, name, own, action: row.action, purpose, reason: row.reason }
    }
}

impl Purpose {
    fn of(row: &Row, own: bool) -> Self {
        if own {
            return Self::Own;
        }
        if row.reason.is_some() {
            return Self::Emergency;
        }
        if row.actor.is_none() && row.action == Action::Hl7Import.as_str() {
            return Self::Interface;
        }
        match row.role.as_deref().and_then(|role| role.parse().ok()) {
            Some(Role::Doctor | Role::Nurse) => Self::Treatment,
            Some(Role::Admin | Role::Receptionist) => Self::Administration,
            Some(Role::Accountant) => Self::Billing,
            Some(Role::Auditor) => Self::Audit,
            Some(Role::Patient) | None => Self::Unknown,
        }
    }
}
