//! `POST, GET /api/appointments/waitlist/`, `GET, PATCH …/{id}/`, `POST …/{id}/accept/`, `…/decline/`: who waits for time that comes
//! free.
//!
//! What frees time notes an opening in its transaction (`opening.rs`). The worker (`round.rs`) locks the doctor's row, as a booking
//! does, looks who is first in turn and fits (`fill.rs`, `fit.rs`), and offers it: the time is held while the offer is open
//! (`offer.rs`), for a quarter of an hour unless set otherwise. Who accepts has the appointment in the same transaction; when they
//! decline or do not answer, the next is asked.
//!
//! Rows are locked in one order by everybody: doctor, patient, entry. An entry's offers change with its row locked only.

pub mod entry;
pub mod fit;
pub mod input;
pub mod offer;
pub mod opening;
pub mod refusal;
pub mod view;

pub mod amend;
pub mod answer;
pub mod list;

pub mod ends;
pub mod fill;
pub mod round;

use actix_web::{get, post, web};
use auth::permissions::{WaitlistRead, WaitlistWrite};
use auth::{Actor, Permit};
use chassis::etag::Etagged;
use chassis::fields::Id;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::{Faults, Strict};
use chrono::Utc;
use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use crate::access::Scope;
use crate::app::App;
use crate::booking::{check_doctor_is_own, clash, for_whom, may_book_for};
use crate::error::Error;
use crate::merged;
use crate::people::StaffMember;
use crate::schema::{staff, waitlist_entries};

use self::entry::{Entry, EntryStatus, NewWaiting, ON_THE_LIST, Terms, Urgency};
use self::input::{NewEntry, check_length, check_urgency};
use self::refusal::Refusal;
use self::view::WaitlistEntry;

/// Entries of one patient on the list at once.
const MOST_ENTRIES: i64 = 20;

/// Puts a patient on the waitlist.
///
/// For a doctor, or for anybody of a field of medicine, within a window of days and, if wished, of hours and days of the week. When
/// time comes free that fits, the first in turn is offered it: `URGENT` before `ROUTINE`, then who came first. `ADMIN` and
/// `RECEPTIONIST` for anyone, a `DOCTOR` for themselves and patients in their care, a `PATIENT` for themselves.
#[utoipa::path(
    tag = "waitlist",
    request_body = NewEntry,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses(
        (status = 201, description = "on the list; `Location` and `ETag`", body = WaitlistEntry),
        (status = 400, description = "bad input, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may put nobody on the list, not for this doctor, or not as urgent"),
        (status = 409, description = "the patient waits for this already at an overlapping time (`entry`) or has 20 entries, or the key was used for another body"),
        (status = 503, description = "the owner of a doctor or patient not known here yet does not answer; `Retry-After`"),
    )
)]
#[post("/api/appointments/waitlist/")]
pub async fn join(
    permit: Permit<WaitlistWrite>,
    key: IdempotencyKey,
    body: Strict<NewEntry>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let Strict { value: wanted, digest } = body;
    let actor = &permit.actor;
    let terms = wanted.understood(app.calendar.date(Utc::now()), None)?;
    check_urgency(actor, terms.urgency, Urgency::Routine)?;
    check_length(actor, terms.duration_minutes, None)?;
    let wanted = NewEntry { patient: for_whom(&app, wanted.patient).await?, ..wanted };
    let scope = Scope::of(&mut *app.conn().await?, actor, permit.reach).await?;
    check_for_whom(&scope, &wanted)?;
    let patient = check_people(&app, actor, &scope, &wanted).await?;
    let wanted = NewEntry { patient, ..wanted };
    let mut conn = app.conn().await?;
    let attempt = async |conn: &mut AsyncPgConnection| {
        conn.transaction(async |conn| {
            if let Some(answer) = key.claim(conn, actor.user_id, &digest).await? {
                actor.trail.repeats();
                return Ok(answer.into());
            }
            let entry = begin(conn, actor, &wanted, terms.clone()).await?;
            audit::write(conn, &actor.trail, [entry.waiting.patient_id]).await?;
            let (id, version) = (entry.waiting.id, entry.waiting.version);
            let body = view::whole(conn, &app.calendar, entry).await?;
            let answer = Answer::created(format!("/api/appointments/waitlist/{id}/"), version, &body)?;
            key.store(conn, actor.user_id, &answer).await?;
            Ok::<Answer, Error>(answer)
        })
        .await
    };
    Ok(clash::settle(&mut conn, &app.calendar, attempt).await?)
}

