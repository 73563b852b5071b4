//! A patient as FHIR R4. The mapping is not here: it is `crates/fhir`.

use actix_web::http::header;
use actix_web::{HttpResponse, get, web};
use auth::Permit;
use auth::permissions::FhirPatientRead;
use chassis::phi::Phi;
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chassis::{db, etag};
use chrono::Datelike;
use deserr::Deserr;
use fhir::patient::patient;
use fhir::{AddressRecord, ContactRecord, Date, Gender, PatientRecord};
use utoipa::IntoParams;

use crate::app::App;
use crate::break_glass::BreakGlass;
use crate::error::Error;
use crate::patient::{Address, EmergencyContact, Facts, Patient};

/// How much of a patient is asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FhirParams {
    /// Nothing but `patient` yet, which is also what its absence means.
    #[deserr(default, try_from(Option<String>) = view_of -> Fault)]
    #[param(value_type = Option<String>)]
    view: View,
}

/// What of a patient is given as FHIR; a `Bundle` of everything comes with the medical history.
#[derive(Clone, Copy, Debug, Default)]
enum View {
    #[default]
    Patient,
}

fn view_of(name: Option<String>) -> Result<View, Fault> {
    match name.as_deref() {
        None | Some("patient") => Ok(View::Patient),
        Some(_) => Err(Fault::new("unknown_value", "must be patient, or left out")),
    }
}

/// Read a patient as a FHIR R4 `Patient` (NRCeS profile).
#[utoipa::path(tag = "patients", params(("id" = i64, Path), FhirParams,
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 200, content_type = "application/fhir+json", body = Object), (status = 400, description = "another view"),
        (status = 404, description = "not there, or not for the caller to know of")))]
#[get("/api/patients/{id}/fhir/")]
pub async fn read(
    permit: Permit<FhirPatientRead>,
    id: web::Path<i64>,
    StrictQuery(params): StrictQuery<FhirParams>,
    break_glass: BreakGlass,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let scope = break_glass.open(&app, &permit, *id).await?;
    let found = Patient::find(&mut *db::get(&app.db).await?, &scope, *id).await.map_err(Error::from)?;
    permit.actor.trail.shows([found.id]);
    let resource = match params.view {
        View::Patient => resource(&found, &app.patient_id_system),
    };
    let body = serde_json::to_vec(&resource).map_err(Problem::internal)?;
    Ok(HttpResponse::Ok()
        .content_type(fhir::MEDIA_TYPE)
        .insert_header((header::ETAG, etag::tag(found.version)))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .body(body))
}

fn resource(found: &Patient, patient_id_system: &str) -> fhir::Patient {
    let facts = &found.facts;
    patient(&PatientRecord {
        id: &found.id.to_string(),
        version: found.version,
        last_updated: found.updated_at,
        active: facts.is_active,
        patient_id: &found.patient_id,
        patient_id_system,
        abha_number: facts.abha_number.as_ref().map(shown),
        abha_address: facts.abha_address.as_ref().map(shown),
        first_name: shown(&facts.first_name),
        last_name: shown(&facts.last_name),
        birth_date: birth_date(facts),
        gender: gender(&facts.gender),
        phone: facts.phone.as_ref().map(shown),
        email: facts.email.as_ref().map(shown),
        address: (facts.address != Address::default()).then(|| address(&facts.address)),
        emergency_contact: facts.emergency_contact.as_ref().map(contact),
        preferred_language: facts.preferred_language.as_ref().map(shown),
        deceased: None,
    })
}

/// An estimated date is good for its year at most.
fn birth_date(facts: &Facts) -> Option<Date> {
    let date = facts.date_of_birth?;
    Some(if facts.date_of_birth_estimated { Date::Year(date.year()) } else { Date::Day(date) })
}

fn gender(word: &str) -> Gender {
    match word {
        "MALE" => Gender::Male,
        "FEMALE" => Gender::Female,
        "OTHER" => Gender::Other,
        _ => Gender::Unknown,
    }
}

fn address(address: &Address) -> AddressRecord<'_> {
    AddressRecord {
        line1: or_empty(address.line1.as_ref()),
        line2: or_empty(address.line2.as_ref()),
        city: or_empty(address.city.as_ref()),
        district: or_empty(address.district.as_ref()),
        state: or_empty(address.state.as_ref()),
        pin_code: or_empty(address.pin_code.as_ref()),
        country: or_empty(address.country.as_ref()),
    }
}

fn contact(contact: &EmergencyContact) -> ContactRecord<'_> {
    ContactRecord {
        name: shown(&contact.name),
        relationship: or_empty(contact.relationship.as_ref()),
        phone: or_empty(contact.phone.as_ref()),
    }
}

fn shown(text: &Phi<String>) -> &str {
    text.expose()
}

fn or_empty(text: Option<&Phi<String>>) -> &str {
    text.map_or("", shown)
}
