use std::net::TcpListener;

use auth::{Role, Verifier};
use testkit::Tokens;

use crate::house::{Behind, House};

#[tokio::test]
async fn a_route_that_asks_for_a_token_gets_a_good_one_or_401() {
    let house = House::open().await;
    let answer = house.get("/closed/a").await;
    assert_eq!((answer.status, answer.body["path"].as_str()), (200, Some("/closed/a/")));
    assert_eq!(
        answer.body["headers"]["authorization"],
        format!("Bearer {}", house.token),
        "the service checks it again"
    );
    let answer = house.send(house.client.get(format!("{}/closed/a/", house.url))).await;
    assert_eq!((answer.status, answer.headers["www-authenticate"].to_str().unwrap()), (401, "Bearer realm=\"ehs\""));
    for (what, token) in house.tokens.bad(7, Role::Admin) {
        let answer = house.send(house.client.get(format!("{}/closed/a/", house.url)).bearer_auth(token)).await;
        assert_eq!(answer.status, 401, "{what}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{what}");
    }
}

#[tokio::test]
async fn an_open_route_looks_at_no_token() {
    let house = House::open().await;
    let answer = house.send(house.client.get(format!("{}/open/a/", house.url)).bearer_auth("rubbish")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn where_a_token_is_optional_none_is_well_and_a_bad_one_is_not() {
    let house = House::open().await;
    let url = format!("{}/either/a/", house.url);
    assert_eq!(house.send(house.client.get(&url)).await.status, 200);
    assert_eq!(house.send(house.client.get(&url).bearer_auth(&house.token)).await.status, 200);
    let answer = house.send(house.client.get(&url).bearer_auth(house.tokens.expired(7, Role::Admin))).await;
    assert_eq!(answer.status, 401);
    assert!(answer.headers["www-authenticate"].to_str().unwrap().contains("invalid_token"));
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_503_and_not_401() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let behind = Behind::start();
    let told = ["garbage", "no-keys", "stuck"].map(|answer| format!("{}/{answer}/", behind.url));
    for keys in told.into_iter().chain([format!("http://{nobody}/")]) {
        let verifier = Verifier::http(keys.parse().unwrap(), "ehs", "ehs-api").unwrap();
        let house = House::with(Tokens::new(), verifier).await;
        let answer = house.get("/closed/a/").await;
        assert_eq!(answer.status, 503, "{keys}");
        assert!(answer.headers.contains_key("retry-after"), "{keys}");
        assert_eq!(house.get("/open/a/").await.status, 200, "who needs no token needs no keys");
    }
    behind.stop.cancel();
}

#[tokio::test]
async fn a_session_that_was_ended_gets_in_no_more() {
    let house = House::open().await;
    let claims = testkit::Tokens::claims(7, Role::Admin);
    let token = house.tokens.mint_with(&claims);
    let ask =
        async || house.send(house.client.get(format!("{}/closed/a/", house.url)).bearer_auth(&token)).await.status;
    assert_eq!(ask().await, 200);
    crate::house::revocations().revoke(claims.sid, std::time::Duration::from_secs(60)).await.unwrap();
    assert_eq!(ask().await, 401);
    assert_eq!(house.get("/closed/a/").await.status, 200, "another session goes on");
}
