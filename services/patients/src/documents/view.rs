//! A document, as callers see it.

use chassis::phi::Phi;
use serde::Serialize;
use utoipa::ToSchema;

use super::document::Document;
use super::kind::{DocumentStatus, DocumentType, Reason};
use crate::patient::instant;

/// A document.
#[derive(Clone, Serialize, ToSchema)]
pub struct DocumentView {
    /// Id.
    pub id: i64,
    /// The patient's id.
    pub patient: i64,
    /// What it is called.
    #[schema(value_type = String)]
    pub title: Phi<String>,
    /// What it is.
    pub document_type: DocumentType,
    /// What there is to say of it; may be empty.
    #[schema(value_type = String)]
    pub description: Phi<String>,
    /// Only a `READY` one can be read.
    pub status: DocumentStatus,
    /// Why a `QUARANTINED` or `FAILED` one cannot.
    pub reason: Option<Reason>,
    /// Of the content: as it was said to be while it is `PROCESSING`, then as it was found.
    pub content_type: String,
    /// Bytes.
    pub size: i64,
    /// SHA-256 of the content, 64 hexadecimal digits.
    pub sha256: String,
    /// Whether `thumbnail/` has a small picture of it.
    pub has_thumbnail: bool,
    /// The user who uploaded it.
    pub uploaded_by: i64,
    /// Rises by one with every change.
    pub version: i64,
    /// When it was uploaded.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

impl From<Document> for DocumentView {
    fn from(document: Document) -> Self {
        Self {
            sha256: document.sha256_hex(),
            id: document.id,
            patient: document.patient,
            title: document.title,
            document_type: document.document_type,
            description: document.description,
            status: document.status,
            reason: document.reason,
            content_type: document.content_type,
            size: document.size,
            has_thumbnail: document.has_thumbnail,
            uploaded_by: document.uploaded_by,
            version: document.version,
            created_at: instant(document.created_at),
            updated_at: instant(document.updated_at),
        }
    }
}
