//! PR1 to a procedure, by `PR1[Procedure]` of the mapping.

use serde::Serialize;

use crate::datatype::{Coded, EntityId, Person};
use crate::masked::masked;
use crate::provenance::Sources;
use crate::reading::{Numbered, Reading};
use crate::timestamp::Timestamp;
use crate::warning::Warnings;

/// Something that was done.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Procedure {
    /// PR1-3, or PR1-4 in words alone.
    pub code: Coded,
    /// PR1-4.
    pub description: Option<String>,
    /// PR1-5.
    pub performed: Option<Timestamp>,
    /// PR1-7, where it is a number of minutes.
    pub minutes: Option<u32>,
    /// PR1-6.
    pub category: Option<Coded>,
    /// PR1-11: the surgeon; PR1-12: whoever else did it.
    pub performers: Vec<Person>,
    /// PR1-19.
    pub identifier: Option<EntityId>,
    /// Which field filled what.
    pub sources: Sources,
}

masked!(Procedure);

pub(super) fn procedure(pr1: Numbered<'_>, warnings: &mut Warnings) -> Option<Procedure> {
    let mut read = Reading::new(pr1, warnings);
    let description = read.text("description", 4);
    let words = || description.clone().map(|words| Coded { text: Some(words), ..Coded::default() });
    let Some(code) = read.coded("code", 3).or_else(words) else {
        read.warn(3, "names no procedure; left out");
        return None;
    };
    let mut performers = read.people("performers", 11);
    performers.extend(read.people("performers", 12));
    Some(Procedure {
        code,
        performed: read.time("performed", 5),
        minutes: read.text("minutes", 7).and_then(|minutes| minutes.parse().ok()),
        category: read.coded("category", 6),
        performers,
        identifier: read.entity("identifier", 19),
        description,
        sources: read.sources,
    })
}
