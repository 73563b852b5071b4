//! `GET /fhir/Patient` and `POST /fhir/Patient/_search`: who is looked for as FHIR has it, and who may be seen as everywhere.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use auth::Permit;
use auth::permissions::FhirPatientRead;
use chassis::db;
use chassis::page::{self, Count};
use chassis::problem::Problem;
use chassis::strict_json::{Fault, Faults};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use fhir::Bundle;
use fhir::bundle::{Entry, MATCH};
use fhir::naming::Type;
use fhir::search::{Criterion, PatientSearch};
use serde::{Deserialize, Serialize};

use super::criteria::{self, Condition};
use super::{answer, rows};
use crate::access::{Scope, visible_to};
use crate::app::App;
use crate::break_glass::BreakGlass;
use crate::merge::survivor;
use crate::patient::Patient;
use crate::schema::patients;

const FORM: &str = "application/x-www-form-urlencoded";

/// A page of a search, as a link carries it: sealed.
#[derive(Serialize, Deserialize)]
struct Cursor {
    criteria: Vec<Criterion>,
    count: Option<u32>,
    after: Option<After>,
}

/// The last row of the page before: when it changed, where the answer is in order of that, and its id.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct After(DateTime<Utc>, i64);

/// Search patients as a FHIR client does (R4, `Patient` with the Indian NRCeS profile).
///
/// Whom the caller may not see is not found. Parameters hold together, values between commas are alternatives; an unknown
/// one is 400. The links `self` and `next` carry a sealed cursor instead of what was looked for. By break-glass a doctor or
/// nurse searches beyond their care: for somebody, by a number, an address, an id, or a name of three characters.
#[utoipa::path(tag = "fhir", params(
        ("name" = Option<String>, Query, description = "words that names begin with, in any order, whatever case and accents; :contains, :exact"),
        ("family" = Option<String>, Query, description = "as name, of the family name"),
        ("given" = Option<String>, Query, description = "as name, of the given names"),
        ("identifier" = Option<String>, Query, description = "[system]|[value] or [value]: the hospital's number, ABHA number or ABHA address; of a record that was merged, the survivor is found"),
        ("phone" = Option<String>, Query, description = "in any notation"), ("email" = Option<String>, Query),
        ("birthdate" = Option<String>, Query, description = "YYYY, YYYY-MM or YYYY-MM-DD behind eq, ne, gt, lt, ge or le"),
        ("gender" = Option<String>, Query, description = "male, female, other or unknown"),
        ("_id" = Option<String>, Query, description = "of a record that was merged, the survivor is found"), ("_lastUpdated" = Option<String>, Query, description = "as birthdate, or a time; the answer is then in order of change"),
        ("_count" = Option<u32>, Query, description = "20 without it, at most 100; 0 only counts"),
        ("_format" = Option<String>, Query, description = "json"),
        ("_cursor" = Option<String>, Query, description = "from a link; alone or with _count"),
        ("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse searches beyond their care, at least 10 characters; is reviewed")),
    responses((status = 200, content_type = "application/fhir+json", body = Object, description = "a Bundle of type searchset"),
        (status = 400, content_type = "application/fhir+json", body = Object, description = "an OperationOutcome with every fault"),
        (status = 403, content_type = "application/fhir+json", body = Object, description = "this role may not")))]
#[get("/fhir/Patient/")]
pub async fn list(
    permit: Permit<FhirPatientRead>,
    break_glass: BreakGlass,
    http: HttpRequest,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    answer(&permit, &break_glass, &http, &app, http.query_string()).await
}

/// Search patients with the parameters in a form, so that no address shows them.
///
/// As `GET /fhir/Patient`; parameters of the address count too. It changes nothing: sent again, it is answered again.
#[utoipa::path(tag = "fhir", request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "the parameters of the search"),
    params(("X-Break-Glass" = Option<String>, Header, description = "why a doctor or nurse searches beyond their care, at least 10 characters; is reviewed")),
    responses((status = 200, content_type = "application/fhir+json", body = Object, description = "a Bundle of type searchset"),
        (status = 400, content_type = "application/fhir+json", body = Object, description = "an OperationOutcome with every fault"),
        (status = 403, content_type = "application/fhir+json", body = Object, description = "this role may not"), (status = 415)))]
#[post("/fhir/Patient/_search/")]
pub async fn list_by_form(
    permit: Permit<FhirPatientRead>,
    break_glass: BreakGlass,
    http: HttpRequest,
    body: web::Bytes,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let media = http.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM) {
        return Err(Problem::unsupported_media(FORM));
    }
    let form = std::str::from_utf8(&body).map_err(|_why| Problem::invalid("", "invalid", "the form is not UTF-8"))?;
    answer(&permit, &break_glass, &http, &app, &format!("{}&{form}", http.query_string())).await
}

