//! What broken uploads left, in a store that does not let go of all of it.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use object_store::{Key, Store, StoreConfig};
use patients::documents::sweep::{self, Swept};
use reqwest::Client;
use testkit::{Bucket, Server};
use uuid::Uuid;

use crate::documents::Ward;

/// The way to a bucket, with a policy that forbids calls: S3 answers those 403.
async fn with_policy(
    bucket: &Bucket,
    forbids: impl Fn(&HttpRequest) -> bool + Clone + Send + Sync + 'static,
) -> Server {
    let (client, endpoint) = (Client::builder().no_proxy().build().unwrap(), bucket.endpoint.clone());
    let pass = move |request: HttpRequest, body: web::Bytes| {
        // Servers of ours have a slash at the end of every path; a key has none.
        let path = format!("{}?{}", request.path().trim_end_matches('/'), request.query_string());
        let (client, forbids, url) = (client.clone(), forbids.clone(), format!("{endpoint}{path}"));
        async move {
            if forbids(&request) {
                let denied = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
                return HttpResponse::Forbidden().content_type("application/xml").body(denied);
            }
            let method = request.method().as_str().parse().unwrap();
            let answer = client.request(method, url).body(body).send().await.unwrap();
            let status = answer.status().as_u16().try_into().unwrap();
            HttpResponse::build(status).content_type("application/xml").body(answer.bytes().await.unwrap())
        }
    };
    Server::start("s3", move |config| {
        let pass = pass.clone();
        config.map(|config| config.route("/{path:.*}", web::to(pass)));
    })
    .await
}

/// An upload that ended before it was a document, so many minutes ago.
async fn orphan(ward: &Ward, minutes: i32) -> Key {
    let object = Uuid::new_v4();
    let key = Key::new("documents", object);
    ward.store.put_bytes(key, "application/pdf", "%PDF".into()).await.unwrap();
    let row = format!("('{object}', now() - interval '{minutes} minutes')");
    ward.hospital.db.sql(&format!("INSERT INTO document_uploads (object, begun_at) VALUES {row}")).await;
    key
}

async fn sweep(ward: &Ward, endpoint: &str) -> anyhow::Result<Swept> {
    let config = StoreConfig { endpoint: Some(endpoint.to_owned()), ..StoreConfig::of(&ward.bucket.name) };
    let store = Store::with_key(&config, "test", "test");
    sweep::round(&ward.hospital.db.pool().await, &store, Duration::ZERO).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_refuses_is_passed_over_and_what_is_younger_is_swept() {
    let ward = Ward::open().await;
    let mut orphans = Vec::new();
    for minutes in [50, 40, 30, 20] {
        orphans.push(orphan(&ward, minutes).await);
    }
    let held = [orphans[0].to_string(), orphans[2].to_string()];
    let policy = {
        let held = held.clone();
        move |request: &HttpRequest| {
            let is_list = request.query_string().contains("uploads");
            is_list
                || (request.method() == "DELETE"
                    && held.iter().any(|key| request.path().trim_end_matches('/').ends_with(key)))
        }
    };
    let relay = with_policy(&ward.bucket, policy).await;
    for uploads in [2, 0] {
        assert_eq!(sweep(&ward, &relay.url).await.unwrap(), Swept { uploads, unfinished: 0 });
        let mut left = ward.bucket.keys().await;
        left.sort_unstable();
        let mut expected = held.to_vec();
        expected.sort_unstable();
        assert_eq!(left, expected);
        assert_eq!(ward.hospital.count("document_uploads").await, 2);
    }
    // Once it may, it does.
    assert_eq!(ward.sweep().await, Swept { uploads: 2, unfinished: 0 });
    assert_eq!((ward.bucket.keys().await.len(), ward.hospital.count("document_uploads").await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_ends_the_round() {
    let ward = Ward::open().await;
    for minutes in 1..=4 {
        orphan(&ward, minutes).await;
    }
    assert!(sweep(&ward, "http://127.0.0.1:9").await.is_err());
    assert_eq!(ward.hospital.count("document_uploads").await, 4);
    assert_eq!(ward.sweep().await.uploads, 4);
}
