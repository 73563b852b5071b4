//! Which rows may travel together.

use std::collections::HashSet;

use crate::outbox::Waiting;

/// SQS takes ten messages a request.
const ENTRIES: usize = 10;
/// And 256 KiB; base64 makes four bytes of three.
const BYTES: usize = 180 * 1024;

/// Takes the next rows to send in one request out of `pending`: at most one of each message group, each the oldest of its group, so that
/// whatever part of the request fails, no event overtakes another of its aggregate.
pub(super) fn next(pending: &mut Vec<Waiting>) -> Vec<Waiting> {
    let mut groups: HashSet<String> = HashSet::new();
    let mut bytes: usize = 0;
    let mut full = false;
    let (batch, rest) = std::mem::take(pending).into_iter().partition(|row| {
        let oldest = groups.insert(row.message_group.clone());
        full |= groups.len() > ENTRIES || (bytes > 0 && bytes + row.body.len() > BYTES);
        if oldest && !full {
            bytes += row.body.len();
        }
        oldest && !full
    });
    *pending = rest;
    batch
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn row(id: i64, group: &str, bytes: usize) -> Waiting {
        Waiting {
            id,
            event_id: Uuid::now_v7(),
            event_type: "PatientUpdated".to_owned(),
            subscriber: "billing".to_owned(),
            message_group: group.to_owned(),
            body: vec![0; bytes],
            traceparent: None,
        }
    }

    fn ids(rows: &[Waiting]) -> Vec<i64> {
        rows.iter().map(|row| row.id).collect()
    }

    #[test]
    fn a_group_gives_its_oldest_only() {
        let mut pending = vec![row(1, "a", 1), row(2, "a", 1), row(3, "b", 1), row(4, "a", 1), row(5, "b", 1)];
        assert_eq!(ids(&next(&mut pending)), [1, 3]);
        assert_eq!(ids(&next(&mut pending)), [2, 5]);
        assert_eq!(ids(&next(&mut pending)), [4]);
        assert!(next(&mut pending).is_empty());
    }

    #[test]
    fn a_request_has_ten_entries_at_most() {
        let mut pending: Vec<_> = (0..25).map(|id| row(id, &format!("g{id}"), 1)).collect();
        assert_eq!(ids(&next(&mut pending)), (0..10).collect::<Vec<_>>());
        assert_eq!(next(&mut pending).len(), 10);
        assert_eq!(next(&mut pending).len(), 5);
    }

    #[test]
    fn a_request_stays_below_the_size_that_sqs_takes() {
        let mut pending = vec![row(1, "a", 128 * 1024), row(2, "b", 128 * 1024), row(3, "c", 1)];
        assert_eq!(ids(&next(&mut pending)), [1]);
        assert_eq!(ids(&next(&mut pending)), [2, 3]);
    }
}
