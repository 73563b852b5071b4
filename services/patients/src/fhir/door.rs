//! The door for FHIR clients, besides searching: what there is to ask for, one patient, and everything of one.

use actix_web::{HttpRequest, HttpResponse, get, web};
use auth::Permit;
use auth::permissions::{FhirPatientRead, FhirRecordRead};
use chassis::db;
use chassis::fields::number;
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use deserr::Deserr;
use fhir::capability::{self, Server};
use utoipa::IntoParams;

use super::everything::{self, Place};
use super::{answer, format_of};
use crate::app::App;
use crate::break_glass::BreakGlass;
use crate::error::Error;
use crate::patient::Patient;

/// When what can be asked for here last changed.
const CHANGED: &str = "2026-11-27";

/// How an answer is written.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FormatParams {
    /// `json`
    #[deserr(default, rename = "_format", try_from(Option<String>) = format_of -> Fault)]
    #[param(rename = "_format", value_type = Option<String>)]
    _format: (),
}

/// Which page of everything.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EverythingParams {
    /// Rows of the record on a page: 100 without it, at most 500.
    #[deserr(default, rename = "_count", try_from(Option<String>) = number -> Fault)]
    #[param(rename = "_count")]
    count: Option<u64>,
    /// From a page's `next` link.
    #[deserr(default, rename = "_cursor")]
    #[param(rename = "_cursor")]
    cursor: Option<String>,
    /// `json`
    #[deserr(default, rename = "_format", try_from(Option<String>) = format_of -> Fault)]
    #[param(rename = "_format", value_type = Option<String>)]
    _format: (),
}

/// What this server can be asked for as a FHIR server (R4 `CapabilityStatement`). Open to all.
#[utoipa::path(tag = "fhir", security(()), params(FormatParams),
    responses((status = 200, content_type = "application/fhir+json", body = Object),
        (status = 400, content_type = "application/fhir+json", body = Object, description = "unknown parameters")))]
#[get("/fhir/metadata/")]
pub async fn metadata(_format: StrictQuery<FormatParams>, http: HttpRequest) -> Result<HttpResponse, Problem> {
    let base = format!("{}/fhir", answer::origin(&http));
    answer::resource(&capability::statement(&Server { base: &base, version: env!("CARGO_PKG_VERSION"), date: CHANGED }))
}

/// Read a patient as a FHIR client does.
#[utoipa::path(tag = "fhir", params(("id" = i64, Path), FormatParams,
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 200, content_type = "application/fhir+json", body = Object, headers(("ETag" = String))), (status = 304),
        (status = 403, content_type = "application/fhir+json", body = Object), (status = 404, content_type = "application/fhir+json", body = Object, description = "not there, or not for the caller to know of")))]
#[get("/fhir/Patient/{id}/")]
pub async fn read(
    permit: Permit<FhirPatientRead>,
    id: web::Path<i64>,
    _format: StrictQuery<FormatParams>,
    break_glass: BreakGlass,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let scope = break_glass.open(&app, &permit, *id).await?;
    let mut conn = db::get(&app.db).await?;
    let found = Patient::find(&mut conn, &scope, *id).await.map_err(Error::from)?;
    permit.actor.trail.shows([found.id]);
    answer::patient(&mut conn, &http, &app, &found).await
}

/// Read everything that is known of a patient, in pages (`Patient/$everything`).
///
/// Whoever reads the medical history reads it. Every page stands by itself: it holds what its resources name. What was
/// entered in error is left out; documents are named that can be read.
#[utoipa::path(tag = "fhir", params(("id" = i64, Path), EverythingParams,
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 200, content_type = "application/fhir+json", body = Object, description = "a Bundle of type searchset"), (status = 400, content_type = "application/fhir+json", body = Object),
        (status = 403, content_type = "application/fhir+json", body = Object), (status = 404, content_type = "application/fhir+json", body = Object, description = "not there, or not for the caller to know of")))]
#[get("/fhir/Patient/{id}/$everything/")]
pub async fn record(
    permit: Permit<FhirRecordRead>,
    id: web::Path<i64>,
    StrictQuery(params): StrictQuery<EverythingParams>,
    break_glass: BreakGlass,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let scope = break_glass.open(&app, &permit, *id).await?;
    let mut conn = db::get(&app.db).await?;
    let found = Patient::find(&mut conn, &scope, *id).await.map_err(Error::from)?;
    permit.actor.trail.shows([found.id]);
    let place = Place::asked(&app, found.id, params.count, params.cursor.as_deref())?;
    let origin = answer::origin(&http);
    let address = format!("{origin}/fhir/Patient/{}/$everything", found.id);
    answer::bundle(&everything::bundle(&app, &mut conn, found, place, &origin, &address).await?)
}
