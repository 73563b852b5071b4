//! Appointments that cannot stay where they are: marked, so that the desk finds them and moves or cancels them.

use std::collections::{HashMap, HashSet};

use ::events::Outbox;
use auth::Action;
use chassis::prepared::Prepare as _;
use chassis::trail::{Facts, Trail};
use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::appointment::{Appointment, FREED};
use crate::history::record::{self, By, Changed, SYSTEM};
use crate::people::StaffMember;
use crate::schema::{appointments, patients, staff, time_off};
use crate::slots::Span;
use crate::status::{Cause, Status};
use crate::{events, merged};

/// Statuses whose time can still be changed.
pub const MOVABLE: [Status; 2] = [Status::Scheduled, Status::Confirmed];

/// Whose appointments a change concerns.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    /// Those of a doctor.
    Doctor(i64),
    /// Those of a patient, under this id.
    Patient(i64),
}

/// The appointments to come of somebody within a span, if one is given, that could still be moved, by time.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn to_come(
    conn: &mut AsyncPgConnection,
    of: Of,
    within: Option<Span>,
    now: DateTime<Utc>,
) -> QueryResult<Vec<Appointment>> {
    let mut rows = appointments::table
        .filter(appointments::status.eq_any(MOVABLE))
        .filter(appointments::starts_at.gt(now))
        .order((appointments::starts_at, appointments::id))
        .select(Appointment::as_select())
        .into_boxed();
    rows = match of {
        Of::Doctor(doctor) => rows.filter(appointments::doctor_id.eq(doctor)),
        Of::Patient(patient) => rows.filter(appointments::patient_id.eq(patient)),
    };
    if let Some(span) = within {
        rows = rows.filter(appointments::starts_at.lt(span.end).and(appointments::ends_at.gt(span.start)));
    }
    rows.load(conn).await
}

/// Something keeps these from staying no more. Those of which it was said can stay, or it is said what else keeps them: one reason is
/// told at a time, and another may have come meanwhile. Gives those that were changed.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn lift(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    by: By<'_>,
    rows: Vec<Appointment>,
    lifted: Cause,
    why: &str,
) -> QueryResult<Vec<Appointment>> {
    let rows: Vec<Appointment> = rows.into_iter().filter(|row| row.rescheduling_cause == Some(lifted)).collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let standing = Standing::of(conn, &rows).await?;
    set_each(conn, outbox, by, &rows, |row| standing.cause(row), (None, why)).await
}

/// Whose patients are deactivated, which doctors see nobody, when the others are away, and whose patients have to be elsewhere.
struct Standing {
    inactive: HashSet<i64>,
    gone: HashSet<i64>,
    away: Vec<(i64, Span)>,
    elsewhere: HashSet<i64>,
}

impl Standing {
    async fn of(conn: &mut AsyncPgConnection, rows: &[Appointment]) -> QueryResult<Self> {
        let patients: Vec<i64> = rows.iter().map(|row| row.patient_id).collect();
        let doctors: Vec<i64> = rows.iter().map(|row| row.doctor_id).collect();
        let inactive = patients::table.filter(patients::id.eq_any(patients).and(patients::is_active.eq(false)));
        let inactive: Vec<i64> = inactive.select(patients::id).load(conn).await?;
        let theirs: Vec<StaffMember> =
            staff::table.filter(staff::id.eq_any(&doctors)).select(StaffMember::as_select()).load(conn).await?;
        let gone = theirs.iter().filter(|member| !member.sees_patients()).map(|member| member.id);
        let away: Vec<(i64, DateTime<Utc>, DateTime<Utc>)> = time_off::table
            .filter(time_off::doctor_id.eq_any(&doctors).and(time_off::ends_at.gt(Utc::now())))
            .select((time_off::doctor_id, time_off::starts_at, time_off::ends_at))
            .load(conn)
            .await?;
        let away = away.into_iter().map(|(doctor, start, end)| (doctor, Span { start, end })).collect();
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let elsewhere = merged::in_two_places(conn, &ids, Utc::now()).await?.into_iter().collect();
        Ok(Self { inactive: inactive.into_iter().collect(), gone: gone.collect(), away, elsewhere })
    }

