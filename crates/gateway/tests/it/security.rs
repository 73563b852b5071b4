use std::io::{Read, Write};
use std::net::TcpListener;

use crate::house::{Answer, House};

fn assert_dressed(answer: &Answer, what: &str) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ] {
        assert_eq!(answer.headers.get_all(name).iter().collect::<Vec<_>>(), [value], "{what}: {name}");
    }
    assert!(answer.headers["permissions-policy"].to_str().unwrap().contains("camera=()"), "{what}");
    for name in ["server", "x-powered-by", "strict-transport-security"] {
        assert!(!answer.headers.contains_key(name), "{what}: {name}");
    }
}

#[tokio::test]
async fn every_answer_bears_them_whoever_made_it() {
    let house = House::open().await;
    for (path, status) in [
        ("/open/a/", 200),
        ("/open/empty/", 204),
        ("/open/away/", 302),
        ("/open/a%2f/", 400),
        ("/elsewhere/", 404),
        ("/nobody/", 503),
        ("/open/slow/", 504),
        ("/healthz", 200),
        ("/api/openapi.json", 200),
    ] {
        let answer = house.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_dressed(&answer, path);
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
    }
    let refused = house.send(house.client.get(format!("{}/closed/a/", house.url))).await;
    assert_eq!(refused.status, 401);
    assert_dressed(&refused, "401");
}

#[tokio::test]
async fn a_service_that_speaks_no_http_is_502_with_them() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let house = House::before(&format!("http://{}", listener.local_addr().unwrap()));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
        }
    });
    let answer = house.get("/open/a/").await;
    assert_eq!(answer.status, 502);
    assert_dressed(&answer, "502");
}

#[tokio::test]
async fn what_a_service_says_of_caching_stands_and_what_it_says_of_itself_goes() {
    let house = House::open().await;
    let answer = house.get("/open/talkative/").await;
    assert_eq!(answer.status, 200);
    assert_dressed(&answer, "talkative");
    assert_eq!(answer.headers["cache-control"], "max-age=60");
}

#[tokio::test]
async fn the_page_on_the_api_may_run_its_own_scripts_only() {
    let house = House::open().await;
    let page = house.client.get(format!("{}/api/docs/", house.url)).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let text = page.text().await.unwrap();
    for script in text.split("<script").skip(1) {
        let tag = script.split('>').next().unwrap();
        assert!(tag.contains("src="), "a script within the page does not run under its policy: {tag}");
    }
}
