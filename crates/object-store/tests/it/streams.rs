use std::convert::Infallible;
use std::io;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use object_store::{Fault, PutFault, Stored};
use testkit::{Bucket, eventually};

use crate::{a_key, bytes, read, store};

const MIB: usize = 1024 * 1024;

fn in_chunks(content: &Bytes, size: usize) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> + use<> {
    let content = content.clone();
    let places = (0..content.len()).step_by(size);
    stream::iter(places.map(move |at| Ok(content.slice(at..content.len().min(at + size)))))
}

#[tokio::test]
async fn what_goes_in_comes_out_whatever_its_size() {
    let bucket = Bucket::new().await;
    let store = store(&bucket);
    for size in [0, 1, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 12 * MIB + 345] {
        let (key, content) = (a_key(), bytes(size));
        let stored = store.put(key, "application/pdf", u64::MAX, in_chunks(&content, 70_001)).await.unwrap();
        let Stored { size: counted, sha256 } = stored;
        assert_eq!((counted, &sha256[..]), (size as u64, digest(&SHA256, &content).as_ref()));
        assert!(read(&store, key).await == content, "{size} bytes");
    }
    assert!(bucket.unfinished().await.is_empty());
}

#[tokio::test]
async fn what_is_too_large_or_breaks_off_leaves_nothing() {
    let bucket = Bucket::new().await;
    let store = store(&bucket);
    for size in [100, 11 * MIB] {
        let outcome = store.put(a_key(), "image/png", size as u64 - 1, in_chunks(&bytes(size), 65_536)).await;
        assert!(matches!(outcome, Err(PutFault::TooLarge)), "{outcome:?}");
        let broken = in_chunks(&bytes(size), 65_536).map(|chunk| Ok(chunk.unwrap()));
        let broken = broken.chain(stream::iter([Err(io::Error::other("hung up"))]));
        let outcome = store.put(a_key(), "image/png", u64::MAX, broken).await;
        assert!(matches!(outcome, Err(PutFault::Source(_))), "{outcome:?}");
    }
    eventually(|| async { bucket.unfinished().await.is_empty() }).await;
    assert!(bucket.keys().await.is_empty());
}

#[tokio::test]
async fn whoever_stops_waiting_leaves_nothing() {
    let bucket = Bucket::new().await;
    let store = store(&bucket);
    let endless = in_chunks(&bytes(7 * MIB), 65_536).chain(stream::pending());
    let put = store.put(a_key(), "image/png", u64::MAX, endless);
    let begun = async { eventually(|| async { !bucket.unfinished().await.is_empty() }).await };
    tokio::select! {
        _ = put => panic!("it never ends"),
        () = begun => {}
    }
    eventually(|| async { bucket.unfinished().await.is_empty() }).await;
    assert!(bucket.keys().await.is_empty());
}

#[tokio::test]
async fn what_was_left_behind_is_found_and_given_up() {
    let bucket = Bucket::new().await;
    let store = store(&bucket);
    let client = reqwest::Client::new();
    let url = format!("{}/{}/things/{}?uploads", bucket.endpoint, bucket.name, uuid::Uuid::new_v4());
    client.post(url).send().await.unwrap().error_for_status().unwrap();
    assert!(store.unfinished("others").await.unwrap().is_empty());
    let left = store.unfinished("things").await.unwrap();
    assert_eq!(left.len(), 1);
    assert!((chrono::Utc::now() - left[0].begun_at).abs() < chrono::Duration::minutes(5));
    store.give_up(&left[0]).await.unwrap();
    store.give_up(&left[0]).await.unwrap();
    assert!(store.unfinished("things").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_deleted_is_not_found() {
    let bucket = Bucket::new().await;
    let (store, key) = (store(&bucket), a_key());
    assert!(matches!(store.get(key).await.err(), Some(Fault::NotFound)));
    store.put_bytes(key, "text/plain", Bytes::from_static(b"a")).await.unwrap();
    assert_eq!(bucket.keys().await, [key.to_string()]);
    store.delete(key).await.unwrap();
    store.delete(key).await.unwrap();
    assert!(matches!(store.get(key).await.err(), Some(Fault::NotFound)));
}

#[tokio::test]
async fn parts_are_sent_while_others_come() {
    let bucket = Bucket::new().await;
    let store = store(&bucket);
    let slow = in_chunks(&bytes(11 * MIB), 2 * MIB).then(|chunk| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        chunk
    });
    let stored = store.put(a_key(), "image/png", u64::MAX, slow).await.unwrap();
    assert_eq!(stored.size, 11 * MIB as u64);
}
