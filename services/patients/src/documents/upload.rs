//! `POST documents/`: into the store first, then into the record, in one transaction with the answer. Before the first
//! byte is stored, a row says that it will be: whatever breaks on the way, nothing is in the store that no row knows of.

use actix_web::http::header;
use actix_web::{HttpRequest, post, web};
use auth::Permit;
use auth::permissions::DocumentUpload;
use chassis::db;
use chassis::idempotency::{Answer, IdempotencyKey};
use chassis::problem::Problem;
use chassis::strict_json;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use object_store::{Key, Stored};
use serde_json::json;
use uuid::Uuid;

use super::document::NewDocument;
use super::form::{Fields, UploadForm};
use super::multipart;
use super::receive::{Received, receive};
use super::view::DocumentView;
use super::{CONTENT, Documents};
use crate::app::App;
use crate::break_glass::BreakGlass;
use crate::error::Error;
use crate::history;
use crate::schema::document_uploads;

/// Upload a document of a patient.
///
/// It is stored as it comes and not held in memory: one of 500 MB as well as one of 5 kB. The answer says `PROCESSING`: an
/// inspection follows, by its content and whatever it is called, and only a `READY` document can be read. The same
/// `Idempotency-Key` with the same fields and the same content gives the first answer again. RECEPTIONIST uploads, and
/// reads none.
#[utoipa::path(tag = "documents", request_body(content = UploadForm, content_type = "multipart/form-data"), params(("id" = i64, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key, fields and content give the first answer again"),
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 201, body = DocumentView, headers(("Location" = String), ("ETag" = String))),
        (status = 400, description = "faults of the form, all at once; or it broke off"), (status = 403, description = "this role may not"), (status = 404),
        (status = 408, description = "it paused for half a minute, or took a quarter of an hour"),
        (status = 409, description = "the Idempotency-Key was used for another request"), (status = 413, description = "the file is too large"),
        (status = 415, description = "not a form, or the file is of a type that is not kept here"),
        (status = 503, description = "the store is away, or too many uploads are under way", headers(("Retry-After" = String)))))]
#[post("/api/patients/{id}/documents/")]
pub async fn upload(
    permit: Permit<DocumentUpload>,
    id: web::Path<i64>,
    break_glass: BreakGlass,
    key: IdempotencyKey,
    http: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
) -> Result<Answer, Problem> {
    let (patient, actor, documents) = (*id, &permit.actor, &app.documents);
    let boundary = boundary(&http, documents)?;
    let scope = break_glass.open(&app, &permit, patient).await?;
    let _place = documents.place()?;
    let object = begin(&mut *db::get(&app.db).await?, &scope, patient).await?;
    let received = match receive(payload, &boundary, object, &documents.store, &documents.limits).await {
        Ok(received) => received,
        Err(problem) => {
            // a store that is away is not asked again: the sweep will
            if !problem.status().is_server_error() {
                give_up(&app, object).await;
            }
            return Err(problem);
        }
    };
    let (digest, size) = (received.digest(), received.stored.size);
    let mut conn = db::get(&app.db).await?;
    let (answer, is_new) = conn
        .transaction(async |conn| {
            if let Some(stored) = key.claim(conn, actor.user_id, &digest).await? {
                actor.trail.repeats();
                return Ok::<_, Error>((stored.into(), false));
            }
            let patient = history::hold(conn, &scope, patient).await?;
            end(conn, object).await?;
            let document = received.document(patient, object, actor.user_id)?.insert(conn).await?;
            audit::write(conn, &actor.trail, [patient]).await?;
            let location = format!("/api/patients/{patient}/documents/{}/", document.id);
            let answer = Answer::created(location, document.version, &DocumentView::from(document))?;
            key.store(conn, actor.user_id, &answer).await?;
            Ok((answer, true))
        })
        .await?;
    drop(conn);
    if is_new {
        metrics::counter!("document_uploads_total").increment(1);
        metrics::counter!("document_upload_bytes_total").increment(size);
    } else {
        give_up(&app, object).await;
    }
    Ok(answer)
}

fn boundary(http: &HttpRequest, documents: &Documents) -> Result<String, Problem> {
    let text = |name| http.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multipart::boundary(text(header::CONTENT_TYPE))
        .map_err(|malformed| Problem::invalid("", "not_multipart", malformed.to_string()))?;
    let announced = text(header::CONTENT_LENGTH).parse::<u64>().unwrap_or_default();
    documents.fits(announced)?;
    boundary.ok_or_else(|| Problem::unsupported_media("multipart/form-data"))
}

/// Writes down that an object will be stored, for a patient whom the scope shows.
async fn begin(conn: &mut AsyncPgConnection, scope: &crate::access::Scope, patient: i64) -> Result<Uuid, Error> {
    history::whole::version(conn, scope, patient).await?;
    let object = Uuid::now_v7();
    let row = document_uploads::object.eq(object);
    diesel::insert_into(document_uploads::table).values(row).execute(conn).await?;
    Ok(object)
}

/// From here on it is a document's.
async fn end(conn: &mut AsyncPgConnection, object: Uuid) -> Result<(), Error> {
    match diesel::delete(document_uploads::table.find(object)).execute(conn).await? {
        0 => Err(Error::Problem(Problem::unavailable("the upload, which was swept", "it took too long"))),
        _ => Ok(()),
    }
}

/// Removes what was stored, and then the row that knows of it. What fails here is swept later.
async fn give_up(app: &App, object: Uuid) {
    let removed = async {
        app.documents.store.delete(Key::new(CONTENT, object)).await?;
        let mut conn = app.db.get().await?;
        diesel::delete(document_uploads::table.find(object)).execute(&mut conn).await?;
        Ok::<_, anyhow::Error>(())
    };
    if let Err(fault) = removed.await {
        tracing::info!(%fault, "what an upload left behind is left to be swept");
    }
}

impl Received {
    /// Of what was sent, and not of how: a boundary is another one each time.
    fn digest(&self) -> [u8; 32] {
        let Self { fields: Fields { title, document_type, description }, content_type, stored } = self;
        let Stored { size, sha256 } = stored;
        strict_json::digest(
            json!([title, document_type, description, content_type, size, sha256]).to_string().as_bytes(),
        )
    }

    fn document(self, patient: i64, object: Uuid, uploaded_by: i64) -> Result<NewDocument, Problem> {
        let Self { fields, content_type, stored } = self;
        let size = i64::try_from(stored.size).map_err(Problem::internal)?;
        Ok(NewDocument::of(patient, fields, object, content_type, size, stored.sha256, uploaded_by))
    }
}
