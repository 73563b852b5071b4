//! The blocks of another calendar: what is stored of it, and how it becomes what the calendar says now.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::expand::{Busy, Key, Reading, Uid};
use crate::schema::time_off;
use crate::slots::Span;
use crate::time_off::Kind;

/// Rows of one statement: a statement has at most 65,535 parameters.
const BATCH: usize = 1000;

/// Whose calendar, and which.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The doctor.
    pub doctor: i64,
    /// The calendar's name.
    pub name: &'a str,
}

/// A stored block.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = time_off, check_for_backend(Pg))]
pub struct Stored {
    id: i64,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    source_uid: Option<Vec<u8>>,
    source_start: Option<DateTime<Utc>>,
    source_sequence: Option<i64>,
    source_stamp: Option<DateTime<Utc>>,
}

/// What has to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New ones.
    pub added: Vec<(Key, Busy)>,
    /// Those that are at another time now, by id.
    pub moved: Vec<(i64, Busy)>,
    /// Those that are as they were, and of a newer version, by id.
    pub confirmed: Vec<(i64, Busy)>,
    /// Those that are no more, by id.
    pub removed: Vec<i64>,
    /// When a block was that is elsewhere now, or nowhere.
    pub left: Vec<Span>,
    /// When a block is, now that it is done.
    pub held: Vec<Span>,
    /// Blocks that stay as they are.
    pub unchanged: usize,
    /// Of these, those that are newer than what the file says.
    pub newer: usize,
}

impl Stored {
    /// Those of a calendar that are not over, and of the UIDs that the file has.
    pub async fn of(
        conn: &mut AsyncPgConnection,
        source: Source<'_>,
        reading: &Reading,
        now: DateTime<Utc>,
    ) -> QueryResult<Vec<Self>> {
        let uids: HashSet<&Uid> = reading.busy.keys().map(|(uid, _)| uid).collect();
        let uids: Vec<&[u8]> = uids.into_iter().map(<[u8; 32]>::as_slice).collect();
        time_off::table
            .filter(time_off::doctor_id.eq(source.doctor).and(time_off::source.eq(source.name)))
            .filter(time_off::ends_at.gt(now).or(time_off::source_uid.eq_any(uids)))
            .select(Self::as_select())
            .load(conn)
            .await
    }

    fn key(&self) -> Option<Key> {
        let uid = self.source_uid.as_deref()?.try_into().ok()?;
        Some((uid, self.source_start))
    }

    fn span(&self) -> Span {
        Span { start: self.starts_at, end: self.ends_at }
    }

    /// Whether what is stored is of a later version than what the file says.
    fn is_newer(&self, busy: &Busy) -> bool {
        let sequence = self.source_sequence.unwrap_or(0);
        let later = || self.source_stamp.zip(busy.stamp).is_some_and(|(stored, said)| stored > said);
        sequence > busy.sequence || (sequence == busy.sequence && later())
    }
}

/// What has to be done for the blocks to be as the file says; what is over stays.
pub fn changes(stored: Vec<Stored>, reading: &Reading, now: DateTime<Utc>) -> Changes {
    let mut changes = Changes::default();
    let mut left: BTreeMap<Key, Busy> = reading.busy.clone();
    for row in stored {
        let Some(key) = row.key() else { continue };
        match left.remove(&key) {
            Some(busy) if row.is_newer(&busy) => {
                changes.unchanged += 1;
                changes.newer += 1;
                changes.held.push(row.span());
            }
            Some(busy) if busy.span == row.span() => {
                changes.unchanged += 1;
                changes.held.push(busy.span);
                if row.source_sequence != Some(busy.sequence) || row.source_stamp != busy.stamp {
                    changes.confirmed.push((row.id, busy));
                }
            }
            Some(busy) => {
                changes.left.push(row.span());
                changes.held.push(busy.span);
                changes.moved.push((row.id, busy));
            }
            None if row.ends_at <= now => {}
            None if reading.unread.contains(&key.0) => {
                changes.unchanged += 1;
                changes.held.push(row.span());
            }
            None => {
                changes.left.push(row.span());
                changes.removed.push(row.id);
            }
        }
    }
    changes.held.extend(left.values().map(|busy| busy.span));
    changes.added = left.into_iter().collect();
    changes
}

const RESET: &str = "UPDATE time_off SET starts_at = said.starts_at, ends_at = said.ends_at, source_sequence = said.sequence, \
                     source_stamp = said.stamp, \
                     version = version + ((time_off.starts_at, time_off.ends_at) <> (said.starts_at, said.ends_at))::integer \
                     FROM unnest($1, $2, $3, $4, $5) AS said (id, starts_at, ends_at, sequence, stamp) \
                     WHERE time_off.id = said.id";

