//! The hash of a link: SHA-256 over the last link's hash and the canonical bytes of its rows. Pure.

use aws_lc_rs::digest::{Context, SHA256};

use crate::row::Row;

/// A SHA-256.
pub type Hash = [u8; 32];

/// What the first link is chained to.
pub const GENESIS: Hash = [0; 32];

/// The hash of the link that follows `last` and covers `rows`, in their order.
pub fn hash(last: &[u8], rows: &[Row]) -> Hash {
    let mut digest = Context::new(&SHA256);
    digest.update(b"ehs-audit-1");
    digest.update(last);
    for row in rows {
        let bytes = canonical(row);
        digest.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(&bytes);
    }
    let mut hash = GENESIS;
    hash.copy_from_slice(digest.finish().as_ref());
    hash
}

/// Every field with its length before it, so that no two different rows have the same bytes.
fn canonical(row: &Row) -> Vec<u8> {
    let mut bytes = Canonical(Vec::with_capacity(256));
    bytes.number(row.id);
    bytes.number(row.tx);
    bytes.number(row.at.timestamp_micros());
    bytes.maybe(row.actor.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    bytes.maybe(row.role.as_deref().map(str::as_bytes));
    bytes.maybe(row.session.as_ref().map(|session| session.as_bytes().as_slice()));
    bytes.maybe(Some(row.action.as_bytes()));
    bytes.maybe(Some(row.object.as_bytes()));
    let patients: Vec<u8> = row.patients.iter().flat_map(|id| id.to_be_bytes()).collect();
    bytes.maybe(Some(&patients));
    bytes.maybe(Some(row.outcome.as_bytes()));
    for text in [&row.address, &row.user_agent, &row.trace_id, &row.reason] {
        bytes.maybe(text.as_deref().map(str::as_bytes));
    }
    bytes.0
}

struct Canonical(Vec<u8>);

impl Canonical {
    fn number(&mut self, number: i64) {
        self.0.extend(number.to_be_bytes());
    }

    fn maybe(&mut self, field: Option<&[u8]>) {
        self.0.push(u8::from(field.is_some()));
        if let Some(field) = field {
            self.0.extend(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            self.0.extend(field);
        }
    }
}

/// A hash as people compare it.
pub fn hex(hash: &[u8]) -> String {
    use std::fmt::Write;
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn row(id: i64) -> Row {
        Row {
            id,
            tx: 9,
            at: DateTime::UNIX_EPOCH,
            actor: Some(1),
            role: Some("DOCTOR".into()),
            session: None,
            action: "PatientRead".into(),
            object: "GET /api/patients/7/".into(),
            patients: vec![7],
            outcome: "SUCCESS".into(),
            address: None,
            user_agent: Some(String::new()),
            trace_id: None,
            reason: None,
        }
    }

    #[test]
    fn order_presence_and_every_field_count() {
        let all = hash(&GENESIS, &[row(1), row(2)]);
        assert_eq!(all, hash(&GENESIS, &[row(1), row(2)]));
        assert_ne!(all, hash(&all, &[row(1), row(2)]));
        assert_ne!(all, hash(&GENESIS, &[row(2), row(1)]));
        assert_ne!(all, hash(&GENESIS, &[row(1)]));
        let changes: [fn(&mut Row); 6] = [
            |row| row.actor = None,
            |row| row.patients = vec![8],
            |row| row.outcome = "DENIED".into(),
            |row| row.user_agent = None,
            |row| (row.trace_id, row.reason) = (Some("x".into()), None),
            |row| (row.trace_id, row.reason) = (None, Some("x".into())),
        ];
        let mut seen = vec![hash(&GENESIS, &[row(1)])];
        for change in changes {
            let mut changed = row(1);
            change(&mut changed);
            let hash = hash(&GENESIS, &[changed]);
            assert!(!seen.contains(&hash));
            seen.push(hash);
        }
    }
}
