//! OBR with what stands under it to a report, by `OBR[DiagnosticReport]` of the mapping.

use serde::Serialize;

use super::observation::{Note, Observation, note, observation};
use crate::datatype::{Coded, EntityId, Person};
use crate::masked::masked;
use crate::provenance::Sources;
use crate::reading::{Numbered, Reading};
use crate::timestamp::Timestamp;
use crate::vocabulary;
use crate::warning::Warnings;

/// What was ordered together, and what came of it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// OBR-2, or else ORC-2: the orderer's number.
    pub placer: Option<EntityId>,
    /// OBR-3, or else ORC-3: the laboratory's number.
    pub filler: Option<EntityId>,
    /// OBR-4.
    pub code: Option<Coded>,
    /// OBR-7.
    pub start: Option<Timestamp>,
    /// OBR-8.
    pub end: Option<Timestamp>,
    /// OBR-22.
    pub issued: Option<Timestamp>,
    /// OBR-25 as FHIR has it: `final`, `preliminary`, `partial`, `corrected`, `cancelled`, `registered`, `unknown`.
    pub status: &'static str,
    /// OBR-24: `HM` haematology, `MB` microbiology.
    pub category: Option<Coded>,
    /// OBR-16.
    pub orderer: Option<Person>,
    /// The NTE segments that follow the OBR.
    pub notes: Vec<Note>,
    /// The OBX segments under it.
    pub observations: Vec<Observation>,
    /// Which field filled what.
    pub sources: Sources,
}

masked!(Report);

/// The reports of a message, and the observations that belong to none (those of the patient or the visit).
pub(crate) fn reports(segments: &[Numbered<'_>], warnings: &mut Warnings) -> (Vec<Report>, Vec<Observation>) {
    let (mut reports, mut loose) = (Vec::<Report>::new(), Vec::<Observation>::new());
    let mut order = None;
    let mut after = After::Other;
    for of in segments {
        let next = match of.segment.name() {
            "ORC" => {
                order = Some(*of);
                After::Other
            }
            "OBR" => {
                reports.push(report(*of, order.take(), warnings));
                After::Report
            }
            "OBX" => match observation(*of, warnings) {
                Some(read) => {
                    // An ORC begins the next group: what stands between it and its OBR is not of the report before.
                    match reports.last_mut().filter(|_| order.is_none()) {
                        Some(report) => report.observations.push(dated(read, report)),
                        None => loose.push(read),
                    }
                    if order.is_none() && !reports.is_empty() { After::Observation } else { After::Loose }
                }
                None => After::Other,
            },
            "NTE" => {
                let to = match after {
                    After::Report => reports.last_mut().map(|report| &mut report.notes),
                    After::Observation => {
                        reports.last_mut().and_then(|report| report.observations.last_mut()).map(|o| &mut o.notes)
                    }
                    After::Loose => loose.last_mut().map(|observation| &mut observation.notes),
                    After::Other => None,
                };
                if let Some(notes) = to {
                    notes.extend(note(*of, warnings));
                }
                after
            }
            "PRT" => after,
            _ => After::Other,
        };
        after = next;
    }
    (reports, loose)
}

/// What a note speaks of.
#[derive(Clone, Copy)]
enum After {
    Report,
    Observation,
    Loose,
    Other,
}

/// An observation without a time of its own has its order's.
fn dated(mut observation: Observation, report: &Report) -> Observation {
    if observation.effective.is_none() && report.start.is_some() {
        observation.effective = report.start;
        report.sources.of("start").for_each(|place| observation.sources.add("effective", place));
    }
    observation
}

fn report(obr: Numbered<'_>, orc: Option<Numbered<'_>>, warnings: &mut Warnings) -> Report {
    let mut read = Reading::new(obr, warnings);
    let status = read.text("status", 25);
    let mut report = Report {
        placer: read.entity("placer", 2),
        filler: read.entity("filler", 3),
        code: read.coded("code", 4),
        start: read.time("start", 7),
        end: read.time("end", 8),
        issued: read.time("issued", 22),
        status: vocabulary::report_status(status.as_deref().unwrap_or("")),
        category: read.coded("category", 24),
        orderer: read.person("orderer", 16),
        notes: Vec::new(),
        observations: Vec::new(),
        sources: read.sources,
    };
    if let Some(orc) = orc {
        let mut read = Reading::new(orc, warnings);
        if report.placer.is_none() {
            report.placer = read.entity("placer", 2);
        }
        if report.filler.is_none() {
            report.filler = read.entity("filler", 3);
        }
        read.sources.iter().for_each(|(fact, place)| report.sources.add(fact, place));
    }
    report
}
