//! Appointments in other systems' schedules, as HL7 v2 messages tell of them (SIU S12 to S15, read by patients): applied by the same
//! rules as what is booked here, or refused, with why. `GET /api/appointments/external/` shows what came of them.

mod list;
mod practitioner;

use auth::{Action, Role};
use chassis::aadhaar;
use chassis::trail::{Facts, Trail};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use events::Outbox;
use events::envelope::time;
use events::v1::ExternalAppointment;

pub use self::list::*;
use crate::access::Scope;
use crate::app::Calendar;
use crate::appointment::{Appointment, Change, Entry, FREED};
use crate::booking::clash::Clash;
use crate::booking::diary::Diary;
use crate::booking::order::Order;
use crate::change::Written;
use crate::error::Error;
use crate::history::record::By;
use crate::merged;
use crate::people::Patient;
use crate::schema::{external_appointments, external_messages};
use crate::slots::Span;
use crate::status::{AppointmentType, Moment, Refusal, Status, Who, check};

/// Whoever sends an appointment makes its steps as a receptionist would.
const STEPS_AS: Who = Who::Role(Role::Receptionist);
/// The role in the history of what a message changed.
const SENDER: By<'static> = By { user: None, role: "HL7" };

/// Takes in one message; the same one again changes nothing.
///
/// # Errors
/// When it cannot be decided now: PostgreSQL refuses, or the patient is not known yet.
pub async fn apply(
    conn: &mut AsyncPgConnection,
    calendar: &Calendar,
    told: &ExternalAppointment,
) -> anyhow::Result<()> {
    let seen: i64 =
        external_messages::table.filter(external_messages::id.eq(told.message_id)).count().get_result(conn).await?;
    if seen > 0 {
        return Ok(());
    }
    let survivor = merged::survivor(conn, told.patient_id).await?;
    let patient = Patient::find(conn, survivor).await?;
    anyhow::ensure!(patient.is_some(), "the patient of an external appointment is not known yet");
    let told =
        Told { told, patient: survivor, sender: format!("{}|{}", told.sending_application, told.sending_facility) };
    let (appointment, code) = match told.decide(conn, calendar).await {
        Ok(id) => (Some(id), String::new()),
        Err(refusal) => (None, code_of(refusal)?),
    };
    told.note(conn, appointment, &code).await?;
    let outcome = if code.is_empty() { "applied" } else { "refused" };
    metrics::counter!("external_appointments_total", "outcome" => outcome).increment(1);
    Ok(())
}

/// The word for a refusal by a rule; what is no refusal is tried again.
fn code_of(error: Error) -> Result<String, Error> {
    Ok(match error {
        Error::Faults(faults) => faults.0.as_slice().first().map_or("invalid", |fault| fault.code).to_owned(),
        Error::Clash(_) | Error::Taken(_) | Error::Series(_) => "double_booking".to_owned(),
        Error::NotFound(_) => "unknown_appointment".to_owned(),
        Error::Waitlist(_) => "waitlist".to_owned(),
        Error::Forbidden(_) => "not_allowed".to_owned(),
        Error::DoesNotFollow { .. } => "does_not_follow".to_owned(),
        Error::TooEarly { .. } => "too_early".to_owned(),
        Error::NotMovable(_) => "not_movable".to_owned(),
        Error::Begun => "too_late".to_owned(),
        passing @ (Error::Database(_) | Error::Problem(_)) => return Err(passing),
    })
}

struct Told<'a> {
    told: &'a ExternalAppointment,
    /// The patient, after every merge.
    patient: i64,
    sender: String,
}

