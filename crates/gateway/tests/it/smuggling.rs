use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::house::House;

/// Sends bytes as they are and gives the answer's first line.
async fn raw(house: &House, request: &str) -> String {
    let mut stream = TcpStream::connect(house.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer[..read]).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn framing_that_can_be_read_two_ways_is_refused() {
    let house = House::open().await;
    for headers in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: +3",
        "Content-Length: 3, 3",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
    ] {
        let line = raw(&house, &format!("POST /open/count/ HTTP/1.1\r\nHost: h\r\n{headers}\r\n\r\n0\r\n\r\n")).await;
        assert!(line.contains(" 400 "), "{headers}: {line}");
    }
}

#[tokio::test]
async fn paths_that_can_be_read_two_ways_are_refused() {
    let house = House::open().await;
    for path in
        ["/open//a/", "/open/../closed/a/", "/open/%2e%2e/closed/a/", "/open/a%2fb/", "/open/a%00/", "/open/./a/"]
    {
        let line = raw(&house, &format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
        assert!(line.contains(" 400 ") || line.contains(" 404 "), "{path}: {line}");
    }
}

/// Sends bytes as they are and gives all that comes back until the gateway hangs up or is silent.
async fn all(house: &House, request: &str) -> String {
    let mut stream = TcpStream::connect(house.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.read_to_end(&mut answers)).await;
    String::from_utf8_lossy(&answers).into_owned()
}

#[tokio::test]
async fn a_body_that_nobody_read_is_not_the_next_request() {
    let house = House::open().await;
    let inner = "GET /open/a/ HTTP/1.1\r\nHost: h\r\n\r\n";
    let refused = [
        ("/closed/count/", format!("Content-Length: {}\r\n\r\n{inner}", inner.len())),
        ("/closed/count/", format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len())),
        ("/elsewhere/", format!("Content-Length: {}\r\n\r\n{inner}", inner.len())),
        ("/open/a%2f/", format!("Content-Length: {}\r\n\r\n{inner}", inner.len())),
        ("/nobody/", format!("Content-Length: {}\r\n\r\n{inner}", inner.len())),
        ("/open/empty/", format!("Content-Length: {}\r\n\r\n{inner}", inner.len())),
    ];
    for (path, rest) in refused {
        let answers = all(&house, &format!("POST {path} HTTP/1.1\r\nHost: h\r\n{rest}")).await;
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{path} {rest:?}: {answers}");
    }
}

#[tokio::test]
async fn odd_requests_do_no_harm() {
    let house = House::open().await;
    let long = format!("GET /open/a/ HTTP/1.1\r\nHost: h\r\nx: {}\r\n\r\n", "x".repeat(300_000));
    for request in [
        "GET http://elsewhere.example/open/a/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        "CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: elsewhere.example:443\r\n\r\n",
        "GET /open/a/ HTTP/1.1\r\n\r\n",
        "GET /open/a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /open/a/ HTTP/1.1\r\nHost : h\r\n\r\n",
        "GET /open/a/ HTTP/1.1\r\nHost: h\r\n folded: x\r\n\r\n",
        "GET /open/a/ HTTP/1.1\nHost: h\n\n",
        "GET /open/a/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /open/a/\r\n\r\n",
        "GET /open/a/?\0 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /open/%zz/%ff/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /open/a;b=c|d\"e/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "BREW /open/a/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /open/count/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        "POST /open/count/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        "GET /open/a/ HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &long,
    ] {
        let answers = all(&house, request).await;
        let short: String = request.chars().take(90).collect();
        assert!(!answers.contains(" 500 "), "{short:?}: {answers}");
    }
    assert_eq!(house.get("/open/a/").await.status, 200, "and it still serves");
}
