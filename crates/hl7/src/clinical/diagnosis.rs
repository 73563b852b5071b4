//! DG1 to a diagnosis, by `DG1[Condition]` and `DG1[Encounter]` of the mapping.

use serde::Serialize;

use crate::datatype::{Coded, EntityId, Person};
use crate::masked::masked;
use crate::provenance::Sources;
use crate::reading::{Numbered, Reading};
use crate::timestamp::Timestamp;
use crate::warning::Warnings;

/// A diagnosis.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// DG1-3; where it names no system, DG1-2 does. DG1-4 alone gives a code of words only.
    pub code: Coded,
    /// DG1-4.
    pub description: Option<String>,
    /// DG1-5.
    pub onset: Option<Timestamp>,
    /// DG1-6, HL7 table 0052: `A` admitting, `W` working, `F` final.
    pub kind: Option<String>,
    /// DG1-15: 1 is the first.
    pub rank: Option<String>,
    /// DG1-16.
    pub asserter: Option<Person>,
    /// DG1-19.
    pub recorded: Option<Timestamp>,
    /// DG1-20: what makes it the same diagnosis when it comes again.
    pub identifier: Option<EntityId>,
    /// DG1-21 is `D`: it was entered in error.
    pub entered_in_error: bool,
    /// Which field filled what.
    pub sources: Sources,
}

masked!(Diagnosis);

pub(super) fn diagnosis(dg1: Numbered<'_>, warnings: &mut Warnings) -> Option<Diagnosis> {
    let mut read = Reading::new(dg1, warnings);
    let description = read.text("description", 4);
    let code = match (read.coded("code", 3), &description) {
        (Some(mut code), _) => {
            if code.system.is_none() && code.code.is_some() {
                code.system = read.text("code", 2);
            }
            code
        }
        (None, Some(words)) => Coded { text: Some(words.clone()), ..Coded::default() },
        (None, None) => {
            read.warn(3, "names no diagnosis; left out");
            return None;
        }
    };
    Some(Diagnosis {
        code,
        description,
        onset: read.time("onset", 5),
        kind: read.text("kind", 6),
        rank: read.text("rank", 15),
        asserter: read.person("asserter", 16),
        recorded: read.time("recorded", 19),
        identifier: read.entity("identifier", 20),
        entered_in_error: read.text("entered_in_error", 21).as_deref() == Some("D"),
        sources: read.sources,
    })
}
