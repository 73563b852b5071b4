//! A patient as FHIR R4: under `/api/patients/{id}/fhir/`, and under `/fhir/` for FHIR clients. The mapping is not here: it is
//! `crates/fhir`.

pub mod door;
pub mod search;

mod criteria;
mod everything;
mod rows;

mod answer;
pub mod outcome;

use ::fhir::DocumentType;
use ::fhir::document::{DocumentRequest, Missing, document};
use actix_web::{FromRequest, HttpRequest, HttpResponse, get, web};
use auth::Permit;
use auth::permissions::{FhirPatientRead, FhirRecordRead};
use chassis::db;
use chassis::fields::number;
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chrono::Utc;
use deserr::Deserr;
use diesel_async::AsyncPgConnection;
use utoipa::IntoParams;
use uuid::Uuid;

use self::everything::Place;
use crate::app::App;
use crate::break_glass::BreakGlass;
use crate::error::Error;
use crate::patient::Patient;

/// Why there is no `InvoiceRecord`.
const BILLS: &str = "is no document of the medical record: bills are billing's, at /api/billing/invoices/";

/// How much of a patient is asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FhirParams {
    /// `patient`, which is also what its absence means; `everything`: a `Bundle` of all that is known, in pages; `document`:
    /// a document of the Indian guide.
    #[deserr(default, try_from(Option<String>) = view_of -> Fault)]
    #[param(value_type = Option<String>)]
    view: View,
    /// With `view=document`, and needed there: `OPConsultRecord`, `PrescriptionRecord`, `DischargeSummaryRecord`,
    /// `ImmunizationRecord`, `HealthDocumentRecord`, `DiagnosticReportRecord` or `WellnessRecord`. The guide's `InvoiceRecord` is
    /// none of them (400): bills are kept, numbered and given out by billing, and are no part of the medical record.
    #[deserr(default, rename = "type", try_from(Option<String>) = type_of -> Fault)]
    #[param(rename = "type", value_type = Option<String>)]
    kind: Option<DocumentType>,
    /// With `view=everything`: rows of the record on a page, 100 without it, at most 500.
    #[deserr(default, rename = "_count", try_from(Option<String>) = number -> Fault)]
    #[param(rename = "_count")]
    count: Option<u64>,
    /// With `view=everything`: from a page's `next` link.
    #[deserr(default, rename = "_cursor")]
    #[param(rename = "_cursor")]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    #[default]
    Patient,
    Everything,
    Document,
}

/// What is given.
enum Asked {
    Patient,
    Everything,
    Document(DocumentType),
}

/// Read a patient as FHIR R4 (NRCeS profiles).
///
/// `view=everything` and `view=document` are for whoever reads the medical history. Everything comes in pages that each hold
/// what their resources name; what was entered in error is left out. A document is made at the moment it is asked for, of the
/// newest 200 of each kind: an `OPConsultRecord` and a `DischargeSummaryRecord` of the newest visit. With
/// `Accept: application/fhir+json` errors are an `OperationOutcome`.
#[utoipa::path(tag = "patients", params(("id" = i64, Path), FhirParams,
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 200, content_type = "application/fhir+json", body = Object), (status = 304), (status = 400, description = "faulty parameters, all at once"),
        (status = 403, description = "this role may not"),
        (status = 404, description = "not there, or not for the caller to know of; or the record has nothing for such a document")))]
