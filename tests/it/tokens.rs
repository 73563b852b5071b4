//! Nothing but a good token says who calls: not a forged one, and not a header.

use std::time::Duration;

use auth::{Role, SigningKeys};
use journeys::Hospital;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use testkit::Tokens;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Something in each of the four services that an administrator may read, and the door for FHIR clients.
const EVERYWHERE: [&str; 5] =
    ["/api/users/", "/api/patients/", "/api/appointments/", "/api/billing/invoices/", "/fhir/Patient/"];

/// Tokens that an attacker makes out of what is public: the keys' ids, and the keys themselves.
async fn forged(hospital: &Hospital, ours: &Tokens) -> Vec<(&'static str, String)> {
    let jwks = hospital.send(hospital.request(reqwest::Method::GET, "/.well-known/jwks.json")).await.expect(200).body;
    let key = jwks["keys"][0].clone();
    let kid = key["kid"].as_str().unwrap().to_owned();
    let claims = Tokens::claims(1, Role::Admin);
    let hmac = |secret: &[u8]| {
        let header = Header { kid: Some(kid.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    let public = key["x"].as_str().unwrap();
    let good = ours.mint(1, Role::Admin);
    let signature = good.rsplit_once('.').unwrap().1;
    let foreign = Tokens::new().mint(1, Role::Admin);
    let (head, _) = good.split_once('.').unwrap();
    let (_, claims_and_signature) = foreign.split_once('.').unwrap();
    let mut forged = ours.bad(1, Role::Admin);
    forged.extend([
        ("HS256 with the public key", hmac(public.as_bytes())),
        ("HS256 with the public key's bytes", jsonwebtoken_secret(public, &hmac)),
        ("HS256 with the whole key", hmac(key.to_string().as_bytes())),
        ("HS256 with no secret", hmac(b"")),
        ("a foreign key under our key's id", format!("{head}.{claims_and_signature}")),
        ("our signature under other claims", format!("{}.{signature}", foreign.rsplit_once('.').unwrap().0)),
        ("the signature of nobody", format!("{}.", good.rsplit_once('.').unwrap().0)),
    ]);
    forged
}

fn jsonwebtoken_secret(public: &str, hmac: &impl Fn(&[u8]) -> String) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    hmac(&BASE64_URL_SAFE_NO_PAD.decode(public).unwrap())
}

#[tokio::test]
async fn a_forged_token_is_refused_by_every_service() {
    let hospital = Hospital::open();
    let file = std::fs::read_to_string(hospital.folder.join("signing-keys.json")).unwrap();
    let ours = Tokens::of(SigningKeys::parse(&file.into()).unwrap());
    for (what, token) in forged(&hospital, &ours).await {
        for path in EVERYWHERE {
            let answer = hospital.get(&token, path).await;
            assert_eq!(answer.status, 401, "{what}: {path}: {}", answer.body);
            let media = if path.starts_with("/fhir/") { "application/fhir+json" } else { "application/problem+json" };
            assert_eq!(answer.header("content-type"), media, "{what}: {path}");
        }
        let (body, ..) = journeys::people::newcomer("ACCOUNTANT", "");
        let answer = hospital.post(&token, "/api/users/register/", &body).await;
        assert_eq!(answer.status, 401, "{what} registers staff: {}", answer.body);
    }
}

/// A request as it is on the wire: header names in any case, as often as one likes; within TLS, names in lower case.
/// Returns status and body.
async fn raw(hospital: &Hospital, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let Some(address) = hospital.gateway.strip_prefix("http://") else {
        let request = hospital.request(reqwest::Method::GET, path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = hospital.send(request).await;
        return (answer.status, answer.body);
    };
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (from, to) = (answer.find('{').unwrap_or(0), answer.rfind('}').map_or(0, |at| at + 1));
    (status, serde_json::from_str(&answer[from.min(to)..to]).unwrap_or_default())
}

#[tokio::test]
async fn a_header_that_claims_an_identity_changes_nothing() {
    let hospital = Hospital::open();
    let admin = hospital.token("ADMIN").await;
    let nobody = hospital.newcomer(&admin, "PATIENT", "").await;
    let admins_id = hospital.get(&admin, "/api/users/me/").await.expect(200).body["id"].to_string();
    let bearer = format!("Bearer {}", nobody.access);
    let names = [
        "X-User-Id",
        "x-user-id",
        "X-USER-ID",
        "X-User",
        "X-User-Role",
        "X-Role",
        "x-role",
        "X-ROLE",
        "X-Forwarded-User",
        "x-forwarded-user",
        "X-Ehs-User-Id",
        "X-Ehs-Role",
        "X-Auth-Request-User",
        "X-Remote-User",
        "Remote-User",
        "X_User_Id",
        "X-Original-User",
        "X-Session-Id",
        "X-JWT-Claims",
        "From",
    ];
    let mut claims: Vec<(&str, &str)> = names
        .iter()
        .flat_map(|name| [(*name, if name.to_lowercase().contains("role") { "ADMIN" } else { admins_id.as_str() }); 2])
        .collect();
    for path in EVERYWHERE {
        let (status, body) = raw(&hospital, path, &claims).await;
        assert_eq!(status, 401, "without a token: {path}: {body}");
    }
    claims.push(("Authorization", &bearer));
    let (status, body) = raw(&hospital, "/api/users/me/", &claims).await;
    assert_eq!((status, &body["id"], &body["role"]), (200, &json!(nobody.id), &json!("PATIENT")));
    let (status, _) = raw(&hospital, "/api/users/", &claims).await;
    assert_eq!(status, 403);
    for path in ["/api/patients/", "/api/appointments/", "/api/billing/invoices/"] {
        let (status, body) = raw(&hospital, path, &claims).await;
        assert_eq!((status, &body["count"]), (200, &json!(0)), "{path}: {body}");
    }
}

#[tokio::test]
async fn two_tokens_are_none() {
    let hospital = Hospital::open();
    let (admin, nurse) = (hospital.token("ADMIN").await, hospital.token("NURSE").await);
    let (admins, nurses) = (format!("Bearer {admin}"), format!("Bearer {nurse}"));
    for (first, second) in [(&admins, &nurses), (&nurses, &admins), (&admins, &admins)] {
        for path in EVERYWHERE {
            let (status, body) = raw(&hospital, path, &[("Authorization", first), ("AUTHORIZATION", second)]).await;
            assert_eq!(status, 401, "{path}: {body}");
        }
    }
    let (status, _) = raw(&hospital, &format!("/api/users/me/?access_token={admin}"), &[]).await;
    assert_eq!(status, 401, "nor in the address");
    let (status, _) = raw(&hospital, "/api/users/me/", &[("Cookie", &format!("access={admin}; token={admin}"))]).await;
    assert_eq!(status, 401, "nor in a cookie");
}

#[tokio::test]
async fn no_spelling_of_a_path_goes_around_an_ended_session() {
    let hospital = Hospital::open();
    let admin = hospital.token("ADMIN").await;
    let gone = hospital.newcomer(&admin, "ADMIN", "").await;
    hospital.post(&gone.access, "/api/users/logout/", &json!({})).await.expect(204);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let bearer = format!("Bearer {}", gone.access);
    let spellings = [
        "/api/users/me",
        "/api/users/%6de/",
        "/api/users//me/",
        "//api/users/me/",
        "/./api/users/me/",
        "/API/users/me/",
        "/api/users/login/../me/",
        "/api/users/login/%2e%2e/me/",
        "/api/users/login/%2E%2E%2Fme/",
        "/api/users/login/..;/me/",
        "/api/users/login/..\\me/",
        "/api/users/password/reset/../../me/",
        "/.well-known/jwks.json/../../api/users/me/",
        "/healthz/../api/users/me/",
        "/api/users/me/?next=/api/users/login/",
        "http://gateway/api/users/me/",
    ];
    for path in spellings {
        let (status, body) = raw(&hospital, path, &[("Authorization", &bearer)]).await;
        assert!([400, 401, 404].contains(&status), "{path}: {status} {body}");
    }
}
