//! Whoever speaks FHIR hears of errors in its words.

use auth::Role;
use testkit::Tokens;
use uuid::Uuid;

use crate::house::{Answer, House, redis};

/// It says so in FHIR's words, with the code of `issue-type`.
#[track_caller]
fn is_outcome(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.body["issue"][0]["code"].as_str()), (status, Some(code)), "{}", answer.body);
    assert_eq!(answer.body["resourceType"], "OperationOutcome");
    assert_eq!(answer.headers["content-type"], "application/fhir+json");
}

#[tokio::test]
async fn a_route_for_fhir_clients_has_its_own_errors_in_their_words() {
    let house = House::open().await;
    let ask = |path: &str| house.client.get(format!("{}{path}", house.url));
    let nobody = house.send(ask("/outcomes/a/")).await;
    is_outcome(&nobody, 401, "login");
    assert!(nobody.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    let expired = house.tokens.expired(7, Role::Admin);
    is_outcome(&house.send(ask("/outcomes/a/").bearer_auth(expired)).await, 401, "login");
    let claims = Tokens::claims(7, Role::Admin);
    crate::house::revocations().revoke(claims.sid, std::time::Duration::from_secs(60)).await.unwrap();
    let revoked = house.tokens.mint_with(&claims);
    is_outcome(&house.send(ask("/outcomes/a/").bearer_auth(revoked)).await, 401, "login");
    let away = house.get("/outcomes/away/a/").await;
    is_outcome(&away, 503, "transient");
    assert!(away.headers.contains_key("retry-after"));
    is_outcome(&house.get("/outcomes/stuck/").await, 504, "transient");
    is_outcome(&house.get("/outcomes/a%2fb/").await, 400, "invalid");
    let large = house.client.post(format!("{}/outcomes/a/", house.url)).bearer_auth(&house.token);
    is_outcome(&house.send(large.body(vec![b'a'; 2048])).await, 413, "too-long");
    assert_eq!(house.get("/outcomes/a/").await.body["path"], "/outcomes/a/", "what the service says passes as it is");
}

#[tokio::test]
async fn beyond_a_limit_too() {
    let limit = format!("test-{}", Uuid::new_v4());
    let house = House::with_limits(&[(&limit, "{key: address, requests: 1, per_s: 600, burst: 1}")], redis());
    assert_eq!(house.get("/outcomes/a/").await.status, 200);
    let refused = house.get("/outcomes/a/").await;
    is_outcome(&refused, 429, "throttled");
    assert!(refused.headers.contains_key("retry-after") && refused.headers.contains_key("ratelimit-limit"));
}

#[tokio::test]
async fn elsewhere_whoever_accepts_them_does() {
    let house = House::open().await;
    let ask = async |accept: &str| {
        house.send(house.client.get(format!("{}/closed/a/", house.url)).header("accept", accept)).await
    };
    for accept in ["application/fhir+json", "text/html, Application/FHIR+json;fhirVersion=4.0;q=0.9"] {
        is_outcome(&ask(accept).await, 401, "login");
    }
    for accept in ["application/json", "*/*"] {
        assert_eq!(ask(accept).await.headers["content-type"], "application/problem+json", "{accept}");
    }
}
