use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::house::{Answer, House};

const DESK: &str = "https://desk.example";

async fn preflight(house: &House, origin: &str, method: &str, headers: &str) -> Answer {
    let request = house.client.request(Method::OPTIONS, format!("{}/closed/a/", house.url));
    let request = request.header("origin", origin).header("access-control-request-method", method);
    house
        .send(if headers.is_empty() { request } else { request.header("access-control-request-headers", headers) })
        .await
}

fn allowed(headers: &HeaderMap) -> Option<&str> {
    headers.get("access-control-allow-origin").map(|origin| origin.to_str().unwrap())
}

#[tokio::test]
async fn a_known_page_is_told_what_it_may_send_without_a_token() {
    let house = House::open().await;
    let answer = preflight(&house, DESK, "PATCH", "authorization, If-Match").await;
    assert_eq!((answer.status, allowed(&answer.headers)), (204, Some(DESK)));
    assert!(answer.headers["access-control-allow-methods"].to_str().unwrap().contains("PATCH"));
    assert_eq!(answer.headers["access-control-allow-headers"], "authorization, if-match");
    assert_eq!(answer.headers["access-control-max-age"], "600");
    assert_eq!(answer.headers["vary"], "Origin");
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    assert!(answer.headers.contains_key("x-request-id"), "it is logged and counted as any other");
}

#[tokio::test]
async fn what_a_page_may_not_send_is_refused_before_it_is_sent() {
    let house = House::open().await;
    for (origin, method, headers) in [
        ("https://evil.example", "GET", ""),
        ("https://desk.example.evil.example", "GET", ""),
        ("http://desk.example", "GET", ""),
        ("https://desk.example:8443", "GET", ""),
        ("null", "GET", ""),
        (DESK, "TRACE", ""),
        (DESK, "patch", ""),
        (DESK, "GET", "authorization, x-forwarded-for"),
    ] {
        let answer = preflight(&house, origin, method, headers).await;
        assert_eq!(answer.status, 403, "{origin} {method} {headers}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.body["instance"], "/closed/a/");
        assert!(!answer.headers.contains_key("access-control-allow-methods"), "{origin} {method} {headers}");
        assert_eq!(allowed(&answer.headers), (origin == DESK).then_some(DESK));
    }
}

#[tokio::test]
async fn a_known_page_may_read_every_answer_refusals_too() {
    let house = House::open().await;
    for (path, status) in
        [("/open/a/", 200), ("/closed/a/", 401), ("/elsewhere/", 404), ("/nobody/", 503), ("/open/slow/", 504)]
    {
        let url = format!("{}{path}", house.url);
        let answer = house.send(house.client.get(&url).header("origin", DESK)).await;
        assert_eq!((answer.status, allowed(&answer.headers)), (status, Some(DESK)), "{path}");
        assert_eq!(answer.headers["access-control-expose-headers"], "etag", "{path}");
        assert_eq!(answer.headers["vary"], "Origin", "{path}");
        let answer = house.send(house.client.get(&url).header("origin", "https://evil.example")).await;
        assert_eq!((answer.status, allowed(&answer.headers)), (status, None), "{path}");
        assert_eq!(answer.headers["vary"], "Origin", "what is kept for one page is not for another");
        let two = house.client.get(&url).header("origin", DESK).header("origin", "https://evil.example");
        assert_eq!(allowed(&house.send(two).await.headers), None, "{path}");
    }
}

#[tokio::test]
async fn a_service_says_nothing_of_this() {
    let house = House::open().await;
    let answer = house.get("/open/talkative/").await;
    assert_eq!((answer.status, allowed(&answer.headers)), (200, None));
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));
}
