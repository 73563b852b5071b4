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
