//! What callers send: who begins to wait for what, and what is changed of it.

use auth::{Actor, Role};
use chassis::fields::{Day, Id};
use chassis::strict_json::Faults;
use chassis::text::{Line, Paragraph};
use chrono::{NaiveDate, TimeDelta};
use deserr::Deserr;
use utoipa::ToSchema;

use super::entry::{EntryStatus, Terms, Urgency};
use super::fit::Wish;
use crate::availability::input::Weekday;
use crate::error::Error;
use crate::input::{Clock, Minutes};
use crate::status::AppointmentType;

/// Days of a window at most; the database holds the same.
const MOST_DAYS: i64 = 92;
/// Nobody waits for what is further ahead.
const HORIZON: TimeDelta = TimeDelta::days(366);

/// What a caller sends to put a patient on the waitlist.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = NewWaitlistEntry)]
pub struct NewEntry {
    /// Id of the patient.
    pub patient: Id,
    /// Account id of the doctor; this or `specialization`.
    #[deserr(default)]
    pub doctor: Option<Id>,
    /// A field of medicine, whoever of it has time.
    #[deserr(default)]
    pub specialization: Option<Line<200>>,
    /// The first day that suits, in the hospital's time zone.
    pub start_date: Day,
    /// The last day that suits; 92 days in all at most.
    pub end_date: Day,
    /// Not to begin before this, on the hospital's wall clock.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "09:00:00")]
    pub earliest_time: Option<Clock>,
    /// Not to end after this.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "13:00:00")]
    pub latest_time: Option<Clock>,
    /// Days of the week that suit; any unless given.
    #[deserr(default)]
    pub weekdays: Option<Vec<Weekday>>,
    /// 5 to 480; as long as the doctor's slots unless given.
    #[deserr(default)]
    #[schema(value_type = Option<i64>, minimum = 5, maximum = 480)]
    pub duration_minutes: Option<Minutes>,
    /// `IN_PERSON` unless given.
    #[deserr(default)]
    pub appointment_type: Option<AppointmentType>,
    /// `ROUTINE` unless given; a patient does not say that it is `URGENT`.
    #[deserr(default)]
    pub urgency: Option<Urgency>,
    /// Why the patient comes.
    #[deserr(default)]
    pub reason: Option<Paragraph<1000>>,
}

/// What a caller may write of an entry.
#[derive(Clone, Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = WaitlistRewrite)]
pub struct Rewrite {
    /// Id of the patient; it cannot change.
    pub patient: Id,
    /// Account id of the doctor; it cannot change.
    #[deserr(default)]
    pub doctor: Option<Id>,
    /// The field of medicine; it cannot change.
    #[deserr(default)]
    pub specialization: Option<Line<200>>,
    /// The first day that suits.
    pub start_date: Day,
    /// The last day that suits.
    pub end_date: Day,
    /// Not to begin before this.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "09:00:00")]
    pub earliest_time: Option<Clock>,
    /// Not to end after this.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "13:00:00")]
    pub latest_time: Option<Clock>,
    /// Days of the week that suit; none: any.
    #[deserr(default)]
    pub weekdays: Option<Vec<Weekday>>,
    /// 5 to 480.
    #[deserr(default)]
    #[schema(value_type = Option<i64>, minimum = 5, maximum = 480)]
    pub duration_minutes: Option<Minutes>,
    /// Where they are to meet.
    #[deserr(default)]
    pub appointment_type: Option<AppointmentType>,
    /// How urgent it is.
    #[deserr(default)]
    pub urgency: Option<Urgency>,
    /// Why the patient comes.
    #[deserr(default)]
    pub reason: Option<Paragraph<1000>>,
    /// `LEFT` takes the patient off the list; nothing else is set by hand.
    #[deserr(default)]
    pub status: Option<EntryStatus>,
    /// Why the patient leaves; needed with `LEFT`, and with nothing else.
    #[deserr(default)]
    pub leaving_reason: Option<Paragraph<500>>,
}

impl Rewrite {
    /// What of it is the same as in a new entry.
    pub fn entry(&self) -> NewEntry {
        NewEntry {
            patient: self.patient,
            doctor: self.doctor,
            specialization: self.specialization.clone(),
            start_date: self.start_date,
            end_date: self.end_date,
            earliest_time: self.earliest_time,
            latest_time: self.latest_time,
            weekdays: self.weekdays.clone(),
            duration_minutes: self.duration_minutes,
            appointment_type: self.appointment_type,
            urgency: self.urgency,
            reason: self.reason.clone(),
        }
    }
}

impl NewEntry {
    /// The field of medicine, if one was given.
    pub fn field(&self) -> Option<&str> {
        self.specialization.as_deref().filter(|field| !field.is_empty())
    }

