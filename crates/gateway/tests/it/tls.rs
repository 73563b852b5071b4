use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use gateway::config::Tls;
use gateway::tls::{Fault, Pair};
use reqwest::tls::{TlsInfo, Version};
use reqwest::{Client, Response};
use serde_json::Value;
use testkit::{Authority, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::binary::{program, written};
use crate::secure::{HOSTS, Secure};

async fn ask(client: &Client, secure: &Secure) -> Response {
    let answer = client.get(format!("{}/open/a/", secure.url)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer
}

fn certificate(answer: &Response) -> Vec<u8> {
    answer.extensions().get::<TlsInfo>().unwrap().peer_certificate().unwrap().to_vec()
}

#[tokio::test]
async fn both_versions_of_tls_and_of_http_serve_and_say_so_behind() {
    let secure = Secure::open();
    for version in [Version::TLS_1_2, Version::TLS_1_3] {
        let client = || secure.client().tls_version_min(version).tls_version_max(version);
        for (client, http) in [(client(), reqwest::Version::HTTP_2), (client().http1_only(), reqwest::Version::HTTP_11)]
        {
            let answer = ask(&client.build().unwrap(), &secure).await;
            assert_eq!(answer.version(), http, "{version:?}");
            let hsts = answer.headers()["strict-transport-security"].to_str().unwrap().to_owned();
            assert_eq!(hsts, "max-age=31536000; includeSubDomains");
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
            let seen: Value = answer.json().await.unwrap();
            assert_eq!(seen["headers"]["x-forwarded-proto"], "https");
            assert_eq!(seen["headers"]["x-forwarded-host"], secure.address.to_string());
        }
    }
    let stranger = Client::builder().tls_certs_only([]).no_proxy().build().unwrap();
    assert!(stranger.get(&secure.url).send().await.is_err(), "who does not know the authority does not believe it");
}

/// What somebody gets who never came before: who resumes a session is shown no certificate.
async fn offered(secure: &Secure) -> Vec<u8> {
    certificate(&ask(&secure.client().build().unwrap(), secure).await)
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections_and_old_ones_go_on() {
    let secure = Secure::open();
    let old = secure.client().build().unwrap();
    let first = certificate(&ask(&old, &secure).await);
    let (certificate_pem, key) = secure.authority.pair(HOSTS, 90);
    secure.write(&certificate_pem, &key);
    eventually(async || offered(&secure).await != first).await;
    assert_eq!(certificate(&ask(&old, &secure).await), first, "its connection was not dropped");
}

#[tokio::test]
async fn ten_thousand_requests_do_not_notice_that_certificates_change() {
    const TASKS: usize = 10;
    const EACH: usize = 1_000;
    let secure = Secure::open();
    let pooled = secure.client().build().unwrap();
    let one = secure.client().http1_only().build().unwrap();
    let fresh = secure.client().http1_only().pool_max_idle_per_host(0).build().unwrap();
    let first = offered(&secure).await;
    let url = format!("{}/either/a/", secure.url);
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (url, clients) = (url.clone(), [pooled.clone(), one.clone(), fresh.clone()]);
        tasks.spawn(async move {
            for i in 0..EACH {
                let client = &clients[if i % 20 == 0 { 2 } else { task % 2 }];
                let answer = client.get(&url).send().await.unwrap();
                assert_eq!(answer.status(), 200);
                answer.bytes().await.unwrap();
            }
        });
    }
    let mut exchanged = 0;
    while !tasks.is_empty() {
        let (certificate, key) = secure.authority.pair(HOSTS, 90);
        secure.write(&certificate, &key);
        exchanged += 1;
        let pause = tokio::time::sleep(Duration::from_millis(4_500));
        tokio::pin!(pause);
        loop {
            tokio::select! {
                done = tasks.join_next() => match done {
                    Some(done) => done.unwrap(),
                    None => break,
                },
                () = &mut pause => break,
            }
        }
    }
    assert!(exchanged > 0);
    eventually(async || offered(&secure).await != first).await;
}

#[tokio::test]
async fn what_is_no_tls_gets_no_http() {
    let secure = Secure::open();
    // a ClientHello of TLS 1.1: record, handshake, version, random, no session, two ciphers, no compression
    let mut hello = vec![0x16, 3, 1, 0, 49, 1, 0, 0, 45, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xc0, 0x13, 0, 0x2f, 1, 0, 0, 0]);
    for (what, bytes) in [("plain HTTP", b"GET /open/a/ HTTP/1.1\r\nHost: h\r\n\r\n".to_vec()), ("TLS 1.1", hello)] {
        let mut stream = TcpStream::connect(secure.address).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut answer)).await.unwrap();
        assert!(answer.is_empty() || answer[0] == 0x15, "{what}: an alert or nothing, not {answer:?}");
    }
    ask(&secure.client().build().unwrap(), &secure).await;
}

#[tokio::test]
async fn a_handshake_that_dawdles_is_ended_and_holds_nobody_up() {
    let secure = Secure::open();
    let begun = Instant::now();
    let mut dawdlers = JoinSet::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(secure.address).await.unwrap();
        dawdlers.spawn(async move {
            stream.write_all(&[0x16, 3, 1]).await.unwrap();
            let _ = stream.read(&mut [0; 64]).await;
        });
    }
    ask(&secure.client().build().unwrap(), &secure).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "somebody was held up");
    let all = async { while dawdlers.join_next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(12), all).await.expect("handshakes are bounded");
}

