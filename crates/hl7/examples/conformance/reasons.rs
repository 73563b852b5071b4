//! Why a fact of a bundle is not one of ours.

use crate::Fact;

/// Why, and whether the mapping tables define the fact at all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    pub words: &'static str,
    pub is_defined: bool,
}

/// Another way to read what the tables leave open.
const fn otherwise(words: &'static str) -> Reason {
    Reason { words, is_defined: true }
}

/// A segment for which there is no table.
const fn no_table(words: &'static str) -> Reason {
    Reason { words, is_defined: false }
}

const GT1: Reason = no_table("stands in GT1, the guarantor, who is not the patient: none of the tables is for it");
const IN2: Reason = no_table("stands in IN2: none of the tables is for it, and insurance is not read from messages");
const DB1: Reason = no_table("stands in DB1, a disability: none of the tables is for it");
const PDA: Reason = no_table("made from PDA with codes of the converter's own: none of the tables is for it");
const ACC: Reason = no_table("made from ACC with codes of the converter's own: none of the tables is for it");
const FT1: Reason = no_table("stands in FT1, a charge: none of the tables is for it");
const PV2: Reason =
    otherwise("is PV2-8 or PV2-9, when somebody was expected: the table fills the period from PV1-44 and PV1-45 alone");
const DOCUMENT: Reason = otherwise(
    "the converter makes a report of an OBX that points to a document; the table makes it an observation, as here",
);
const UNEXPLAINED: Reason = Reason { words: "not explained", is_defined: true };

/// The facts (by the beginning of their name) and the values to which a reason belongs; no value means all.
const REASONS: &[(&str, &[&str], Reason)] = &[
    ("identifier", &["SB G-SSN-12", "MR 1516", "FI 55121"], GT1),
    ("name", &["RADIANT", "LUCY"], GT1),
    ("address", &["1619 SOUTH UNIVERSITY", "MADISON", "WI", "53703", "US"], GT1),
    ("phone", &["717171"], GT1),
    ("identifier", &["MR PNM1234", "MI MI-12345", "MC Medicare-12345", "MA MCN-008"], IN2),
    ("name.family", &["Jack", "123121234A"], IN2),
    ("identifier", &["MR DB123"], DB1),
    ("procedure", &["death-certification", "autopsy-performed"], PDA),
    ("procedure.date", &["2021-11-02T11:15:00Z", "2021-11-02T09:15:00Z"], PDA),
    ("observation.code", &["death-certificate", "autopsy", "coroner"], PDA),
    ("observation death-certificate", &[], PDA),
    ("observation autopsy", &[], PDA),
    ("observation coroner", &[], PDA),
    ("diagnosis.code", &["I21"], PDA),
    ("observation.code", &["injury-incident"], ACC),
    ("observation injury-incident", &[], ACC),
    ("procedure.code", &["71045"], FT1),
    ("encounter.start", &["2015-02-08T10:24:19Z"], PV2),
    ("encounter.end", &["2015-02-09T10:24:19Z"], PV2),
    ("report.code", &["8867-4", "1063-7"], DOCUMENT),
];

pub fn of((name, value): &Fact) -> Reason {
    let belongs = |(start, values, _): &&(&str, &[&str], Reason)| {
        name.starts_with(start) && (values.is_empty() || values.contains(&value.as_str()))
    };
    REASONS.iter().find(belongs).map_or(UNEXPLAINED, |(_, _, reason)| *reason)
}
