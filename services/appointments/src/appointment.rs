//! The appointment: its row, what is shown of it to whom, and the queries that everything else is made of.

use auth::Role;
use chassis::phi::Phi;
use chassis::prepared::{Prepare as _, any_of};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use diesel::dsl::{InnerJoin, IntoBoxed, sql};
use diesel::expression::SqlLiteral;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Care, Scope};
use crate::schema::{appointments, patients, staff};
use crate::slots::{BUFFER, Busy, MINUTES, Span};
use crate::status::{AppointmentType, Cause, Status};
use crate::waitlist::offer;

/// A row of `appointments`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = appointments, check_for_backend(Pg))]
pub struct Appointment {
    /// Id.
    pub id: i64,
    /// Whose it is.
    pub patient_id: i64,
    /// With whom.
    pub doctor_id: i64,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
    /// How far it has come.
    pub status: Status,
    /// Where they meet.
    pub appointment_type: AppointmentType,
    /// Why the patient comes, in the desk's or the patient's words.
    pub reason: Phi<String>,
    /// The doctor's own notes.
    pub notes: Phi<String>,
    /// Why it was called off.
    pub cancellation_reason: Phi<String>,
    /// Grows with every change.
    pub version: i64,
    /// When it was booked.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// Why it cannot stay where it is.
    pub rescheduling_cause: Option<Cause>,
    /// Where, if a room was taken for it.
    pub room: Option<String>,
    /// Why it lies over another one of the doctor's, if it does on purpose.
    pub overbooking_reason: Option<Phi<String>>,
    /// Its number in the doctor's queue of that day, if the patient walked in.
    pub queue_number: Option<i32>,
    /// The series that it was booked in, if any.
    pub series_id: Option<i64>,
}

/// What is shown of the doctor, and by what a nurse's reach is found.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = staff, check_for_backend(Pg))]
pub struct DoctorFacts {
    /// Name.
    pub name: String,
    /// Department.
    pub department: String,
}

/// What is shown of the patient, and by what a patient's reach is found.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = patients, check_for_backend(Pg))]
pub struct PatientFacts {
    /// Name.
    pub name: Phi<String>,
    /// Account.
    pub user_id: Option<i64>,
}

/// An appointment with the people in it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(check_for_backend(Pg))]
pub struct Entry {
    /// The row.
    #[diesel(embed)]
    pub appointment: Appointment,
    /// With whom.
    #[diesel(embed)]
    pub doctor: DoctorFacts,
    /// Whose it is.
    #[diesel(embed)]
    pub patient: PatientFacts,
}

/// What is inserted.
#[derive(Insertable)]
#[diesel(table_name = appointments, check_for_backend(Pg), treat_none_as_default_value = false)]
pub struct NewAppointment {
    /// Whose it is.
    pub patient_id: i64,
    /// With whom.
    pub doctor_id: i64,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
    /// `SCHEDULED`.
    pub status: Status,
    /// Where they meet.
    pub appointment_type: AppointmentType,
    /// Why the patient comes.
    pub reason: Phi<String>,
    /// Empty at first.
    pub notes: Phi<String>,
    /// Empty at first.
    pub cancellation_reason: Phi<String>,
    /// Where, if a room is taken for it.
    pub room: Option<String>,
    /// Minutes that the doctor keeps free before it.
    pub buffer_before: i32,
    /// Minutes that the doctor keeps free after it.
    pub buffer_after: i32,
    /// Why it lies over another one, if it does on purpose.
    pub overbooking_reason: Option<Phi<String>>,
    /// The day of the queue that the patient is in, if they walked in.
    pub queue_date: Option<NaiveDate>,
    /// The number in it.
    pub queue_number: Option<i32>,
    /// The series that it is booked in, if any.
    pub series_id: Option<i64>,
}

/// What a change may touch.
#[derive(AsChangeset)]
#[diesel(table_name = appointments, check_for_backend(Pg), treat_none_as_null = true)]
pub struct Change {
    /// With whom.
    pub doctor_id: i64,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
    /// How far it has come.
    pub status: Status,
    /// Where they meet.
    pub appointment_type: AppointmentType,
    /// Why the patient comes.
    pub reason: Phi<String>,
    /// The doctor's own notes.
    pub notes: Phi<String>,
    /// Why it was called off.
    pub cancellation_reason: Phi<String>,
    /// The next version.
    pub version: i64,
    /// Now.
    pub updated_at: DateTime<Utc>,
    /// Why it cannot stay where it is.
    pub rescheduling_cause: Option<Cause>,
    /// Where, if a room is taken for it.
    pub room: Option<String>,
    /// Why it lies over another one, if it does on purpose.
    pub overbooking_reason: Option<Phi<String>>,
}

