//! Whether every document is in the store, whole and as it was.

use std::collections::BTreeMap;

use billing::pdf::kept::FOLDER;
use chassis::strict_json::digest;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bytea, Text};
use diesel_async::RunQueryDsl;
use futures_util::{StreamExt, stream};
use object_store::Key;
use uuid::Uuid;

use super::client::Promised;
use crate::clinic::Clinic;

#[derive(QueryableByName)]
struct Paper {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    source_id: i64,
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    object: Uuid,
    #[diesel(sql_type = Bytea)]
    sha256: Vec<u8>,
}

impl Paper {
    fn key(&self) -> Key {
        Key::new(FOLDER, self.object)
    }
}

/// How many documents there are: one of all that was issued, each in the store with the hash that it had when it was made, and
/// when somebody looked.
pub async fn assert_all_are_kept(clinic: &Clinic, promised: &Promised) -> usize {
    let mut conn = clinic.db.connect().await;
    let query = "SELECT kind, source_id, object, sha256 FROM papers WHERE content IS NULL AND object IS NOT NULL";
    let papers: Vec<Paper> = diesel::sql_query(query).load(&mut conn).await.unwrap();
    let mut known: BTreeMap<String, &Paper> = BTreeMap::new();
    for (kind, ids) in [
        ("INVOICE", promised.invoices.lock().unwrap().len()),
        ("CREDIT_NOTE", promised.credit_notes.lock().unwrap().len()),
        ("RECEIPT_VOUCHER", promised.advances.lock().unwrap().len()),
        ("REFUND_VOUCHER", promised.refund_vouchers.lock().unwrap().len()),
    ] {
        let of_kind: Vec<_> = papers.iter().filter(|paper| paper.kind == kind).collect();
        assert_eq!(of_kind.len(), ids, "{kind}: every document is in the store");
        known.extend(of_kind.into_iter().map(|paper| (paper.key().to_string(), paper)));
    }
    assert_eq!(known.len(), papers.len(), "each has an object of its own");
    let reads = stream::iter(&papers).map(|paper| assert_is_kept(clinic, paper)).buffer_unordered(8);
    reads.collect::<Vec<()>>().await;

    let sums: BTreeMap<i64, &[u8]> =
        papers.iter().filter(|paper| paper.kind == "INVOICE").map(|paper| (paper.source_id, &*paper.sha256)).collect();
    for (invoice, seen) in promised.seen.lock().unwrap().iter() {
        assert_eq!(sums[invoice], seen, "invoice {invoice} is not what somebody saw");
    }
    let foreign: Vec<_> = clinic.bucket.keys().await.into_iter().filter(|key| !known.contains_key(key)).collect();
    assert!(foreign.is_empty(), "objects that no row knows of: {foreign:?}");
    papers.len()
}

async fn assert_is_kept(clinic: &Clinic, paper: &Paper) {
    let (mut object, mut bytes) = (clinic.app.store.get(paper.key()).await.expect("an object"), Vec::new());
    while let Some(chunk) = object.chunk().await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    assert_eq!(digest(&bytes).as_slice(), paper.sha256, "{} {}", paper.kind, paper.source_id);
    assert!(bytes.starts_with(b"%PDF-"), "{} {}", paper.kind, paper.source_id);
}
