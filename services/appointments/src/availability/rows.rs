//! Doctors' plans as they are stored: usual hours, hours for a while, time away.

use std::collections::HashMap;

use chassis::prepared::{Prepare as _, any_of};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date, Integer, Nullable, SmallInt, Time};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::app::Calendar;
use crate::plan::{Period, Plan};
use crate::schema::{availability, availability_hours, hours_periods, period_hours, time_off};
use crate::slots::{Hours, Opening, Span};

/// An interval with the hours that it belongs to; without an interval they are empty.
#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    doctor_id: i64,
    #[diesel(sql_type = Bool)]
    works_on_holidays: bool,
    #[diesel(sql_type = BigInt)]
    period: i64,
    #[diesel(sql_type = Nullable<Date>)]
    effective_from: Option<NaiveDate>,
    #[diesel(sql_type = Nullable<Date>)]
    effective_until: Option<NaiveDate>,
    #[diesel(sql_type = Integer)]
    slot_minutes: i32,
    #[diesel(sql_type = Integer)]
    buffer_before: i32,
    #[diesel(sql_type = Integer)]
    buffer_after: i32,
    #[diesel(sql_type = Nullable<SmallInt>)]
    weekday: Option<i16>,
    #[diesel(sql_type = Nullable<Time>)]
    start_time: Option<NaiveTime>,
    #[diesel(sql_type = Nullable<Time>)]
    end_time: Option<NaiveTime>,
}

const HOURS: &str = "SELECT a.doctor_id, a.works_on_holidays, 0::bigint AS period, NULL::date AS effective_from, \
    NULL::date AS effective_until, a.slot_minutes, a.buffer_before, a.buffer_after, h.weekday, h.start_time, h.end_time \
    FROM availability a LEFT JOIN availability_hours h ON h.doctor_id = a.doctor_id WHERE a.doctor_id WHOSE \
    UNION ALL \
    SELECT a.doctor_id, a.works_on_holidays, p.id, p.effective_from, p.effective_until, p.slot_minutes, p.buffer_before, \
    p.buffer_after, h.weekday, h.start_time, h.end_time FROM hours_periods p JOIN availability a ON a.doctor_id = p.doctor_id \
    LEFT JOIN period_hours h ON h.period_id = p.id WHERE p.doctor_id WHOSE AND p.effective_from <= $3 \
    AND coalesce(p.effective_until >= $2, true) \
    ORDER BY doctor_id, effective_from NULLS FIRST, period, weekday, start_time";

/// The plans of some doctors for the days from `first` to `last`: two queries, however many there are.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn plans_of(
    conn: &mut AsyncPgConnection,
    calendar: &Calendar,
    doctors: &[i64],
    first: NaiveDate,
    last: NaiveDate,
) -> QueryResult<HashMap<i64, Plan>> {
    let rows = sql_rows(conn, doctors, first, last).await?;
    let mut plans = gather(doctors, rows, &calendar.holidays.between(first, last));
    let Some(span) = calendar.days(first, last) else { return Ok(plans) };
    let away: Vec<(i64, DateTime<Utc>, DateTime<Utc>)> = time_off::table
        .filter(time_off::doctor_id.eq(any_of(doctors)))
        .filter(time_off::starts_at.lt(span.end).and(time_off::ends_at.gt(span.start)))
        .select((time_off::doctor_id, time_off::starts_at, time_off::ends_at))
        .prepared()
        .load(conn)
        .await?;
    for (doctor, start, end) in away {
        if let Some(plan) = plans.get_mut(&doctor) {
            plan.away.push(Span { start, end });
        }
    }
    Ok(plans)
}

async fn sql_rows(
    conn: &mut AsyncPgConnection,
    doctors: &[i64],
    first: NaiveDate,
    last: NaiveDate,
) -> QueryResult<Vec<Row>> {
    // Of one doctor a few rows are picked, of many the tables are read: planned once each.
    let whose = if doctors.len() == 1 { "= ($1)[1]" } else { "= ANY ((SELECT $1)::bigint[])" };
    diesel::sql_query(HOURS.replace("WHOSE", whose))
        .bind::<Array<BigInt>, _>(doctors)
        .bind::<Date, _>(first)
        .bind::<Date, _>(last)
        .prepared()
        .load(conn)
        .await
}

/// Puts the intervals together; holidays count where the doctor does not work on them.
fn gather(doctors: &[i64], rows: Vec<Row>, holidays: &[NaiveDate]) -> HashMap<i64, Plan> {
    let mut plans: HashMap<i64, Plan> = doctors.iter().map(|doctor| (*doctor, Plan::default())).collect();
    let mut period = 0;
    for row in rows {
        let Some(plan) = plans.get_mut(&row.doctor_id) else { continue };
        if !row.works_on_holidays && plan.holidays.is_empty() {
            plan.holidays = holidays.to_vec();
        }
        let hours = hours_of(plan, &row, row.period != period);
        period = row.period;
        if let (Some(weekday), Some(start), Some(end)) = (row.weekday, row.start_time, row.end_time) {
            hours.openings.push(Opening { weekday, start, end });
        }
    }
    plans
}

