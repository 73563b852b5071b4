//! Registering a patient, reading one, changing one, deactivating one.

pub mod input;

use std::iter;

use actix_web::{HttpResponse, delete, get, patch, post, put, web};
use auth::permissions::{PatientDeactivate, PatientRead, PatientRegister, PatientWrite};
use auth::{Actor, Permit, Role};
use chassis::db;
use chassis::etag::{Etagged, IfMatch};
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::merge_patch;
use chassis::problem::Problem;
use chassis::strict_json::{self, MergePatch, Strict};
use diesel::result::Error as DieselError;
use diesel_async::AsyncConnection;
use serde::Serialize;
use utoipa::ToSchema;

use self::input::PatientInput;
use crate::access::{Scope, may_change};
use crate::app::App;
use crate::break_glass::BreakGlass;
use crate::duplicates;
use crate::error::Error;
use crate::events;
use crate::fields::{abha, optional_id};
use crate::patient::{Facts, Patient, PatientView, Shown};

/// Somebody new, and whom it may be.
#[derive(Serialize, ToSchema)]
pub struct Registered {
    /// The patient.
    #[serde(flatten)]
    pub patient: PatientView,
    /// Ids of patients, visible to the caller, that look like the same person; `duplicates/` says why.
    pub possible_duplicates: Vec<i64>,
    /// What is unusual of what was sent, and was kept all the same.
    pub warnings: Vec<&'static str>,
}

/// A patient as changed.
#[derive(Serialize, ToSchema)]
pub struct Changed {
    /// The patient.
    #[serde(flatten)]
    pub patient: PatientView,
    /// What is unusual of what was changed, and was kept all the same; absent where nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub warnings: Vec<&'static str>,
}

/// Register a patient.
///
/// A doctor or nurse registers into their own care: `primary_doctor` is the doctor who registers, unless it is given. An
/// ABHA number that is in use is 409.
#[utoipa::path(tag = "patients", request_body = PatientInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses((status = 201, body = Registered, headers(("Location" = String), ("ETag" = String))),
        (status = 400, description = "faults of the input, all at once"), (status = 403, description = "this role may not"),
        (status = 409, description = "the ABHA number is in use, or the Idempotency-Key was used for another request")))]
#[post("/api/patients/")]
pub async fn register(
    permit: Permit<PatientRegister>,
    key: IdempotencyKey,
    body: Strict<PatientInput>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let (scope, actor) = (Scope::of(&permit), &permit.actor);
    let named = Named::find(&app, actor, body.value.primary_doctor(), body.value.user()).await?;
    let mut facts = body.value.for_new(app.today())?;
    if actor.role == Role::Doctor && facts.primary_doctor.is_none() {
        facts.primary_doctor = Some(actor.user_id);
    }
    check_changes(actor, &Facts::of(facts.first_name.clone(), facts.last_name.clone()), &facts, &named)?;

    let mut conn = db::get(&app.db).await?;
    let answer = conn
        .transaction(async |conn| {
            if let Some(stored) = key.claim(conn, actor.user_id, &body.digest).await? {
                actor.trail.repeats();
                return Ok::<_, Error>(stored.into());
            }
            let possible_duplicates = duplicates::possible(conn, &scope, &facts).await?;
            let patient = Patient::insert(conn, &facts).await?;
            Patient::find(conn, &scope, patient.id).await.map_err(out_of_care)?;
            events::registered(conn, &app.outbox, Some(actor), &patient).await?;
            let (id, version) = (patient.id, patient.version);
            audit::write(conn, &actor.trail, iter::once(id).chain(possible_duplicates.iter().copied())).await?;
            let registered =
                Registered { warnings: warnings(&patient.facts), patient: patient.into(), possible_duplicates };
            let answer = Answer::created(format!("/api/patients/{id}/"), version, &registered)?;
            key.store(conn, actor.user_id, &answer).await?;
            Ok(answer)
        })
        .await?;
    Ok(answer)
}

