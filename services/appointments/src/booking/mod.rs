//! `POST /api/appointments/`.
//!
//! Two bookings of one doctor or one patient never run side by side: each locks the two people's rows, doctor first,
//! before it looks. So the loser of a race sees the winner and gets 409; the exclusion constraints stand behind that.

pub mod clash;
pub mod diary;

use actix_web::{post, web};
use auth::permissions::AppointmentBook;
use auth::{Actor, Permit};
use chassis::fields::{Day, Id};
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::{Faults, Strict};
use chassis::text::Paragraph;
use chrono::Utc;
use deserr::Deserr;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use utoipa::ToSchema;

use crate::access::{self, Scope};
use crate::app::App;
use crate::appointment::{AppointmentView, DoctorFacts, Entry, NewAppointment, PatientFacts, Viewer};
use crate::error::Error;
use crate::input::{Clock, Minutes};
use crate::status::{AppointmentType, Status};
use crate::{events, history, merged};

use self::clash::Clash;
use self::diary::Diary;

/// What a caller sends to book.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct NewBooking {
    /// Id of the patient.
    pub patient: Id,
    /// Account id of the doctor.
    pub doctor: Id,
    /// Day in the hospital's time zone.
    pub date: Day,
    /// When it begins, a whole minute on the hospital's wall clock; it need not be on the doctor's grid of slots.
    #[schema(value_type = String, example = "10:30:00")]
    pub time_slot: Clock,
    /// 5 to 480; the doctor's slot length unless given.
    #[deserr(default)]
    #[schema(value_type = Option<i64>, minimum = 5, maximum = 480)]
    pub duration_minutes: Option<Minutes>,
    /// `IN_PERSON` unless given.
    #[deserr(default)]
    pub appointment_type: Option<AppointmentType>,
    /// Why the patient comes.
    #[deserr(default)]
    pub reason: Option<Paragraph<1000>>,
}

/// Books an appointment.
///
/// `ADMIN` and `RECEPTIONIST` for anyone, a `DOCTOR` with themselves for patients in their care, a `PATIENT` for themselves.
/// Unknown or inactive people, patients whom the caller may not know of, the past, more than three years ahead and times
/// outside the doctor's hours are 400. A time that overlaps another appointment of the doctor or the patient is 409 with
/// `conflicts` and `next_available`.
#[utoipa::path(
    tag = "appointments",
    request_body = NewBooking,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses(
        (status = 201, description = "booked; `Location` and `ETag`", body = AppointmentView),
        (status = 400, description = "bad input, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not book, or not with this doctor"),
        (status = 409, description = "the time is taken (`urn:ehs:problem:double-booking`), or the key was used for another body", body = crate::error::Taken),
        (status = 503, description = "the owner of a doctor or patient not known here yet does not answer; `Retry-After`"),
    )
)]
#[post("/api/appointments/")]
pub async fn book(
    permit: Permit<AppointmentBook>,
    key: IdempotencyKey,
    body: Strict<NewBooking>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let Strict { value: wanted, digest } = body;
    let patient = merged::survivor(&mut *app.conn().await?, wanted.patient.get()).await.map_err(Error::from)?;
    let wanted = NewBooking { patient: Id::new(patient), ..wanted };
    let scope = Scope::of(&mut *app.conn().await?, &permit.actor, permit.reach).await?;
    check_doctor_is_own(&scope, wanted.doctor.get())?;
    check_people(&app, &permit.actor, &scope, &wanted).await?;
    let booking = Booking { app: &app, actor: &permit.actor, key: &key, digest: &digest, wanted: &wanted };
    let mut conn = app.conn().await?;
    let answer = clash::settle(&mut conn, app.zone, async |conn| booking.attempt(conn).await).await?;
    Ok(answer)
}

/// A doctor's diary is theirs: another doctor cannot write into it.
fn check_doctor_is_own(scope: &Scope, doctor: i64) -> Result<(), Error> {
    match scope {
        Scope::OfDoctor(_) | Scope::Nothing if !scope.covers_doctor(doctor) => {
            Err(Error::Forbidden("A doctor books with themselves only."))
        }
        _ => Ok(()),
    }
}

