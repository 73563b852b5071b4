use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Answer;
use users::mfa::MfaKeys;
use users::mfa::totp::{Secret, step_at};

use crate::registration::join;
use crate::service::{PASSWORD, Service};

const ENABLE: &str = "/api/users/mfa/enable/";
const VERIFY: &str = "/api/users/mfa/verify/";
const DISABLE: &str = "/api/users/mfa/disable/";

fn text(answer: &Answer, member: &str) -> String {
    answer.body[member].as_str().unwrap_or_else(|| panic!("no {member} in {}", answer.body)).to_owned()
}

/// An authenticator app, written apart from the service's own code.
pub struct App(Vec<u8>);

impl App {
    pub fn of(enrolment: &Answer) -> Self {
        let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
        for letter in text(enrolment, "secret").bytes() {
            let value = if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' };
            held = held << 5 | u32::from(value);
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                bytes.push((held >> bits) as u8);
                held &= (1 << bits) - 1;
            }
        }
        assert_eq!(bytes.len(), 20);
        Self(bytes)
    }

    /// The code so many steps from now.
    pub fn code(&self, drift: i64) -> String {
        let step = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 / 30 + drift;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0), &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = (tag[19] & 15) as usize;
        let number = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    pub fn wrong(&self) -> String {
        (0..10).map(|n| format!("{n:06}")).find(|code| (-2..=2).all(|drift| self.code(drift) != *code)).unwrap()
    }
}

async fn verify(service: &Service, token: &str, code: &str) -> Answer {
    service.server.post(VERIFY, "", &json!({"mfa_token": token, "code": code})).await
}

async fn mfa_token(service: &Service) -> String {
    let answer = service.login("asha", PASSWORD).await.expect(200);
    assert_eq!((&answer.body["mfa_required"], answer.body.get("access")), (&json!(true), None));
    text(&answer, "mfa_token")
}

/// A test counts steps: it must not see one end.
pub async fn early_in_a_step() {
    let into = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() % 30_000;
    if into > 20_000 {
        tokio::time::sleep(Duration::from_millis((30_050 - into) as u64)).await;
    }
}

/// Turns MFA on for asha with the code of one step ago; gives her access token, the app and the recovery codes.
async fn turn_on(service: &Service) -> (String, App, Vec<String>) {
    early_in_a_step().await;
    service.patient("asha").await;
    let access = text(&service.login("asha", PASSWORD).await.expect(200), "access");
    let app = App::of(&service.server.post(ENABLE, &access, &json!({})).await.expect(200));
    let answer = service.server.post(VERIFY, &access, &json!({"code": app.code(-1)})).await.expect(200);
    let codes: Vec<String> = serde_json::from_value(answer.body["recovery_codes"].clone()).unwrap();
    assert_eq!((codes.len(), answer.body.get("access")), (10, None));
    (access, app, codes)
}

