//! Guessing passwords.

use std::time::{Duration, Instant};

use chassis::redis::{Redis, RedisConfig};
use reqwest::Method;
use serde_json::json;
use testkit::{Answer, Endpoints};
use users::config::HashingConfig;
use users::sign_in::defence::{Allowance, Defence};
use uuid::Uuid;

use crate::registration::join;
use crate::service::{PASSWORD, Service};

/// Cheap hashes: what is tried here is the counting.
fn cheap() -> HashingConfig {
    HashingConfig { memory_kib: 64, iterations: 1, threads: 2, queue: 5_000, wait: Duration::from_secs(10) }
}

fn at(url: &str) -> RedisConfig {
    RedisConfig { url: url.to_owned().into(), ..Endpoints::get().redis_config() }
}

async fn service(url: &str, allowance: Allowance) -> Service {
    Service::defended(&cheap(), Defence::new(Redis::new(&at(url)).unwrap(), allowance)).await
}

async fn guarded() -> Service {
    service(&Endpoints::get().redis, Allowance { per_address: 30, per_account: 10, ..Allowance::default() }).await
}

/// Names and addresses that no other test counts.
pub fn name() -> String {
    format!("u{}", Uuid::new_v4().simple())
}

pub fn address() -> String {
    let bytes = Uuid::new_v4().into_bytes();
    format!("10.{}.{}.{}", bytes[0], bytes[1], bytes[2])
}

pub async fn try_from(service: &Service, address: &str, name: &str, password: &str) -> Answer {
    let call = service.server.call(Method::POST, "/api/users/login/").header("x-forwarded-for", address);
    call.json(&json!({"username": name, "password": password})).send().await
}

fn retry_after(answer: &Answer) -> u64 {
    answer.header("retry-after").parse().expect("Retry-After")
}

#[tokio::test]
async fn many_wrong_passwords_against_one_account_are_slowed_and_its_owner_still_gets_in() {
    let (service, asha, home) = (guarded().await, name(), address());
    service.patient(&asha).await;
    try_from(&service, &home, &asha, PASSWORD).await.expect(200);
    let mut tried = 0;
    for _ in 0..20 {
        let attacker = address();
        let answers = join((0..50).map(|_| try_from(&service, &attacker, &asha, "wrong horse battery"))).await;
        for answer in answers {
            match answer.status.as_u16() {
                401 => tried += 1,
                429 => assert!((1..=60).contains(&retry_after(&answer))),
                other => panic!("{other}: {}", answer.text),
            }
        }
    }
    // ten free ones, and one more for each pause that went by meanwhile
    assert!((10..=20).contains(&tried), "{tried}");
    // who is known there is not slowed, and the right password from elsewhere only waits
    try_from(&service, &home, &asha, PASSWORD).await.expect(200);
    let begun = Instant::now();
    try_from(&service, &home, &asha, PASSWORD).await.expect(200);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn many_accounts_from_one_address_are_slowed_and_others_are_not() {
    let (service, asha, attacker) = (guarded().await, name(), address());
    service.patient(&asha).await;
    let names: Vec<String> = (0..300).map(|_| name()).collect();
    let answers = join(names.iter().map(|name| try_from(&service, &attacker, name, "wrong horse battery"))).await;
    let tried = answers.iter().filter(|answer| answer.status == 401).count();
    // half as many again where Redis was too busy to answer and the process counted by itself
    assert!((30..=60).contains(&tried), "{tried}");
    let slowed = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(slowed.header("content-type"), "application/problem+json");
    assert!(retry_after(slowed) <= 900);
    // the attacker does not get in with an account of their own to have the count forgotten
    assert_eq!(try_from(&service, &attacker, &asha, PASSWORD).await.status, 429);
    try_from(&service, &address(), &asha, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn the_pause_grows_and_an_unknown_name_is_no_different() {
    let service =
        service(&Endpoints::get().redis, Allowance { per_address: 1000, per_account: 2, ..Allowance::default() }).await;
    let (asha, nobody) = (name(), name());
    service.patient(&asha).await;
    for name in [&asha, &nobody] {
        for _ in 0..2 {
            try_from(&service, &address(), name, "wrong horse battery").await.expect(401);
        }
        let first = try_from(&service, &address(), name, "wrong horse battery").await.expect(429);
        assert_eq!(retry_after(&first), 1);
        tokio::time::sleep(Duration::from_millis(1100)).await;
        try_from(&service, &address(), name, "wrong horse battery").await.expect(401);
        let second = try_from(&service, &address(), name, "wrong horse battery").await.expect(429);
        assert!(retry_after(&second) >= 1);
    }
}

#[tokio::test]
async fn signing_in_with_the_email_counts_as_the_same_account() {
    let service =
        service(&Endpoints::get().redis, Allowance { per_address: 1000, per_account: 2, ..Allowance::default() }).await;
    let asha = name();
    service.patient(&asha).await;
    let email = format!("{asha}@example.in");
    try_from(&service, &address(), &asha, "wrong horse battery").await.expect(401);
    try_from(&service, &address(), &email.to_uppercase(), "wrong horse battery").await.expect(401);
    try_from(&service, &address(), &asha, "wrong horse battery").await.expect(429);
}

#[tokio::test]
async fn without_redis_the_limits_are_stricter_and_people_sign_in() {
    let service =
        service("redis://127.0.0.1:1", Allowance { per_address: 30, per_account: 10, ..Allowance::default() }).await;
    let (asha, attacker) = (name(), address());
    service.patient(&asha).await;
    for _ in 0..8 {
        try_from(&service, &address(), &asha, PASSWORD).await.expect(200);
    }
    let other = name();
    for _ in 0..5 {
        try_from(&service, &attacker, &other, "wrong horse battery").await.expect(401);
    }
    try_from(&service, &attacker, &other, "wrong horse battery").await.expect(429);
}
