//! HTTP/2: what it could get round.

use std::time::Duration;

use chassis::work::IN_WORK;
use reqwest::{Body, Version};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::secure::Secure;

#[tokio::test]
async fn two_hosts_and_two_lengths_are_refused() {
    let secure = Secure::open();
    let client = secure.client().build().unwrap();
    let get = || client.get(format!("{}/open/a/", secure.url));
    let odd = [
        get().header("host", "elsewhere.example"),
        get().header("host", "127.0.0.1"),
        client
            .post(format!("{}/open/count/", secure.url))
            .header("content-length", "2")
            .header("content-length", "3")
            .body("{}"),
    ];
    for request in odd {
        let answer = request.send().await;
        // h2 may refuse the stream by itself
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 400));
    }
    let answer = get().header("x-forwarded-host", "evil.example").header("via", "1.1 other").send().await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (Version::HTTP_2, 200));
    let seen: Value = answer.json().await.unwrap();
    assert_eq!(seen["headers"]["x-forwarded-host"], secure.address.to_string());
    let round = get().header("via", "1.1 ehs-gateway").send().await.unwrap();
    assert_eq!((round.version(), round.status().as_u16()), (Version::HTTP_2, 508));
    for path in ["/open//a/", "/open/a%2fb/", "/open/a%00/"] {
        assert_eq!(client.get(format!("{}{path}", secure.url)).send().await.unwrap().status(), 400, "{path}");
    }
}

#[tokio::test]
async fn a_body_without_a_length_arrives_and_no_body_is_none() {
    let secure = Secure::open();
    let client = secure.client().build().unwrap();
    let chunks = futures_util::stream::iter((0..200).map(|_| Ok::<_, std::io::Error>(vec![0; 65_536])));
    let upload = client.post(format!("{}/open/count/", secure.url)).body(Body::wrap_stream(chunks));
    let answer = upload.send().await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_2);
    assert_eq!(answer.json::<Value>().await.unwrap()["bytes"], 200 * 65_536);
    for method in ["GET", "DELETE", "POST"] {
        let request = client.request(method.parse().unwrap(), format!("{}/open/a/", secure.url));
        let seen: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(seen["headers"]["transfer-encoding"].is_null(), "{method}: {seen}");
    }
    let chunks = futures_util::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![0; 100])));
    let over = client.post(format!("{}/closed/count/", secure.url)).bearer_auth(&secure.token);
    assert_eq!(over.body(Body::wrap_stream(chunks)).send().await.unwrap().status(), 413);
    let head = client.head(format!("{}/open/a/", secure.url)).send().await.unwrap();
    assert!(head.headers().contains_key("content-length") && head.status() == 200);
    assert_eq!(client.get(format!("{}/open/empty/", secure.url)).send().await.unwrap().status(), 204);
    let bytes = client.get(format!("{}/open/download/", secure.url)).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(bytes.len(), 1600 * 65_536);
}

#[tokio::test]
async fn one_connection_has_a_bound_on_what_is_in_work() {
    let secure = Secure::open();
    let client = secure.client().build().unwrap();
    let url = format!("{}/open/slow/", secure.url);
    assert_eq!(client.get(format!("{}/open/a/", secure.url)).send().await.unwrap().status(), 200);
    let mut requests = JoinSet::new();
    for _ in 0..IN_WORK * 2 {
        let request = client.get(&url);
        requests.spawn(async move { request.send().await.unwrap().status().as_u16() });
    }
    let statuses = requests.join_all().await;
    let of = |status: u16| statuses.iter().filter(|it| **it == status).count();
    assert_eq!(of(504) + of(429), IN_WORK * 2, "{statuses:?}");
    assert!(of(504) > 0 && of(429) > 0, "{statuses:?}");
    assert_eq!(client.get(format!("{}/open/a/", secure.url)).send().await.unwrap().status(), 200, "places come back");
}

#[tokio::test]
async fn streams_that_are_opened_and_given_up_harm_nobody() {
    let secure = Secure::open();
    let (rude, polite) = (secure.client().build().unwrap(), secure.client().build().unwrap());
    let url = format!("{}/open/slow/", secure.url);
    for _ in 0..10 {
        let mut requests = JoinSet::new();
        for _ in 0..300 {
            let request = rude.get(&url);
            requests.spawn(async move { request.timeout(Duration::from_millis(5)).send().await.is_ok() });
        }
        requests.join_all().await;
        let answer = polite.get(format!("{}/healthz", secure.url)).timeout(Duration::from_secs(10)).send().await;
        assert_eq!(answer.unwrap().status(), 200);
    }
}
