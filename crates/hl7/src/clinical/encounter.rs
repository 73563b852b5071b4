//! PV1 and PV2 to an encounter, by `PV1[Encounter]` of the mapping.

use serde::Serialize;

use super::named;
use crate::adt::{Change, Identifier};
use crate::datatype::{Coded, Location, Person};
use crate::masked::masked;
use crate::provenance::Sources;
use crate::reading::{Numbered, Reading};
use crate::timestamp::Timestamp;
use crate::vocabulary;
use crate::warning::Warnings;

/// A visit or a stay.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Encounter {
    /// PV1-2.
    pub class: Option<Class>,
    /// `planned`, `in-progress`, `finished` (PV1-45 is valued) or `unknown`.
    pub status: &'static str,
    /// PV1-44.
    pub start: Option<Timestamp>,
    /// PV1-45. Empty: the encounter has no end, or none that is news.
    pub end: Change<Timestamp>,
    /// PV2-8: when the patient is to come.
    pub expected: Option<Timestamp>,
    /// PV1-19.
    pub visit_number: Option<Identifier>,
    /// PV1-3.
    pub location: Option<Location>,
    /// PV1-7.
    pub attending: Vec<Person>,
    /// PV1-8.
    pub referring: Vec<Person>,
    /// PV1-9.
    pub consulting: Vec<Person>,
    /// PV1-17.
    pub admitting: Vec<Person>,
    /// PV1-4.
    pub kind: Option<Coded>,
    /// PV1-10.
    pub service: Option<Coded>,
    /// PV2-3.
    pub reason: Option<Coded>,
    /// PV1-36.
    pub discharge_disposition: Option<Coded>,
    /// Which field filled what.
    pub sources: Sources,
}

/// What kind of encounter it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Class {
    /// FHIR's code: `IMP`, `AMB`, `EMER`, `PRENC`; or the message's own where the table has none.
    pub code: String,
    /// What it is called.
    pub display: Option<&'static str>,
    /// FHIR's code system.
    pub system: Option<&'static str>,
}

masked!(Encounter);

/// The encounter of a message, where it has a PV1 that says anything of one.
pub(crate) fn encounter(segments: &[Numbered<'_>], warnings: &mut Warnings) -> Option<Encounter> {
    let mut read = Reading::new(named(segments, "PV1").next()?, warnings);
    let class = read.text("class", 2);
    let mut encounter = Encounter {
        status: vocabulary::encounter_status(class.as_deref().unwrap_or("")),
        class: class.map(Class::of),
        start: read.time("start", 44),
        end: read.time_change("end", 45),
        expected: None,
        visit_number: read.identifier("visit_number", 19),
        location: read.location("location", 3),
        attending: read.people("attending", 7),
        referring: read.people("referring", 8),
        consulting: read.people("consulting", 9),
        admitting: read.people("admitting", 17),
        kind: read.coded("kind", 4),
        service: read.coded("service", 10),
        reason: None,
        discharge_disposition: read.coded("discharge_disposition", 36),
        sources: Sources::default(),
    };
    if encounter.end.value().is_some() {
        encounter.status = "finished";
    }
    if encounter.class.as_ref().is_some_and(|class| class.system.is_none()) {
        read.warn(2, "is not in HL7 table 0004; kept as it came");
    }
    encounter.sources = read.sources;
    if let Some(pv2) = named(segments, "PV2").next() {
        let mut read = Reading::new(pv2, warnings);
        encounter.reason = read.coded("reason", 3);
        encounter.expected = read.time("expected", 8);
        read.sources.iter().for_each(|(fact, place)| encounter.sources.add(fact, place));
    }
    encounter.sources.iter().next()?;
    Some(encounter)
}

impl Class {
    fn of(code: String) -> Self {
        match vocabulary::encounter_class(&code) {
            Some((code, display, system)) => {
                Self { code: code.to_owned(), display: Some(display), system: Some(system) }
            }
            None => Self { code, display: None, system: None },
        }
    }
}
