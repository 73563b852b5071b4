//! All that is known of a patient, page by page: the history kind by kind, the documents, the appointments, each newest first.

use chassis::db::Conn;
use chassis::problem::Problem;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use fhir::bundle::Link;
use fhir::{Bundle, everything};
use serde::{Deserialize, Serialize};

use super::answer;
use super::rows::Loaded;
use crate::app::App;
use crate::care::Visit;
use crate::documents::document::Document;
use crate::documents::kind::DocumentStatus;
use crate::history::entry::Entry;
use crate::history::kind::Kind;
use crate::patient::Patient;
use crate::schema::{care_appointments, documents};

/// Rows of a page unless asked otherwise; an appointment that took place makes two resources of one row.
const DEFAULT_SIZE: u32 = 100;
/// Rows of a page at most; who asks for more gets so many.
const LARGEST_SIZE: u32 = 500;
/// What a document is made of at most, of each kind.
pub const MOST_OF_A_KIND: i64 = 200;

/// Which page is asked for.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Place {
    patient: i64,
    size: u32,
    /// Where it begins; at the patient without it.
    from: Option<From>,
}

/// A list, and the row after which it goes on.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct From {
    list: List,
    before: Option<i64>,
}

/// The lists in their order.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum List {
    Entries(Kind),
    Documents,
    Visits,
}

fn lists() -> impl Iterator<Item = List> {
    Kind::ALL.iter().copied().map(List::Entries).chain([List::Documents, List::Visits])
}

impl Place {
    /// The place that the parameters name, of this patient.
    ///
    /// # Errors
    /// 400 for a size that is none, and a cursor that is not ours or of another patient.
    pub fn asked(app: &App, patient: i64, count: Option<u64>, cursor: Option<&str>) -> Result<Self, Problem> {
        let size = match count {
            Some(0) => return Err(Problem::invalid("_count", "out_of_range", "must be 1 or more")),
            Some(count) => u32::try_from(count).unwrap_or(LARGEST_SIZE).min(LARGEST_SIZE),
            None => DEFAULT_SIZE,
        };
        let Some(cursor) = cursor else { return Ok(Self { patient, size, from: None }) };
        let place: Option<Self> = app.cursor_key.open(cursor)?;
        let place = place.filter(|place| place.patient == patient);
        let place =
            place.ok_or_else(|| Problem::invalid("_cursor", "invalid", "is not a cursor of ours for this patient"))?;
        Ok(Self { size: if count.is_some() { size } else { place.size }, ..place })
    }
}

/// The page, as a bundle whose links lead on from `address`.
///
/// # Errors
/// When PostgreSQL refuses; 400 when the row is gone after which the page goes on.
#[tracing::instrument(name = "fhir.everything", skip_all)]
pub async fn bundle(
    app: &App,
    conn: &mut Conn,
    patient: Patient,
    place: Place,
    origin: &str,
    address: &str,
) -> Result<Bundle, Problem> {
    let mut moment = conn.build_transaction().repeatable_read().read_only();
    let (loaded, next) = moment.run(async |conn| page(conn, patient, place).await).await.map_err(gone)?;
    let which = if place.from.is_none() { everything::Page::First } else { everything::Page::Later };
    let entry = everything::everything(&answer::naming(origin), &loaded.record(app, origin), which);
    Ok(Bundle::searchset(None, links(app, address, place, next)?, entry))
}

/// Only a row that a merge has moved since is not found.
fn gone(fault: diesel::result::Error) -> Problem {
    match fault {
        diesel::result::Error::NotFound => Problem::invalid("_cursor", "gone", "leads nowhere any more; begin anew"),
        fault => fault.into(),
    }
}

fn links(app: &App, address: &str, place: Place, next: Option<From>) -> Result<Vec<Link>, Problem> {
    let plain = place.from.is_none() && place.size == DEFAULT_SIZE;
    let this = (!plain).then(|| app.cursor_key.seal(&place)).transpose()?;
    let next = next.map(|from| app.cursor_key.seal(&Place { from: Some(from), ..place })).transpose()?;
    Ok(answer::links(address, this.as_deref(), next.as_deref()))
}