/// What the doctor keeps free around an appointment, in minutes; it changes with the time alone.
#[derive(Clone, Copy, Debug, AsChangeset)]
#[diesel(table_name = appointments, check_for_backend(Pg))]
pub struct Buffers {
    /// Before.
    pub buffer_before: i32,
    /// After.
    pub buffer_after: i32,
}

/// Statuses that hold no time; the database's exclusion constraints name the same.
pub const FREED: [Status; 2] = [Status::Cancelled, Status::NoShow];

/// Whether an appointment holds time. In so many words, as the indexes of such appointments have it: a value that is bound is
/// not known yet when the planner looks for one.
const HOLDS_TIME: &str = "appointments.status NOT IN ('CANCELLED', 'NO_SHOW')";

/// See [`FREED`].
pub fn holds_time() -> SqlLiteral<Bool> {
    sql(HOLDS_TIME)
}

/// Appointments with their people, as a query that can be narrowed.
pub type Visible<'a> = IntoBoxed<'a, InnerJoin<InnerJoin<appointments::table, staff::table>, patients::table>, Pg>;

fn all() -> Visible<'static> {
    appointments::table.inner_join(staff::table).inner_join(patients::table).into_boxed()
}

/// The appointments that the caller may know of. There is no other way to them for a route than this and the two below.
pub fn visible_to(scope: &Scope) -> Visible<'static> {
    scope.narrow(all())
}

/// The same, for who asks of one or of few.
pub fn few_visible_to(scope: &Scope) -> Visible<'static> {
    scope.narrow_few(all())
}

/// Everything in somebody's care, in two halves. See [`Care::halves`].
pub fn halves_of(care: &Care) -> [Visible<'static>; 2] {
    care.halves(all)
}

impl Appointment {
    /// Its time.
    pub fn span(&self) -> Span {
        Span { start: self.starts_at, end: self.ends_at }
    }
}

impl Entry {
    /// One that the caller may know of.
    pub async fn find(conn: &mut AsyncPgConnection, scope: &Scope, id: i64) -> QueryResult<Option<Self>> {
        few_visible_to(scope)
            .filter(appointments::id.eq(id))
            .select(Self::as_select())
            .prepared()
            .get_result(conn)
            .await
            .optional()
    }

    /// The same, with its row locked until the transaction ends. Lock it before the people in it.
    pub async fn lock(conn: &mut AsyncPgConnection, scope: &Scope, id: i64) -> QueryResult<Option<Self>> {
        let row: Option<i64> =
            appointments::table.find(id).select(appointments::id).for_no_key_update().first(conn).await.optional()?;
        match row {
            Some(id) => Self::find(conn, scope, id).await,
            None => Ok(None),
        }
    }

    /// Writes a change; `buffers` where its time is another one.
    pub async fn update(
        &self,
        conn: &mut AsyncPgConnection,
        change: &Change,
        buffers: Option<Buffers>,
    ) -> QueryResult<Appointment> {
        diesel::update(appointments::table.find(self.appointment.id))
            .set((change, buffers))
            .returning(Appointment::as_returning())
            .prepared()
            .get_result(conn)
            .await
    }
}

impl NewAppointment {
    /// Writes it.
    pub async fn insert(&self, conn: &mut AsyncPgConnection) -> QueryResult<Appointment> {
        diesel::insert_into(appointments::table)
            .values(self)
            .returning(Appointment::as_returning())
            .get_result(conn)
            .await
    }
}

/// What holds the doctor's time within `span`, in order: appointments, and what is offered to those who wait. Those who walked in
/// hold none.
pub async fn busy_doctor(conn: &mut AsyncPgConnection, doctor: i64, span: Span) -> QueryResult<Vec<Busy>> {
    let busy = busy_doctors(conn, &[doctor], span).await?;
    Ok(busy.into_iter().map(|taken| taken.busy).collect())
}