/// Read a patient.
///
/// An ACCOUNTANT sees `id`, `patient_id`, name, phone and address. A patient beyond the caller's care is 404.
#[utoipa::path(tag = "patients", params(("id" = i64, Path),
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 200, body = Shown, headers(("ETag" = String))), (status = 304), (status = 403, description = "this role may not"),
        (status = 404, description = "not there, or not for the caller to know of")))]
#[get("/api/patients/{id}/")]
pub async fn read(
    permit: Permit<PatientRead>,
    id: web::Path<i64>,
    break_glass: BreakGlass,
    app: web::Data<App>,
) -> Result<Etagged<Shown>, Problem> {
    let scope = break_glass.open(&app, &permit, *id).await?;
    let patient = Patient::find(&mut *db::get(&app.db).await?, &scope, *id).await.map_err(Error::from)?;
    permit.actor.trail.shows([patient.id]);
    Ok(Etagged { version: patient.version, body: patient.shown(&scope) })
}

/// Replace what the caller may write of a patient.
///
/// What is absent becomes empty, but for what the caller's role may not change: that stays. `id`, `patient_id`, `created_at`
/// and `updated_at` may be sent as they were read.
#[utoipa::path(tag = "patients", request_body = PatientInput,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "the ETag that was read"),
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 200, body = Changed, headers(("ETag" = String))), (status = 400), (status = 403), (status = 404),
        (status = 409, description = "the ABHA number is in use"), (status = 412, description = "the patient has changed since")))]
#[put("/api/patients/{id}/")]
pub async fn replace(
    permit: Permit<PatientWrite>,
    id: web::Path<i64>,
    break_glass: BreakGlass,
    if_match: IfMatch,
    body: Strict<PatientInput>,
    app: web::Data<App>,
) -> Result<Etagged<Changed>, Problem> {
    let named = Named::find(&app, &permit.actor, body.value.primary_doctor(), body.value.user()).await?;
    let mut input = Some(body.value);
    let scope = break_glass.open(&app, &permit, *id).await?;
    change(&app, &permit.actor, &scope, *id, &if_match, &named, |patient| {
        let input = input.take().ok_or_else(|| Problem::internal("the input was used twice"))?;
        input.instead(patient, |field| may_change(permit.actor.role, field), app.today())
    })
    .await
}

/// Change some fields of a patient (JSON merge patch, RFC 7396).
///
/// A PATIENT changes the contact data of their own record: `phone`, `email`, `address`, `emergency_contact`,
/// `preferred_language`.
#[utoipa::path(tag = "patients",
    request_body(content = serde_json::Value, content_type = "application/merge-patch+json", description = "fields of a patient"),
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "the ETag that was read"),
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 200, body = Changed, headers(("ETag" = String))), (status = 400), (status = 403), (status = 404),
        (status = 409, description = "the ABHA number is in use"), (status = 412, description = "the patient has changed since")))]
#[patch("/api/patients/{id}/")]
pub async fn amend(
    permit: Permit<PatientWrite>,
    id: web::Path<i64>,
    break_glass: BreakGlass,
    if_match: IfMatch,
    patch: MergePatch,
    app: web::Data<App>,
) -> Result<Etagged<Changed>, Problem> {
    let id_in = |field| optional_id(patch.value.get(field).and_then(serde_json::Value::as_i64)).ok().flatten();
    let named = Named::find(&app, &permit.actor, id_in("primary_doctor"), id_in("user")).await?;
    let scope = break_glass.open(&app, &permit, *id).await?;
    change(&app, &permit.actor, &scope, *id, &if_match, &named, |patient| {
        let merged = merge_patch::apply(&PatientView::from(patient.clone()), &patch.value)?;
        strict_json::parse::<PatientInput>(merged)?.over(patient, app.today())
    })
    .await
}

