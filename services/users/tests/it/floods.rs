//! Wrong passwords without end, and Redis killed in the middle of everything.
//!
//! `EHS_TEST_FLOOD` is how many wrong passwords are tried; 2000 where it is not set, 20000 for the whole of it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chassis::redis::Redis;
use reqwest::Method;
use serde_json::json;
use testkit::{Answer, Endpoints, OwnRedis, eventually};
use users::config::HashingConfig;
use users::sign_in::defence::{Allowance, Defence};

use crate::defence::{address, name, try_from};
use crate::registration::join;
use crate::service::{PASSWORD, Service};

const AT_ONCE: usize = 48;

fn flood() -> usize {
    std::env::var("EHS_TEST_FLOOD").ok().and_then(|text| text.parse().ok()).unwrap_or(2000)
}

/// Of real strength; so little may wait that the test's own time is bounded.
fn hashing() -> HashingConfig {
    HashingConfig { threads: 1, queue: 16, wait: Duration::from_millis(500), ..HashingConfig::default() }
}

async fn guarded() -> Service {
    let redis = Redis::new(&Endpoints::get().redis_config()).unwrap();
    Service::defended(&hashing(), Defence::new(redis, Allowance::default())).await
}

/// Kilobytes of this process, and so of the service in it.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Guesses from ever other addresses, while somebody else's calls are timed. Returns the slowest of those.
async fn guess(service: &Service, names: &[String]) -> Duration {
    let (next, over, count) = (AtomicUsize::new(0), AtomicBool::new(false), flood());
    let guesser = async || {
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= count {
                return;
            }
            let answer = try_from(service, &address(), &names[turn % names.len()], "wrong horse battery").await;
            assert!(matches!(answer.status.as_u16(), 401 | 429 | 503), "{} {}", answer.status, answer.text);
            if answer.status != 401 {
                assert!(!answer.header("retry-after").is_empty());
            }
        }
    };
    let guessing = async {
        join((0..AT_ONCE).map(|_| guesser())).await;
        over.store(true, Ordering::Relaxed);
    };
    let reader = service.admin();
    let calling = async {
        let mut times = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let begun = Instant::now();
            service.server.get("/api/users/doctors/", &reader).await.expect(200);
            service.server.get("/healthz", "").await.expect(200);
            times.push(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        times.sort();
        times[times.len() * 9 / 10]
    };
    tokio::join!(guessing, calling).1
}

