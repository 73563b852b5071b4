//! SCH and the resource segments (AIS, AIG, AIL, AIP) to an appointment, by `SCH[Appointment]`, `AIL[Appointment]` and
//! `AIP[Appointment]` of the mapping.

use serde::Serialize;

use super::named;
use super::observation::{Note, note};
use crate::datatype::{Coded, Decimal, EntityId, Location, Person};
use crate::masked::masked;
use crate::message::Repetition;
use crate::provenance::{Place, Sources};
use crate::reading::{Numbered, Reading};
use crate::timestamp::Timestamp;
use crate::vocabulary;
use crate::warning::Warnings;

/// An appointment.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Appointment {
    /// SCH-1: the number of whoever asked for it.
    pub placer: Option<EntityId>,
    /// SCH-2: the number of whoever keeps the schedule.
    pub filler: Option<EntityId>,
    /// SCH-25 as FHIR has it: `booked`, `pending`, `arrived`, `fulfilled`, `cancelled`, `noshow`, `waitlist`,
    /// `entered-in-error`. For S15, and where SCH-25 says nothing, the event decides.
    pub status: &'static str,
    /// TQ1-7, or else SCH-11.4, or else the first resource's start.
    pub start: Option<Timestamp>,
    /// TQ1-8, or else SCH-11.5.
    pub end: Option<Timestamp>,
    /// SCH-9, or else a resource's duration, in minutes.
    pub minutes: Option<u32>,
    /// SCH-7: why the patient comes.
    pub reason: Option<Coded>,
    /// SCH-6: why this message was sent.
    pub event_reason: Option<Coded>,
    /// SCH-8.
    pub kind: Option<Coded>,
    /// AIS: what is to be done.
    pub services: Vec<Resource<Coded>>,
    /// AIP: by whom; where there is none, PV1-7.
    pub personnel: Vec<Resource<Person>>,
    /// AIL: where; where there is none, PV1-3.
    pub locations: Vec<Resource<Location>>,
    /// AIG: with what.
    pub equipment: Vec<Resource<Coded>>,
    /// All NTE segments.
    pub notes: Vec<Note>,
    /// Which field filled what.
    pub sources: Sources,
}

/// Somebody or something that an appointment takes up.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Resource<T> {
    /// Who or what.
    pub what: T,
    /// From when.
    pub start: Option<Timestamp>,
    /// For how long, in minutes.
    pub minutes: Option<u32>,
    /// Which field filled what.
    pub sources: Sources,
}

masked!(Appointment);

impl<T> std::fmt::Debug for Resource<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resource").finish_non_exhaustive()
    }
}

/// The appointment of a SIU message; `cancels` where its event is S15. Nothing without a SCH.
pub(crate) fn appointment(segments: &[Numbered<'_>], cancels: bool, warnings: &mut Warnings) -> Option<Appointment> {
    let mut read = Reading::new(named(segments, "SCH").next()?, warnings);
    let mut appointment = Appointment {
        placer: read.entity("placer", 1),
        filler: read.entity("filler", 2),
        status: status(&mut read, cancels),
        start: None,
        end: None,
        minutes: minutes(&mut read, 9, 10),
        reason: read.coded("reason", 7),
        event_reason: read.coded("event_reason", 6),
        kind: read.coded("kind", 8),
        services: Vec::new(),
        personnel: Vec::new(),
        locations: Vec::new(),
        equipment: Vec::new(),
        notes: Vec::new(),
        sources: read.sources,
    };
    for ais in named(segments, "AIS") {
        let times = Times { start: 4, minutes: 7, units: 8 };
        appointment.services.extend(resource(ais, &times, Coded::read, warnings));
    }
    let times = Times { start: 6, minutes: 9, units: 10 };
    for aip in named(segments, "AIP") {
        appointment.personnel.extend(resource(aip, &times, Person::read, warnings));
    }
    for ail in named(segments, "AIL") {
        appointment.locations.extend(resource(ail, &times, Location::read, warnings));
    }
    let times = Times { start: 8, minutes: 11, units: 12 };
    for aig in named(segments, "AIG") {
        appointment.equipment.extend(resource(aig, &times, Coded::read, warnings));
    }
    appointment.notes = named(segments, "NTE").filter_map(|nte| note(nte, warnings)).collect();
    appointment.fill_from_visit(segments, warnings);
    appointment.timed(segments, warnings);
    Some(appointment)
}

fn status(read: &mut Reading<'_, '_>, cancels: bool) -> &'static str {
    let said = read.segment().field(25).text();
    let mapped = vocabulary::appointment_status(&said);
    if mapped.is_none() && !said.is_empty() {
        read.warn(25, "is not in HL7 table 0278; the event was followed");
    }
    match mapped {
        Some(status) if !cancels || matches!(status, "cancelled" | "entered-in-error" | "noshow") => {
            let place = read.place(25);
            read.sources.add("status", place);
            status
        }
        _ => {
            read.sources.add("status", Place::new("MSH", 9).component(2));
            if cancels { "cancelled" } else { "booked" }
        }
    }
}