impl Changes {
    /// Does it.
    pub async fn apply(&self, conn: &mut AsyncPgConnection, source: Source<'_>, by: i64) -> QueryResult<()> {
        for ids in self.removed.chunks(BATCH) {
            diesel::delete(time_off::table.filter(time_off::id.eq_any(ids))).execute(conn).await?;
        }
        reset(conn, &self.moved).await?;
        reset(conn, &self.confirmed).await?;
        for added in self.added.chunks(BATCH) {
            let rows: Vec<_> = added
                .iter()
                .map(|((uid, start), busy)| {
                    (
                        time_off::doctor_id.eq(source.doctor),
                        time_off::kind.eq(Kind::Block),
                        time_off::starts_at.eq(busy.span.start),
                        time_off::ends_at.eq(busy.span.end),
                        time_off::reason.eq(""),
                        time_off::created_by.eq(by),
                        time_off::source.eq(source.name),
                        time_off::source_uid.eq(uid.as_slice()),
                        time_off::source_start.eq(start),
                        time_off::source_sequence.eq(busy.sequence),
                        time_off::source_stamp.eq(busy.stamp),
                    )
                })
                .collect();
            diesel::insert_into(time_off::table).values(rows).execute(conn).await?;
        }
        Ok(())
    }
}

async fn reset(conn: &mut AsyncPgConnection, rows: &[(i64, Busy)]) -> QueryResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let of = |pick: fn(&Busy) -> DateTime<Utc>| rows.iter().map(|(_, busy)| pick(busy)).collect::<Vec<_>>();
    diesel::sql_query(RESET)
        .bind::<Array<BigInt>, _>(rows.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind::<Array<Timestamptz>, _>(of(|busy| busy.span.start))
        .bind::<Array<Timestamptz>, _>(of(|busy| busy.span.end))
        .bind::<Array<BigInt>, _>(rows.iter().map(|(_, busy)| busy.sequence).collect::<Vec<_>>())
        .bind::<Array<Nullable<Timestamptz>>, _>(rows.iter().map(|(_, busy)| busy.stamp).collect::<Vec<_>>())
        .execute(conn)
        .await
        .map(drop)
}

/// Spans as one lies after the other, none touching the next.
pub fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort();
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if last.end >= span.start => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// Whether a span lies over one of those, which are [`merged`].
pub fn is_hit(merged: &[Span], span: &Span) -> bool {
    let after = merged.partition_point(|one| one.end <= span.start);
    merged.get(after).is_some_and(|one| one.overlaps(span))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-12-01T00:00:00Z".parse().unwrap()
    }

    fn span(from: i64, to: i64) -> Span {
        Span { start: now() + TimeDelta::hours(from), end: now() + TimeDelta::hours(to) }
    }

    fn stored(id: i64, uid: u8, span: Span, sequence: i64) -> Stored {
        Stored {
            id,
            starts_at: span.start,
            ends_at: span.end,
            source_uid: Some(vec![uid; 32]),
            source_start: None,
            source_sequence: Some(sequence),
            source_stamp: Some(now()),
        }
    }

    fn busy(span: Span, sequence: i64, stamp: i64) -> Busy {
        Busy { span, sequence, stamp: Some(now() + TimeDelta::hours(stamp)) }
    }

    #[test]
    fn a_newer_file_adds_moves_and_removes_and_an_older_one_does_not() {
        let rows = vec![
            stored(1, 1, span(1, 2), 0),
            stored(2, 2, span(3, 4), 5),
            stored(3, 3, span(5, 6), 1),
            stored(4, 4, span(7, 8), 0),
            stored(5, 5, span(-2, -1), 0),
            stored(6, 6, span(9, 10), 0),
        ];
        let mut reading = Reading::default();
        reading.unread.insert([6; 32]);
        for (uid, busy) in [
            (1, busy(span(2, 3), 0, 1)),   // moved, without another SEQUENCE
            (2, busy(span(1, 2), 4, 9)),   // older
            (3, busy(span(5, 6), 2, 0)),   // the same, of a newer version
            (7, busy(span(11, 12), 0, 0)), // new
        ] {
            reading.busy.insert(([uid; 32], None), busy);
        }
        let changes = changes(rows, &reading, now());
        assert_eq!(changes.moved.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1]);
        assert_eq!(changes.confirmed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [3]);
        assert_eq!((changes.removed, changes.added.len()), (vec![4], 1));
        assert_eq!((changes.unchanged, changes.newer), (3, 1));
        assert_eq!(merged(changes.held), [span(2, 4), span(5, 6), span(9, 10), span(11, 12)]);
        assert_eq!(merged(changes.left), [span(1, 2), span(7, 8)]);
    }

    #[test]
    fn what_is_hit_is_found_and_touching_is_no_hit() {
        let all = merged(vec![span(4, 6), span(1, 2), span(5, 8), span(2, 3)]);
        assert_eq!(all, [span(1, 3), span(4, 8)]);
        for (one, hit) in
            [(span(0, 1), false), (span(0, 2), true), (span(3, 4), false), (span(7, 9), true), (span(8, 9), false)]
        {
            assert_eq!(is_hit(&all, &one), hit, "{one:?}");
        }
        assert!(!is_hit(&[], &span(0, 1)));
    }
}