/// The right password from an address that the account does not know: it waits, and gets in.
async fn gets_in(service: &Service, name: &str) {
    let (begun, elsewhere) = (Instant::now(), address());
    loop {
        let answer = try_from(service, &elsewhere, name, PASSWORD).await;
        if answer.status == 200 {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "locked out: {}", answer.text);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_against_one_account_slows_nobody_else_and_its_owner_gets_in() {
    let (service, asha, home) = (guarded().await, name(), address());
    service.patient(&asha).await;
    try_from(&service, &home, &asha, PASSWORD).await.expect(200);
    let before = memory();
    let slow = guess(&service, std::slice::from_ref(&asha)).await;
    assert!(slow < Duration::from_secs(2), "nine of ten calls within {slow:?}");
    let grown = memory().saturating_sub(before);
    assert!(grown < 200_000, "{grown} KiB more than before");
    // at home at once
    try_from(&service, &home, &asha, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_against_a_thousand_accounts_slows_nobody_else_and_their_owners_get_in() {
    let service = guarded().await;
    let mut names: Vec<String> = (0..1000).map(|_| name()).collect();
    for asha in names.iter().take(3) {
        service.patient(asha).await;
    }
    names.rotate_left(1);
    let before = memory();
    let slow = guess(&service, &names).await;
    assert!(slow < Duration::from_secs(2), "nine of ten calls within {slow:?}");
    let grown = memory().saturating_sub(before);
    assert!(grown < 200_000, "{grown} KiB more than before");
    gets_in(&service, &names[0]).await;
    gets_in(&service, &names[999]).await;
}

#[tokio::test]
async fn an_address_asks_for_so_many_reset_mails() {
    let redis = Redis::new(&Endpoints::get().redis_config()).unwrap();
    let allowance = Allowance { resets_per_address: 5, ..Allowance::default() };
    let service = Service::defended(&hashing(), Defence::new(redis, allowance)).await;
    let (attacker, body) = (address(), |n: u32| json!({"email": format!("{n}@example.in")}));
    let ask = async |from: &str, n: u32| -> Answer {
        let call = service.server.call(Method::POST, "/api/users/password/reset/").header("x-forwarded-for", from);
        call.json(&body(n)).send().await
    };
    for n in 0..5 {
        ask(&attacker, n).await.expect(202);
    }
    let slowed = ask(&attacker, 5).await.expect(429);
    assert_eq!(slowed.header("retry-after"), "1");
    assert_eq!(service.db.number("SELECT count(*) FROM mails").await, 5);
    ask(&address(), 5).await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_killed_makes_it_stricter_and_not_wrong() {
    let redis = OwnRedis::start().await;
    let (port, allowance) = (redis.port(), Allowance { per_address: 30, per_account: 4, ..Allowance::default() });
    let revocations = auth::Revocations::new(redis.redis());
    let service = Service::leaning_on(Defence::new(redis.redis(), allowance), revocations.clone()).await;
    service.patient("asha").await;
    let signed_in = service.login("asha", PASSWORD).await.expect(200).body;
    let (access, refresh) = (signed_in["access"].as_str().unwrap(), signed_in["refresh"].as_str().unwrap());
    let sid = auth::Verifier::fixed(&service.keys.jwks(), "ehs", "ehs-api").verify(access).await.unwrap().sid;

    // in the middle of everything
    let sign_ins = join((0..12).map(|_| service.login("asha", PASSWORD)));
    let killed = async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        redis.kill();
    };
    let (answers, ()) = tokio::join!(sign_ins, killed);
    // half as many are free, and each is counted before it is known to be right
    assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 200 | 429)), "{answers:?}");

    let begun = Instant::now();
    let renewed = service.refresh(refresh).await.expect(200).body;
    service.server.get("/api/users/me/", access).await.expect(200);
    service.server.call(Method::POST, "/api/users/logout/").token(access).send().await.expect(204);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    // over, whatever Redis knows
    service.refresh(renewed["refresh"].as_str().unwrap()).await.expect(401);
    for _ in 0..2 {
        try_from(&service, &address(), "nobody", "wrong horse battery").await.expect(401);
    }
    try_from(&service, &address(), "nobody", "wrong horse battery").await.expect(429);
    assert!(revocations.is_revoked(sid).await.is_err(), "nobody takes silence for a good session");

    let redis = OwnRedis::on(port).await;
    eventually(|| async { users::worker::tell_again_once(&service.db.pool().await, &revocations).await.is_ok() }).await;
    assert!(revocations.is_revoked(sid).await.unwrap(), "what Redis forgot is told again");
    eventually(|| async { service.login("asha", PASSWORD).await.status == 200 }).await;
    drop(redis);
}

#[tokio::test]
async fn a_session_signed_out_in_mid_request_changes_nothing() {
    use diesel_async::SimpleAsyncConnection;
    let service = Service::start().await;
    service.patient("asha").await;
    let access = service.login("asha", PASSWORD).await.expect(200).body["access"].as_str().unwrap().to_owned();
    // the change waits for its row, and meanwhile the session ends
    let mut held = service.db.connect().await;
    held.batch_execute("BEGIN; SELECT id FROM users WHERE username = 'asha' FOR UPDATE").await.unwrap();
    let change = json!({"old_password": PASSWORD, "new_password": "another horse battery"});
    let changing = service.server.post("/api/users/password/change/", &access, &change);
    let ending = async {
        let waits =
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        eventually(|| async { service.db.number(waits).await > 0 }).await;
        service.server.call(Method::POST, "/api/users/logout/").token(&access).send().await.expect(204);
        held.batch_execute("COMMIT").await.unwrap();
    };
    let (changed, ()) = tokio::join!(changing, ending);
    changed.expect(401);
    service.login("asha", PASSWORD).await.expect(200);
    let rows = "SELECT count(*) FROM audit_log WHERE action = 'PasswordChange' AND outcome = 'SUCCESS'";
    assert_eq!(service.db.number(rows).await, 0);
}