    /// What was asked for, if it makes sense on this day. `since` is the first day of an entry that is there already: it may have come.
    ///
    /// # Errors
    /// Every fault.
    pub fn understood(&self, today: NaiveDate, since: Option<NaiveDate>) -> Result<Terms, Error> {
        let mut faults = Faults::new();
        match (self.doctor, self.field()) {
            (None, None) => faults.push("doctor", "required", "give doctor or specialization"),
            (Some(_), Some(_)) => faults.push("specialization", "not_alone", "stands alone, or doctor does"),
            _ => {}
        }
        self.check_window(today, since, &mut faults);
        self.check_times(&mut faults);
        let terms = self.terms();
        let wish = self.wish(&terms);
        if faults.0.is_empty() && !wish.has_a_day() {
            faults.push("weekdays", "never", "none of these days is within the window");
        }
        if faults.0.is_empty() { Ok(terms) } else { Err(Error::Faults(faults)) }
    }

    fn check_window(&self, today: NaiveDate, since: Option<NaiveDate>, faults: &mut Faults) {
        let (start, end) = (self.start_date.get(), self.end_date.get());
        if end < start {
            faults.push("end_date", "before_start", "must not be before start_date");
        } else if (end - start).num_days() >= MOST_DAYS {
            faults.push("end_date", "range_too_long", format!("must be at most {MOST_DAYS} days from start_date"));
        }
        if end < today {
            faults.push("end_date", "in_the_past", "is over");
        } else if start < today && since != Some(start) {
            faults.push("start_date", "in_the_past", "is in the past");
        }
        if start > today + HORIZON {
            faults.push("start_date", "too_far_ahead", "is more than a year ahead");
        }
    }

    fn check_times(&self, faults: &mut Faults) {
        if let (Some(earliest), Some(latest)) = (self.earliest_time, self.latest_time) {
            let room = (latest.0 - earliest.0).num_minutes();
            if room <= 0 {
                faults.push("latest_time", "before_start", "must be after earliest_time");
            } else if self.duration_minutes.is_some_and(|minutes| minutes.0 > room) {
                faults.push("duration_minutes", "too_long", "does not fit between earliest_time and latest_time");
            }
        }
        let days = self.weekdays.as_deref().unwrap_or_default();
        let is_twice = |(i, day): (usize, &Weekday)| days.iter().take(i).any(|earlier| earlier == day);
        if days.iter().enumerate().any(is_twice) {
            faults.push("weekdays", "repeated", "names a day more than once");
        }
    }

    /// What of it can be changed later.
    pub fn terms(&self) -> Terms {
        let days = self.weekdays.as_deref().unwrap_or_default();
        let mut weekdays: Vec<i16> = days.iter().map(|day| day.days_after_monday()).collect();
        weekdays.sort_unstable();
        Terms {
            start_date: self.start_date.get(),
            end_date: self.end_date.get(),
            earliest_time: self.earliest_time.map(|time| time.0),
            latest_time: self.latest_time.map(|time| time.0),
            weekdays,
            duration_minutes: self.duration_minutes.and_then(|minutes| i32::try_from(minutes.0).ok()),
            appointment_type: self.appointment_type.unwrap_or(AppointmentType::InPerson),
            urgency: self.urgency.unwrap_or(Urgency::Routine),
            reason: self.reason.as_deref().unwrap_or_default().to_owned().into(),
        }
    }

    fn wish(&self, terms: &Terms) -> Wish {
        Wish {
            first: terms.start_date,
            last: terms.end_date,
            earliest: terms.earliest_time,
            latest: terms.latest_time,
            weekdays: terms.weekdays.clone(),
            minutes: terms.duration_minutes.map(i64::from),
        }
    }
}

/// A patient waits for a slot as the doctors have them.
///
/// # Errors
/// When a patient asks for another length.
pub fn check_length(actor: &Actor, wanted: Option<i32>, now: Option<i32>) -> Result<(), Error> {
    if actor.role == Role::Patient && wanted.is_some() && wanted != now {
        return Err(Error::invalid("duration_minutes", "not_yours", "is for the hospital to say"));
    }
    Ok(())
}

/// Who is asked before the others is for the hospital to say.
///
/// # Errors
/// When a patient says it.
pub fn check_urgency(actor: &Actor, wanted: Urgency, now: Urgency) -> Result<(), Error> {
    match wanted {
        Urgency::Urgent if now != wanted && actor.role == Role::Patient => {
            Err(Error::Forbidden("How urgent it is, the hospital says."))
        }
        _ => Ok(()),
    }
}
