//! `POST /api/appointments/`.
//!
//! Two bookings of one doctor or one patient never run side by side: each locks the two people's rows, doctor first,
//! before it looks. So the loser of a race sees the winner and gets 409; the exclusion constraints stand behind that.

pub mod clash;
pub mod diary;
pub mod order;
pub mod walk_in;

use actix_web::{post, web};
use auth::permissions::AppointmentBook;
use auth::{Action, Actor, Permit, Role};
use chassis::fields::{Day, Id};
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::{Faults, Strict};
use chassis::text::Paragraph;
use deserr::Deserr;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use utoipa::ToSchema;

use crate::access::{self, Scope};
use crate::app::App;
use crate::appointment::{AppointmentView, Entry, Viewer};
use crate::availability::rows::plan_of;
use crate::error::Error;
use crate::input::{Clock, Minutes, Reason, Room};
use crate::merged;
use crate::status::AppointmentType;

use self::order::Order;

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
    /// 5 to 480; the doctor's slot length unless given. A `PATIENT` gives no other.
    #[deserr(default)]
    #[schema(value_type = Option<i64>, minimum = 5, maximum = 480)]
    pub duration_minutes: Option<Minutes>,
    /// `IN_PERSON` unless given.
    #[deserr(default)]
    pub appointment_type: Option<AppointmentType>,
    /// Why the patient comes.
    #[deserr(default)]
    pub reason: Option<Paragraph<1000>>,
    /// A room to be taken for it, by its name; not for a `PATIENT` to give.
    #[deserr(default)]
    #[schema(value_type = Option<String>, max_length = 40, example = "OPD-3")]
    pub room: Option<Room>,
    /// Books over the doctor's other appointments, if there are any then, and says why: a right of `ADMIN` and the doctor.
    #[deserr(default)]
    pub overbooking_reason: Option<Reason>,
}

/// Books an appointment.
///
/// `ADMIN` and `RECEPTIONIST` for anyone, a `DOCTOR` with themselves for patients in their care, a `PATIENT` for themselves.
/// Unknown or inactive people, patients whom the caller may not know of, the past, more than three years ahead and times
/// outside the doctor's hours, on a holiday or in leave are 400. A time that overlaps another appointment of the doctor, with
/// what the doctor keeps free around each, of the patient or of the room is 409 with `conflicts` and `next_available`. A `PATIENT`
/// takes a slot of the doctor's length, and no room: another `duration_minutes`, or a `room`, is 400. With an
/// `overbooking_reason` the doctor's own other appointments are no hindrance to `ADMIN` and the doctor.
#[utoipa::path(
    tag = "appointments",
    request_body = NewBooking,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses(
        (status = 201, description = "booked; `Location` and `ETag`", body = AppointmentView),
        (status = 400, description = "bad input, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not book, not with this doctor, or not over another appointment"),
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
    let wanted = NewBooking { patient: for_whom(&app, wanted.patient).await?, ..wanted };
    let scope = Scope::of(&mut *app.conn().await?, &permit.actor, permit.reach).await?;
    check_doctor_is_own(&scope, wanted.doctor.get())?;
    check_overbooking(&permit.actor, wanted.overbooking_reason.as_ref())?;
    let patient = check_people(&app, &permit.actor, &scope, wanted.doctor, wanted.patient).await?;
    let wanted = NewBooking { patient, ..wanted };
    check_own_wishes(&app, permit.actor.role, &wanted).await?;
    let booking = Booking { app: &app, actor: &permit.actor, key: &key, digest: &digest, wanted: &wanted };
    let mut conn = app.conn().await?;
    let answer = clash::settle(&mut conn, &app.calendar, async |conn| booking.attempt(conn).await).await?;
    Ok(answer)
}

/// Overbooking is a right of its own, and stands as such in the audit log.
pub fn check_overbooking(actor: &Actor, reason: Option<&Reason>) -> Result<(), Error> {
    if reason.is_none() {
        return Ok(());
    }
    if actor.reach(Action::AppointmentOverbook).is_none() {
        return Err(Error::Forbidden("Your role does not book over another appointment."));
    }
    actor.trail.asks_for(Action::AppointmentOverbook.as_str(), true);
    Ok(())
}

/// For whom something is booked: of a patient who was merged into another, that one.
pub async fn for_whom(app: &App, patient: Id) -> Result<Id, Error> {
    Ok(Id::new(merged::survivor(&mut *app.conn().await?, patient.get()).await?))
}

