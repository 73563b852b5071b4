//! A booking, whoever asks for it: the desk, a series, another system's message. The caller brings the transaction.

use chassis::phi::Phi;
use chrono::{NaiveDate, NaiveTime, Utc};
use diesel_async::AsyncPgConnection;
use events::Outbox;

use super::clash::{Clash, Placed};
use super::diary::Diary;
use crate::app::Calendar;
use crate::appointment::{Appointment, Buffers, DoctorFacts, Entry, NewAppointment, PatientFacts};
use crate::error::Error;
use crate::history::record::{self, By, Changed};
use crate::input::Reason;
use crate::status::{AppointmentType, Status};

/// What is to be booked.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// With whom.
    pub doctor: i64,
    /// For whom.
    pub patient: i64,
    /// Day in the hospital's time zone.
    pub date: NaiveDate,
    /// When it begins, on the hospital's wall clock.
    pub time: NaiveTime,
    /// How long it takes; the doctor's slot length where nobody says.
    pub minutes: Option<i64>,
    /// Where they meet.
    pub appointment_type: AppointmentType,
    /// Why the patient comes.
    pub reason: &'a str,
    /// A room to be taken for it.
    pub room: Option<&'a str>,
    /// Why it may lie over the doctor's other appointments.
    pub overbooking_reason: Option<&'a Reason>,
    /// The series that it is one of.
    pub series: Option<i64>,
    /// Whether the time was held for it, so that what was overbooked over it meanwhile is no hindrance.
    pub promised: bool,
}

impl Order<'_> {
    /// Locks the people, looks, and writes.
    ///
    /// # Errors
    /// What keeps them from meeting then.
    pub async fn carry_out(
        &self,
        conn: &mut AsyncPgConnection,
        calendar: &Calendar,
        outbox: &Outbox,
        by: By<'_>,
    ) -> Result<Entry, Error> {
        let diary = Diary::lock(conn, calendar, self.doctor, self.patient, self.date).await?;
        let minutes = self.minutes.unwrap_or_else(|| diary.slot_minutes());
        let span = diary.place(calendar, self.time, minutes, Utc::now())?;
        let clash = Clash {
            doctor: diary.doctor.id,
            patient: diary.patient.id,
            room: self.room.map(str::to_owned),
            wanted: span,
            held: diary.hold(span),
            overbooks: self.overbooking_reason.is_some(),
            promised: self.promised,
            except: None,
            found: Vec::new(),
        };
        let placed = clash.refuse(conn).await?;
        let Buffers { buffer_before, buffer_after } = diary.buffers();
        let new = NewAppointment {
            patient_id: diary.patient.id,
            doctor_id: diary.doctor.id,
            starts_at: span.start,
            ends_at: span.end,
            status: Status::Scheduled,
            appointment_type: self.appointment_type,
            reason: self.reason.to_owned().into(),
            notes: String::new().into(),
            cancellation_reason: String::new().into(),
            room: clash.room.clone(),
            buffer_before,
            buffer_after,
            overbooking_reason: overbooking_reason(placed, self.overbooking_reason),
            queue_date: None,
            queue_number: None,
            series_id: self.series,
        };
        let row = new.insert(conn).await.map_err(|cause| clash.or(cause))?;
        booked(conn, outbox, by, diary, row).await
    }
}

/// Kept where it was needed: an appointment that has its time to itself is not overbooked.
pub fn overbooking_reason(placed: Placed, reason: Option<&Reason>) -> Option<Phi<String>> {
    reason.filter(|_| placed == Placed::Over).map(|reason| reason.0.clone().into())
}

/// Writes down and tells of a new appointment; gives it with its people.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn booked(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    by: By<'_>,
    diary: Diary,
    row: Appointment,
) -> Result<Entry, Error> {
    record::record(conn, by, &[Changed { before: None, after: &row, why: row.reason.expose() }]).await?;
    crate::events::booked(outbox, conn, by, &row, &diary.doctor.name).await?;
    let doctor = DoctorFacts { name: diary.doctor.name, department: diary.doctor.department };
    let patient = PatientFacts { name: diary.patient.name, user_id: diary.patient.user_id };
    Ok(Entry { appointment: row, doctor, patient })
}
