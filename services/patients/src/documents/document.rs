//! A document: the row and its queries. Reading goes through `access::visible_to` alone.

use chassis::phi::Phi;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::form::Fields;
use super::kind::{DocumentStatus, DocumentType, Reason};
use super::words;
use crate::access::{Scope, visible_to};
use crate::schema::{document_work, documents, patients};

/// A row of `documents`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = documents, check_for_backend(Pg))]
pub struct Document {
    /// Its id.
    pub id: i64,
    /// Whose.
    pub patient: i64,
    /// What it is called.
    pub title: Phi<String>,
    /// What it is.
    pub document_type: DocumentType,
    /// What there is to say of it; may be empty.
    pub description: Phi<String>,
    /// Names its object in the store.
    pub object: Uuid,
    /// Of the content: as whoever uploaded it said while it is `PROCESSING`, then as it was found.
    pub content_type: String,
    /// Bytes.
    pub size: i64,
    /// SHA-256 of the content.
    pub sha256: Vec<u8>,
    /// Whether it can be read.
    pub status: DocumentStatus,
    /// Why it cannot.
    pub reason: Option<Reason>,
    /// Whether there is a small picture of it.
    pub has_thumbnail: bool,
    /// The user.
    pub uploaded_by: i64,
    /// Rises by one with every change.
    pub version: i64,
    /// When it was uploaded.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What is written of an upload.
#[derive(Insertable)]
#[diesel(table_name = documents, treat_none_as_default_value = false)]
pub struct NewDocument {
    patient: i64,
    title: Phi<String>,
    document_type: DocumentType,
    description: Phi<String>,
    words: Phi<String>,
    object: Uuid,
    content_type: String,
    size: i64,
    sha256: Vec<u8>,
    uploaded_by: i64,
}

impl NewDocument {
    /// An upload that is in the store.
    pub fn of(
        patient: i64,
        fields: Fields,
        object: Uuid,
        content_type: &str,
        size: i64,
        sha256: [u8; 32],
        uploaded_by: i64,
    ) -> Self {
        let Fields { title, document_type, description } = fields;
        let words = words::folded(&format!("{} {}", title.expose(), description.expose()));
        let (words, content_type, sha256) = (words.into(), content_type.to_owned(), sha256.to_vec());
        Self { patient, title, document_type, description, words, object, content_type, size, sha256, uploaded_by }
    }

    /// Makes the document, and has it inspected.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn insert(&self, conn: &mut AsyncPgConnection) -> QueryResult<Document> {
        let document: Document = diesel::insert_into(documents::table)
            .values(self)
            .returning(Document::as_returning())
            .get_result(conn)
            .await?;
        let work = document_work::document.eq(document.id);
        diesel::insert_into(document_work::table).values(work).execute(conn).await?;
        Ok(document)
    }
}

impl Document {
    /// A patient's document, if the scope shows the patient.
    ///
    /// # Errors
    /// `NotFound` too when it is there and not visible.
    pub async fn find(conn: &mut AsyncPgConnection, scope: &Scope, patient: i64, id: i64) -> QueryResult<Self> {
        let visible = visible_to(scope).filter(patients::id.eq(patient)).select(patients::id);
        documents::table
            .filter(documents::id.eq(id).and(documents::patient.eq(patient)))
            .filter(documents::patient.eq_any(visible))
            .select(Self::as_select())
            .first(conn)
            .await
    }

    /// A patient's newest documents, at most `most`, for whoever has checked that the patient may be seen.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn newest(conn: &mut AsyncPgConnection, patient: i64, most: i64) -> QueryResult<Vec<Self>> {
        documents::table
            .filter(documents::patient.eq(patient))
            .order(documents::id.desc())
            .limit(most)
            .select(Self::as_select())
            .load(conn)
            .await
    }

    /// The SHA-256 in hexadecimal digits.
    pub fn sha256_hex(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
