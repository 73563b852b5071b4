//! The verifier against forged tokens and against a key set server that misbehaves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth::claims::Issued;
use auth::{Claims, Role, SigningKeys, TokenFault, Verifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;

fn claims() -> Claims {
    let issued = Issued { issuer: "ehs", audience: "ehs-api", at: Utc::now(), lifetime: chrono::Duration::hours(1) };
    Claims::new(&issued, 42, Role::Nurse, Uuid::new_v4())
}

fn fixed(keys: &SigningKeys) -> Verifier {
    Verifier::fixed(&keys.jwks(), "ehs", "ehs-api")
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn a_good_token_says_who_it_is() {
    let keys = SigningKeys::generate().unwrap();
    let said = fixed(&keys).verify(&keys.sign(&claims()).unwrap()).await.unwrap();
    assert_eq!((said.user_id(), said.role), (Some(42), Role::Nurse));
}

#[tokio::test]
async fn both_live_keys_verify_and_a_third_does_not() {
    let first = SigningKeys::generate().unwrap();
    let from_first = first.sign(&claims()).unwrap();
    let second = first.rotated().unwrap();
    assert!(fixed(&second).verify(&from_first).await.is_ok());
    assert!(fixed(&second).verify(&second.sign(&claims()).unwrap()).await.is_ok());
    let third = second.rotated().unwrap();
    assert_eq!(fixed(&third).verify(&from_first).await, Err(TokenFault::UnknownKey));
}

#[tokio::test]
async fn claims_that_are_not_ours_are_refused() {
    let keys = SigningKeys::generate().unwrap();
    let now = Utc::now().timestamp();
    let cases: [(Claims, TokenFault); 7] = [
        (Claims { exp: now - 60, ..claims() }, TokenFault::Expired),
        (Claims { iss: "else".into(), ..claims() }, TokenFault::Foreign),
        (Claims { aud: "else".into(), ..claims() }, TokenFault::Foreign),
        (Claims { sub: "-1".into(), ..claims() }, TokenFault::Malformed),
        (Claims { sub: "0".into(), ..claims() }, TokenFault::Malformed),
        (Claims { sub: "9223372036854775808".into(), ..claims() }, TokenFault::Malformed),
        (Claims { sub: "1; DROP TABLE users".into(), ..claims() }, TokenFault::Malformed),
    ];
    for (claims, fault) in cases {
        assert_eq!(fixed(&keys).verify(&keys.sign(&claims).unwrap()).await, Err(fault), "{claims:?}");
    }
}

#[tokio::test]
async fn other_algorithms_and_none_are_refused() {
    let keys = SigningKeys::generate().unwrap();
    let good = keys.sign(&claims()).unwrap();
    let body = part(&serde_json::to_value(claims()).unwrap());
    let kid = keys.current_kid();
    let public = keys.jwks().keys[0].x.clone();
    let hmac = {
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        header.kid = Some(kid.to_owned());
        // the classic: the public key as an HMAC secret
        jsonwebtoken::encode(&header, &claims(), &jsonwebtoken::EncodingKey::from_secret(public.as_bytes())).unwrap()
    };
    let signature = good.rsplit('.').next().unwrap();
    let forged = [
        hmac,
        format!("{}.{body}.", part(&json!({"alg": "none", "kid": kid}))),
        format!("{}.{body}.{signature}", part(&json!({"alg": "none", "kid": kid}))),
        format!("{}.{body}.{signature}", part(&json!({"alg": "eddsa", "kid": kid}))),
        format!("{}.{body}.{signature}", part(&json!({"alg": "RS256", "kid": kid}))),
        format!("{}.{body}.{signature}", part(&json!({"alg": "EdDSA", "kid": kid}))),
        format!("{}.{body}.", part(&json!({"alg": "EdDSA", "kid": kid}))),
        format!("{}.{body}.{signature}", part(&json!({"alg": "EdDSA", "kid": kid, "crit": ["exp"]}))),
        format!("{}.{body}.{signature}", part(&json!({"alg": "EdDSA"}))),
        good[..good.len() - 4].to_owned(),
        String::new(),
        "...".to_owned(),
        "a.b.c".to_owned(),
        "\u{0}".to_owned(),
        "x".repeat(1_000_000),
    ];
    for token in forged {
        assert!(fixed(&keys).verify(&token).await.is_err(), "{token:.80}");
    }
}

#[tokio::test]
async fn a_key_of_somebody_else_under_our_id_is_refused() {
    let keys = SigningKeys::generate().unwrap();
    let other = SigningKeys::generate().unwrap();
    let token = other.sign(&claims()).unwrap();
    let mut jwks = keys.jwks();
    jwks.keys[0].kid = other.current_kid().to_owned();
    assert_eq!(Verifier::fixed(&jwks, "ehs", "ehs-api").verify(&token).await, Err(TokenFault::Signature));
}

#[tokio::test]
async fn the_key_set_is_fetched_once_for_many_callers() {
    let keys = SigningKeys::generate().unwrap();
    let server = KeyServer::start(ok(&json!(keys.jwks()))).await;
    let verifier = server.verifier();
    let token = keys.sign(&claims()).unwrap();
    let all = (0..50).map(|_| {
        let (verifier, token) = (verifier.clone(), token.clone());
        tokio::spawn(async move { verifier.verify(&token).await })
    });
    for one in all.collect::<Vec<_>>() {
        assert!(one.await.unwrap().is_ok());
    }
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn a_caller_that_hangs_up_takes_the_key_set_from_nobody() {
    let keys = SigningKeys::generate().unwrap();
    let server = KeyServer::slow(ok(&json!(keys.jwks())), Duration::from_millis(500)).await;
    let (verifier, token) = (server.verifier(), keys.sign(&claims()).unwrap());
    let impatient = tokio::time::timeout(Duration::from_millis(100), verifier.verify(&token)).await;
    assert!(impatient.is_err(), "the server thinks for longer");
    assert!(verifier.verify(&token).await.is_ok());
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn unknown_keys_cannot_make_us_fetch_again_and_again() {
    let keys = SigningKeys::generate().unwrap();
    let server = KeyServer::start(ok(&json!(keys.jwks()))).await;
    let verifier = server.verifier();
    for _ in 0..20 {
        let stranger = SigningKeys::generate().unwrap().sign(&claims()).unwrap();
        assert_eq!(verifier.verify(&stranger).await, Err(TokenFault::UnknownKey));
    }
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_and_known_ones_survive_what_the_server_says() {
    let keys = SigningKeys::generate().unwrap();
    let old = keys.sign(&claims()).unwrap();
    let server = KeyServer::start(ok(&json!(keys.jwks()))).await;
    let verifier = server.verifier();
    assert!(verifier.verify(&old).await.is_ok());

    let keys = keys.rotated().unwrap();
    let new = keys.sign(&claims()).unwrap();
    let private = json!({"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "a", "use": "enc"});
    let bad = [
        "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "garbage".to_owned(),
        ok(&json!([1, 2])),
        ok(&json!({"keys": []})),
        ok(&json!({"keys": [1, {"kty": "RSA", "kid": "r"}, private]})),
        ok(&json!({"keys": [], "padding": "x".repeat(100_000)})),
    ];
    tokio::time::sleep(Duration::from_millis(3_050)).await; // the least time between two fetches
    for answer in bad {
        server.answer(answer.clone());
        let before = server.fetches();
        assert_eq!(verifier.verify(&new).await, Err(TokenFault::UnknownKey), "{answer:.60}");
        assert_eq!(server.fetches(), before + 1, "{answer:.60}");
        assert!(verifier.verify(&old).await.is_ok(), "{answer:.60}");
        tokio::time::sleep(Duration::from_millis(1_050)).await; // the same after a failure
    }

    let mut jwks = json!(keys.jwks());
    jwks["keys"].as_array_mut().unwrap().insert(0, json!({"kty": "RSA", "n": "x", "e": "y"}));
    server.answer(ok(&jwks));
    assert!(verifier.verify(&new).await.is_ok());
    assert!(verifier.verify(&old).await.is_ok());
}

#[tokio::test]
async fn a_token_that_was_found_good_covers_no_other_and_not_its_own_end() {
    let keys = SigningKeys::generate().unwrap();
    let verifier = fixed(&keys);
    let good = keys.sign(&claims()).unwrap();
    assert_eq!(verifier.verify(&good).await, verifier.verify(&good).await);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other = keys.sign(&claims()).unwrap();
    let foreign = other.rsplit_once('.').unwrap().1;
    for token in [format!("{signed}.{foreign}"), format!("{signed}."), format!("{signed}.{signature}=")] {
        assert!(verifier.verify(&token).await.is_err(), "{token:.80}");
    }
    let ended = Claims { exp: Utc::now().timestamp() - 4, ..claims() };
    let ending = keys.sign(&ended).unwrap();
    assert!(verifier.verify(&ending).await.is_ok(), "clocks may differ by five seconds");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(verifier.verify(&ending).await, Err(TokenFault::Expired));
}

#[tokio::test]
async fn a_key_that_was_dropped_takes_with_it_what_it_signed_and_one_that_stays_does_not() {
    let first = SigningKeys::generate().unwrap();
    let from_first = first.sign(&claims()).unwrap();
    let second = first.rotated().unwrap();
    let from_second = second.sign(&claims()).unwrap();
    let server = KeyServer::start(ok(&json!(second.jwks()))).await;
    let verifier = server.verifier();
    for token in [&from_first, &from_second, &from_first] {
        assert!(verifier.verify(token).await.is_ok());
    }
    let third = second.rotated().unwrap();
    server.answer(ok(&json!(third.jwks())));
    tokio::time::sleep(Duration::from_millis(3_050)).await; // the least time between two fetches
    assert!(verifier.verify(&third.sign(&claims()).unwrap()).await.is_ok());
    assert_eq!(verifier.verify(&from_first).await, Err(TokenFault::UnknownKey));
    assert!(verifier.verify(&from_second).await.is_ok());
}

#[tokio::test]
async fn before_the_first_key_set_it_is_nobodys_fault() {
    let keys = SigningKeys::generate().unwrap();
    let token = keys.sign(&claims()).unwrap();
    let url = "http://127.0.0.1:1/.well-known/jwks.json".parse().unwrap();
    let verifier = Verifier::http(url, "ehs", "ehs-api").unwrap();
    assert_eq!(verifier.verify(&token).await, Err(TokenFault::KeysUnavailable));
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap()).parse().unwrap();
    let verifier = Verifier::http(url, "ehs", "ehs-api").unwrap();
    let token = SigningKeys::generate().unwrap().sign(&claims()).unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(4), verifier.verify(&token)).await;
    assert_eq!(answer.expect("a deadline"), Err(TokenFault::KeysUnavailable));
}

fn ok(body: &Value) -> String {
    let body = body.to_string();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Says the same to everyone and counts how often.
struct KeyServer {
    url: String,
    answer: Arc<Mutex<String>>,
    fetches: Arc<AtomicUsize>,
}

impl KeyServer {
    async fn start(first: String) -> Self {
        Self::slow(first, Duration::ZERO).await
    }

    /// Thinks so long before each answer.
    async fn slow(first: String, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/.well-known/jwks.json", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(first));
        let fetches = Arc::new(AtomicUsize::new(0));
        let (said, counted) = (Arc::clone(&answer), Arc::clone(&fetches));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _read = stream.read(&mut request).await;
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(pause).await;
                let text = said.lock().unwrap().clone();
                let _written = stream.write_all(text.as_bytes()).await;
                let _closed = stream.shutdown().await;
            }
        });
        Self { url, answer, fetches }
    }

    fn verifier(&self) -> Verifier {
        Verifier::http(self.url.parse().unwrap(), "ehs", "ehs-api").unwrap()
    }

    fn answer(&self, text: String) {
        *self.answer.lock().unwrap() = text;
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}