/// Deactivate a patient.
///
/// Nothing clinical is deleted; an ADMIN brings the patient back with PATCH `{"is_active": true}`. Deactivating again
/// changes nothing.
#[utoipa::path(tag = "patients", params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    responses((status = 204), (status = 403), (status = 404), (status = 412, description = "the patient has changed since")))]
#[delete("/api/patients/{id}/")]
pub async fn deactivate(
    permit: Permit<PatientDeactivate>,
    id: web::Path<i64>,
    if_match: IfMatch,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let inactive = |patient: &Patient| Ok(Facts { is_active: false, ..patient.facts.clone() });
    change(&app, &permit.actor, &Scope::of(&permit), *id, &if_match, &Named::default(), inactive).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The one way in which a patient changes: lock, compare versions, work the new facts out, check who may change what,
/// write, tell. New facts that equal the old ones change nothing.
async fn change(
    app: &App,
    actor: &Actor,
    scope: &Scope,
    id: i64,
    if_match: &IfMatch,
    named: &Named,
    mut new_facts: impl FnMut(&Patient) -> Result<Facts, Error> + Send,
) -> Result<Etagged<Changed>, Problem> {
    let mut conn = db::get(&app.db).await?;
    let (patient, warnings) = conn
        .transaction(async |conn| {
            let patient = Patient::lock(conn, scope, id).await?;
            if_match.check(patient.version)?;
            let facts = new_facts(&patient)?;
            if facts == patient.facts {
                actor.trail.shows([patient.id]);
                return Ok::<_, Error>((patient, Vec::new()));
            }
            check_changes(actor, &patient.facts, &facts, named)?;
            let is_other_number = facts.abha_number != patient.facts.abha_number;
            let warnings = if is_other_number { warnings(&facts) } else { Vec::new() };
            let patient = patient.write(conn, &facts).await?;
            events::updated(conn, &app.outbox, Some(actor), &patient).await?;
            audit::write(conn, &actor.trail, [patient.id]).await?;
            Ok((patient, warnings))
        })
        .await?;
    Ok(Etagged { version: patient.version, body: Changed { patient: patient.into(), warnings } })
}

/// What nobody can prove wrong: a check digit of ABHA numbers is likely, and published examples fail it.
fn warnings(facts: &Facts) -> Vec<&'static str> {
    let unusual = facts.abha_number.as_ref().is_some_and(|number| !abha::passes_luhn(number.expose()));
    unusual.then_some("abha_number: the last digit is not the expected check digit").into_iter().collect()
}

/// Who was registered by somebody who does not see them is not registered.
fn out_of_care(fault: DieselError) -> Error {
    match fault {
        DieselError::NotFound => Error::OutOfCare,
        fault => fault.into(),
    }
}

/// Whether every field that differs is one that this role may change, and the doctor and the account, where they differ, are
/// such.
fn check_changes(actor: &Actor, before: &Facts, after: &Facts, named: &Named) -> Result<(), Error> {
    let changed = before.differences(after);
    let not_theirs: Vec<_> = changed.iter().copied().filter(|field| !may_change(actor.role, field)).collect();
    if !not_theirs.is_empty() {
        return Err(Error::NotTheirs(not_theirs));
    }
    let names_doctor = after.primary_doctor.is_some() && after.primary_doctor != Some(actor.user_id);
    if changed.contains(&"primary_doctor") && names_doctor && !named.is_doctor {
        return Err(Error::NoSuchDoctor);
    }
    if changed.contains(&"user") && after.user_id.is_some() && !named.is_account {
        return Err(Error::NoSuchAccount);
    }
    Ok(())
}

/// Whether those whom the caller names are what they are named as. Asked before the transaction, since the answer may come
/// over the network; of nobody there is nothing to ask.
#[derive(Default)]
struct Named {
    is_doctor: bool,
    is_account: bool,
}

impl Named {
    async fn find(app: &App, actor: &Actor, doctor: Option<i64>, account: Option<i64>) -> Result<Self, Problem> {
        let is_doctor = match doctor {
            Some(doctor) => app.users.has_doctor(&app.db, actor, doctor).await?,
            None => false,
        };
        let is_account = match account.filter(|_| may_change(actor.role, "user")) {
            Some(account) => app.users.has_patient(&app.db, actor, account).await?,
            None => false,
        };
        Ok(Self { is_doctor, is_account })
    }
}
