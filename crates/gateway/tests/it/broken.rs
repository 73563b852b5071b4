//! Services that do not keep to HTTP.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::house::House;

/// A server that says this to whoever connects, and then hangs up or waits.
fn says(answer: &'static str, then: Then) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
            if then == Then::Waits {
                kept.push(stream);
            }
        }
    });
    url
}

#[derive(PartialEq)]
enum Then {
    HangsUp,
    Waits,
}

async fn body_of(house: &House) -> reqwest::Result<String> {
    let response = house.client.get(format!("{}/open/a/", house.url)).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.text().await
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n",
    ] {
        assert!(body_of(&House::before(&says(answer, Then::HangsUp))).await.is_err(), "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_stands_still_is_given_up() {
    let house = House::before(&says("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort", Then::Waits));
    assert!(body_of(&house).await.is_err());
}

#[tokio::test]
async fn no_http_is_502_and_silence_504() {
    for (answer, then, status) in [
        ("220 mail.example ESMTP\r\n", Then::HangsUp, 502),
        ("", Then::HangsUp, 502),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na", Then::HangsUp, 502),
        ("", Then::Waits, 504),
    ] {
        let house = House::before(&says(answer, then));
        let refused = house.get("/open/a/").await;
        assert_eq!((refused.status, refused.body["status"].as_u64()), (status, Some(u64::from(status))), "{answer:?}");
        assert_eq!(refused.headers["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn headers_of_the_services_connection_stay_on_it() {
    let answer = "HTTP/1.1 200 OK\r\nconnection: x-inner, close\r\nx-inner: 1\r\nkeep-alive: timeout=1\r\nproxy-authenticate: Basic\r\ndate: Mon, 01 Jan 2024 00:00:00 GMT\r\netag: \"7\"\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 2\r\n\r\n{}";
    let answer = House::before(&says(answer, Then::HangsUp)).get("/open/a/").await;
    for name in ["x-inner", "keep-alive", "proxy-authenticate"] {
        assert!(!answer.headers.contains_key(name), "{name}");
    }
    assert_eq!(answer.headers["etag"], "\"7\"");
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    assert_eq!(answer.headers.get_all("date").iter().count(), 1);
    assert_eq!(answer.headers["content-length"], "2");
}

#[tokio::test]
async fn an_answer_before_the_answer_is_passed_over() {
    let answer = "HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(House::before(&says(answer, Then::HangsUp)).get("/open/a/").await.status, 200);
}
