use std::time::{Duration, Instant};

use futures_util::StreamExt;

use crate::house::House;

#[tokio::test]
async fn a_body_over_the_routes_limit_is_413_counted_or_announced() {
    let house = House::open().await;
    let url = format!("{}/closed/count/", house.url);
    let announced = house.client.post(&url).bearer_auth(&house.token).body(vec![0; 2_000]);
    assert_eq!(house.send(announced).await.status, 413);
    let chunks = futures_util::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![0; 100])));
    let chunked = house.client.post(&url).bearer_auth(&house.token).body(reqwest::Body::wrap_stream(chunks));
    assert_eq!(house.send(chunked).await.status, 413);
}

#[tokio::test]
async fn a_large_body_streams_through() {
    let house = House::open().await;
    let chunks = futures_util::stream::iter((0..800).map(|_| Ok::<_, std::io::Error>(vec![0; 65_536])));
    let request = house.client.post(format!("{}/open/count/", house.url)).body(reqwest::Body::wrap_stream(chunks));
    let answer = house.send(request.timeout(Duration::from_secs(30))).await;
    assert_eq!((answer.status, answer.body["bytes"].as_u64()), (200, Some(800 * 65_536)));
    let response = house.client.get(format!("{}/open/download/", house.url)).send().await.unwrap();
    let mut bytes = 0;
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        bytes += chunk.unwrap().len();
    }
    assert_eq!(bytes, 1600 * 65_536);
}

#[tokio::test]
async fn the_first_byte_arrives_before_the_last_is_sent() {
    let house = House::open().await;
    let response = house.client.get(format!("{}/open/trickle/", house.url)).send().await.unwrap();
    let mut stream = response.bytes_stream();
    assert_eq!(&stream.next().await.unwrap().unwrap()[..], b"chunk");
    let between = Instant::now();
    assert_eq!(&stream.next().await.unwrap().unwrap()[..], b"chunk");
    assert!(between.elapsed() > Duration::from_millis(200), "both came at once: the answer was held");
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let house = House::open().await;
    assert_eq!(house.get("/open/empty/").await.status, 204);
    let answer = house.get("/open/away/").await;
    assert_eq!((answer.status, answer.headers["location"].to_str().unwrap()), (302, "/elsewhere"));
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let house = House::open().await;
    let response = house.client.head(format!("{}/open/a/", house.url)).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert!(length > 0);
    assert!(response.text().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_client_that_hangs_up_within_its_body_harms_nobody() {
    let house = House::open().await;
    let chunks = futures_util::stream::iter([Ok(vec![0; 10]), Err(std::io::Error::other("gone"))]);
    let request = house.client.post(format!("{}/open/count/", house.url)).body(reqwest::Body::wrap_stream(chunks));
    assert!(request.send().await.is_err());
    assert_eq!(house.get("/open/a/").await.status, 200);
}
