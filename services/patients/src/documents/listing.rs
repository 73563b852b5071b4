//! `GET documents/`: a patient's documents, the newest first, also by words of their text.

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use auth::permissions::DocumentRead;
use chassis::db;
use chassis::fields::{number, parameter};
use chassis::page::{self, Page, PageRequest, Position};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use deserr::Deserr;
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::IntoParams;

use super::document::Document;
use super::kind::{DocumentStatus, DocumentType};
use super::view::DocumentView;
use super::words;
use crate::app::App;
use crate::break_glass::BreakGlass;
use crate::error::Error;
use crate::history::whole;
use crate::schema::documents;

const LONGEST_SEARCH: usize = 200;

/// Which of a patient's documents are asked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Words, or parts of words, all of which are in the title, the description or the text of a PDF.
    #[deserr(default, try_from(Option<String>) = words_of -> Fault)]
    #[param(value_type = Option<String>, max_length = 200)]
    search: Vec<String>,
    /// Of this type.
    #[deserr(default, try_from(Option<String>) = parameter::<DocumentType> -> Fault)]
    document_type: Option<DocumentType>,
    /// That stand so.
    #[deserr(default, try_from(Option<String>) = parameter::<DocumentStatus> -> Fault)]
    status: Option<DocumentStatus>,
    /// From 1.
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page: Option<u64>,
    /// 1 to 100; 20 when absent.
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page_size: Option<u64>,
    /// From `next` or `previous`.
    #[deserr(default)]
    cursor: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Filters {
    words: Vec<String>,
    document_type: Option<DocumentType>,
    status: Option<DocumentStatus>,
}

/// List a patient's documents, the newest first.
///
/// With `search`, those that have all of its words in their title, their description or, of a PDF, their text.
#[utoipa::path(tag = "documents", params(("id" = i64, Path), ListParams,
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse goes beyond their care, at least 10 characters: opens this record for an hour, and is reviewed")),
    responses((status = 200, body = Page<DocumentView>), (status = 400, description = "unknown or faulty parameters"), (status = 403, description = "this role may not"), (status = 404)))]
#[get("/api/patients/{id}/documents/")]
pub async fn list(
    permit: Permit<DocumentRead>,
    id: web::Path<i64>,
    StrictQuery(asked): StrictQuery<ListParams>,
    break_glass: BreakGlass,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<web::Json<Page<DocumentView>>, Problem> {
    let ListParams { search, document_type, status, page, page_size, cursor } = asked;
    let filters = Filters { words: search, document_type, status };
    let request = page::request(&app.cursor_key, filters, page, page_size, cursor)?;
    let scope = break_glass.open(&app, &permit, *id).await?;
    let mut conn = db::get(&app.db).await?;
    let (patient, _) = whole::standing(&mut conn, &scope, *id).await.map_err(Error::from)?;
    permit.actor.trail.shows([patient]);
    let rows = rows(&mut conn, patient, &request).await?;
    let count = page::count_of(&mut conn, || request.filters.of(patient).select(documents::id)).await?;
    let page = page::answer(&http, &app.cursor_key, &request, rows, count, |document| json!(document.id))?;
    let Page { count, count_is_estimate, next, previous, results } = page;
    let results = results.into_iter().map(Into::into).collect();
    Ok(web::Json(Page { count, count_is_estimate, next, previous, results }))
}

/// One more than a page has, in walking order.
async fn rows(
    conn: &mut AsyncPgConnection,
    patient: i64,
    request: &PageRequest<Filters>,
) -> QueryResult<Vec<Document>> {
    let query = request.filters.of(patient).limit(request.size + 1);
    let query = match &request.position {
        Position::First => query.order(documents::id.desc()),
        Position::Offset(rows) => query.order(documents::id.desc()).offset(*rows),
        Position::After(at) => query.filter(documents::id.lt(place(at))).order(documents::id.desc()),
        Position::Before(at) => query.filter(documents::id.gt(place(at))).order(documents::id.asc()),
    };
    query.select(Document::as_select()).load(conn).await
}

impl Filters {
    /// Within one patient's documents, which are few enough to be looked through.
    fn of(&self, patient: i64) -> documents::BoxedQuery<'static, Pg> {
        let mut query = documents::table.filter(documents::patient.eq(patient)).into_boxed();
        if let Some(document_type) = self.document_type {
            query = query.filter(documents::document_type.eq(document_type));
        }
        if let Some(status) = self.status {
            query = query.filter(documents::status.eq(status));
        }
        for word in self.words.iter().cloned() {
            let there = sql::<Bool>("(strpos(documents.words, ").bind::<Text, _>(word.clone());
            let there = there.sql(
                ") > 0 OR EXISTS (SELECT FROM document_texts AS content \
                                   WHERE content.document = documents.id AND strpos(content.words, ",
            );
            query = query.filter(there.bind::<Text, _>(word).sql(") > 0))"));
        }
        query
    }
}

fn words_of(text: Option<String>) -> Result<Vec<String>, Fault> {
    let text = text.unwrap_or_default();
    if text.chars().count() > LONGEST_SEARCH {
        return Err(Fault::new("too_long", format!("must have at most {LONGEST_SEARCH} characters")));
    }
    Ok(words::sought(&text))
}

/// A cursor is ours: its place is an id.
fn place(at: &serde_json::Value) -> i64 {
    at.as_i64().unwrap_or_default()
}
