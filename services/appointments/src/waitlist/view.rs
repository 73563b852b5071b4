//! An entry as it is shown.

use chassis::phi::Phi;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use super::entry::{Entry, EntryStatus, Urgency, Waiting};
use super::offer::Offer;
use crate::app::Calendar;
use crate::appointment::DoctorFacts;
use crate::availability::input::Weekday;
use crate::error::Error;
use crate::schema::waitlist_history;
use crate::status::AppointmentType;

/// Changes shown of one entry, the last ones.
const CHANGES: i64 = 100;

/// Somebody who waits.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitlistEntry {
    /// Id.
    pub id: i64,
    /// Id of the patient.
    pub patient: i64,
    /// Name of the patient.
    #[schema(value_type = String)]
    pub patient_name: Phi<String>,
    /// Account id of the doctor; null where anybody of the field will do.
    pub doctor: Option<i64>,
    /// Name of the doctor.
    pub doctor_name: Option<String>,
    /// The field of medicine, where no doctor is named.
    pub specialization: Option<String>,
    /// The first day that suits, in the hospital's time zone.
    pub start_date: NaiveDate,
    /// The last day that suits.
    pub end_date: NaiveDate,
    /// Not to begin before this, on the hospital's wall clock.
    #[schema(value_type = Option<String>, example = "09:00:00")]
    pub earliest_time: Option<NaiveTime>,
    /// Not to end after this.
    #[schema(value_type = Option<String>, example = "13:00:00")]
    pub latest_time: Option<NaiveTime>,
    /// Days of the week that suit; none: any.
    pub weekdays: Vec<Weekday>,
    /// How long it takes; null: as long as the doctor's slots.
    pub duration_minutes: Option<i32>,
    /// Where they are to meet.
    pub appointment_type: AppointmentType,
    /// How urgent it is; who is `URGENT` is asked before the others, otherwise who came first.
    pub urgency: Urgency,
    /// Why the patient comes.
    #[schema(value_type = String)]
    pub reason: Phi<String>,
    /// Where it stands.
    pub status: EntryStatus,
    /// Why the patient left the list; empty otherwise.
    #[schema(value_type = String)]
    pub leaving_reason: Phi<String>,
    /// What is offered now, and held.
    pub offer: Option<OfferView>,
    /// The appointment that was booked.
    pub appointment: Option<i64>,
    /// What became of it, the last first; of one entry only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<EntryChange>>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Time that is offered, and held until `expires_at`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = WaitlistOffer)]
pub struct OfferView {
    /// Id.
    pub id: i64,
    /// Account id of the doctor.
    pub doctor: i64,
    /// Name of the doctor.
    pub doctor_name: String,
    /// Day in the hospital's time zone.
    pub date: NaiveDate,
    /// When it begins, on the hospital's wall clock.
    #[schema(value_type = String, example = "10:30:00")]
    pub time_slot: NaiveTime,
    /// When it ends.
    #[schema(value_type = String, example = "11:00:00")]
    pub end_time: NaiveTime,
    /// Until when it can be accepted.
    pub expires_at: DateTime<Utc>,
}

/// A change of an entry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WaitlistChange)]
pub struct EntryChange {
    /// The entry's version after it.
    pub version: i64,
    /// When it was made.
    pub changed_at: DateTime<Utc>,
    /// Account of who made it; null for the service itself.
    pub changed_by: Option<i64>,
    /// The role that they acted in; `SYSTEM` for the service itself.
    pub changed_as: String,
    /// Where the entry stood after it.
    pub status: EntryStatus,
    /// The offer that it is about.
    pub offer: Option<i64>,
    /// Why, in the words of who made it, or in ours.
    #[schema(value_type = String)]
    pub why: Phi<String>,
}

/// One entry with what is offered and with its history.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn whole(conn: &mut AsyncPgConnection, calendar: &Calendar, entry: Entry) -> Result<WaitlistEntry, Error> {
    let history = history(conn, entry.waiting.id).await?;
    let offer = Offer::open_of(conn, entry.waiting.id).await?;
    Ok(WaitlistEntry { history: Some(history), ..shown(calendar, entry, offer) })
}

/// Some entries with what is offered.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn all(
    conn: &mut AsyncPgConnection,
    calendar: &Calendar,
    entries: Vec<Entry>,
) -> Result<Vec<WaitlistEntry>, Error> {
    let ids: Vec<i64> = entries.iter().map(|entry| entry.waiting.id).collect();
    let mut offers = Offer::open_of_all(conn, &ids).await?;
    let shown = entries.into_iter().map(|entry| {
        let at = offers.iter().position(|(offer, _)| offer.entry_id == entry.waiting.id);
        shown(calendar, entry, at.map(|at| offers.swap_remove(at)))
    });
    Ok(shown.collect())
}

async fn history(conn: &mut AsyncPgConnection, entry: i64) -> QueryResult<Vec<EntryChange>> {
    type Line = (i64, DateTime<Utc>, Option<i64>, String, EntryStatus, Option<i64>, Phi<String>);
    let lines: Vec<Line> = waitlist_history::table
        .filter(waitlist_history::entry_id.eq(entry))
        .order(waitlist_history::version.desc())
        .limit(CHANGES)
        .select((
            waitlist_history::version,
            waitlist_history::changed_at,
            waitlist_history::changed_by,
            waitlist_history::changed_as,
            waitlist_history::status,
            waitlist_history::offer_id,
            waitlist_history::why,
        ))
        .load(conn)
        .await?;
    let change = |(version, changed_at, changed_by, changed_as, status, offer, why)| EntryChange {
        version,
        changed_at,
        changed_by,
        changed_as,
        status,
        offer,
        why,
    };
    Ok(lines.into_iter().map(change).collect())
}

fn shown(calendar: &Calendar, entry: Entry, offer: Option<(Offer, DoctorFacts)>) -> WaitlistEntry {
    let Entry { waiting, patient, doctor } = entry;
    let Waiting { weekdays, .. } = &waiting;
    let weekdays = weekdays.iter().map(|day| Weekday::from_days_after_monday(*day)).collect();
    WaitlistEntry {
        id: waiting.id,
        patient: waiting.patient_id,
        patient_name: patient.name,
        doctor: waiting.doctor_id,
        doctor_name: doctor.map(|doctor| doctor.name),
        specialization: waiting.specialization,
        start_date: waiting.start_date,
        end_date: waiting.end_date,
        earliest_time: waiting.earliest_time,
        latest_time: waiting.latest_time,
        weekdays,
        duration_minutes: waiting.duration_minutes,
        appointment_type: waiting.appointment_type,
        urgency: waiting.urgency,
        reason: waiting.reason,
        status: waiting.status,
        leaving_reason: waiting.leaving_reason,
        offer: offer.map(|(offer, doctor)| offered(calendar, &offer, doctor)),
        appointment: waiting.appointment_id,
        history: None,
        created_at: waiting.created_at,
        updated_at: waiting.updated_at,
    }
}

fn offered(calendar: &Calendar, offer: &Offer, doctor: DoctorFacts) -> OfferView {
    let (date, time_slot, end_time) = calendar.wall_clock(&offer.span());
    OfferView {
        id: offer.id,
        doctor: offer.doctor_id,
        doctor_name: doctor.name,
        date,
        time_slot,
        end_time,
        expires_at: offer.expires_at,
    }
}
