//! `DocumentReference`: a note, with its text in it, and a document, whose content lies elsewhere.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::codes::{self, ENTERED_IN_ERROR, LOINC};
use crate::datatypes::{Attachment, CodeableConcept, Coding, Meta, Reference, instant};
use crate::frame::{Frame, dated};
use crate::health::{DocumentRecord, EntryRecord};
use crate::naming::Type;
use crate::nrces;
use crate::patient::filled;

/// The resource.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentReference {
    /// `DocumentReference`
    pub resource_type: &'static str,
    /// The key, with what it is of in front.
    pub id: String,
    /// Version, time of change, profile.
    pub meta: Meta,
    /// Whether it stands.
    pub status: &'static str,
    /// How far the document has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doc_status: Option<&'static str>,
    /// What kind of document it is.
    pub r#type: CodeableConcept,
    /// Who it is about.
    pub subject: Reference,
    /// When it was entered.
    pub date: String,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub author: Vec<Reference>,
    /// What it is about, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The content, once.
    pub content: Vec<Content>,
}

/// `DocumentReference.content`
#[derive(Clone, Serialize)]
pub struct Content {
    /// The content.
    pub attachment: Attachment,
}

/// The key of the resource that an entry of kind note becomes.
pub fn note_key(entry: &EntryRecord<'_>) -> String {
    format!("note-{}", entry.id)
}

/// The note with its text.
pub fn note(frame: &Frame<'_>, entry: &EntryRecord<'_>) -> DocumentReference {
    let text = entry.note.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("Not recorded");
    let about = codes::concept(entry);
    let attachment = Attachment {
        content_type: "text/plain; charset=UTF-8".to_owned(),
        data: Some(BASE64_STANDARD.encode(text)),
        url: None,
        size: i64::try_from(text.len()).ok(),
        title: about.as_ref().and_then(|about| about.text.clone()),
        creation: dated(entry),
    };
    let in_error = entry.status == ENTERED_IN_ERROR;
    DocumentReference {
        resource_type: Type::DocumentReference.as_str(),
        id: frame.id(Type::DocumentReference, note_key(entry)),
        meta: Meta::of(entry.version, Some(entry.last_updated), Some(nrces::DOCUMENT_REFERENCE_PROFILE)),
        status: if in_error { "entered-in-error" } else { "current" },
        doc_status: Some(codes::status(entry.status, &["final", "preliminary", "amended", "entered-in-error"])),
        r#type: CodeableConcept::of([Coding::fixed(LOINC, "34109-9", "Note")]),
        subject: frame.subject(),
        date: instant(entry.recorded),
        author: frame.practitioner(entry.author).into_iter().collect(),
        description: about.and_then(|about| about.text),
        content: vec![Content { attachment }],
    }
}

/// The key of the resource that a document becomes.
pub fn document_key(document: &DocumentRecord<'_>) -> String {
    format!("document-{}", document.id)
}

/// The document, with the address of its content. Without the content itself it is not the guide's.
pub fn stored(frame: &Frame<'_>, document: &DocumentRecord<'_>) -> DocumentReference {
    let coded = |code, display| CodeableConcept::of([Coding::fixed(LOINC, code, display)]);
    let attachment = Attachment {
        content_type: document.content_type.to_owned(),
        data: None,
        url: Some(document.url.clone()),
        size: Some(document.size),
        title: filled(document.title),
        creation: Some(instant(document.recorded)),
    };
    DocumentReference {
        resource_type: Type::DocumentReference.as_str(),
        id: frame.id(Type::DocumentReference, document_key(document)),
        meta: Meta::of(document.version, Some(document.last_updated), None),
        status: "current",
        doc_status: None,
        r#type: match document.kind {
            "LAB_REPORT" => coded("11502-2", "Laboratory report"),
            "PRESCRIPTION" => coded("57833-6", "Prescription for medication"),
            "DISCHARGE_SUMMARY" => coded("18842-5", "Discharge summary"),
            "IMAGING" => coded("18748-4", "Diagnostic imaging study"),
            "CONSENT" => coded("59284-0", "Consent Document"),
            _ => CodeableConcept::said("Document"),
        },
        subject: frame.subject(),
        date: instant(document.recorded),
        author: frame.practitioner(document.author).into_iter().collect(),
        description: filled(document.description),
        content: vec![Content { attachment }],
    }
}
