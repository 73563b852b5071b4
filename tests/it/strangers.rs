//! Nobody gets in without a good token, whatever the operation.

use auth::{Role, SigningKeys};
use journeys::Hospital;
use reqwest::Method;
use testkit::Tokens;

/// What anybody may call.
pub const OPEN: [(Method, &str); 10] = [
    (Method::POST, "/api/users/register/"),
    (Method::POST, "/api/users/login/"),
    (Method::POST, "/api/users/refresh-token/"),
    // of an `mfa_token`; without one it is 401 too, but only after the body was read
    (Method::POST, "/api/users/mfa/verify/"),
    (Method::POST, "/api/users/password/reset/"),
    (Method::POST, "/api/users/password/reset/confirm/"),
    (Method::GET, "/.well-known/jwks.json"),
    (Method::GET, "/fhir/metadata/"),
    // the payment provider signs it instead
    (Method::POST, "/api/billing/webhooks/razorpay/"),
    // the address is the secret
    (Method::GET, "/api/appointments/feeds/{secret}/calendar.ics"),
];

fn concrete(path: &str) -> String {
    let mut concrete = String::new();
    for part in path.split_inclusive('/') {
        concrete.push_str(if part.starts_with('{') { "1/" } else { part });
    }
    concrete
}

/// In what words errors of this path come.
pub fn media_of(path: &str) -> &'static str {
    if path.starts_with("/fhir/") { "application/fhir+json" } else { "application/problem+json" }
}

#[tokio::test]
async fn every_operation_wants_a_token() {
    let hospital = Hospital::open();
    let operations = hospital.operations().await;
    assert!(operations.len() >= 25, "the document has {} operations", operations.len());
    for (method, path) in operations.iter().filter(|(method, path)| !OPEN.contains(&(method.clone(), path.as_str()))) {
        let answer = hospital.send(hospital.request(method.clone(), &concrete(path))).await;
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
        assert_eq!(answer.header("content-type"), media_of(path), "{method} {path}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{method} {path}");
    }
}

#[tokio::test]
async fn a_bad_token_is_refused_everywhere() {
    let hospital = Hospital::open();
    let file = std::fs::read_to_string(hospital.folder.join("signing-keys.json")).unwrap();
    let ours = Tokens::of(SigningKeys::parse(&file.into()).unwrap());
    let operations = hospital.operations().await;
    for (what, token) in ours.bad(1, Role::Admin) {
        for (method, path) in
            operations.iter().filter(|(method, path)| !OPEN.contains(&(method.clone(), path.as_str())))
        {
            let answer = hospital.send(hospital.request(method.clone(), &concrete(path)).bearer_auth(&token)).await;
            assert_eq!(answer.status, 401, "{what}: {method} {path}");
            assert_eq!(answer.header("content-type"), media_of(path), "{what}: {method} {path}");
        }
    }
}

#[tokio::test]
async fn a_token_is_refused_within_a_second_of_its_logout() {
    let hospital = Hospital::open();
    let token = hospital.token("NURSE").await;
    hospital.get(&token, "/api/users/me/").await.expect(200);
    let answer = hospital.post(&token, "/api/users/logout/", &serde_json::json!({})).await;
    assert!((200..300).contains(&answer.status), "{}", answer.body);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    for path in ["/api/users/me/", "/api/patients/", "/fhir/Patient/"] {
        let answer = hospital.get(&token, path).await.expect(401);
        assert_eq!(answer.header("content-type"), media_of(path), "{path}");
    }
}
