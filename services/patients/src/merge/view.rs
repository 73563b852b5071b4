//! Merges as callers see them.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::act::{Merged, Unmerged};
use super::fields::{Field, Kept};
use super::moves::Counts;
use super::record::Record;
use crate::error::Error;
use crate::patient::{Patient, PatientView, instant};

/// A field in which the two records differ.
#[derive(Serialize, ToSchema)]
pub struct Conflict {
    /// The field.
    pub field: Field,
    /// What the surviving record had.
    #[schema(value_type = Object, nullable)]
    pub target: Value,
    /// What the merged record had.
    #[schema(value_type = Object, nullable)]
    pub source: Value,
    /// Whose value stays; `take` decides.
    pub kept: Kept,
}

/// A merge, done or shown.
#[derive(Serialize, ToSchema)]
pub struct MergeView {
    /// Its id; null where it is only shown.
    pub merge: Option<i64>,
    /// Whose record was merged.
    pub source: i64,
    /// The surviving patient as they are after it.
    pub patient: PatientView,
    /// Fields in which the two differ.
    pub conflicts: Vec<Conflict>,
    /// Fields that the surviving record lacked and got.
    pub filled: Vec<Field>,
    /// How many rows moved: `history_entries`, `care_appointments`, `hl7_messages`, `patient_identifiers` and so on.
    #[schema(value_type = Object)]
    pub moved: Counts,
}

/// A merge taken back, done or shown.
#[derive(Serialize, ToSchema)]
pub struct UnmergeView {
    /// The merge's id.
    pub merge: i64,
    /// The patient who had survived, as they are after it.
    pub patient: PatientView,
    /// The patient who is one of their own again.
    pub source: PatientView,
    /// Fields that the merge changed and that were edited since: they stay as they are.
    pub kept: Vec<Field>,
    /// How many rows moved back.
    #[schema(value_type = Object)]
    pub moved: Counts,
}

/// A merge of the past.
#[derive(Serialize, ToSchema)]
pub struct RecordView {
    /// Its id.
    pub id: i64,
    /// Whose record was merged into this patient.
    pub source: i64,
    /// When.
    pub merged_at: String,
    /// By which user.
    pub merged_by: Option<i64>,
    /// The HL7 message that said so.
    pub message: Option<i64>,
    /// When it was taken back; null while it holds.
    pub undone_at: Option<String>,
    /// By which user.
    pub undone_by: Option<i64>,
}

impl MergeView {
    pub(super) fn of(merged: Merged) -> Result<Self, Error> {
        let (target, source) = (shown(&merged.target_before)?, shown(&merged.source_before)?);
        let of = |side: &Value, field: Field| side.get(field.as_str()).cloned().unwrap_or_default();
        let conflicts = merged.combined.conflicts.iter().map(|&(field, kept)| Conflict {
            field,
            target: of(&target, field),
            source: of(&source, field),
            kept,
        });
        Ok(Self {
            merge: Some(merged.merge),
            source: merged.source_before.id,
            conflicts: conflicts.collect(),
            patient: merged.target.into(),
            filled: merged.combined.filled,
            moved: merged.moved,
        })
    }
}

impl From<Unmerged> for UnmergeView {
    fn from(Unmerged { merge, target, source, restored, moved, .. }: Unmerged) -> Self {
        Self { merge, patient: target.into(), source: source.into(), kept: restored.kept, moved }
    }
}

impl From<Record> for RecordView {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            source: record.source,
            merged_at: instant(record.merged_at),
            merged_by: record.merged_by,
            message: record.message,
            undone_at: record.undone_at.map(instant),
            undone_by: record.undone_by,
        }
    }
}

fn shown(patient: &Patient) -> Result<Value, Error> {
    serde_json::to_value(PatientView::from(patient.clone()))
        .map_err(|fault| Error::Problem(chassis::problem::Problem::internal(fault)))
}