/// Both are known, or their owners know them. A patient whom the caller may not know of is none.
async fn check_people(app: &App, actor: &Actor, scope: &Scope, wanted: &NewBooking) -> Result<(), Error> {
    let mut faults = Faults::new();
    if app.owners.doctor(&app.db, actor, wanted.doctor.get()).await?.is_none() {
        faults.push("doctor", "unknown", "there is no such doctor");
    }
    if !may_book_for(app, actor, scope, wanted.patient.get()).await? {
        faults.push("patient", "unknown", "there is no such patient");
    }
    if faults.0.is_empty() { Ok(()) } else { Err(Error::Faults(faults)) }
}

/// An appointment puts a patient into a doctor's care, so that a doctor books for those only who are in it already: for
/// anybody else there is the desk, or break-glass.
async fn may_book_for(app: &App, actor: &Actor, scope: &Scope, patient: i64) -> Result<bool, Error> {
    let Some(known) = app.owners.patient(&app.db, actor, patient).await? else { return Ok(false) };
    match scope {
        Scope::OfPatient(own) => Ok(known.user_id == Some(*own)),
        Scope::OfDoctor(doctor) if !access::is_in_care(&mut *app.conn().await?, *doctor, patient).await? => {
            Ok(app.owners.patient_as_shown(&app.db, actor, patient).await?.is_some())
        }
        Scope::OfDoctor(_) | Scope::All => Ok(true),
        _ => Ok(false),
    }
}

struct Booking<'a> {
    app: &'a App,
    actor: &'a Actor,
    key: &'a IdempotencyKey,
    digest: &'a [u8; 32],
    wanted: &'a NewBooking,
}

impl Booking<'_> {
    async fn attempt(&self, conn: &mut AsyncPgConnection) -> Result<Answer, Error> {
        conn.transaction(async |conn| {
            if let Some(answer) = self.key.claim(conn, self.actor.user_id, self.digest).await? {
                self.actor.trail.repeats();
                return Ok(answer.into());
            }
            let entry = self.write(conn).await?;
            audit::write(conn, &self.actor.trail, [entry.appointment.patient_id]).await?;
            let answer = self.answer(entry)?;
            self.key.store(conn, self.actor.user_id, &answer).await?;
            Ok(answer)
        })
        .await
    }

    async fn write(&self, conn: &mut AsyncPgConnection) -> Result<Entry, Error> {
        let wanted = self.wanted;
        let diary = Diary::lock(conn, wanted.doctor.get(), wanted.patient.get()).await?;
        let minutes = wanted.duration_minutes.map_or_else(|| diary.slot_minutes(), |minutes| minutes.0);
        let span = diary.place(self.app.zone, wanted.date.get(), wanted.time_slot.0, minutes, Utc::now())?;
        let clash =
            Clash { doctor: diary.doctor.id, patient: diary.patient.id, wanted: span, except: None, found: Vec::new() };
        clash.refuse(conn).await?;
        let new = NewAppointment {
            patient_id: diary.patient.id,
            doctor_id: diary.doctor.id,
            starts_at: span.start,
            ends_at: span.end,
            status: Status::Scheduled,
            appointment_type: wanted.appointment_type.unwrap_or(AppointmentType::InPerson),
            reason: wanted.reason.as_deref().unwrap_or_default().to_owned().into(),
            notes: String::new().into(),
            cancellation_reason: String::new().into(),
        };
        let row = new.insert(conn).await.map_err(|cause| clash.or(cause))?;
        history::record(conn, self.actor, None, &row).await?;
        events::booked(&self.app.outbox, conn, self.actor, &row, &diary.doctor.name).await?;
        let doctor = DoctorFacts { name: diary.doctor.name, department: diary.doctor.department };
        let patient = PatientFacts { name: diary.patient.name, user_id: diary.patient.user_id };
        Ok(Entry { appointment: row, doctor, patient })
    }

    fn answer(&self, entry: Entry) -> Result<Answer, Problem> {
        let (id, version) = (entry.appointment.id, entry.appointment.version);
        let viewer = Viewer { role: self.actor.role, zone: self.app.zone };
        Answer::created(format!("/api/appointments/{id}/"), version, &viewer.show(entry))
    }
}