/// Time of a doctor that is taken.
#[derive(Clone, Copy, Debug)]
pub struct TakenTime {
    /// Whose time it is.
    pub doctor: i64,
    /// The patient, of an appointment; `None` of an offer.
    pub patient: Option<i64>,
    /// When, and by what.
    pub busy: Busy,
}

/// The same of several, with the people in it.
pub async fn busy_doctors(conn: &mut AsyncPgConnection, doctors: &[i64], span: Span) -> QueryResult<Vec<TakenTime>> {
    type Row = (i64, i64, i64, DateTime<Utc>, DateTime<Utc>, DateTime<Utc>, DateTime<Utc>);
    let rows: Vec<Row> = appointments::table
        .filter(appointments::doctor_id.eq(any_of(doctors)))
        .filter(holds_time())
        .filter(appointments::queue_number.is_null())
        .filter(appointments::starts_at.lt(latest_start(span)).and(appointments::starts_at.gt(earliest_start(span))))
        .filter(appointments::held_until.gt(span.start).and(appointments::held_from.lt(span.end)))
        .order((appointments::starts_at, appointments::id))
        .select((
            appointments::doctor_id,
            appointments::patient_id,
            appointments::id,
            appointments::starts_at,
            appointments::ends_at,
            appointments::held_from,
            appointments::held_until,
        ))
        .prepared()
        .load(conn)
        .await?;
    let booked = |(doctor, patient, appointment, start, end, held_from, held_until)| {
        let (span, held) = (Span { start, end }, Span { start: held_from, end: held_until });
        TakenTime { doctor, patient: Some(patient), busy: Busy { span, held, appointment: Some(appointment) } }
    };
    let waits = offer::held(conn, doctors, span).await?;
    let waits = waits.into_iter().map(|offer::Held { doctor, span, held }| TakenTime {
        doctor,
        patient: None,
        busy: Busy { span, held, appointment: None },
    });
    let mut taken: Vec<TakenTime> = rows.into_iter().map(booked).chain(waits).collect();
    taken.sort_by_key(|taken| taken.busy.span);
    Ok(taken)
}

/// When some patients are elsewhere within `span`.
pub async fn busy_patients(
    conn: &mut AsyncPgConnection,
    patients: &[i64],
    span: Span,
) -> QueryResult<Vec<(i64, Span)>> {
    let rows: Vec<(i64, DateTime<Utc>, DateTime<Utc>)> = appointments::table
        .filter(appointments::patient_id.eq(any_of(patients)))
        .filter(holds_time())
        .filter(appointments::starts_at.lt(span.end).and(appointments::starts_at.gt(earliest_start(span))))
        .filter(appointments::ends_at.gt(span.start))
        .select((appointments::patient_id, appointments::starts_at, appointments::ends_at))
        .prepared()
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(patient, start, end)| (patient, Span { start, end })).collect())
}

/// What is in a patient's way, under whichever of their ids, within `span`, and what takes the room, in order.
pub async fn busy_others(
    conn: &mut AsyncPgConnection,
    patient: &[i64],
    room: Option<&str>,
    span: Span,
    except: i64,
) -> QueryResult<Vec<Span>> {
    let rows: Vec<(DateTime<Utc>, DateTime<Utc>)> = appointments::table
        .filter(appointments::patient_id.eq(any_of(patient)).or(appointments::room.eq(room)))
        .filter(holds_time())
        .filter(appointments::starts_at.lt(span.end).and(appointments::starts_at.gt(earliest_start(span))))
        .filter(appointments::ends_at.gt(span.start))
        .filter(appointments::id.ne(except))
        .select((appointments::starts_at, appointments::ends_at))
        .prepared()
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|(start, end)| Span { start, end }).collect())
}

/// Nothing that began earlier can reach into `span`: an appointment is eight hours long at most, and what is kept free after it
/// two. Keeps the index scan short.
pub fn earliest_start(span: Span) -> DateTime<Utc> {
    span.widened(MINUTES.end() + BUFFER.end(), 0).start
}

/// Nothing that begins later holds time within `span`.
pub fn latest_start(span: Span) -> DateTime<Utc> {
    span.widened(0, *BUFFER.end()).end
}

