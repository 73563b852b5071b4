//! Whether the chain holds.
//!
//! A long log takes longer than an answer may: a [`Verification`] goes on where it stopped.

use std::time::{Duration, Instant};

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
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
#[schema(as = AuditVerdict)]
pub struct Verdict {
    /// Whether every row that was verified, since verifying began, is as it was linked, none is missing, and none was added behind.
    pub holds: bool,
    /// Links that were verified, since verifying began.
    pub links: i64,
    /// Rows in them.
    pub rows: i64,
    /// Rows written and not linked yet; the worker links them within about a second.
    pub unlinked: i64,
    /// Number of the last link that was verified. Of the whole chain's, compare it and `head` with what the log said: an end that was
    /// cut off shows there only.
    pub seq: i64,
    /// Hash of that link.
    pub head: String,
    /// Whether the chain holds the head that was asked about; null when none was, and before its link is reached.
    pub holds_head: Option<bool>,
    /// What is wrong; the first twenty of this answer.
    pub faults: Vec<String>,
    /// Where to go on, of a log that takes longer than one answer; the whole chain is verified when this is null.
    pub next: Option<String>,
}

/// A head that was seen before, in the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    Verification::new(seen.cloned()).go_on(conn, None).await
}

/// How far verifying has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verification {
    last: Head,
    links: i64,
    rows: i64,
    holds: bool,
    seen: Option<Seen>,
    holds_head: Option<bool>,
    #[serde(skip)]
    is_over: bool,
}

impl Verification {
    /// One that has not begun, which is to find a head that was seen.
    pub fn new(seen: Option<Seen>) -> Self {
        Self { last: Head::genesis(), links: 0, rows: 0, holds: true, seen, holds_head: None, is_over: false }
    }

    /// Whether nothing is left to verify.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Verifies what follows, within one snapshot: a link at least, and no further one after `longest`.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn go_on(&mut self, conn: &mut AsyncPgConnection, longest: Option<Duration>) -> QueryResult<Verdict> {
        let mut snapshot = conn.build_transaction().read_only().repeatable_read();
        snapshot.run(async |conn| self.walk(conn, longest).await).await
    }

    async fn walk(&mut self, conn: &mut AsyncPgConnection, longest: Option<Duration>) -> QueryResult<Verdict> {
        let began = Instant::now();
        let anchor = Head::anchor(conn).await?;
        let mut faults = Vec::new();
        if anchor.seq > self.last.seq {
            self.last = anchor; // what comes before it was detached, perhaps a moment ago
        } else if anchor.seq < self.last.seq && hash_of(conn, self.last.seq).await?.as_ref() != Some(&self.last.hash) {
            faults.push(format!("link {} is not the one that was verified before", self.last.seq));
        }
        self.look_for_head();
        'links: loop {
            let links = next_links(conn, self.last.seq).await?;
            if links.is_empty() || faults.len() >= MOST_FAULTS {
                self.is_over = true;
                break;
            }
            for link in links {
                faults.extend(self.take(conn, link).await?);
                if longest.is_some_and(|longest| began.elapsed() >= longest) {
                    break 'links;
                }
            }
        }
        self.holds &= faults.is_empty();
        faults.truncate(MOST_FAULTS);
        self.verdict(conn, faults).await
    }

    /// Verifies one link; tells what is wrong with it.
    async fn take(&mut self, conn: &mut AsyncPgConnection, link: Link) -> QueryResult<Option<String>> {
        let rows: Vec<Row> = of_transactions(self.last.end_tx, link.end_tx).load(conn).await?;
        let fault = fault(&self.last, &link, &rows);
        self.links = self.links.saturating_add(1);
        self.rows = self.rows.saturating_add(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        self.last = Head { seq: link.seq, end_tx: link.end_tx, hash: link.hash };
        self.look_for_head();
        Ok(fault)
    }

    fn look_for_head(&mut self) {
        if let Some(seen) = self.seen.as_ref().filter(|seen| seen.seq == self.last.seq) {
            self.holds_head = Some(seen.hash.eq_ignore_ascii_case(&hex(&self.last.hash)));
        }
    }

    async fn verdict(&self, conn: &mut AsyncPgConnection, faults: Vec<String>) -> QueryResult<Verdict> {
        let end = Head::find(conn).await?.end_tx;
        let unlinked = audit_log::table.filter(audit_log::tx.ge(end)).count().get_result(conn).await?;
        let is_missing = self.is_over && self.seen.is_some() && self.holds_head.is_none();
        let holds_head = if is_missing { Some(false) } else { self.holds_head };
        Ok(Verdict {
            holds: self.holds && holds_head != Some(false),
            links: self.links,
            rows: self.rows,
            unlinked,
            seq: self.last.seq,
            head: hex(&self.last.hash),
            holds_head,
            faults,
            next: None,
        })
    }
}

async fn hash_of(conn: &mut AsyncPgConnection, seq: i64) -> QueryResult<Option<Vec<u8>>> {
    audit_link::table.find(seq).select(audit_link::hash).first(conn).await.optional()
}

async fn next_links(conn: &mut AsyncPgConnection, last: i64) -> QueryResult<Vec<Link>> {
    let next = audit_link::table.filter(audit_link::seq.gt(last)).order(audit_link::seq).limit(LINKS);
    next.select(Link::as_select()).load(conn).await
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
