//! A change as a caller sends it, and what it asks for of the appointment at hand.

use chassis::fields::{Day, Id};
use chassis::merge_patch;
use chassis::problem::Problem;
use chassis::strict_json::{Faults, parse};
use chassis::text::Paragraph;
use chrono::{NaiveDate, NaiveTime};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::appointment::{Entry, Viewer};
use crate::error::Error;
use crate::input::{Clock, Minutes, Reason, Room};
use crate::status::{AppointmentType, Status};

/// What a caller may write of an appointment.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Rewrite {
    /// Id of the patient; it cannot change.
    pub patient: Id,
    /// Account id of the doctor.
    pub doctor: Id,
    /// Day in the hospital's time zone.
    pub date: Day,
    /// When it begins, a whole minute on the hospital's wall clock.
    #[schema(value_type = String, example = "10:30:00")]
    pub time_slot: Clock,
    /// 5 to 480.
    #[deserr(default)]
    #[schema(value_type = Option<i64>, minimum = 5, maximum = 480)]
    pub duration_minutes: Option<Minutes>,
    /// How far it has come.
    #[deserr(default)]
    pub status: Option<Status>,
    /// Where they meet.
    #[deserr(default)]
    pub appointment_type: Option<AppointmentType>,
    /// Why the patient comes.
    #[deserr(default)]
    pub reason: Option<Paragraph<1000>>,
    /// Clinical notes; `ADMIN` and `DOCTOR` write them.
    #[deserr(default)]
    pub notes: Option<Paragraph<4000>>,
    /// Why it is called off; needed with `CANCELLED`, and with nothing else.
    #[deserr(default)]
    pub cancellation_reason: Option<Paragraph<1000>>,
    /// A room taken for it, by its name; none unless given.
    #[deserr(default)]
    #[schema(value_type = Option<String>, max_length = 40, example = "OPD-3")]
    pub room: Option<Room>,
    /// Moves it over the doctor's other appointments, if there are any then, and says why: a right of `ADMIN` and the doctor.
    #[deserr(default)]
    pub overbooking_reason: Option<Reason>,
    /// Why it is changed; kept in its history and nowhere else.
    #[deserr(default)]
    pub change_reason: Option<Paragraph<500>>,
}

/// A PUT or a PATCH.
#[derive(Debug)]
pub enum Wanted {
    /// All of it.
    Replace(Rewrite),
    /// A merge patch.
    Patch(Value),
}

/// What differs from the appointment as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Another status.
    pub status: Option<Status>,
    /// Another time, length or doctor.
    pub moves: bool,
    /// Another room, or none.
    pub room: bool,
    /// Another kind, reason or note.
    pub edits: bool,
    /// Another cancellation reason.
    pub cancellation_reason: bool,
}

impl Asked {
    /// Whether it asks for anything at all.
    pub fn anything(&self) -> bool {
        self.status.is_some() || self.moves || self.room || self.edits || self.cancellation_reason
    }
}

/// What a patch is merged into: what the caller may write, besides texts. One that is kept is not judged anew as if it were typed.
#[derive(Serialize)]
struct Writable<'a> {
    patient: i64,
    doctor: i64,
    date: NaiveDate,
    time_slot: NaiveTime,
    duration_minutes: i64,
    status: Status,
    appointment_type: AppointmentType,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a str>,
}

const TEXTS: [&str; 3] = ["reason", "notes", "cancellation_reason"];

impl Wanted {
    /// The whole that is wanted of this appointment.
    pub fn against(&self, entry: &Entry, viewer: Viewer) -> Result<Rewrite, Problem> {
        let patch = match self {
            Self::Replace(rewrite) => return Ok(rewrite.clone()),
            Self::Patch(patch) => emptied(patch.clone()),
        };
        let (date, time_slot) = wall_clock(entry, viewer);
        let row = &entry.appointment;
        let current = Writable {
            patient: row.patient_id,
            doctor: row.doctor_id,
            date,
            time_slot,
            duration_minutes: row.span().minutes(),
            status: row.status,
            appointment_type: row.appointment_type,
            room: row.room.as_deref(),
        };
        let rewrite: Rewrite = parse(merge_patch::apply(&current, &patch)?)?;
        // Left out, the others stay as they are.
        let reason = rewrite.reason.unwrap_or_else(|| Paragraph::kept(row.reason.expose()));
        Ok(Rewrite { reason: Some(reason), ..rewrite })
    }
}

/// Null takes a text away, which is to empty it; left out of a PUT some texts stay.
fn emptied(mut patch: Value) -> Value {
    for name in TEXTS {
        if let Some(text) = patch.get_mut(name).filter(|text| text.is_null()) {
            *text = Value::String(String::new());
        }
    }
    patch
}

impl Rewrite {
    /// What of it differs from the appointment as it is.
    pub fn asked_of(&self, entry: &Entry, viewer: Viewer) -> Result<Asked, Error> {
        let row = &entry.appointment;
        if self.notes.is_some() && !viewer.sees_notes() {
            return Err(Error::Forbidden("Notes are clinical: your role neither sees nor writes them."));
        }
        let differs = |text: &Option<Paragraph<4000>>, old: &str| text.as_deref().is_some_and(|text| text != old);
        let (date, time_slot) = wall_clock(entry, viewer);
        let minutes = self.duration_minutes.map_or(row.span().minutes(), |minutes| minutes.0);
        Ok(Asked {
            status: self.status.filter(|status| *status != row.status),
            moves: (self.date.get(), self.time_slot.0, minutes, self.doctor.get())
                != (date, time_slot, row.span().minutes(), row.doctor_id),
            room: self.room.as_ref().map(|room| &room.0) != row.room.as_ref(),
            edits: self.appointment_type.is_some_and(|kind| kind != row.appointment_type)
                || self.reason.as_deref().unwrap_or_default() != row.reason.expose()
                || differs(&self.notes, row.notes.expose()),
            cancellation_reason: self
                .cancellation_reason
                .as_deref()
                .is_some_and(|text| text != row.cancellation_reason.expose()),
        })
    }

    /// Whether it makes sense of the appointment at hand, once its status may be what it asks for.
    pub fn check_sense(&self, entry: &Entry, asked: &Asked) -> Result<(), Error> {
        let mut faults = Faults::new();
        if self.patient.get() != entry.appointment.patient_id {
            faults.push("patient", "immutable", "cannot change: cancel this appointment and book another");
        }
        let status = self.status.unwrap_or(entry.appointment.status);
        let reason =
            self.cancellation_reason.as_deref().unwrap_or_else(|| entry.appointment.cancellation_reason.expose());
        if status == Status::Cancelled && reason.is_empty() {
            faults.push("cancellation_reason", "required", "is required to cancel");
        }
        if status != Status::Cancelled && !reason.is_empty() {
            faults.push("cancellation_reason", "not_cancelled", "is for CANCELLED only");
        }
        if self.overbooking_reason.is_some() && !asked.moves {
            faults.push("overbooking_reason", "not_moved", "is for an appointment that is moved");
        }
        if status == Status::Cancelled && asked.moves {
            faults.push("status", "moved_and_cancelled", "cannot be moved and cancelled at once");
        }
        if faults.0.is_empty() { Ok(()) } else { Err(Error::Faults(faults)) }
    }
}

fn wall_clock(entry: &Entry, viewer: Viewer) -> (NaiveDate, NaiveTime) {
    let start = entry.appointment.starts_at.with_timezone(&viewer.zone);
    (start.date_naive(), start.time())
}