    /// Why one cannot stay as things are: the gravest reason.
    fn cause(&self, row: &Appointment) -> Option<Cause> {
        let is_away = |(doctor, away): &(i64, Span)| *doctor == row.doctor_id && away.overlaps(&row.span());
        if self.inactive.contains(&row.patient_id) {
            Some(Cause::PatientInactive)
        } else if self.gone.contains(&row.doctor_id) {
            Some(Cause::DoctorUnavailable)
        } else if self.away.iter().any(is_away) {
            Some(Cause::Leave)
        } else {
            self.elsewhere.contains(&row.id).then_some(Cause::PatientElsewhere)
        }
    }
}

/// A cause, as the history tells it.
fn said(cause: Cause) -> &'static str {
    match cause {
        Cause::Leave => "the doctor is away",
        Cause::DoctorUnavailable => "the doctor does not see patients any more",
        Cause::PatientInactive => "the patient's record is deactivated",
        Cause::PatientElsewhere => "two records were merged, and the patient has another appointment at this time",
    }
}

/// Something keeps these from staying. Of those that something graver keeps from it that is said, and goes on being said. Gives
/// those that were changed.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn mark(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    by: By<'_>,
    rows: &[Appointment],
    came: Cause,
    why: &str,
) -> QueryResult<Vec<Appointment>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let standing = Standing::of(conn, rows).await?;
    set_each(conn, outbox, by, rows, |row| standing.cause(row).or(Some(came)), (Some(came), why)).await
}

/// Says of each of these appointments its own cause, with the caller's words where that is the one of the news.
async fn set_each(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    by: By<'_>,
    rows: &[Appointment],
    cause_of: impl Fn(&Appointment) -> Option<Cause>,
    (news, why): (Option<Cause>, &str),
) -> QueryResult<Vec<Appointment>> {
    let mut changed = Vec::new();
    for cause in std::iter::once(None).chain(Cause::ALL.iter().copied().map(Some)) {
        let theirs: Vec<Appointment> = rows.iter().filter(|row| cause_of(row) == cause).cloned().collect();
        let why = cause.filter(|_| cause != news).map_or(why, |cause| said(cause));
        changed.extend(set(conn, outbox, by, &theirs, cause, why).await?);
    }
    Ok(changed)
}

/// Says of these appointments why they cannot stay, or with `None` that they can; writes it down and tells of it. Gives them as
/// they are then. Those that it is said of already stay untouched.
async fn set(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    by: By<'_>,
    rows: &[Appointment],
    cause: Option<Cause>,
    why: &str,
) -> QueryResult<Vec<Appointment>> {
    let ids: Vec<i64> = rows.iter().filter(|row| row.rescheduling_cause != cause).map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let before: Vec<Appointment> = appointments::table
        .filter(appointments::id.eq_any(&ids).and(appointments::status.eq_any(MOVABLE)))
        .order(appointments::id)
        .select(Appointment::as_select())
        .for_no_key_update()
        .load(conn)
        .await?;
    let ids: Vec<i64> = before.iter().map(|row| row.id).collect();
    let mut after: Vec<Appointment> = diesel::update(appointments::table.filter(appointments::id.eq_any(&ids)))
        .set((
            appointments::rescheduling_cause.eq(cause),
            appointments::version.eq(appointments::version + 1),
            appointments::updated_at.eq(Utc::now()),
        ))
        .returning(Appointment::as_returning())
        .get_results(conn)
        .await?;
    after.sort_by_key(|row| row.id);
    tell(conn, outbox, by, &before, &after, why).await?;
    Ok(after)
}

/// Writes down and tells of changes; `before` and `after` are the same appointments in the same order.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn tell(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    by: By<'_>,
    before: &[Appointment],
    after: &[Appointment],
    why: &str,
) -> QueryResult<()> {
    let changed = |(before, after)| Changed { before: Some(before), after, why };
    let changes: Vec<Changed<'_>> = before.iter().zip(after).map(changed).collect();
    if changes.is_empty() {
        return Ok(());
    }
    record::record(conn, by, &changes).await?;
    let doctors: Vec<i64> = after.iter().map(|row| row.doctor_id).collect();
    let names: Vec<(i64, String)> =
        staff::table.filter(staff::id.eq_any(doctors)).select((staff::id, staff::name)).load(conn).await?;
    let names: HashMap<i64, String> = names.into_iter().collect();
    for (before, after) in before.iter().zip(after) {
        let doctor = names.get(&after.doctor_id).map(String::as_str).unwrap_or_default();
        events::changed(outbox, conn, by, before, after, doctor).await?;
    }
    Ok(())
}

