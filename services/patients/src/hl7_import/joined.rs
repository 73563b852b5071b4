//! A40: two records are one patient's.

use diesel_async::AsyncPgConnection;
use hl7::adt::{Identifier, PatientFacts};

use super::apply::{Changed, Refusal, Work};

/// Merges the record that MRG names into the one that PID names.
///
/// # Errors
/// Parks it.
pub async fn merge(
    _conn: &mut AsyncPgConnection,
    _work: &Work<'_>,
    _said: &PatientFacts,
    _going: &[Identifier],
    _warnings: &mut [String],
) -> Result<Changed, Refusal> {
    Err(Refusal::Park("MSH-9: merges are not applied here yet"))
}