#[tokio::test]
async fn it_is_shown_verified_and_then_asked_for() {
    let service = Service::start().await;
    early_in_a_step().await;
    service.patient("asha").await;
    let access = text(&service.login("asha", PASSWORD).await.expect(200), "access");
    let first = service
        .server
        .call(Method::POST, ENABLE)
        .header("authorization", &format!("Bearer {access}"))
        .send()
        .await
        .expect(200);
    assert_eq!(first.header("cache-control"), "no-store");
    let picture = text(&first, "qr_code");
    let picture = picture.strip_prefix("data:image/png;base64,").unwrap();
    assert!(base64::engine::general_purpose::STANDARD.decode(picture).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
    let url = text(&first, "otpauth_url");
    assert!(url.starts_with("otpauth://totp/EHS:asha?") && url.contains(&text(&first, "secret")), "{url}");
    // not in force yet
    assert!(service.login("asha", PASSWORD).await.expect(200).body.get("access").is_some());

    // asked again, another secret takes its place
    let app = App::of(&service.server.post(ENABLE, &access, &json!({})).await.expect(200));
    let old = App::of(&first).code(0);
    assert_eq!(service.server.post(VERIFY, &access, &json!({"code": old})).await.expect(400).faulty_fields(), ["code"]);
    service.server.post(VERIFY, &access, &json!({"code": app.code(0)})).await.expect(200);
    service.server.post(ENABLE, &access, &json!({})).await.expect(409);
    service.server.post(VERIFY, &access, &json!({"code": app.code(1)})).await.expect(409);
    assert_eq!(service.login("asha", "wrong horse battery").await.expect(401).body.get("mfa_token"), None);

    let answer = verify(&service, &mfa_token(&service).await, &app.code(1)).await.expect(200);
    service.server.get("/api/users/me/", &text(&answer, "access")).await.expect(200);
    service.refresh(&text(&answer, "refresh")).await.expect(200);
    assert_eq!(answer.body.get("recovery_codes"), None);
    let plain = "SELECT count(*) FROM mfa_enrolments WHERE key_id = 'k1' AND length(sealed) = 48";
    assert_eq!(service.db.number(plain).await, 1);
}

#[tokio::test]
async fn a_code_works_once_even_at_the_same_instant() {
    let service = Service::start().await;
    let (_, app, _) = turn_on(&service).await;
    verify(&service, &mfa_token(&service).await, &app.code(-1)).await.expect(401);

    let mut tokens = Vec::new();
    for _ in 0..4 {
        tokens.push(mfa_token(&service).await);
    }
    let code = app.code(0);
    let answers = join(tokens.iter().map(|token| verify(&service, token, &code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
    // and none before it is taken any more
    verify(&service, &mfa_token(&service).await, &app.code(-1)).await.expect(401);
    assert_eq!(service.db.number("SELECT count(*) FROM sessions").await, 2);
}

#[tokio::test]
async fn clocks_may_differ_by_one_step() {
    let service = Service::start().await;
    let (_, app, _) = turn_on(&service).await;
    verify(&service, &mfa_token(&service).await, &app.code(3)).await.expect(401);
    verify(&service, &mfa_token(&service).await, &app.code(1)).await.expect(200);
}

#[tokio::test]
async fn recovery_codes_work_once_each_and_are_kept_as_digests() {
    let service = Service::start().await;
    let (_, app, codes) = turn_on(&service).await;
    verify(&service, &mfa_token(&service).await, &codes[0]).await.expect(200);
    verify(&service, &mfa_token(&service).await, &codes[0]).await.expect(401);
    let typed = codes[1].replace('-', " ").to_lowercase();
    verify(&service, &mfa_token(&service).await, &typed).await.expect(200);
    let token = mfa_token(&service).await;
    let answers = join((0..4).map(|_| verify(&service, &token, &codes[2]))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(service.db.number("SELECT count(*) FROM mfa_recovery_codes WHERE used_at IS NOT NULL").await, 3);

    // wrong codes of somebody who knows the password do not keep its owner out
    for _ in 0..6 {
        verify(&service, &mfa_token(&service).await, &app.wrong()).await;
    }
    let paused = verify(&service, &mfa_token(&service).await, &app.code(0)).await.expect(429);
    assert!(paused.header("retry-after").parse::<u32>().unwrap() > 20);
    verify(&service, &mfa_token(&service).await, &codes[3]).await.expect(200);
    verify(&service, &mfa_token(&service).await, &app.code(0)).await.expect(200);
}

#[tokio::test]
async fn an_mfa_token_is_good_for_one_purpose_five_minutes_and_five_attempts() {
    let service = Service::start().await;
    let (access, app, codes) = turn_on(&service).await;
    let token = mfa_token(&service).await;
    service.server.get("/api/users/me/", &token).await.expect(401);
    service.refresh(&token).await.expect(401);
    service.server.post(ENABLE, "", &json!({"mfa_token": token})).await.expect(401);
    service.server.post(DISABLE, "", &json!({"password": PASSWORD, "code": app.code(0)})).await.expect(401);
    for _ in 0..5 {
        verify(&service, &token, "not a code").await.expect(401);
    }
    assert!(verify(&service, &token, &codes[0]).await.expect(401).header("www-authenticate").contains("invalid_token"));

    let token = mfa_token(&service).await;
    verify(&service, &token, &codes[0]).await.expect(200);
    verify(&service, &token, &codes[1]).await.expect(401);

    let token = mfa_token(&service).await;
    service.db.sql("UPDATE mfa_challenges SET expires_at = now() - interval '1 second'").await;
    verify(&service, &token, &codes[1]).await.expect(401);
    let forgotten = users::worker::forget_once(&service.db.pool().await).await.unwrap();
    assert!(forgotten >= 3, "{forgotten}");

    let token = mfa_token(&service).await;
    service.db.sql("UPDATE users SET is_active = false").await;
    verify(&service, &token, &codes[1]).await.expect(401);
    service.server.post(ENABLE, &access, &json!({})).await.expect(401);
}

#[tokio::test]
async fn turning_it_off_takes_password_and_code() {
    let service = Service::start().await;
    let (access, app, codes) = turn_on(&service).await;
    let off = |password: &str, code: String| {
        let body = json!({"password": password, "code": code});
        let (service, access) = (&service, access.clone());
        async move { service.server.post(DISABLE, &access, &body).await }
    };
    off("wrong horse battery", app.code(0)).await.expect(400);
    off(PASSWORD, app.wrong()).await.expect(400);
    off(PASSWORD, app.code(-1)).await.expect(400);
    off(PASSWORD, app.code(0)).await.expect(204);
    off(PASSWORD, codes[0].clone()).await.expect(409);
    assert!(service.login("asha", PASSWORD).await.expect(200).body.get("access").is_some());
    assert_eq!(service.db.number("SELECT count(*) FROM mfa_recovery_codes").await, 0);

    service.db.sql("UPDATE sessions SET revoked_at = now(), revoked_why = 'REFRESH_TOKEN_REUSED'").await;
    service.server.post(ENABLE, &access, &json!({})).await.expect(401);
}

#[tokio::test]
async fn a_role_that_must_have_it_gets_nothing_else_before() {
    let service = Service::requiring("DOCTOR, PATIENT").await;
    early_in_a_step().await;
    service.patient("asha").await;
    let answer = service.login("asha", PASSWORD).await.expect(200);
    let members: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["mfa_enrolment_required", "mfa_required", "mfa_token"]);
    let token = text(&answer, "mfa_token");
    verify(&service, &token, "123456").await.expect(401);
    let other = text(&service.login("asha", PASSWORD).await.expect(200), "mfa_token");
    let app = App::of(&service.server.post(ENABLE, "", &json!({"mfa_token": token})).await.expect(200));
    verify(&service, &token, &app.wrong()).await.expect(401);
    let answer = verify(&service, &token, &app.code(-1)).await.expect(200);
    assert_eq!(answer.body["recovery_codes"].as_array().unwrap().len(), 10);
    let access = text(&answer, "access");
    service.server.get("/api/users/me/", &access).await.expect(200);
    // a token for enrolling is worth nothing once somebody has enrolled
    service.server.post(ENABLE, "", &json!({"mfa_token": other})).await.expect(409);
    verify(&service, &other, &app.code(0)).await.expect(401);
    service.server.post(DISABLE, &access, &json!({"password": PASSWORD, "code": app.code(0)})).await.expect(403);
    verify(&service, &mfa_token(&service).await, &app.code(0)).await.expect(200);
}

#[tokio::test]
async fn a_secret_moves_to_the_current_key_and_is_lost_with_its_own() {
    let service = Service::start().await;
    let (_, _, _) = turn_on(&service).await;
    let id = service.db.number("SELECT id FROM users").await;
    let secret = Secret::random().unwrap();
    let old = MfaKeys::parse(&format!("k0:{}", "0b".repeat(32)).into()).unwrap().seal(&secret, id).unwrap();
    let hex: String = old.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    service.db.sql(&format!("UPDATE mfa_enrolments SET key_id = 'k0', sealed = decode('{hex}', 'hex')")).await;
    let code = |drift| secret.code(step_at(chrono::Utc::now()) + drift);
    verify(&service, &mfa_token(&service).await, &code(0)).await.expect(200);
    assert_eq!(service.db.number("SELECT count(*) FROM mfa_enrolments WHERE key_id = 'k1'").await, 1);
    verify(&service, &mfa_token(&service).await, &code(1)).await.expect(200);

    service.db.sql("UPDATE mfa_enrolments SET key_id = 'gone'").await;
    verify(&service, &mfa_token(&service).await, &code(1)).await.expect(500);
}

#[tokio::test]
async fn bad_input_is_refused() {
    let service = Service::start().await;
    service.patient("asha").await;
    let access = text(&service.login("asha", PASSWORD).await.expect(200), "access");
    for (path, body, fields) in [
        (ENABLE, json!({"mfa_token": 7, "x": 1}), vec!["mfa_token", "x"]),
        (VERIFY, json!({}), vec!["code"]),
        (VERIFY, json!({"code": ""}), vec!["code"]),
        (VERIFY, json!({"code": 123_456}), vec!["code"]),
        (VERIFY, json!({"code": "1".repeat(65), "password": "x"}), vec!["code", "password"]),
        (VERIFY, json!({"code": "1\u{0}"}), vec!["code"]),
        (DISABLE, json!({}), vec!["code", "password"]),
    ] {
        let answer = service.server.post(path, &access, &body).await.expect(400);
        let mut found = answer.faulty_fields();
        found.sort_unstable();
        assert_eq!(found, fields, "{path} {body:.80}");
    }
    service.server.post(VERIFY, &access, &json!({"code": "123456"})).await.expect(409);
    service.server.post(DISABLE, &access, &json!({"password": PASSWORD, "code": "123456"})).await.expect(409);
    for garbage in ["", "x", &"A".repeat(43), "' OR 1=1 --"] {
        let body: Value = json!({"mfa_token": garbage, "code": "123456"});
        service.server.post(VERIFY, "", &body).await.expect(401);
    }
    for path in [ENABLE, VERIFY] {
        let body = json!({"code": "123456"});
        let body = if path == ENABLE { json!({}) } else { body };
        service.server.post(path, "", &body).await.expect(401);
    }
    service
        .server
        .call(Method::POST, ENABLE)
        .header("authorization", &format!("Bearer {access}"))
        .body("x", "x")
        .send()
        .await
        .expect(415);
}

#[tokio::test]
async fn a_role_that_must_have_it_by_now_renews_no_session_without() {
    let service = Service::start().await;
    let (_, app, _) = turn_on(&service).await;
    let signed_in = verify(&service, &mfa_token(&service).await, &app.code(0)).await.expect(200);
    service.patient("bina").await;
    let without = service.login("bina", PASSWORD).await.expect(200);
    let late = service.login("bina", PASSWORD).await.expect(200);

    // the setting changes, and the service starts anew
    let service = service.now_requiring("PATIENT").await;
    service.refresh(&text(&signed_in, "refresh")).await.expect(200);
    // whoever makes one in a session that is open keeps it
    early_in_a_step().await;
    let bina = App::of(&service.server.post(ENABLE, &text(&late, "access"), &json!({})).await.expect(200));
    service.server.post(VERIFY, &text(&late, "access"), &json!({"code": bina.code(0)})).await.expect(200);
    service.refresh(&text(&late, "refresh")).await.expect(200);

    let refused = service.refresh(&text(&without, "refresh")).await.expect(401);
    assert!(refused.text.contains("second factor"), "{}", refused.text);
    let over = "SELECT count(*) FROM sessions WHERE revoked_why = 'SECOND_FACTOR_MISSING'";
    assert_eq!(service.db.number(over).await, 1);
    let session = auth::Verifier::fixed(&service.keys.jwks(), "ehs", "ehs-api")
        .verify(&text(&without, "access"))
        .await
        .unwrap()
        .sid;
    assert!(crate::service::revocations().is_revoked(session).await.unwrap());
    service.refresh(&text(&without, "refresh")).await.expect(401);
}
