//! A patient's whole history out of PostgreSQL: which version it is, and what it holds.

use actix_web::web::Bytes;
use chassis::prepared::Prepare as _;
use chrono_tz::Tz;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::entry::Entry;
use super::kind::Kind;
use super::view::{AppointmentView, HistoryView};
use crate::access::{Scope, visible_to};
use crate::care::Visit;
use crate::documents::document::Document;
use crate::merge::survivor::AnswersFor;
use crate::schema::{history_heads, patients};

/// What a list holds at most.
pub const LONGEST_LIST: usize = 500;

/// What of a history is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Those entered in error too.
    pub with_errors: bool,
    /// Entries of one kind only, going on after this entry.
    pub beyond: Option<(Kind, i64)>,
}

/// A history as it is answered, and the version that it is.
#[derive(Clone)]
pub struct Snapshot {
    /// Rises with every change.
    pub version: i64,
    /// A [`HistoryView`] as JSON.
    pub body: Bytes,
}

/// The version of a patient's history, if the scope shows the patient; 0 where there is nothing. One prepared query, which
/// every reader makes: it is the access check, and it tells whether a copy is the present one.
///
/// # Errors
/// `NotFound` too when the patient is there and not visible.
pub async fn version(conn: &mut AsyncPgConnection, scope: &Scope, patient: i64) -> QueryResult<i64> {
    Ok(standing(conn, scope, patient).await?.1)
}

/// The same, after the id of the patient who answers for the one that is asked for.
///
/// # Errors
/// As [`version`].
pub async fn standing(conn: &mut AsyncPgConnection, scope: &Scope, patient: i64) -> QueryResult<(i64, i64)> {
    let version = "(SELECT coalesce(max(head.version), 0) FROM history_heads AS head WHERE head.patient = patients.id)";
    let found = visible_to(scope).filter(AnswersFor(patient));
    found.select((patients::id, sql::<BigInt>(version))).prepared().get_result(conn).await
}

/// The history at one moment: nothing that is written meanwhile is half in it.
///
/// # Errors
/// When PostgreSQL refuses, or it cannot be written as JSON.
pub async fn load(conn: &mut AsyncPgConnection, patient: i64, extent: Extent, zone: Tz) -> QueryResult<Snapshot> {
    let mut moment = conn.build_transaction().repeatable_read().read_only();
    let (version, view) = moment
        .run(async |conn| {
            let head = history_heads::table.find(patient).select(history_heads::version);
            let version: Option<i64> = head.first(conn).await.optional()?;
            let view = read(conn, patient, extent, zone).await?;
            Ok::<_, diesel::result::Error>((version.unwrap_or(0), view))
        })
        .await?;
    let body = serde_json::to_vec(&view).map_err(|fault| diesel::result::Error::SerializationError(fault.into()))?;
    Ok(Snapshot { version, body: body.into() })
}

async fn read(conn: &mut AsyncPgConnection, patient: i64, extent: Extent, zone: Tz) -> QueryResult<HistoryView> {
    let most = i64::try_from(LONGEST_LIST + 1).unwrap_or(i64::MAX);
    let mut view = HistoryView { patient, ..HistoryView::default() };
    for kind in Kind::ALL.iter().copied().filter(|kind| extent.beyond.is_none_or(|(only, _)| only == *kind)) {
        let before = extent.beyond.map(|(_, before)| before);
        let mut found = Entry::newest(conn, patient, kind, extent.with_errors, before, most).await?;
        if found.len() > LONGEST_LIST {
            found.truncate(LONGEST_LIST);
            let last = found.last().map_or(0, |entry| entry.id);
            view.more.insert(kind.list(), onwards(patient, kind, last, extent.with_errors));
        }
        *view.list(kind) = found.into_iter().map(Into::into).collect();
    }
    if extent.beyond.is_none() {
        let mut visits = Visit::newest(conn, patient, most).await?;
        if visits.len() > LONGEST_LIST {
            visits.truncate(LONGEST_LIST);
            view.more.insert("appointments", format!("/api/appointments/?patient={patient}"));
        }
        let mut documents = Document::newest(conn, patient, most).await?;
        if documents.len() > LONGEST_LIST {
            documents.truncate(LONGEST_LIST);
            view.more.insert("documents", format!("/api/patients/{patient}/documents/?page_size=100&page=6"));
        }
        view.documents = documents.into_iter().map(Into::into).collect();
        view.appointments = visits.into_iter().map(|visit| AppointmentView::of(visit, zone)).collect();
    }
    Ok(view)
}

fn onwards(patient: i64, kind: Kind, last: i64, with_errors: bool) -> String {
    let with_errors = if with_errors { "&include_entered_in_error=true" } else { "" };
    format!("/api/patients/{patient}/medical-history/?kind={}&before={last}{with_errors}", kind.as_str())
}