/// One entry, with what is offered and with its history.
#[utoipa::path(
    tag = "waitlist",
    params(("id" = i64, Path, description = "id of the entry")),
    responses(
        (status = 200, description = "with `ETag`", body = WaitlistEntry),
        (status = 304, description = "`If-None-Match` names this version"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not read the waitlist"),
        (status = 404, description = "no such entry, or not for the caller to know of"),
    )
)]
#[get("/api/appointments/waitlist/{id}/")]
pub async fn read(
    permit: Permit<WaitlistRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<WaitlistEntry>, Problem> {
    let mut conn = app.conn().await?;
    let scope = Scope::of(&mut conn, &permit.actor, permit.reach).await?;
    let entry = Entry::find(&mut conn, &scope, id.into_inner()).await?.ok_or(Error::NotFound("waitlist entry"))?;
    permit.actor.trail.shows([entry.waiting.patient_id]);
    let version = entry.waiting.version;
    Ok(Etagged { version, body: view::whole(&mut conn, &app.calendar, entry).await? })
}

/// A doctor keeps the list for themselves only.
fn check_for_whom(scope: &Scope, wanted: &NewEntry) -> Result<(), Error> {
    match (scope, wanted.doctor) {
        (Scope::OfDoctor(_) | Scope::Nothing, None) => {
            Err(Error::Forbidden("A doctor puts patients on the list for themselves only."))
        }
        (_, Some(doctor)) => check_doctor_is_own(scope, doctor.get()),
        _ => Ok(()),
    }
}

/// All that is wrong with the people: who is not known to the caller, or is there no more. Gives the id that answers for the patient.
async fn check_people(app: &App, actor: &Actor, scope: &Scope, wanted: &NewEntry) -> Result<Id, Error> {
    let mut faults = Faults::new();
    if let Some(doctor) = wanted.doctor {
        match app.owners.doctor(&app.db, actor, doctor.get()).await? {
            None => faults.push("doctor", "unknown", "there is no such doctor"),
            Some(doctor) if !doctor.is_active => faults.push("doctor", "inactive", "does not work here any more"),
            Some(_) => {}
        }
    }
    if let Some(field) = wanted.field()
        && !has_a_doctor(&mut *app.conn().await?, field).await?
    {
        faults.push("specialization", "unknown", "no doctor of this field works here");
    }
    let known = may_book_for(app, actor, scope, wanted.patient.get()).await?;
    if known.is_none() {
        faults.push("patient", "unknown", "there is no such patient");
    }
    known.filter(|_| faults.0.is_empty()).ok_or(Error::Faults(faults))
}

async fn has_a_doctor(conn: &mut AsyncPgConnection, field: &str) -> QueryResult<bool> {
    let of_field = sql::<Bool>("lower(staff.specialization) = lower(").bind::<Text, _>(field.to_owned()).sql(")");
    let doctors = staff::table.filter(staff::role.eq("DOCTOR").and(staff::is_active.eq(true))).filter(of_field);
    diesel::select(exists(doctors)).get_result(conn).await
}

/// With the two people locked: nobody who goes at this moment is waited for, and nobody begins to wait twice.
async fn begin(conn: &mut AsyncPgConnection, actor: &Actor, wanted: &NewEntry, terms: Terms) -> Result<Entry, Error> {
    if let Some(doctor) = wanted.doctor {
        let doctor = StaffMember::lock(conn, doctor.get()).await?;
        if !doctor.sees_patients() {
            return Err(Error::invalid("doctor", "inactive", "does not work here any more"));
        }
    }
    let patient = merged::lock(conn, wanted.patient.get()).await?;
    if !patient.is_active {
        return Err(Error::invalid("patient", "inactive", "is deactivated"));
    }
    let same = merged::one_patient(conn, patient.id).await?;
    let (doctor, field) = (wanted.doctor.map(Id::get), wanted.field());
    check_once(conn, &same, (doctor, field), &terms, None).await?;
    let new = NewWaiting {
        patient_id: patient.id,
        doctor_id: doctor,
        specialization: field.map(str::to_owned),
        terms,
        status: EntryStatus::Waiting,
        leaving_reason: String::new().into(),
        created_by: actor.user_id,
    };
    let row = new.insert(conn, actor.into()).await.map_err(waits_already)?;
    metrics::counter!("waitlist_joined_total", "urgency" => row.urgency.as_str()).increment(1);
    Entry::find(conn, &Scope::All, row.id).await?.ok_or(Error::NotFound("waitlist entry"))
}

/// Nobody waits twice for one doctor, or one field, at one time, under whichever of their ids.
async fn check_once(
    conn: &mut AsyncPgConnection,
    patient: &[i64],
    (doctor, field): (Option<i64>, Option<&str>),
    terms: &Terms,
    except: Option<i64>,
) -> Result<(), Error> {
    type Row = (i64, Option<i64>, Option<String>, chrono::NaiveDate, chrono::NaiveDate);
    let rows: Vec<Row> = waitlist_entries::table
        .filter(waitlist_entries::patient_id.eq_any(patient))
        .filter(waitlist_entries::status.eq_any(ON_THE_LIST))
        .filter(waitlist_entries::id.ne(except.unwrap_or(0)))
        .order(waitlist_entries::id)
        .limit(MOST_ENTRIES)
        .select((
            waitlist_entries::id,
            waitlist_entries::doctor_id,
            waitlist_entries::specialization,
            waitlist_entries::start_date,
            waitlist_entries::end_date,
        ))
        .load(conn)
        .await?;
    let lower = |field: &str| field.to_lowercase();
    let same = rows.iter().find(|(_, other, other_field, start, end)| {
        *other == doctor
            && other_field.as_deref().map(lower) == field.map(lower)
            && *start <= terms.end_date
            && terms.start_date <= *end
    });
    if let Some((entry, ..)) = same {
        return Err(Refusal::WaitsAlready(Some(*entry)).into());
    }
    let is_full = i64::try_from(rows.len()).unwrap_or(MOST_ENTRIES) >= MOST_ENTRIES;
    if is_full && except.is_none() { Err(Refusal::TooMany.into()) } else { Ok(()) }
}

/// What the database's own guard refuses: somebody was put on the list since we looked.
fn waits_already(cause: diesel::result::Error) -> Error {
    let error = Error::Database(cause);
    if error.is_exclusion() { Refusal::WaitsAlready(None).into() } else { error }
}