#[tokio::test]
async fn plain_http_is_sent_to_tls_unless_a_secret_went_over_the_line() {
    let secure = Secure::open();
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let plain =
        |method: &str, path: &str| client.request(method.parse().unwrap(), format!("{}{path}", secure.redirect));
    for method in ["GET", "HEAD"] {
        let answer = plain(method, "/open/a/?x=1").send().await.unwrap();
        assert_eq!(answer.status(), 308, "{method}");
        assert_eq!(answer.headers()["location"], format!("{}/open/a/?x=1", secure.url));
        assert!(!answer.headers().contains_key("strict-transport-security"), "said in clear it may be anybody's");
    }
    let bearer = plain("GET", "/closed/a/").bearer_auth(&secure.token);
    for request in [plain("POST", "/open/count/").body("{}"), plain("DELETE", "/open/a/"), bearer] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 403);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert!(!answer.headers().contains_key("location"));
    }
    assert_eq!(plain("GET", "/").header("host", "a b").send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_pair_that_does_not_serve_is_known_before_it_does() {
    let (folder, _file) = written("");
    let files: Tls = deserr::deserialize::<_, _, chassis::strict_json::Faults>(
        serde_json::json!({"certificate": folder.0.join("cert.pem"), "key": folder.0.join("key.pem")}),
    )
    .unwrap();
    let authority = Authority::new();
    let ((certificate, key), (_, other)) = (authority.pair(HOSTS, 10), authority.pair(HOSTS, 10));
    let load = |certificate: &str, key: &str| {
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
        Pair::load(&files).map(|pair| pair.left().as_secs() / 86_400)
    };
    assert_eq!(load(&certificate, &key), Ok(9));
    assert!(matches!(load(&certificate, &other), Err(Fault::Mismatch(_))));
    assert_eq!(load(&authority.pair(HOSTS, -1).0, &key), Err(Fault::NotNow));
    assert_eq!(load("rubbish", &key), Err(Fault::NoCertificate));
    assert_eq!(load(&certificate, "rubbish"), Err(Fault::NoKey));
    assert_eq!(load(&certificate.replace('M', "N"), &key), Err(Fault::NoCertificate));
    assert_eq!(load(&"x".repeat(2_000_000), &key), Err(Fault::TooLarge("certificate")));
    std::fs::write(&files.certificate, &certificate).unwrap();
    std::fs::remove_file(&files.key).unwrap();
    assert_eq!(Pair::load(&files).unwrap_err(), Fault::Unreadable("key", std::io::ErrorKind::NotFound));
}

#[tokio::test]
async fn the_program_refuses_a_faulty_pair_once_and_counts_what_it_took() {
    let secure = Secure::open(); // its files and its authority; the program serves by itself
    let [port, admin] =
        [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).map(|held| held.local_addr().unwrap());
    let (certificate, key) = secure.authority.pair(HOSTS, 10);
    secure.write(&certificate, &key);
    let (_folder, file) = written(&format!(
        "listener: {{address: '{port}', workers: 1, tls: {{certificate: '{}', key: '{}'}}}}\nadmin: {{address: '{admin}'}}\nroutes: []\nclusters: {{}}\n",
        secure.file("cert.pem").display(),
        secure.file("key.pem").display(),
    ));
    let mut command = program(&file);
    command.env("EHS_JWKS_URL", "http://127.0.0.1:9/").env("REDIS_URL", "redis://127.0.0.1:9/");
    let child = command.stderr(Stdio::inherit()).spawn().unwrap();
    let client = secure.client().build().unwrap();
    let ready = async || client.get(format!("https://{port}/readyz")).send().await.is_ok_and(|a| a.status() == 200);
    eventually(ready).await;
    let metric = async |line: &str| {
        let text = client.get(format!("http://{admin}/metrics")).send().await.unwrap().text().await.unwrap();
        text.lines().find_map(|it| it.strip_prefix(line)).map(|value| value.trim().parse::<f64>().unwrap())
    };
    let left = metric("gateway_certificate_expires_seconds").await.unwrap();
    assert!((863_000.0..=864_000.0).contains(&left), "{left}");
    secure.write(&certificate, "rubbish");
    eventually(async || metric("gateway_certificate_reloads_total{outcome=\"refused\"}").await == Some(1.0)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(ready().await, "the old one serves on");
    assert_eq!(metric("gateway_certificate_reloads_total{outcome=\"refused\"}").await, Some(1.0), "once");
    let (certificate, key) = secure.authority.pair(HOSTS, 90);
    secure.write(&certificate, &key);
    eventually(async || metric("gateway_certificate_reloads_total{outcome=\"taken\"}").await == Some(1.0)).await;
    assert!(metric("gateway_certificate_expires_seconds").await.unwrap() > 7_000_000.0);
    let config = client.get(format!("http://{admin}/config")).send().await.unwrap().text().await.unwrap();
    let pid = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let told = Instant::now();
    let log = String::from_utf8(child.wait_with_output().await.unwrap().stdout).unwrap();
    assert!(told.elapsed() < Duration::from_secs(10), "an idle HTTP/2 connection keeps nobody from ending");
    assert!(log.contains("expires soon"), "{log}");
    assert_eq!(log.matches("the new certificate is refused").count(), 1, "{log}");
    assert!(!log.contains("key.pem") && !config.contains("key.pem"), "{log} {config}");
}
