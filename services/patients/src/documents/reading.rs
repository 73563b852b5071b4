//! One document: what is known of it, and links to its content and to a small picture of it.

use actix_web::http::header;
use actix_web::{HttpResponse, get, web};
use auth::Permit;
use auth::permissions::DocumentRead;
use chassis::db;
use chassis::etag::Etagged;
use chassis::problem::Problem;
use object_store::{Key, Shown};

use super::document::Document;
use super::inspection::LARGEST_HELD;
use super::kind::DocumentStatus;
use super::view::DocumentView;
use super::{CONTENT, THUMBNAIL, store_fault, types};
use crate::app::App;
use crate::break_glass::BreakGlass;
use crate::error::Error;
use crate::merge::survivor;

/// Read what is known of a document.
#[utoipa::path(tag = "documents", params(("id" = i64, Path), ("document" = i64, Path),
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 200, body = DocumentView, headers(("ETag" = String))), (status = 304), (status = 403), (status = 404)))]
#[get("/api/patients/{id}/documents/{document}/")]
pub async fn read(
    permit: Permit<DocumentRead>,
    path: web::Path<(i64, i64)>,
    break_glass: BreakGlass,
    app: web::Data<App>,
) -> Result<Etagged<DocumentView>, Problem> {
    let document = find(&permit, path.into_inner(), &break_glass, &app).await?;
    Ok(Etagged { version: document.version, body: document.into() })
}

/// Read a document itself: a redirect to a link that reads it for five minutes.
///
/// Whoever has the link reads the content without a token, so it is to be used and not kept. A document that is not `READY`
/// is 409: `status` and `reason` say how it stands. One of more than 32 MiB comes as `application/octet-stream`, to be saved.
#[utoipa::path(tag = "documents", params(("id" = i64, Path), ("document" = i64, Path),
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 302, description = "where it is for five minutes", headers(("Location" = String))), (status = 403), (status = 404),
        (status = 409, description = "it cannot be read: not inspected yet, or quarantined, or failed")))]
#[get("/api/patients/{id}/documents/{document}/content/")]
pub async fn content(
    permit: Permit<DocumentRead>,
    path: web::Path<(i64, i64)>,
    break_glass: BreakGlass,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let document = find(&permit, path.into_inner(), &break_glass, &app).await?;
    if document.status != DocumentStatus::Ready {
        return Err(Error::NotReadable(document.status, document.reason).into());
    }
    let file_name = format!("document-{}.{}", document.id, types::extension(&document.content_type));
    // Browsers show what they know; what they do not, they save.
    let was_taken_apart = u64::try_from(document.size).is_ok_and(|size| size <= LARGEST_HELD);
    let content_type = if was_taken_apart { &document.content_type } else { "application/octet-stream" };
    let shown = Shown { content_type, file_name: &file_name };
    redirect(&app, Key::new(CONTENT, document.object), shown).await
}

/// Read a small picture of a document that is a picture (JPEG, 320 pixels at most): a redirect as of its content. 404 where
/// there is none.
#[utoipa::path(tag = "documents", params(("id" = i64, Path), ("document" = i64, Path),
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 302, description = "where it is for five minutes", headers(("Location" = String))), (status = 403), (status = 404)))]
#[get("/api/patients/{id}/documents/{document}/thumbnail/")]
pub async fn thumbnail(
    permit: Permit<DocumentRead>,
    path: web::Path<(i64, i64)>,
    break_glass: BreakGlass,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let document = find(&permit, path.into_inner(), &break_glass, &app).await?;
    if !document.has_thumbnail {
        return Err(Problem::not_found("There is no picture of this document."));
    }
    let file_name = format!("document-{}-small.jpg", document.id);
    redirect(&app, Key::new(THUMBNAIL, document.object), Shown { content_type: "image/jpeg", file_name: &file_name })
        .await
}

async fn find(
    permit: &Permit<DocumentRead>,
    (patient, id): (i64, i64),
    break_glass: &BreakGlass,
    app: &App,
) -> Result<Document, Problem> {
    let scope = break_glass.open(app, permit, patient).await?;
    let mut conn = db::get(&app.db).await?;
    let patient = survivor::of(&mut conn, patient).await?;
    let found = Document::find(&mut conn, &scope, patient, id).await;
    let document = found.map_err(|fault| match fault {
        diesel::result::Error::NotFound => Error::NoSuchDocument,
        fault => fault.into(),
    })?;
    permit.actor.trail.shows([patient]);
    Ok(document)
}

async fn redirect(app: &App, key: Key, shown: Shown<'_>) -> Result<HttpResponse, Problem> {
    let link = app.documents.store.link(key, shown).await.map_err(store_fault)?;
    Ok(HttpResponse::Found()
        .insert_header((header::LOCATION, link))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish())
}
