//! The store against a real S3 endpoint, and against none.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    reason = "a test that cannot go on fails"
)]

mod away;
mod links;
mod streams;

use std::time::Duration;

use bytes::Bytes;
use object_store::{Key, Store, StoreConfig};
use testkit::Bucket;
use uuid::Uuid;

fn config(bucket: &Bucket) -> StoreConfig {
    // a busy machine is slow
    let (attempt, deadline) = (Duration::from_secs(60), Duration::from_secs(200));
    StoreConfig { endpoint: Some(bucket.endpoint.clone()), attempt, deadline, ..StoreConfig::of(&bucket.name) }
}

fn store(bucket: &Bucket) -> Store {
    Store::with_key(&config(bucket), "test", "test")
}

fn a_key() -> Key {
    Key::new("things", Uuid::new_v4())
}

async fn read(store: &Store, key: Key) -> Vec<u8> {
    let mut object = store.get(key).await.unwrap();
    let mut content = Vec::new();
    while let Some(chunk) = object.chunk().await.unwrap() {
        content.extend_from_slice(&chunk);
    }
    assert_eq!(object.size, content.len() as u64);
    content
}

/// Bytes that differ from place to place.
fn bytes(size: usize) -> Bytes {
    (0..size).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}
