use std::time::Duration;

use auth::Role;
use testkit::{OwnRedis, eventually};
use uuid::Uuid;

use crate::house::{Answer, House, redis};

/// A name of its own for the limit of a test: they all count in one Redis.
fn name() -> String {
    format!("test-{}", Uuid::new_v4())
}

fn figure(answer: &Answer, header: &str) -> u64 {
    answer.headers.get(header).unwrap_or_else(|| panic!("no {header}")).to_str().unwrap().parse().unwrap()
}

async fn open(house: &House) -> Answer {
    house.send(house.client.get(format!("{}/open/a/", house.url))).await
}

async fn closed(house: &House, token: &str) -> Answer {
    house.send(house.client.get(format!("{}/closed/a/", house.url)).bearer_auth(token)).await
}

#[tokio::test]
async fn a_burst_passes_and_then_one_is_told_when_to_come_back() {
    let limit = name();
    let house = House::with_limits(&[(&limit, "{key: address, requests: 1, per_s: 20, burst: 3}")], redis());
    for remaining in [2, 1, 0] {
        let answer = open(&house).await;
        assert_eq!(answer.status, 200);
        assert_eq!(figure(&answer, "ratelimit-remaining"), remaining);
        assert_eq!(figure(&answer, "ratelimit-limit"), 3);
        assert_eq!(answer.headers["ratelimit-policy"], "3;w=60");
        assert!(figure(&answer, "ratelimit-reset") <= 20 * (3 - remaining));
    }
    let refused = open(&house).await;
    assert_eq!((refused.status, refused.body["status"].as_u64()), (429, Some(429)));
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    assert!((1..=20).contains(&figure(&refused, "retry-after")), "{:?}", refused.headers);
    assert_eq!(figure(&refused, "ratelimit-remaining"), 0);
}

#[tokio::test]
async fn whoever_waits_as_told_is_let_in_again() {
    let limit = name();
    let house = House::with_limits(&[(&limit, "{key: address, requests: 1, per_s: 1, burst: 1}")], redis());
    let refused = loop {
        let answer = open(&house).await;
        if answer.status == 429 {
            break answer;
        }
    };
    tokio::time::sleep(Duration::from_secs(figure(&refused, "retry-after"))).await;
    assert_eq!(open(&house).await.status, 200);
}

#[tokio::test]
async fn users_have_their_own_limits_wherever_they_come_from_and_the_tightest_is_told() {
    let (by_user, by_address) = (name(), name());
    let limits = [
        (by_user.as_str(), "{key: user, requests: 1, per_s: 600, burst: 2}"),
        (by_address.as_str(), "{key: address, requests: 1, per_s: 600, burst: 50}"),
    ];
    let house = House::with_limits(&limits, redis());
    let (one, other) = (house.tokens.mint(7, Role::Admin), house.tokens.mint(8, Role::Nurse));
    let another_session = house.tokens.mint(7, Role::Admin);
    for (token, status) in
        [(&one, 200), (&another_session, 200), (&one, 429), (&other, 200), (&other, 200), (&other, 429)]
    {
        let answer = closed(&house, token).await;
        assert_eq!((answer.status, figure(&answer, "ratelimit-limit")), (status, 2));
    }
    // What was refused took nothing from the other bucket: 4 of 50 went.
    let third = house.tokens.mint(9, Role::Doctor);
    closed(&house, &third).await;
    let answer = open(&house).await;
    assert_eq!(figure(&answer, "ratelimit-remaining"), 1, "nobody is counted by address in a limit of users");
}

#[tokio::test]
async fn gateways_share_one_count() {
    let limit = name();
    let limits = [(limit.as_str(), "{key: address, requests: 1, per_s: 600, burst: 10}")];
    let houses = [House::with_limits(&limits, redis()), House::with_limits(&limits, redis())];
    let asked = (0..40).map(|n| open(&houses[n % 2]));
    let statuses: Vec<u16> = futures_util::future::join_all(asked).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 30, "{statuses:?}");
}

#[tokio::test]
async fn a_forged_address_escapes_no_limit_and_reaches_no_service() {
    let limit = name();
    let house = House::with_limits(&[(&limit, "{key: address, requests: 1, per_s: 600, burst: 2}")], redis());
    let ask = async |forged: &str| {
        let request = house.client.get(format!("{}/open/a/", house.url));
        house.send(request.header("x-forwarded-for", forged).header("forwarded", format!("for={forged}"))).await
    };
    let answer = ask("198.51.100.1").await;
    assert_eq!(answer.body["headers"]["x-forwarded-for"], "127.0.0.1");
    assert_eq!(ask("198.51.100.2").await.status, 200);
    assert_eq!(ask("198.51.100.3").await.status, 429);
}

#[tokio::test]
async fn guessing_tokens_counts() {
    let limit = name();
    let house = House::with_limits(&[(&limit, "{key: user, requests: 1, per_s: 600, burst: 3}")], redis());
    for status in [401, 401, 401, 429, 429] {
        assert_eq!(closed(&house, &house.tokens.expired(7, Role::Admin)).await.status, status);
    }
    assert_eq!(closed(&house, &house.token).await.status, 200, "who is signed in is not kept out by them");
}

#[tokio::test]
async fn without_redis_the_gateway_counts_for_itself_and_goes_back_when_it_can() {
    let server = OwnRedis::start().await;
    let limit = name();
    let limits = [(limit.as_str(), "{key: address, requests: 1, per_s: 600, burst: 3}")];
    let house = House::with_limits(&limits, server.redis());
    eventually(async || open(&house).await.headers.contains_key("ratelimit-remaining")).await;
    assert!(figure(&open(&house).await, "ratelimit-remaining") <= 1, "counted in Redis");
    let port = server.kill();
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(open(&house).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429, 429], "the same rule, counted anew");
    assert_eq!(closed(&house, &house.token).await.status, 429);
    let _server = OwnRedis::on(port).await;
    eventually(async || open(&house).await.status == 200).await;
}
