//! Linking: rows that are written become part of the chain, in order, a moment later.
//!
//! A transaction below PostgreSQL's oldest running one has ended, and no row of it can still appear. So the links cover the
//! transactions from the last link's end up to there, whole: whatever is in that range later is what was linked, or it shows.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};

use crate::chain::{GENESIS, hash};
use crate::row::Row;
use crate::schema::{audit_anchor, audit_link, audit_log};

/// Rows of one link at most; those of one transaction stay together.
pub(crate) const MOST_ROWS: usize = 5_000;

/// Where the chain ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of its last link; 0 when there is none.
    pub seq: i64,
    /// The first transaction that is not linked.
    pub end_tx: i64,
    /// Hash of the last link.
    pub hash: Vec<u8>,
}

impl Head {
    /// What the first link is chained to.
    pub(crate) fn genesis() -> Self {
        Self { seq: 0, end_tx: 0, hash: GENESIS.to_vec() }
    }

    /// The last link, or the anchor where all links before it were detached.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn find(conn: &mut AsyncPgConnection) -> QueryResult<Self> {
        let last = audit_link::table.order(audit_link::seq.desc());
        let found: Option<(i64, i64, Vec<u8>)> =
            last.select((audit_link::seq, audit_link::end_tx, audit_link::hash)).first(conn).await.optional()?;
        Ok(found.map_or_else(Self::genesis, |(seq, end_tx, hash)| Self { seq, end_tx, hash }))
    }

    /// Where verifying begins.
    pub(crate) async fn anchor(conn: &mut AsyncPgConnection) -> QueryResult<Self> {
        let last = audit_anchor::table.order(audit_anchor::seq.desc());
        let found: Option<(i64, i64, Vec<u8>)> =
            last.select((audit_anchor::seq, audit_anchor::end_tx, audit_anchor::hash)).first(conn).await.optional()?;
        Ok(found.map_or_else(Self::genesis, |(seq, end_tx, hash)| Self { seq, end_tx, hash }))
    }
}

/// What one link covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Linked {
    /// Rows.
    pub rows: usize,
    /// Places in the index of rows about many patients: one for each patient of each such row.
    pub places: usize,
}

impl Linked {
    fn of(rows: &[Row]) -> Self {
        let shown = rows.iter().map(|row| row.patients.len()).filter(|patients| *patients > 1);
        Self { rows: rows.len(), places: shown.sum() }
    }
}

/// Adds one link for what is written and not linked yet, if there is any. Returns what it covers; nothing when another
/// process is linking.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn link(conn: &mut AsyncPgConnection) -> QueryResult<Linked> {
    conn.transaction(async |conn| {
        let mine = sql::<Bool>("pg_try_advisory_xact_lock('audit_link'::regclass::oid::bigint)");
        if !diesel::select(mine).get_result::<bool>(conn).await? {
            return Ok(Linked::default());
        }
        let ended = sql::<BigInt>("pg_snapshot_xmin(pg_current_snapshot())::text::bigint");
        let ended: i64 = diesel::select(ended).get_result(conn).await?;
        let head = Head::find(conn).await?;
        let (rows, end_tx) = unlinked(conn, head.end_tx, ended).await?;
        if rows.is_empty() {
            return Ok(Linked::default());
        }
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let new = (
            audit_link::seq.eq(head.seq.saturating_add(1)),
            audit_link::first_tx.eq(head.end_tx),
            audit_link::end_tx.eq(end_tx),
            audit_link::rows.eq(count),
            audit_link::hash.eq(hash(&head.hash, &rows).to_vec()),
        );
        diesel::insert_into(audit_link::table).values(new).execute(conn).await?;
        Ok(Linked::of(&rows))
    })
    .await
}

async fn unlinked(conn: &mut AsyncPgConnection, first: i64, ended: i64) -> QueryResult<(Vec<Row>, i64)> {
    let limit = i64::try_from(MOST_ROWS).unwrap_or(i64::MAX);
    let mut rows: Vec<Row> = of_transactions(first, ended).limit(limit).load(conn).await?;
    if rows.len() < MOST_ROWS {
        return Ok((rows, ended));
    }
    let Some(last) = rows.last().map(|row| row.tx) else { return Ok((rows, ended)) };
    let whole = last.saturating_add(1);
    rows.retain(|row| row.tx != last);
    rows.extend(of_transactions(last, whole).load::<Row>(conn).await?);
    Ok((rows, whole))
}

type Rows =
    audit_log::BoxedQuery<'static, diesel::pg::Pg, diesel::dsl::SqlTypeOf<diesel::dsl::AsSelect<Row, diesel::pg::Pg>>>;

/// The rows of the transactions from `first` up to `end`, without it, in the chain's order.
pub(crate) fn of_transactions(first: i64, end: i64) -> Rows {
    audit_log::table
        .select(Row::as_select())
        .filter(audit_log::tx.ge(first))
        .filter(audit_log::tx.lt(end))
        .order((audit_log::tx, audit_log::id))
        .into_boxed()
}
