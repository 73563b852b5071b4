//! `POST /api/appointments/walk-in/`: a patient who is here without an appointment, and waits for their number.
//!
//! A walk-in holds the patient's time, not the doctor's: whoever waits is seen between the others. The number is the next of
//! the doctor's day; its counter is a row that is raised in the transaction, so that no number is given twice and none is left out.

use actix_web::{post, web};
use auth::Permit;
use auth::permissions::AppointmentWalkIn;
use chassis::fields::Id;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json::{Faults, Strict};
use chassis::text::Paragraph;
use chrono::{DateTime, DurationRound, NaiveDate, TimeDelta, Utc};
use deserr::Deserr;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use events::Outbox;
use utoipa::ToSchema;

use super::clash::{self, Clash};
use super::diary::Diary;
use super::order::booked;
use super::{check_doctor_is_own, check_people, created, for_whom};
use crate::access::Scope;
use crate::app::{App, Calendar};
use crate::appointment::{AppointmentView, Entry, NewAppointment};
use crate::error::Error;
use crate::history::record::By;
use crate::schema::queues;
use crate::slots;
use crate::status::{AppointmentType, Status};

/// What a caller sends for somebody who walks in.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct WalkIn {
    /// Id of the patient.
    pub patient: Id,
    /// Account id of the doctor.
    pub doctor: Id,
    /// Why the patient comes.
    #[deserr(default)]
    pub reason: Option<Paragraph<1000>>,
}

/// Takes in a patient who has no appointment, in the slot that runs now.
///
/// `ADMIN` and `RECEPTIONIST` with any doctor, a `DOCTOR` with themselves for patients in their care. The appointment is
/// `CHECKED_IN` at once and has a `queue_number`, consecutive for the doctor and the day without a gap. 400 while the doctor is not
/// there, and in the last five minutes before midnight, over which nobody is booked; 409 when the patient has another appointment at
/// this time.
#[utoipa::path(
    tag = "appointments",
    request_body = WalkIn,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key and body give the first answer again")),
    responses(
        (status = 201, description = "taken in; `Location` and `ETag`", body = AppointmentView),
        (status = 400, description = "bad input, every fault in `errors`"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not take anybody in, or not with this doctor"),
        (status = 409, description = "the patient is with somebody else at this time, or the key was used for another body", body = crate::error::Taken),
        (status = 503, description = "the owner of a doctor or patient not known here yet does not answer; `Retry-After`"),
    )
)]
#[post("/api/appointments/walk-in/")]
pub async fn walk_in(
    permit: Permit<AppointmentWalkIn>,
    key: IdempotencyKey,
    body: Strict<WalkIn>,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let Strict { value: wanted, digest } = body;
    let actor = &permit.actor;
    let wanted = WalkIn { patient: for_whom(&app, wanted.patient).await?, ..wanted };
    let scope = Scope::of(&mut *app.conn().await?, actor, permit.reach).await?;
    check_doctor_is_own(&scope, wanted.doctor.get())?;
    let patient = check_people(&app, actor, &scope, wanted.doctor, wanted.patient).await?;
    let wanted = WalkIn { patient, ..wanted };
    let mut conn = app.conn().await?;
    let attempt = async |conn: &mut AsyncPgConnection| {
        conn.transaction(async |conn| {
            if let Some(answer) = key.claim(conn, actor.user_id, &digest).await? {
                actor.trail.repeats();
                return Ok(answer.into());
            }
            let entry = take_in(conn, &app.calendar, &app.outbox, actor.into(), &wanted, Utc::now()).await?;
            audit::write(conn, &actor.trail, [entry.appointment.patient_id]).await?;
            let answer = created(&app, actor, entry)?;
            key.store(conn, actor.user_id, &answer).await?;
            Ok::<Answer, Error>(answer)
        })
        .await
    };
    Ok(clash::settle(&mut conn, &app.calendar, attempt).await?)
}

/// Takes the patient in at this moment.
///
/// # Errors
/// What keeps the two from meeting now.
pub async fn take_in(
    conn: &mut AsyncPgConnection,
    calendar: &Calendar,
    outbox: &Outbox,
    by: By<'_>,
    wanted: &WalkIn,
    now: DateTime<Utc>,
) -> Result<Entry, Error> {
    let today = calendar.date(now);
    let diary = Diary::lock(conn, calendar, wanted.doctor.get(), wanted.patient.get(), today).await?;
    // From this minute on: until then the patient may have been with somebody else.
    let slot = diary.running(calendar, now)?;
    let minute = now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now);
    let span = slots::rest_of(calendar.zone, slot, minute).map_err(|_across_midnight| {
        Error::invalid(
            "doctor",
            "across_midnight",
            "has no five minutes left before midnight; ask again on the new day",
        )
    })?;
    let clash = Clash {
        doctor: diary.doctor.id,
        patient: diary.patient.id,
        room: None,
        wanted: span,
        held: span,
        overbooks: true, // in the queue nobody is in the doctor's way
        promised: false,
        except: None,
        found: Vec::new(),
    };
    clash.refuse(conn).await?;
    let number = next_number(conn, diary.doctor.id, today).await?;
    let new = NewAppointment {
        patient_id: diary.patient.id,
        doctor_id: diary.doctor.id,
        starts_at: span.start,
        ends_at: span.end,
        status: Status::CheckedIn,
        appointment_type: AppointmentType::InPerson,
        reason: wanted.reason.as_deref().unwrap_or_default().to_owned().into(),
        notes: String::new().into(),
        cancellation_reason: String::new().into(),
        room: None,
        buffer_before: 0,
        buffer_after: 0,
        overbooking_reason: None,
        queue_date: Some(today),
        queue_number: Some(number),
        series_id: None,
    };
    let row = new.insert(conn).await.map_err(|cause| clash.or(cause))?;
    booked(conn, outbox, by, diary, row).await
}

/// The next number of the doctor's day. The doctor's row is locked, and the counter's is until the transaction ends.
async fn next_number(conn: &mut AsyncPgConnection, doctor: i64, date: NaiveDate) -> QueryResult<i32> {
    diesel::insert_into(queues::table)
        .values((queues::doctor_id.eq(doctor), queues::date.eq(date), queues::last.eq(1)))
        .on_conflict((queues::doctor_id, queues::date))
        .do_update()
        .set(queues::last.eq(sql::<Integer>("queues.last + 1")))
        .returning(queues::last)
        .get_result(conn)
        .await
}
