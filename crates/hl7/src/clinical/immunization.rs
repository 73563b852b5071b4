//! RXA with its ORC, RXR and OBX to an immunisation, by `RXA[Immunization]` of the mapping.

use serde::Serialize;

use super::observation::{Observation, note, observation};
use crate::datatype::{Coded, Decimal, EntityId, Person};
use crate::masked::masked;
use crate::provenance::Sources;
use crate::reading::{Numbered, Reading};
use crate::timestamp::Timestamp;
use crate::vocabulary;
use crate::warning::Warnings;

/// A vaccination, given or refused.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Immunization {
    /// RXA-5.
    pub vaccine: Coded,
    /// RXA-3.
    pub occurrence: Option<Timestamp>,
    /// `completed`, `not-done` or `entered-in-error` (RXA-20, RXA-21); nothing where RXA-20 is not of HL7 table 0322.
    pub status: Option<&'static str>,
    /// RXA-6; 999 means that it is not known.
    pub dose: Option<Decimal>,
    /// RXA-7.
    pub unit: Option<Coded>,
    /// RXA-15.
    pub lot_number: Option<String>,
    /// RXA-16.
    pub expires: Option<Timestamp>,
    /// RXA-17.
    pub manufacturer: Option<Coded>,
    /// RXA-18.
    pub refusal: Option<Coded>,
    /// RXA-10.
    pub performer: Option<Person>,
    /// RXR-1.
    pub route: Option<Coded>,
    /// RXR-2.
    pub site: Option<Coded>,
    /// ORC-3, or else ORC-2: what makes it the same vaccination when it comes again.
    pub identifier: Option<EntityId>,
    /// The OBX segments under it.
    pub observations: Vec<Observation>,
    /// Which field filled what.
    pub sources: Sources,
}

masked!(Immunization);

/// The immunisations of a message, and the observations that come before the first.
pub(crate) fn immunizations(
    segments: &[Numbered<'_>],
    warnings: &mut Warnings,
) -> (Vec<Immunization>, Vec<Observation>) {
    let (mut given, mut loose) = (Vec::<Immunization>::new(), Vec::<Observation>::new());
    let (mut order, mut open) = (None, false);
    for of in segments {
        match of.segment.name() {
            "ORC" => (order, open) = (Some(*of), false),
            "RXA" => {
                let read = immunization(*of, order.take(), warnings);
                open = read.is_some();
                given.extend(read);
            }
            "RXR" if open => {
                if let Some(last) = given.last_mut() {
                    route(last, *of, warnings);
                }
            }
            "OBX" => {
                let found = observation(*of, warnings);
                match given.last_mut().filter(|_| open) {
                    Some(last) => last.observations.extend(found),
                    None => loose.extend(found),
                }
            }
            "NTE" => {
                let last = match given.last_mut().filter(|_| open) {
                    Some(immunization) => immunization.observations.last_mut(),
                    None => loose.last_mut(),
                };
                if let Some(observation) = last {
                    observation.notes.extend(note(*of, warnings));
                }
            }
            _ => {}
        }
    }
    (given, loose)
}

fn immunization(rxa: Numbered<'_>, orc: Option<Numbered<'_>>, warnings: &mut Warnings) -> Option<Immunization> {
    let mut read = Reading::new(rxa, warnings);
    let Some(vaccine) = read.coded("vaccine", 5) else {
        read.warn(5, "names no vaccine; left out");
        return None;
    };
    let completion = read.text("status", 20).unwrap_or_default();
    let deleted = read.segment().field(21).text() == "D";
    let mut found = Immunization {
        vaccine,
        occurrence: read.time("occurrence", 3),
        status: if deleted { Some("entered-in-error") } else { vocabulary::immunization_status(&completion) },
        dose: read.text("dose", 6).filter(|dose| dose != "999").and_then(|dose| Decimal::parse(&dose)),
        unit: read.coded("unit", 7),
        lot_number: read.text("lot_number", 15),
        expires: read.time("expires", 16),
        manufacturer: read.coded("manufacturer", 17),
        refusal: read.coded("refusal", 18),
        performer: read.person("performer", 10),
        route: None,
        site: None,
        identifier: None,
        observations: Vec::new(),
        sources: read.sources,
    };
    if let Some(orc) = orc {
        let mut read = Reading::new(orc, warnings);
        found.identifier = read.entity("identifier", 3);
        if found.identifier.is_none() {
            found.identifier = read.entity("identifier", 2);
        }
        read.sources.iter().for_each(|(fact, place)| found.sources.add(fact, place));
    }
    Some(found)
}

fn route(of: &mut Immunization, rxr: Numbered<'_>, warnings: &mut Warnings) {
    let mut read = Reading::new(rxr, warnings);
    of.route = read.coded("route", 1);
    of.site = read.coded("site", 2);
    read.sources.iter().for_each(|(fact, place)| of.sources.add(fact, place));
}
