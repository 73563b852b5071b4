//! OBX and the NTE behind it to an observation, by `OBX[Observation]` of the mapping.

use serde::Serialize;

use super::range::ReferenceRange;
use super::value::{Value, value};
use crate::datatype::{Coded, Organization, Person};
use crate::masked::masked;
use crate::provenance::Sources;
use crate::reading::{Numbered, Reading};
use crate::text::filled;
use crate::timestamp::Timestamp;
use crate::vocabulary;
use crate::warning::Warnings;

/// Something that was measured, seen or asked.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Observation {
    /// OBX-3: LOINC, or the laboratory's own code.
    pub code: Coded,
    /// OBX-4: tells observations of the same code apart.
    pub sub_id: Option<String>,
    /// OBX-2: the declared type of the values.
    pub value_type: Option<String>,
    /// OBX-5: none where there is no result (yet); more than one where the field repeats.
    pub values: Vec<Value>,
    /// OBX-6.
    pub unit: Option<Coded>,
    /// OBX-7.
    pub reference_range: Option<ReferenceRange>,
    /// OBX-8.
    pub flags: Vec<Flag>,
    /// OBX-11 as FHIR has it: `final`, `preliminary`, `corrected`, `amended`, `cancelled`, `entered-in-error`, `unknown`.
    pub status: &'static str,
    /// OBX-11 as it came, HL7 table 0085.
    pub status_code: Option<String>,
    /// OBX-14, or else the order's OBR-7: when what was observed was so.
    pub effective: Option<Timestamp>,
    /// OBX-19.
    pub analysed: Option<Timestamp>,
    /// OBX-23, or else OBX-15: the laboratory.
    pub performer: Option<Organization>,
    /// OBX-16.
    pub observers: Vec<Person>,
    /// OBX-17.
    pub method: Option<Coded>,
    /// OBX-20.
    pub body_site: Option<Coded>,
    /// OBX-21 where it has one.
    pub instance: Option<String>,
    /// The NTE segments that follow.
    pub notes: Vec<Note>,
    /// Which field filled what.
    pub sources: Sources,
}

/// An abnormal flag.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Flag {
    /// The code, HL7 table 0078: `H`, `LL`, `A`.
    pub code: String,
    /// What it is called; nothing where FHIR does not have the code.
    pub display: Option<&'static str>,
}

/// A remark.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// NTE-3, its repetitions as lines.
    pub text: String,
    /// NTE-2: `L` the laboratory, `P` the orderer.
    pub source: Option<String>,
    /// Which field filled what.
    pub sources: Sources,
}

masked!(Observation, Flag, Note);

pub(crate) fn observation(obx: Numbered<'_>, warnings: &mut Warnings) -> Option<Observation> {
    let mut read = Reading::new(obx, warnings);
    let Some(code) = read.coded("code", 3) else {
        read.warn(3, "does not say what was observed; the observation was left out");
        return None;
    };
    let value_type = read.text("value_type", 2);
    let values = values(&mut read, value_type.as_deref().unwrap_or(""));
    let status_code = read.text("status", 11);
    Some(Observation {
        code,
        sub_id: read.text("sub_id", 4),
        values,
        unit: read.coded("unit", 6),
        reference_range: range(&mut read),
        flags: flags(&mut read),
        status: vocabulary::observation_status(status_code.as_deref().unwrap_or("")),
        effective: read.time("effective", 14),
        analysed: read.time("analysed", 19),
        performer: performer(&mut read),
        observers: read.people("observers", 16),
        method: read.coded("method", 17),
        body_site: read.coded("body_site", 20),
        instance: read.text("instance", 21),
        notes: Vec::new(),
        sources: read.sources,
        value_type,
        status_code,
    })
}

fn values(read: &mut Reading<'_, '_>, declared: &str) -> Vec<Value> {
    if declared == "ED" {
        read.warn(5, "is an embedded document, which is not read from here; left out");
        return Vec::new();
    }
    let found = read.each("values", 5, |repetition| value(declared, repetition));
    if found.iter().any(|(_, as_text)| *as_text) {
        read.warn(5, "is not of the type that OBX-2 declares; taken as text");
    }
    found.into_iter().map(|(value, _)| value).collect()
}

fn range(read: &mut Reading<'_, '_>) -> Option<ReferenceRange> {
    let text = filled(read.segment().field(7).whole_text())?;
    let place = read.place(7);
    read.sources.add("reference_range", place);
    Some(ReferenceRange::read(text))
}

fn flags(read: &mut Reading<'_, '_>) -> Vec<Flag> {
    let codes = read.codes("flags", 8);
    if codes.iter().any(|flag| flag.code.is_none()) {
        read.warn(8, "has a flag in words alone; left out");
    }
    codes
        .into_iter()
        .filter_map(|flag| flag.code)
        .map(|code| Flag { display: vocabulary::interpretation(&code), code })
        .collect()
}

fn performer(read: &mut Reading<'_, '_>) -> Option<Organization> {
    if let Some(named) = read.organization("performer", 23) {
        return Some(named);
    }
    let producer = read.coded("performer", 15)?;
    Some(Organization { name: producer.text, id: producer.code })
}

pub(crate) fn note(nte: Numbered<'_>, warnings: &mut Warnings) -> Option<Note> {
    let mut read = Reading::new(nte, warnings);
    let text = filled(read.texts("text", 3).join("\n"))?;
    Some(Note { text, source: read.text("source", 2), sources: read.sources })
}
