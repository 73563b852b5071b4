//! `GET credit-notes/` and `GET credit-notes/{id}/`.

use actix_web::{HttpRequest, get, web};
use auth::Permit;
use auth::permissions::InvoiceRead;
use chassis::db;
use chassis::etag::Etagged;
use chassis::fields::{Day, Id, number, parameter};
use chassis::page::{self, Page, PageRequest};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults, StrictQuery};
use chrono::NaiveDate;
use deserr::Deserr;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{CreditNote, CreditNoteAnswer};
use crate::access::Scope;
use crate::app::App;
use crate::error::Error;
use crate::known::merged;
use crate::listing::{forward, walked};
use crate::schema::credit_notes;

/// The parameters of the list.
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Parameters {
    #[deserr(default, try_from(Option<String>) = parameter -> Fault)]
    patient: Option<Id>,
    #[deserr(default)]
    start_date: Option<Day>,
    #[deserr(default)]
    end_date: Option<Day>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page: Option<u64>,
    #[deserr(default, try_from(Option<String>) = number -> Fault)]
    page_size: Option<u64>,
    #[deserr(default)]
    cursor: Option<String>,
}

/// What narrows the list; a cursor carries it along.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Filters {
    patient: Option<Id>,
    start_date: Option<Day>,
    end_date: Option<Day>,
}

impl Parameters {
    fn request(self, app: &App) -> Result<PageRequest<Filters>, Problem> {
        forward(self.start_date, self.end_date)?;
        let Self { patient, start_date, end_date, page, page_size, cursor } = self;
        page::request(&app.cursor_key, Filters { patient, start_date, end_date }, page, page_size, cursor)
    }
}

/// The credit notes within a scope.
fn visible_to(scope: Scope) -> credit_notes::BoxedQuery<'static, Pg> {
    let all = credit_notes::table.into_boxed();
    match scope {
        Scope::All => all,
        Scope::Own(user) => all.filter(credit_notes::patient_id.eq(merged::any_id_of_user(user))),
    }
}

impl CreditNote {
    /// A credit note within the scope.
    ///
    /// # Errors
    /// [`Error::NoCreditNote`].
    pub async fn find(conn: &mut AsyncPgConnection, scope: Scope, id: i64) -> Result<Self, Error> {
        let found = visible_to(scope).filter(credit_notes::id.eq(id)).select(Self::as_select());
        found.first(conn).await.optional()?.ok_or(Error::NoCreditNote)
    }
}

impl Filters {
    fn matching(&self, scope: Scope) -> credit_notes::BoxedQuery<'static, Pg> {
        let mut found = visible_to(scope);
        if let Some(patient) = self.patient {
            found = found.filter(credit_notes::patient_id.eq(merged::any_id_of(patient.get())));
        }
        if let Some(start) = self.start_date {
            found = found.filter(credit_notes::dated.ge(start.get()));
        }
        if let Some(end) = self.end_date {
            found = found.filter(credit_notes::dated.le(end.get()));
        }
        found
    }
}

/// The credit notes that the caller may see, latest first. A PATIENT sees those of their own invoices.
#[utoipa::path(
    tag = "billing",
    params(
        ("patient" = Option<i64>, Query, description = "only this patient's"),
        ("start_date" = Option<chrono::NaiveDate>, Query, description = "from this day on"),
        ("end_date" = Option<chrono::NaiveDate>, Query, description = "up to this day"),
        ("page" = Option<u64>, Query, description = "1 and on"),
        ("page_size" = Option<u64>, Query, description = "20 unless said, at most 100"),
        ("cursor" = Option<String>, Query, description = "as in next and previous"),
    ),
    responses(
        (status = 200, body = Page<CreditNoteAnswer>, description = "a page of them"),
        (status = 400, description = "faults, all at once"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
    )
)]
#[get("/api/billing/credit-notes/")]
pub async fn list(
    permit: Permit<InvoiceRead>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<web::Json<Page<CreditNoteAnswer>>, Problem> {
    let request = parameters.0.request(&app)?;
    let scope = Scope::of(&permit);
    let mut conn = db::get(&app.db).await?;
    let count = page::count_of(&mut conn, || request.filters.matching(scope).select(credit_notes::id)).await?;
    let query = request.filters.matching(scope).select(CreditNote::as_select());
    let found: Vec<CreditNote> =
        walked!(query, &request, credit_notes::dated => NaiveDate, credit_notes::id, true).load(&mut conn).await?;
    permit.actor.trail.shows(found.iter().map(|note| note.patient_id).collect::<Vec<_>>());
    let shown = CreditNoteAnswer::of_all(&mut conn, found).await?;
    page::answer(&http, &app.cursor_key, &request, shown, count, |shown| json!([shown.note.dated, shown.note.id]))
        .map(web::Json)
}

/// One credit note.
#[utoipa::path(
    tag = "billing",
    params(("id" = i64, Path, description = "the credit note")),
    responses(
        (status = 200, body = CreditNoteAnswer, description = "the credit note; it never changes"),
        (status = 304, description = "If-None-Match names it"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
        (status = 404, description = "no such credit note, or not the caller's"),
    )
)]
#[get("/api/billing/credit-notes/{id}/")]
pub async fn read(
    permit: Permit<InvoiceRead>,
    id: web::Path<i64>,
    app: web::Data<App>,
) -> Result<Etagged<CreditNoteAnswer>, Problem> {
    let mut conn = db::get(&app.db).await?;
    let note = CreditNote::find(&mut conn, Scope::of(&permit), *id).await?;
    permit.actor.trail.shows([note.patient_id]);
    let body = CreditNoteAnswer::of(&mut conn, note).await?;
    Ok(Etagged { version: 1, body })
}