async fn page(conn: &mut AsyncPgConnection, patient: Patient, place: Place) -> QueryResult<(Loaded, Option<From>)> {
    let (mut entries, mut documents, mut visits) = (Vec::new(), Vec::new(), Vec::new());
    let mut room = i64::from(place.size);
    let mut next = None;
    let begin = place.from.map(|from| from.list);
    for list in lists().skip_while(|list| begin.is_some_and(|begin| begin != *list)) {
        let before = place.from.filter(|from| from.list == list).and_then(|from| from.before);
        let most = room.saturating_add(1);
        let last = match list {
            List::Entries(kind) => {
                let found = Entry::newest(conn, patient.id, kind, false, before, most).await?;
                fill(&mut entries, found, &mut room, |entry| entry.id)
            }
            List::Documents => {
                let found = readable(conn, patient.id, before, most).await?;
                fill(&mut documents, found, &mut room, |document| document.id)
            }
            List::Visits => {
                fill(&mut visits, visits_before(conn, patient.id, before, most).await?, &mut room, |visit| visit.id)
            }
        };
        if let Some(before) = last {
            next = Some(From { list, before });
            break;
        }
    }
    Ok((Loaded::with(conn, patient, entries, documents, visits).await?, next))
}

/// Takes as many rows as there is room for. Where there are more, says after which of them they come: after none yet, where
/// there was no room at all.
fn fill<T>(kept: &mut Vec<T>, mut found: Vec<T>, room: &mut i64, id: impl Fn(&T) -> i64) -> Option<Option<i64>> {
    let fits = usize::try_from(*room).unwrap_or(usize::MAX);
    let more = found.len() > fits;
    found.truncate(fits);
    let last = found.last().map(id);
    *room = room.saturating_sub(i64::try_from(found.len()).unwrap_or(i64::MAX));
    kept.extend(found);
    more.then_some(last)
}

/// What a document of the record is made of: of each kind the newest.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn newest(conn: &mut AsyncPgConnection, patient: Patient) -> QueryResult<Loaded> {
    let mut entries = Vec::new();
    for kind in Kind::ALL {
        entries.extend(Entry::newest(conn, patient.id, *kind, false, None, MOST_OF_A_KIND).await?);
    }
    let documents = readable(conn, patient.id, None, MOST_OF_A_KIND).await?;
    let visits = Visit::newest(conn, patient.id, MOST_OF_A_KIND).await?;
    Loaded::with(conn, patient, entries, documents, visits).await
}

/// The documents that can be read, the newest first.
async fn readable(
    conn: &mut AsyncPgConnection,
    patient: i64,
    before: Option<i64>,
    most: i64,
) -> QueryResult<Vec<Document>> {
    documents::table
        .filter(documents::patient.eq(patient).and(documents::status.eq(DocumentStatus::Ready)))
        .filter(documents::id.lt(before.unwrap_or(i64::MAX)))
        .order(documents::id.desc())
        .limit(most)
        .select(Document::as_select())
        .load(conn)
        .await
}

async fn visits_before(
    conn: &mut AsyncPgConnection,
    patient: i64,
    before: Option<i64>,
    most: i64,
) -> QueryResult<Vec<Visit>> {
    use care_appointments::dsl;
    let Some(before) = before else { return Visit::newest(conn, patient, most).await };
    let of_patient = dsl::id.eq(before).and(dsl::patient.eq(patient));
    let at: chrono::DateTime<chrono::Utc> =
        dsl::care_appointments.filter(of_patient).select(dsl::starts_at).first(conn).await?;
    let beyond =
        sql::<Bool>("(starts_at, id) < (").bind::<Timestamptz, _>(at).sql(", ").bind::<BigInt, _>(before).sql(")");
    dsl::care_appointments
        .filter(dsl::patient.eq(patient))
        .filter(beyond)
        .order((dsl::starts_at.desc(), dsl::id.desc()))
        .limit(most)
        .select(Visit::as_select())
        .load(conn)
        .await
}