#[get("/api/patients/{id}/fhir/")]
pub async fn read(
    permit: Permit<FhirPatientRead>,
    id: web::Path<i64>,
    StrictQuery(params): StrictQuery<FhirParams>,
    break_glass: BreakGlass,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let asked = params.asked()?;
    if !matches!(asked, Asked::Patient) {
        // More than the patient: the history's rule decides, and is what the audit says was asked for.
        Permit::<FhirRecordRead>::extract(&http).await?;
    }
    let scope = break_glass.open(&app, &permit, *id).await?;
    let mut conn = db::get(&app.db).await?;
    let found = Patient::find(&mut conn, &scope, *id).await.map_err(Error::from)?;
    permit.actor.trail.shows([found.id]);
    let origin = answer::origin(&http);
    match asked {
        Asked::Patient => answer::patient(&mut conn, &http, &app, &found).await,
        Asked::Everything => {
            let place = Place::asked(&app, found.id, params.count, params.cursor.as_deref())?;
            let address = format!("{origin}/api/patients/{}/fhir/?view=everything", found.id);
            answer::bundle(&everything::bundle(&app, &mut conn, found, place, &origin, &address).await?)
        }
        Asked::Document(kind) => answer::bundle(&document_of(&app, &mut conn, found, kind, &origin).await?),
    }
}

#[tracing::instrument(name = "fhir.document", skip_all)]
async fn document_of(
    app: &App,
    conn: &mut AsyncPgConnection,
    found: Patient,
    kind: DocumentType,
    origin: &str,
) -> Result<::fhir::Bundle, Problem> {
    let mut moment = conn.build_transaction().repeatable_read().read_only();
    let loaded = moment.run(async |conn| everything::newest(conn, found).await).await?;
    let identifier = Uuid::new_v4().to_string();
    let request = DocumentRequest { kind, identifier: &identifier, at: Utc::now() };
    document(&request, &loaded.record(app, origin)).map_err(|missing| {
        let lacks = match missing {
            Missing::Visit => "a visit that took place",
            Missing::Content => "anything that belongs into one",
        };
        Problem::not_found(format!("There is no {} of this patient: the record has not {lacks}.", kind.as_str()))
    })
}

impl FhirParams {
    /// What the parameters ask for together.
    fn asked(&self) -> Result<Asked, Problem> {
        let mut faults = Faults::new();
        if self.kind.is_some() && self.view != View::Document {
            faults.push("type", "without_view", "goes with view=document");
        }
        if self.kind.is_none() && self.view == View::Document {
            faults.push("type", "required", "is required with view=document");
        }
        for (name, given) in [("_count", self.count.is_some()), ("_cursor", self.cursor.is_some())] {
            if given && self.view != View::Everything {
                faults.push(name, "without_view", "goes with view=everything");
            }
        }
        faults.check()?;
        Ok(match (self.view, self.kind) {
            (View::Document, Some(kind)) => Asked::Document(kind),
            (View::Everything, _) => Asked::Everything,
            _ => Asked::Patient,
        })
    }
}

fn view_of(name: Option<String>) -> Result<View, Fault> {
    match name.as_deref() {
        None | Some("patient") => Ok(View::Patient),
        Some("everything") => Ok(View::Everything),
        Some("document") => Ok(View::Document),
        Some(_) => Err(Fault::new("unknown_value", "must be patient, everything or document, or left out")),
    }
}

/// The type by its profile's name, with or without `Record` at its end.
fn type_of(name: Option<String>) -> Result<Option<DocumentType>, Fault> {
    let Some(name) = name else { return Ok(None) };
    if matches!(name.as_str(), "InvoiceRecord" | "Invoice") {
        return Err(Fault::new("not_supported", BILLS));
    }
    let found = DocumentType::of_name(&name).or_else(|| DocumentType::of_name(&format!("{name}Record")));
    let names = DocumentType::ALL.map(DocumentType::as_str).join(", ");
    found.map(Some).ok_or_else(|| Fault::new("unknown_value", format!("must be one of {names}")))
}

/// There is one format, under several names. A `+` that was not encoded came as a space.
fn format_of(name: Option<String>) -> Result<(), Fault> {
    match name.as_deref() {
        None | Some("json" | "application/json" | "application/fhir+json" | "application/fhir json") => Ok(()),
        Some(_) => Err(Fault::new("not_supported", "must be json: there is no other format")),
    }
}
