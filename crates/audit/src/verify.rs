//! Whether the chain holds.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use crate::chain::{hash, hex};
use crate::link::{Head, of_transactions};
use crate::row::Row;
use crate::schema::{audit_link, audit_log};

/// Links read at a time.
const LINKS: i64 = 1_000;
/// Faults that are told; more would say nothing new.
const MOST_FAULTS: usize = 20;

/// What verifying found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Verdict {
    /// Whether every row is as it was linked, none is missing, and none was added behind.
    pub holds: bool,
    /// Links that were verified.
    pub links: i64,
    /// Rows in them.
    pub rows: i64,
    /// Rows written and not linked yet; the worker links them within about a second.
    pub unlinked: i64,
    /// Number of the last link. Compare it and `head` with what the log said: an end that was cut off shows there only.
    pub seq: i64,
    /// Hash of the last link.
    pub head: String,
    /// Whether the chain holds the head that was asked about; null when none was.
    pub holds_head: Option<bool>,
    /// What is wrong; the first twenty.
    pub faults: Vec<String>,
}

/// A head that was seen before, in the log.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Number of the link.
    pub seq: i64,
    /// Its hash, in hexadecimal.
    pub hash: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_link, check_for_backend(Pg))]
struct Link {
    seq: i64,
    first_tx: i64,
    end_tx: i64,
    rows: i64,
    hash: Vec<u8>,
}

/// Verifies the whole chain, from the anchor on, within one snapshot.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn verify(conn: &mut AsyncPgConnection, seen: Option<&Seen>) -> QueryResult<Verdict> {
    conn.build_transaction().read_only().repeatable_read().run(async |conn| walk(conn, seen).await).await
}

async fn walk(conn: &mut AsyncPgConnection, seen: Option<&Seen>) -> QueryResult<Verdict> {
    let mut last = Head::anchor(conn).await?;
    let mut verdict = Verdict {
        holds: true,
        links: 0,
        rows: 0,
        unlinked: 0,
        seq: last.seq,
        head: hex(&last.hash),
        holds_head: seen.map(|seen| seen.seq == last.seq && seen.hash == hex(&last.hash)),
        faults: Vec::new(),
    };
    loop {
        let next = audit_link::table.filter(audit_link::seq.gt(last.seq)).order(audit_link::seq).limit(LINKS);
        let links: Vec<Link> = next.select(Link::as_select()).load(conn).await?;
        if links.is_empty() {
            break;
        }
        for link in links {
            let rows: Vec<Row> = of_transactions(last.end_tx, link.end_tx).load(conn).await?;
            verdict.faults.extend(fault(&last, &link, &rows));
            verdict.links = verdict.links.saturating_add(1);
            verdict.rows = verdict.rows.saturating_add(i64::try_from(rows.len()).unwrap_or(i64::MAX));
            if let Some(seen) = seen.filter(|seen| seen.seq == link.seq) {
                verdict.holds_head = Some(seen.hash.eq_ignore_ascii_case(&hex(&link.hash)));
            }
            last = Head { seq: link.seq, end_tx: link.end_tx, hash: link.hash };
        }
        if verdict.faults.len() >= MOST_FAULTS {
            break;
        }
    }
    verdict.faults.truncate(MOST_FAULTS);
    verdict.unlinked = audit_log::table.filter(audit_log::tx.ge(last.end_tx)).count().get_result(conn).await?;
    verdict.holds = verdict.faults.is_empty() && verdict.holds_head != Some(false);
    (verdict.seq, verdict.head) = (last.seq, hex(&last.hash));
    Ok(verdict)
}

fn fault(last: &Head, link: &Link, rows: &[Row]) -> Option<String> {
    let found = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    if link.seq != last.seq.saturating_add(1) || link.first_tx != last.end_tx {
        return Some(format!("link {} does not follow link {}: links are missing", link.seq, last.seq));
    }
    if found != link.rows {
        return Some(format!("link {} covered {} rows, and there are {found}", link.seq, link.rows));
    }
    let same = hash(&last.hash, rows).as_slice() == link.hash.as_slice();
    let (from, to) = (rows.first()?.id, rows.last()?.id);
    (!same).then(|| format!("link {}: a row between {from} and {to} is not what was linked", link.seq))
}