/// The hours in the plan that a row belongs to, begun where it is the first of them.
fn hours_of<'a>(plan: &'a mut Plan, row: &Row, is_first: bool) -> &'a mut Hours {
    let hours = || Hours {
        slot_minutes: row.slot_minutes.into(),
        before: row.buffer_before.into(),
        after: row.buffer_after.into(),
        openings: Vec::new(),
    };
    let Some(from) = row.effective_from else { return plan.usual.get_or_insert_with(hours) };
    if is_first || plan.periods.is_empty() {
        plan.periods.push(Period { from, until: row.effective_until, hours: hours() });
    }
    match plan.periods.last_mut() {
        Some(period) => &mut period.hours,
        None => plan.usual.get_or_insert_with(hours),
    }
}

/// The plan of one doctor.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn plan_of(
    conn: &mut AsyncPgConnection,
    calendar: &Calendar,
    doctor: i64,
    first: NaiveDate,
    last: NaiveDate,
) -> QueryResult<Plan> {
    let mut plans = plans_of(conn, calendar, &[doctor], first, last).await?;
    Ok(plans.remove(&doctor).unwrap_or_default())
}

/// Every period of a doctor's that has days from `first` on.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn periods_from(conn: &mut AsyncPgConnection, doctor: i64, first: NaiveDate) -> QueryResult<Vec<Period>> {
    let last: Option<NaiveDate> = hours_periods::table
        .filter(hours_periods::doctor_id.eq(doctor))
        .select(diesel::dsl::max(hours_periods::effective_from))
        .first(conn)
        .await?;
    let Some(last) = last else { return Ok(Vec::new()) };
    let rows = sql_rows(conn, &[doctor], first, last.max(first)).await?;
    Ok(gather(&[doctor], rows, &[]).remove(&doctor).unwrap_or_default().periods)
}

/// The version of a doctor's hours and whether they hold on holidays; `None` when none were ever set.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn head_of(conn: &mut AsyncPgConnection, doctor: i64) -> QueryResult<Option<(i64, bool)>> {
    let head = availability::table.find(doctor).select((availability::version, availability::works_on_holidays));
    head.first(conn).await.optional()
}

/// Who sets hours, and what they become.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Whose hours.
    pub doctor: i64,
    /// Their next version.
    pub version: i64,
    /// By whom.
    pub by: i64,
    /// Whether the doctor works on public holidays.
    pub works_on_holidays: bool,
}

/// Stores the usual hours.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn store_usual(conn: &mut AsyncPgConnection, setting: Setting, hours: &Hours) -> QueryResult<()> {
    let Setting { doctor, version, by, works_on_holidays } = setting;
    let head = (
        availability::slot_minutes.eq(small(hours.slot_minutes)?),
        availability::buffer_before.eq(small(hours.before)?),
        availability::buffer_after.eq(small(hours.after)?),
        availability::works_on_holidays.eq(works_on_holidays),
        availability::version.eq(version),
        availability::updated_by.eq(by),
        availability::updated_at.eq(Utc::now()),
    );
    diesel::insert_into(availability::table)
        .values((availability::doctor_id.eq(doctor), head))
        .on_conflict(availability::doctor_id)
        .do_update()
        .set(head)
        .execute(conn)
        .await?;
    diesel::delete(availability_hours::table.filter(availability_hours::doctor_id.eq(doctor))).execute(conn).await?;
    let rows: Vec<_> = hours
        .openings
        .iter()
        .map(|opening| {
            (
                availability_hours::doctor_id.eq(doctor),
                availability_hours::weekday.eq(opening.weekday),
                availability_hours::start_time.eq(opening.start),
                availability_hours::end_time.eq(opening.end),
            )
        })
        .collect();
    diesel::insert_into(availability_hours::table).values(rows).execute(conn).await?;
    Ok(())
}

/// Stores periods of a doctor in the place of those that have days from `first` on. What was over before stays: the schedule of
/// its days shows what was.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn store_periods(
    conn: &mut AsyncPgConnection,
    doctor: i64,
    first: NaiveDate,
    periods: &[Period],
) -> QueryResult<()> {
    let has_days = hours_periods::effective_until.ge(first).or(hours_periods::effective_until.is_null());
    let replaced = hours_periods::table.filter(hours_periods::doctor_id.eq(doctor)).filter(has_days);
    diesel::delete(replaced).execute(conn).await?;
    let mut intervals = Vec::new();
    for period in periods {
        let id: i64 = diesel::insert_into(hours_periods::table)
            .values((
                hours_periods::doctor_id.eq(doctor),
                hours_periods::effective_from.eq(period.from),
                hours_periods::effective_until.eq(period.until),
                hours_periods::slot_minutes.eq(small(period.hours.slot_minutes)?),
                hours_periods::buffer_before.eq(small(period.hours.before)?),
                hours_periods::buffer_after.eq(small(period.hours.after)?),
            ))
            .returning(hours_periods::id)
            .get_result(conn)
            .await?;
        intervals.extend(period.hours.openings.iter().map(|opening| {
            (
                period_hours::period_id.eq(id),
                period_hours::weekday.eq(opening.weekday),
                period_hours::start_time.eq(opening.start),
                period_hours::end_time.eq(opening.end),
            )
        }));
    }
    diesel::insert_into(period_hours::table).values(intervals).execute(conn).await?;
    Ok(())
}

fn small(minutes: i64) -> QueryResult<i32> {
    i32::try_from(minutes).map_err(|cause| diesel::result::Error::SerializationError(cause.into()))
}