impl Told<'_> {
    /// Its numbers, the filler's first: whoever keeps the schedule knows it best.
    fn numbers(&self) -> Vec<(String, String)> {
        let told = self.told;
        let numbers = [(&told.filler_authority, &told.filler_id, "F"), (&told.placer_authority, &told.placer_id, "P")];
        let given = numbers.into_iter().filter(|(_, number, _)| !number.is_empty());
        given
            .map(|(authority, number, kind)| {
                let authority = if authority.is_empty() { &self.sender } else { authority };
                (format!("{kind} {authority}"), number.clone())
            })
            .collect()
    }

    async fn decide(&self, conn: &mut AsyncPgConnection, calendar: &Calendar) -> Result<i64, Error> {
        let known = self.known(conn).await?;
        let entry = match (self.told.change.as_str(), known) {
            ("CANCELLED", None) => return Err(Error::NotFound("appointment")),
            (_, Some(id)) => self.amend(conn, calendar, id).await?,
            (_, None) => self.book(conn, calendar).await?,
        };
        let id = entry.appointment.id;
        let rows: Vec<_> = self
            .numbers()
            .into_iter()
            .map(|(authority, number)| {
                (
                    external_appointments::authority.eq(authority),
                    external_appointments::number.eq(number),
                    external_appointments::appointment_id.eq(id),
                )
            })
            .collect();
        diesel::insert_into(external_appointments::table).values(rows).on_conflict_do_nothing().execute(conn).await?;
        Ok(id)
    }

    /// Which of ours it is.
    async fn known(&self, conn: &mut AsyncPgConnection) -> QueryResult<Option<i64>> {
        for (authority, number) in self.numbers() {
            let found = external_appointments::table
                .find((authority, number))
                .select(external_appointments::appointment_id)
                .first(conn)
                .await
                .optional()?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// In whole minutes, as everything here.
    fn starts_at(&self) -> Option<DateTime<Utc>> {
        let told = self.told.starts_at.as_ref().and_then(time)?;
        told.duration_trunc(TimeDelta::minutes(1)).ok()
    }

    /// How long it takes, if the message says so.
    fn minutes(&self) -> Option<i64> {
        let until = self.told.ends_at.as_ref().and_then(time).zip(self.starts_at());
        let between = until.map(|(end, start)| (end - start).num_minutes());
        between.or(Some(i64::from(self.told.duration_minutes)).filter(|minutes| *minutes > 0))
    }

    async fn book(&self, conn: &mut AsyncPgConnection, calendar: &Calendar) -> Result<Entry, Error> {
        let start =
            self.starts_at().ok_or_else(|| Error::invalid("time_slot", "no_time", "the message gives no time"))?;
        let doctor = practitioner::doctor(conn, &self.told.practitioners).await?;
        let doctor =
            doctor.ok_or_else(|| Error::invalid("doctor", "unknown_doctor", "the message names nobody of ours"))?;
        check_minutes(self.minutes())?;
        let local = start.with_timezone(&calendar.zone);
        let reason = kept(&self.told.reason);
        let order = Order {
            doctor,
            patient: self.patient,
            date: local.date_naive(),
            time: local.time(),
            minutes: self.minutes(),
            appointment_type: AppointmentType::InPerson,
            reason: &reason,
            room: None,
            overbooking_reason: None,
            series: None,
            promised: false,
        };
        order.carry_out(conn, calendar, &Outbox::new(), SENDER).await
    }

    async fn amend(&self, conn: &mut AsyncPgConnection, calendar: &Calendar, id: i64) -> Result<Entry, Error> {
        let entry = Entry::lock(conn, &Scope::All, id).await?.ok_or(Error::NotFound("appointment"))?;
        let row = &entry.appointment;
        if !merged::one_patient(conn, self.patient).await?.contains(&row.patient_id) {
            return Err(Error::invalid("patient", "another_patient", "the appointment is another patient's"));
        }
        let status = self.status(&row.status);
        let now = Utc::now();
        if status != row.status {
            let moment = Moment { starts_at: row.starts_at, now, zone: calendar.zone };
            check(STEPS_AS, row.status, status, &moment).map_err(|refusal| match refusal {
                Refusal::Role => Error::Forbidden("a message does not take an appointment there"),
                Refusal::DoesNotFollow => Error::DoesNotFollow { from: row.status, to: status },
                Refusal::TooEarly(when) => Error::TooEarly { to: status, when },
                Refusal::TooLate => Error::Begun,
            })?;
        }
        let calls_off = FREED.contains(&status) && (status != row.status || self.told.change == "CANCELLED");
        // Whoever calls it off need not say again with whom, when and for how long it was.
        let wanted = if calls_off { None } else { self.wanted(conn, row).await? };
        if wanted.is_none() && status == row.status {
            return Ok(entry);
        }
        if wanted.is_some() && !row.status.is_movable() {
            return Err(Error::NotMovable(row.status));
        }
        let moves = wanted.is_some();
        let (doctor, wanted) = wanted.unwrap_or((row.doctor_id, row.span()));
        let mut clash = Clash {
            doctor,
            patient: row.patient_id,
            room: row.room.clone(),
            wanted,
            held: row.span(),
            overbooks: false,
            promised: false,
            except: Some(row.id),
            found: Vec::new(),
        };
        let mut buffers = None;
        if moves {
            let local = wanted.start.with_timezone(&calendar.zone);
            let diary = Diary::lock(conn, calendar, doctor, row.patient_id, local.date_naive()).await?;
            clash.wanted = diary.place(calendar, local.time(), wanted.minutes(), now)?;
            clash.held = diary.hold(clash.wanted);
            clash.refuse(conn).await?;
            buffers = Some(diary.buffers());
        }
        let cancelled = status == Status::Cancelled;
        let written = Written {
            change: Change {
                doctor_id: doctor,
                starts_at: clash.wanted.start,
                ends_at: clash.wanted.end,
                status,
                appointment_type: row.appointment_type,
                reason: row.reason.clone(),
                notes: row.notes.clone(),
                cancellation_reason: match cancelled && row.cancellation_reason.expose().is_empty() {
                    true => self.why().into(),
                    false => row.cancellation_reason.clone(),
                },
                version: row.version + 1,
                updated_at: now,
                rescheduling_cause: row.rescheduling_cause.filter(|_| !moves && status.is_movable()),
                room: row.room.clone(),
                overbooking_reason: row.overbooking_reason.clone().filter(|_| !moves),
            },
            buffers,
            why: self.why(),
        };
        written.carry_out(conn, &Outbox::new(), SENDER, entry, &clash).await
    }

    /// With whom and when it is to be, if that is not as it is.
    async fn wanted(&self, conn: &mut AsyncPgConnection, row: &Appointment) -> Result<Option<(i64, Span)>, Error> {
        let named = practitioner::doctor(conn, &self.told.practitioners).await?;
        if named.is_none() && !self.told.practitioners.is_empty() {
            return Err(Error::invalid("doctor", "unknown_doctor", "the message names nobody of ours"));
        }
        let doctor = named.unwrap_or(row.doctor_id);
        let start = self.starts_at().unwrap_or(row.starts_at);
        let minutes = self.minutes().unwrap_or_else(|| row.span().minutes());
        check_minutes(Some(minutes))?;
        let end = start.checked_add_signed(TimeDelta::minutes(minutes)).unwrap_or(row.ends_at);
        let wanted = (doctor, Span { start, end });
        Ok(Some(wanted).filter(|wanted| *wanted != (row.doctor_id, row.span())))
    }

    /// Where it is to stand; what says nothing of it leaves it.
    fn status(&self, now: &Status) -> Status {
        match (self.told.change.as_str(), self.told.status.as_str()) {
            ("CANCELLED", _) | (_, "cancelled" | "entered-in-error") => Status::Cancelled,
            (_, "arrived") => Status::CheckedIn,
            (_, "fulfilled") => Status::Completed,
            (_, "noshow") => Status::NoShow,
            _ => *now,
        }
    }

    /// Why, in the sender's words or in ours.
    fn why(&self) -> String {
        let why = self.told.change_reason.trim();
        if why.is_empty() { "told by another system".to_owned() } else { kept(why).chars().take(500).collect() }
    }

    async fn note(&self, conn: &mut AsyncPgConnection, appointment: Option<i64>, code: &str) -> QueryResult<()> {
        let told = self.told;
        let outcome = if code.is_empty() { "APPLIED" } else { "REFUSED" };
        diesel::insert_into(external_messages::table)
            .values((
                external_messages::id.eq(told.message_id),
                external_messages::sender.eq(&self.sender),
                external_messages::change.eq(&told.change),
                external_messages::patient_id.eq(self.patient),
                external_messages::appointment_id.eq(appointment),
                external_messages::outcome.eq(outcome),
                external_messages::code.eq(code),
                external_messages::starts_at.eq(self.starts_at()),
            ))
            .execute(conn)
            .await?;
        let operation = "EVENT an appointment of another system".to_owned();
        let trail = Trail::of_facts(Facts { object: operation.clone(), operation, ..Facts::default() });
        trail.asks_for(Action::AppointmentChange.as_str(), true);
        audit::write(conn, &trail, [self.patient]).await
    }
}

/// A sender's words without Aadhaar numbers. No person is there to be told that they are refused.
fn kept(text: &str) -> String {
    String::from_utf8_lossy(&aadhaar::crossed_out(text.as_bytes())).into_owned()
}

fn check_minutes(minutes: Option<i64>) -> Result<(), Error> {
    match minutes {
        Some(minutes) if !crate::slots::MINUTES.contains(&minutes) => {
            Err(Error::invalid("duration_minutes", "out_of_range", "is too short or too long"))
        }
        _ => Ok(()),
    }
}
