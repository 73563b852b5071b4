use std::net::TcpListener;
use std::time::{Duration, Instant};

use bytes::Bytes;
use object_store::{Fault, Shown, Store, StoreConfig};

use crate::a_key;

fn at(endpoint: String) -> Store {
    let config = StoreConfig {
        endpoint: Some(endpoint),
        attempt: Duration::from_millis(300),
        deadline: Duration::from_secs(2),
        ..StoreConfig::of("ehs-documents")
    };
    Store::with_key(&config, "test", "test")
}

async fn every_call_is_unavailable(store: &Store) {
    let key = a_key();
    let outcomes = [
        store.put_bytes(key, "text/plain", Bytes::from_static(b"a")).await.err(),
        store.put_bytes(key, "text/plain", crate::bytes(6 * 1024 * 1024)).await.err(),
        store.get(key).await.err(),
        store.delete(key).await.err(),
        store.unfinished("things").await.err(),
    ];
    for outcome in outcomes {
        assert!(outcome.as_ref().is_some_and(Fault::passes), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_not_there_is_unavailable() {
    every_call_is_unavailable(&at("http://127.0.0.1:9".to_owned())).await;
}

#[tokio::test]
async fn a_store_that_never_answers_is_not_waited_for() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let began = Instant::now();
    every_call_is_unavailable(&at(format!("http://{}", silent.local_addr().unwrap()))).await;
    // five calls of two seconds at most, and what a busy machine adds
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_link_needs_no_store() {
    let store = at("http://127.0.0.1:9".to_owned());
    let shown = Shown { content_type: "text/plain", file_name: "a.txt" };
    assert!(store.link(a_key(), shown).await.unwrap().starts_with("http://127.0.0.1:9/ehs-documents/things/"));
}

#[tokio::test]
async fn a_bucket_that_is_not_there_refuses() {
    let bucket = testkit::Bucket::new().await;
    let elsewhere = StoreConfig { bucket: "no-such-bucket-at-all".to_owned(), ..crate::config(&bucket) };
    let store = Store::with_key(&elsewhere, "test", "test");
    let outcome = store.put_bytes(a_key(), "text/plain", Bytes::from_static(b"a")).await.err();
    assert!(matches!(outcome, Some(Fault::Refused(_))), "{outcome:?}");
}