/// A doctor's diary is theirs: another doctor cannot write into it.
pub fn check_doctor_is_own(scope: &Scope, doctor: i64) -> Result<(), Error> {
    match scope {
        Scope::OfDoctor(_) | Scope::Nothing if !scope.covers_doctor(doctor) => {
            Err(Error::Forbidden("A doctor books with themselves only."))
        }
        _ => Ok(()),
    }
}

/// Both are known, or their owners know them. A patient whom the caller may not know of is none. Gives the patient's id as the
/// owner has it: of one who was merged into another a moment ago, that one's.
pub async fn check_people(app: &App, actor: &Actor, scope: &Scope, doctor: Id, patient: Id) -> Result<Id, Error> {
    let mut faults = Faults::new();
    if app.owners.doctor(&app.db, actor, doctor.get()).await?.is_none() {
        faults.push("doctor", "unknown", "there is no such doctor");
    }
    let known = may_book_for(app, actor, scope, patient.get()).await?;
    if known.is_none() {
        faults.push("patient", "unknown", "there is no such patient");
    }
    known.filter(|_| faults.0.is_empty()).ok_or(Error::Faults(faults))
}

/// An appointment puts a patient into a doctor's care, so that a doctor books for those only who are in it already: for
/// anybody else there is the desk, or break-glass. Gives the id that answers for the patient.
///
/// # Errors
/// 503 when the owner of a patient not known here yet does not answer.
pub async fn may_book_for(app: &App, actor: &Actor, scope: &Scope, patient: i64) -> Result<Option<Id>, Error> {
    let Some(known) = app.owners.patient(&app.db, actor, patient).await? else { return Ok(None) };
    let may = match scope {
        Scope::OfPatient(own) => known.user_id == Some(*own),
        Scope::OfDoctor(doctor) if !access::is_in_care(&mut *app.conn().await?, *doctor, known.id).await? => {
            app.owners.patient_as_shown(&app.db, actor, known.id).await?.is_some()
        }
        Scope::OfDoctor(_) | Scope::All => true,
        _ => false,
    };
    Ok(may.then_some(Id::new(known.id)))
}

/// Who books for themselves takes a slot as the doctor has them; rooms and longer visits are the desk's to give.
async fn check_own_wishes(app: &App, role: Role, wanted: &NewBooking) -> Result<(), Error> {
    if role != Role::Patient {
        return Ok(());
    }
    let mut faults = Faults::new();
    if wanted.room.is_some() {
        faults.push("room", "not_yours", "is for the desk to give");
    }
    if let Some(minutes) = wanted.duration_minutes {
        let (doctor, date) = (wanted.doctor.get(), wanted.date.get());
        let plan = plan_of(&mut *app.conn().await?, &app.calendar, doctor, date, date).await?;
        if plan.hours(date).is_some_and(|hours| hours.slot_minutes != minutes.0) {
            faults.push("duration_minutes", "not_a_slot", "must be the length of the doctor's slots, or be left out");
        }
    }
    if faults.0.is_empty() { Ok(()) } else { Err(Error::Faults(faults)) }
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
            let answer = created(self.app, self.actor, entry)?;
            self.key.store(conn, self.actor.user_id, &answer).await?;
            Ok(answer)
        })
        .await
    }

    async fn write(&self, conn: &mut AsyncPgConnection) -> Result<Entry, Error> {
        let Self { app, actor, wanted, .. } = self;
        let order = Order {
            doctor: wanted.doctor.get(),
            patient: wanted.patient.get(),
            date: wanted.date.get(),
            time: wanted.time_slot.0,
            minutes: wanted.duration_minutes.map(|minutes| minutes.0),
            appointment_type: wanted.appointment_type.unwrap_or(AppointmentType::InPerson),
            reason: wanted.reason.as_deref().unwrap_or_default(),
            room: wanted.room.as_ref().map(|room| room.0.as_str()),
            overbooking_reason: wanted.overbooking_reason.as_ref(),
            series: None,
            promised: false,
        };
        order.carry_out(conn, &app.calendar, &app.outbox, (*actor).into()).await
    }
}

/// 201 with the appointment.
///
/// # Errors
/// 500 when it cannot be written as JSON.
pub fn created(app: &App, actor: &Actor, entry: Entry) -> Result<Answer, Problem> {
    let (id, version) = (entry.appointment.id, entry.appointment.version);
    let viewer = Viewer { role: actor.role, zone: app.zone() };
    Answer::created(format!("/api/appointments/{id}/"), version, &viewer.show(entry))
}