async fn answer(
    permit: &Permit<FhirPatientRead>,
    break_glass: &BreakGlass,
    http: &HttpRequest,
    app: &App,
    query: &str,
) -> Result<HttpResponse, Problem> {
    let (search, after) = asked(app, query)?;
    let scope = break_glass.widen_for(&Scope::of(permit), search.is_for_somebody(), "")?;
    let conditions = criteria::conditions(&search.all, &app.patient_id_system)?;

    let mut conn = db::get(&app.db).await?;
    let mut found = rows(&mut conn, &scope, &conditions, &search, after).await?;
    let count = page::count_of(&mut conn, || matching(&scope, &conditions).select(patients::id)).await?;

    let size = usize::try_from(search.page_size()).map_err(Problem::internal)?;
    let more = size > 0 && found.len() > size;
    found.truncate(size);
    let shown: Vec<i64> = found.iter().map(|patient| patient.id).collect();
    permit.actor.trail.shows(shown.iter().copied());
    break_glass.record_search(&mut conn, app, permit, &shown).await?;

    let former_ids = survivor::former_ids(&mut conn, &shown).await?;

    let last = found.last().filter(|_| more).map(|last| After(last.updated_at, last.id));
    let origin = answer::origin(http);
    let naming = answer::naming(&origin);
    let entry = found.iter().map(|patient| {
        let key = patient.id.to_string();
        let former_ids = former_ids.get(&patient.id).map_or(&[][..], Vec::as_slice);
        let resource = fhir::patient::patient(&rows::patient(patient, former_ids, &key, &app.patient_id_system));
        Entry { full_url: naming.full_url(Type::Patient, &key), resource: resource.into(), search: Some(MATCH) }
    });
    let entry = entry.collect();
    let links = links(app, &format!("{origin}/fhir/Patient"), search, after, last)?;
    let Count { rows, estimated } = count;
    answer::bundle(&Bundle::searchset((!estimated).then_some(rows), links, entry))
}

/// What is looked for, and where its page begins.
fn asked(app: &App, query: &str) -> Result<(PatientSearch, Option<After>), Problem> {
    let search = fhir::search::parse(query, &app.time_zone).map_err(|faults| {
        let faults = faults.into_iter().map(|fault| Fault::new(fault.code, fault.message).at(fault.parameter));
        Problem::bad_request(Faults(faults.collect()))
    })?;
    let Some(sealed) = &search.cursor else { return Ok((search, None)) };
    let opened: Option<Cursor> = app.cursor_key.open(sealed)?;
    let Some(Cursor { criteria, count, after }) = opened else {
        return Err(Problem::invalid("_cursor", "invalid", "is not a cursor of ours"));
    };
    Ok((PatientSearch { all: criteria, count: search.count.or(count), cursor: None }, after))
}

fn links(
    app: &App,
    address: &str,
    search: PatientSearch,
    after: Option<After>,
    last: Option<After>,
) -> Result<Vec<fhir::bundle::Link>, Problem> {
    let plain = search.all.is_empty() && search.count.is_none() && after.is_none();
    let mut cursor = Cursor { criteria: search.all, count: search.count, after };
    let this = (!plain).then(|| app.cursor_key.seal(&cursor)).transpose()?;
    let next = match last {
        Some(last) => {
            cursor.after = Some(last);
            Some(app.cursor_key.seal(&cursor)?)
        }
        None => None,
    };
    Ok(answer::links(address, this.as_deref(), next.as_deref()))
}

type Matching = patients::BoxedQuery<'static, diesel::pg::Pg>;

fn matching(scope: &Scope, conditions: &[Condition]) -> Matching {
    conditions.iter().fold(visible_to(scope), |query, condition| query.filter(condition.clone()))
}

/// The rows of a page, and one more: the newest first, or in order of change.
async fn rows(
    conn: &mut AsyncPgConnection,
    scope: &Scope,
    conditions: &[Condition],
    search: &PatientSearch,
    after: Option<After>,
) -> QueryResult<Vec<Patient>> {
    let size = i64::from(search.page_size());
    if size == 0 {
        return Ok(Vec::new());
    }
    let mut query = matching(scope, conditions);
    query = match (search.is_by_change(), after) {
        (true, Some(After(at, id))) => query
            .filter(patients::updated_at.ge(at).and(patients::updated_at.gt(at).or(patients::id.gt(id))))
            .order((patients::updated_at.asc(), patients::id.asc())),
        (true, None) => query.order((patients::updated_at.asc(), patients::id.asc())),
        (false, Some(After(_, id))) => query.filter(patients::id.lt(id)).order(patients::id.desc()),
        (false, None) => query.order(patients::id.desc()),
    };
    query.limit(size.saturating_add(1)).select(Patient::as_select()).load(conn).await
}