/// Somebody is there no more: what is to come of theirs cannot stay.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn stop(conn: &mut AsyncPgConnection, of: Of, cause: Cause) -> QueryResult<()> {
    let rows = to_come(conn, of, None, Utc::now()).await?;
    let operation = match of {
        Of::Doctor(_) => "EVENT a doctor is there no more",
        Of::Patient(_) => "EVENT a patient is deactivated",
    };
    let marked = mark(conn, &Outbox::new(), SYSTEM, &rows, cause, said(cause)).await?;
    write_down(conn, operation, &marked).await
}

/// Somebody is there again: what only that kept from staying can stay.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn resume(conn: &mut AsyncPgConnection, of: Of, cause: Cause) -> QueryResult<()> {
    let rows = to_come(conn, of, None, Utc::now()).await?;
    let changed = lift(conn, &Outbox::new(), SYSTEM, rows, cause, "they are there again").await?;
    write_down(conn, "EVENT somebody is there again", &changed).await
}

/// Two records have become one patient's: of what was booked at the same time, the later one cannot stay. Both stand until a
/// person has seen to it.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn met(conn: &mut AsyncPgConnection, survivor: i64) -> QueryResult<()> {
    let mut rows = of_person(conn, survivor).await?;
    // One that is being called off just now is waited for, or waits, so that each sees what the other has done.
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let held = appointments::table.filter(appointments::id.eq_any(&ids)).order(appointments::id);
    held.select(appointments::id).for_no_key_update().load::<i64>(conn).await?;
    // What cannot stay for another reason is told of that one, as long as it holds.
    rows.retain(|row| row.rescheduling_cause.is_none());
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let elsewhere = merged::in_two_places(conn, &ids, Utc::now()).await?;
    rows.retain(|row| elsewhere.contains(&row.id));
    let cause = Cause::PatientElsewhere;
    let marked = mark(conn, &Outbox::new(), SYSTEM, &rows, cause, said(cause)).await?;
    write_down(conn, "EVENT two records are one patient's", &marked).await
}

/// The records are two patients' again: what only the merge kept from staying can stay.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn parted(conn: &mut AsyncPgConnection, patients: [i64; 2]) -> QueryResult<()> {
    let mut rows = Vec::new();
    for patient in patients {
        rows.extend(of_person(conn, patient).await?);
    }
    let why = "the records are two patients' again";
    let changed = lift(conn, &Outbox::new(), SYSTEM, rows, Cause::PatientElsewhere, why).await?;
    write_down(conn, "EVENT two records are two patients' again", &changed).await
}

/// An appointment has left its time: what the same patient has there under another id can stay, if nothing else is in its way.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn left(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    before: &Appointment,
    after: &Appointment,
) -> QueryResult<()> {
    let stays = before.span() == after.span() && !FREED.contains(&after.status);
    if stays || FREED.contains(&before.status) || before.ends_at <= Utc::now() {
        return Ok(());
    }
    let rows = appointments::table
        .filter(sql::<Bool>(merged::IS_OF).bind::<BigInt, _>(before.patient_id).sql("))"))
        .filter(appointments::rescheduling_cause.eq(Cause::PatientElsewhere))
        .filter(appointments::starts_at.lt(before.ends_at).and(appointments::ends_at.gt(before.starts_at)))
        .filter(appointments::starts_at.gt(Utc::now()))
        .select(Appointment::as_select())
        .prepared()
        .load(conn)
        .await?;
    let why = "the patient's other appointment is not at this time any more";
    let changed = lift(conn, outbox, SYSTEM, rows, Cause::PatientElsewhere, why).await?;
    write_down(conn, "a patient's other appointment has left this time", &changed).await
}

/// What is to come of a patient under all their ids.
async fn of_person(conn: &mut AsyncPgConnection, patient: i64) -> QueryResult<Vec<Appointment>> {
    let mut rows = Vec::new();
    for id in merged::one_patient(conn, patient).await? {
        rows.extend(to_come(conn, Of::Patient(id), None, Utc::now()).await?);
    }
    Ok(rows)
}

/// The audit row of a change that no request began.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn write_down(conn: &mut AsyncPgConnection, operation: &str, rows: &[Appointment]) -> QueryResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let facts = Facts { operation: operation.to_owned(), object: operation.to_owned(), ..Facts::default() };
    let trail = Trail::of_facts(facts);
    trail.asks_for(Action::AppointmentStatus.as_str(), true);
    audit::write(conn, &trail, rows.iter().map(|row| row.patient_id)).await
}