/// A duration in whole minutes, at least one, by the unit beside it; minutes where there is none.
fn minutes(read: &mut Reading<'_, '_>, field: usize, units: usize) -> Option<u32> {
    let text = read.text("minutes", field)?;
    let thousandths = Decimal::parse(&text).and_then(|number| number.thousandths());
    let unit = read.segment().field(units).text().to_ascii_lowercase();
    let thousandths = match unit.as_str() {
        "" | "m" | "min" | "mins" | "minute" | "minutes" => thousandths,
        "s" | "sec" | "second" | "seconds" => thousandths.map(|seconds| seconds.div_ceil(60)),
        "h" | "hr" | "hrs" | "hour" | "hours" => thousandths.and_then(|hours| hours.checked_mul(60)),
        _ => None,
    };
    let minutes = thousandths.and_then(|minutes| u32::try_from(minutes.div_ceil(1000)).ok());
    if minutes.is_none() {
        read.warn(field, "is not a duration in seconds, minutes or hours; left out");
    }
    minutes.filter(|minutes| *minutes > 0)
}

/// Where the resource segments hold their times.
struct Times {
    start: usize,
    minutes: usize,
    units: usize,
}

fn resource<T>(
    of: Numbered<'_>,
    times: &Times,
    what: fn(&Repetition<'_>) -> Option<T>,
    warnings: &mut Warnings,
) -> Option<Resource<T>> {
    let mut read = Reading::new(of, warnings);
    Some(Resource {
        what: read.first("what", 3, what)?,
        start: read.time("start", times.start),
        minutes: minutes(&mut read, times.minutes, times.units),
        sources: read.sources,
    })
}

impl Appointment {
    /// The visit says who and where for a message that names no resource.
    fn fill_from_visit(&mut self, segments: &[Numbered<'_>], warnings: &mut Warnings) {
        let Some(pv1) = named(segments, "PV1").next() else { return };
        if self.personnel.is_empty() {
            let mut read = Reading::new(pv1, warnings);
            if let Some(what) = read.person("what", 7) {
                self.personnel.push(Resource { what, start: None, minutes: None, sources: read.sources });
            }
        }
        if self.locations.is_empty() {
            let mut read = Reading::new(pv1, warnings);
            if let Some(what) = read.location("what", 3) {
                self.locations.push(Resource { what, start: None, minutes: None, sources: read.sources });
            }
        }
    }

    fn timed(&mut self, segments: &[Numbered<'_>], warnings: &mut Warnings) {
        if let Some(tq1) = named(segments, "TQ1").next() {
            let mut read = Reading::new(tq1, warnings);
            (self.start, self.end) = (read.time("start", 7), read.time("end", 8));
            read.sources.iter().for_each(|(fact, place)| self.sources.add(fact, place));
        }
        if let (None, Some(sch)) = (self.start, named(segments, "SCH").next()) {
            let timing = sch.segment.field(11);
            for (fact, number, time) in [("start", 4, &mut self.start), ("end", 5, &mut self.end)] {
                *time = Timestamp::parse(&timing.component(number).text());
                if time.is_some() {
                    self.sources.add(fact, Place::new("SCH", 11).component(number));
                }
            }
        }
        let resources = [times(&self.services), times(&self.personnel), times(&self.locations), times(&self.equipment)];
        for (start, minutes) in resources.into_iter().flatten() {
            if let (None, Some((time, place))) = (self.start, start) {
                self.start = Some(time);
                self.sources.add("start", place);
            }
            if let (None, Some((number, place))) = (self.minutes, minutes) {
                self.minutes = Some(number);
                self.sources.add("minutes", place);
            }
        }
    }
}

/// A fact with its place.
type Placed<T> = Option<(T, Place)>;

/// When the first of the resources begins, and how long it takes.
fn times<T>(resources: &[Resource<T>]) -> Option<(Placed<Timestamp>, Placed<u32>)> {
    let first = resources.first()?;
    Some((first.start.zip(first.sources.of("start").next()), first.minutes.zip(first.sources.of("minutes").next())))
}