/// An appointment as the contract shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Appointment)]
pub struct AppointmentView {
    /// Id.
    pub id: i64,
    /// Id of the patient.
    pub patient: i64,
    /// Account id of the doctor.
    pub doctor: i64,
    /// Day in the hospital's time zone.
    pub date: NaiveDate,
    /// When it begins, on the hospital's wall clock.
    #[schema(value_type = String, example = "10:30:00")]
    pub time_slot: NaiveTime,
    /// Its length.
    pub duration_minutes: i64,
    /// When it ends, on the hospital's wall clock.
    #[schema(value_type = String, example = "11:00:00")]
    pub end_time: NaiveTime,
    /// How far it has come.
    pub status: Status,
    /// Where they meet.
    pub appointment_type: AppointmentType,
    /// Why the patient comes. Null for roles that do not see it (`ACCOUNTANT`).
    #[schema(value_type = Option<String>)]
    pub reason: Option<Phi<String>>,
    /// Clinical notes. Null for roles that do not see them: only `ADMIN`, `DOCTOR` and `NURSE` do.
    #[schema(value_type = Option<String>)]
    pub notes: Option<Phi<String>>,
    /// Why it was called off; empty otherwise. Null for roles that do not see it (`ACCOUNTANT`).
    #[schema(value_type = Option<String>)]
    pub cancellation_reason: Option<Phi<String>>,
    /// The room taken for it, if any.
    pub room: Option<String>,
    /// Whether it lies over another appointment of the doctor's on purpose.
    pub overbooked: bool,
    /// Why it does; null where it does not, and for roles that do not see reasons.
    #[schema(value_type = Option<String>)]
    pub overbooking_reason: Option<Phi<String>>,
    /// Its number in the doctor's queue of the day, where the patient walked in.
    pub queue_number: Option<i32>,
    /// Id of the series that it was booked in, if any.
    pub series: Option<i64>,
    /// Whether it cannot stay where it is, and waits to be moved or cancelled.
    pub needs_rescheduling: bool,
    /// Why it cannot.
    pub rescheduling_cause: Option<Cause>,
    /// Name of the patient.
    #[schema(value_type = String)]
    pub patient_name: Phi<String>,
    /// Name of the doctor.
    pub doctor_name: String,
    /// When it was booked.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// In whose eyes, and on whose clock, an appointment is shown.
#[derive(Clone, Copy, Debug)]
pub struct Viewer {
    /// Role of who looks.
    pub role: Role,
    /// The hospital's zone.
    pub zone: Tz,
}

impl Viewer {
    /// Notes are clinical: for those who treat, and the administrator.
    pub fn sees_notes(self) -> bool {
        matches!(self.role, Role::Admin | Role::Doctor | Role::Nurse)
    }

    /// The reasons are the desk's and the patient's own words; money needs none of it.
    pub fn sees_reasons(self) -> bool {
        self.role != Role::Accountant
    }

    /// What they see.
    pub fn show(self, entry: Entry) -> AppointmentView {
        let Entry { appointment, doctor, patient } = entry;
        let start = appointment.starts_at.with_timezone(&self.zone);
        AppointmentView {
            id: appointment.id,
            patient: appointment.patient_id,
            doctor: appointment.doctor_id,
            date: start.date_naive(),
            time_slot: start.time(),
            duration_minutes: appointment.span().minutes(),
            end_time: appointment.ends_at.with_timezone(&self.zone).time(),
            status: appointment.status,
            appointment_type: appointment.appointment_type,
            reason: self.sees_reasons().then_some(appointment.reason),
            notes: self.sees_notes().then_some(appointment.notes),
            cancellation_reason: self.sees_reasons().then_some(appointment.cancellation_reason),
            room: appointment.room,
            overbooked: appointment.overbooking_reason.is_some(),
            overbooking_reason: appointment.overbooking_reason.filter(|_| self.sees_reasons()),
            queue_number: appointment.queue_number,
            series: appointment.series_id,
            needs_rescheduling: appointment.rescheduling_cause.is_some(),
            rescheduling_cause: appointment.rescheduling_cause,
            patient_name: patient.name,
            doctor_name: doctor.name,
            created_at: appointment.created_at,
            updated_at: appointment.updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_time_is_the_same_in_both() {
        let named: Vec<String> = FREED.iter().map(|status| format!("'{}'", status.as_str())).collect();
        assert!(HOLDS_TIME.ends_with(&format!("NOT IN ({})", named.join(", "))), "{HOLDS_TIME} is not {FREED:?}");
    }
}
