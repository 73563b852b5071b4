//! Appointments of other systems (SIU), for whoever keeps appointments: told by an event, in the transaction that applied the
//! message.

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;
use diesel_async::AsyncPgConnection;
use events::Payload;
use events::v1::{ExternalAppointment, ExternalPractitioner};
use hl7::datatype::{Coded, EntityId};
use hl7::{PartialDate, Schedule, ScheduleEvent, Timestamp};

use super::apply::{Refusal, Work};
use super::order;

/// HL7 table 0276: why a patient comes, in words that are nobody's diagnosis.
const REASONS: [&str; 5] = ["ROUTINE", "WALKIN", "FOLLOWUP", "CHECKUP", "EMERGENCY"];
const OVERTAKEN: &str = "SCH: a message that came after this one has told of the same appointment already; \
     if this is to count all the same, have it sent again";
/// The longest words that are passed on, in characters.
const LONGEST: usize = 200;

/// Tells of the appointment. The caller holds the patient's row.
///
/// # Errors
/// Parks a booking without a time, and one that a later message has changed already; and when PostgreSQL refuses.
pub async fn tell(conn: &mut AsyncPgConnection, work: &Work<'_>, patient: i64, said: &Schedule) -> Result<(), Refusal> {
    let appointment = read(said, work, patient)?;
    if order::is_rescheduled(conn, work, patient, &said.appointment).await? {
        return Err(Refusal::park(OVERTAKEN));
    }
    let actor = work.bringer.actor().map(|actor| (actor.user_id, actor.role.as_str()));
    let payload = Payload::ExternalAppointmentReceived(appointment);
    // Of the patient, so that it comes behind the event that tells of the patient.
    work.desk.outbox.append(conn, actor, ("patient", patient), payload).await?;
    Ok(())
}

fn read(said: &Schedule, work: &Work<'_>, patient: i64) -> Result<ExternalAppointment, Refusal> {
    let (of, zone) = (&said.appointment, work.desk.time_zone);
    let starts_at = of.start.and_then(|time| instant(time, zone));
    if starts_at.is_none() && matches!(said.event, ScheduleEvent::S12 | ScheduleEvent::S13) {
        return Err(Refusal::park("SCH-11: does not say when the appointment begins"));
    }
    let ((placer_id, placer_authority), (filler_id, filler_authority)) = (parts(&of.placer), parts(&of.filler));
    let practitioners = of.personnel.iter().map(|resource| ExternalPractitioner {
        id: cut(resource.what.id.as_deref()),
        authority: cut(resource.what.authority.as_deref()),
        name: cut(Some(&resource.what.name())),
    });
    Ok(ExternalAppointment {
        message_id: work.message,
        change: change(said.event).to_owned(),
        sending_application: work.header.sending_application.clone(),
        sending_facility: work.header.sending_facility.clone(),
        placer_id,
        placer_authority,
        filler_id,
        filler_authority,
        patient_id: patient,
        practitioners: practitioners.take(20).collect(),
        starts_at: starts_at.map(events::envelope::timestamp),
        ends_at: of.end.and_then(|time| instant(time, zone)).map(events::envelope::timestamp),
        duration_minutes: of.minutes.and_then(|minutes| i32::try_from(minutes).ok()).unwrap_or_default(),
        status: of.status.to_owned(),
        reason: of.reason.as_ref().and_then(reason).unwrap_or_default().to_owned(),
        change_reason: cut(of.event_reason.as_ref().map(words)),
    })
}

const fn change(event: ScheduleEvent) -> &'static str {
    match event {
        ScheduleEvent::S12 => "BOOKED",
        ScheduleEvent::S13 => "RESCHEDULED",
        ScheduleEvent::S14 => "MODIFIED",
        ScheduleEvent::S15 => "CANCELLED",
    }
}

/// The instant; a time without an offset is one of the hospital's, and a date alone is no time.
fn instant(time: Timestamp, zone: Tz) -> Option<DateTime<Utc>> {
    let (PartialDate::Day(day), Some(of_day)) = (time.date, time.time) else { return None };
    let local = day.and_time(of_day);
    match time.offset {
        Some(offset) => Some(offset.from_local_datetime(&local).single()?.with_timezone(&Utc)),
        None => Some(zone.from_local_datetime(&local).earliest()?.with_timezone(&Utc)),
    }
}

fn reason(coded: &Coded) -> Option<&'static str> {
    let code = coded.code.as_deref()?.to_ascii_uppercase();
    REASONS.into_iter().find(|known| *known == code)
}

fn words(coded: &Coded) -> &str {
    coded.display()
}

fn parts(id: &Option<EntityId>) -> (String, String) {
    let value = id.as_ref().map(|id| id.value.as_str());
    (cut(value), cut(id.as_ref().and_then(|id| id.authority.as_deref())))
}

fn cut(text: Option<&str>) -> String {
    text.unwrap_or_default().chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_an_offset_is_the_hospitals() {
        let read =
            |text: &str| instant(Timestamp::parse(text).unwrap(), chrono_tz::Asia::Kolkata).map(|at| at.to_rfc3339());
        assert_eq!(read("202611250930").unwrap(), "2026-11-25T04:00:00+00:00");
        assert_eq!(read("202611250930+0000").unwrap(), "2026-11-25T09:30:00+00:00");
        assert_eq!(read("20261125"), None);
    }

    #[test]
    fn a_reason_is_passed_on_where_it_tells_of_no_illness() {
        let coded = |code: &str| Coded { code: Some(code.to_owned()), ..Coded::default() };
        assert_eq!(reason(&coded("FollowUp")), Some("FOLLOWUP"));
        assert_eq!(reason(&coded("HIV")), None);
    }
}
