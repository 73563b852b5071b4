use reqwest::Method;
use serde_json::{Value, json};
use testkit::Answer;
use users::mail::post::Post;

use crate::post_office::PostOffice;
use crate::registration::join;
use crate::service::{PASSWORD, Service};

const CHANGE: &str = "/api/users/password/change/";
const RESET: &str = "/api/users/password/reset/";
const CONFIRM: &str = "/api/users/password/reset/confirm/";
const OTHER: &str = "another horse battery";

fn member(answer: &Answer, which: &str) -> String {
    answer.body[which].as_str().unwrap().to_owned()
}

async fn confirm(service: &Service, token: &str, password: &str) -> Answer {
    service.server.post(CONFIRM, "", &json!({"token": token, "new_password": password})).await
}

async fn mail(service: &Service, office: &PostOffice) {
    Post::new(office.config()).unwrap().send_due(&service.db.pool().await).await.unwrap();
}

/// Out of the last letter.
pub fn token(office: &PostOffice) -> String {
    let letter = office.letters().last().cloned().expect("a letter");
    // quoted-printable
    let letter = letter.replace("=\r\n", "").replace("=3D", "=");
    letter.split("#token=").nth(1).expect("a link").split_whitespace().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions() {
    let service = Service::start().await;
    service.patient("asha").await;
    let here = service.login("asha", PASSWORD).await.expect(200);
    let there = service.login("asha", PASSWORD).await.expect(200);
    let change = json!({"old_password": PASSWORD, "new_password": OTHER});
    service.server.post(CHANGE, &member(&here, "access"), &change).await.expect(204);
    service.refresh(&member(&there, "refresh")).await.expect(401);
    service.refresh(&member(&here, "refresh")).await.expect(200);
    service.login("asha", PASSWORD).await.expect(401);
    service.login("asha", OTHER).await.expect(200);
    // the session that was ended changes nothing any more
    let back = json!({"old_password": OTHER, "new_password": PASSWORD});
    service.server.post(CHANGE, &member(&there, "access"), &back).await.expect(401);
}

#[tokio::test]
async fn a_password_is_not_changed_by_bad_input() {
    let service = Service::start().await;
    service.patient("asha-rao-kumar").await;
    let access = member(&service.login("asha-rao-kumar", PASSWORD).await.expect(200), "access");
    for (body, fields) in [
        (json!({}), vec!["new_password", "old_password"]),
        (json!({"old_password": "wrong horse battery", "new_password": OTHER}), vec!["old_password"]),
        (json!({"old_password": PASSWORD, "new_password": "short"}), vec!["new_password"]),
        (json!({"old_password": PASSWORD, "new_password": "jaishreeram123"}), vec!["new_password"]),
        (json!({"old_password": PASSWORD, "new_password": "ASHA-rao-kumar"}), vec!["new_password"]),
        (json!({"old_password": PASSWORD, "new_password": OTHER, "user": 1}), vec!["user"]),
    ] {
        let answer = service.server.post(CHANGE, &access, &body).await.expect(400);
        let mut found = answer.faulty_fields();
        found.sort_unstable();
        assert_eq!(found, fields, "{body}");
        assert!(!answer.text.contains("horse"), "{}", answer.text);
    }
    service.login("asha-rao-kumar", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_forgotten_password_is_set_by_the_mailed_token_once() {
    let (service, office) = (Service::start().await, PostOffice::open().await);
    service.patient("asha").await;
    let before = service.login("asha", PASSWORD).await.expect(200);
    service.server.post(RESET, "", &json!({"email": "Asha@Example.in"})).await.expect(202);
    assert!(office.letters().is_empty());
    mail(&service, &office).await;
    let letter = &office.letters()[0];
    assert!(letter.contains("To: asha@example.in") && letter.contains("Subject: Your new password"), "{letter}");
    assert!(!letter.contains("Asha") && !letter.contains("Rao"), "no names in mails: {letter}");
    let token = token(&office);
    let hexed = "SELECT count(*) FROM password_resets WHERE encode(digest, 'base64') LIKE '%' AND length(digest) = 32";
    assert_eq!(service.db.number(hexed).await, 1);
    assert_eq!(service.db.number("SELECT count(*) FROM mails WHERE status = 'DONE'").await, 1);

    assert_eq!(confirm(&service, &token, "short").await.expect(400).faulty_fields(), ["new_password"]);
    confirm(&service, &token, OTHER).await.expect(204);
    assert_eq!(confirm(&service, &token, OTHER).await.expect(400).faulty_fields(), ["token"]);
    service.refresh(&member(&before, "refresh")).await.expect(401);
    service.login("asha", PASSWORD).await.expect(401);
    service.login("asha", OTHER).await.expect(200);
}

#[tokio::test]
async fn nobody_learns_whether_an_address_is_known() {
    let (service, office) = (Service::start().await, PostOffice::open().await);
    service.patient("asha").await;
    service.patient("gone").await;
    service.db.sql("UPDATE users SET is_active = false WHERE username = 'gone'").await;
    let mut answers: Vec<Value> = Vec::new();
    for address in ["asha@example.in", "gone@example.in", "nobody@example.in"] {
        answers.push(service.server.post(RESET, "", &json!({"email": address})).await.expect(202).body);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    mail(&service, &office).await;
    assert_eq!(office.letters().len(), 1);
    assert_eq!(service.db.number("SELECT count(*) FROM mails WHERE status = 'DONE'").await, 3);
    // a mailbox is not flooded
    for _ in 0..10 {
        service.server.post(RESET, "", &json!({"email": "asha@example.in"})).await.expect(202);
    }
    mail(&service, &office).await;
    assert_eq!(office.letters().len(), 3);
    for body in [
        json!({}),
        json!({"email": "x"}),
        json!({"email": "asha@example.in\r\nBcc: x@example.in"}),
        json!({"email": 7}),
    ] {
        assert_eq!(service.server.post(RESET, "", &body).await.expect(400).faulty_fields(), ["email"]);
    }
}

#[tokio::test]
async fn a_token_dies_with_time_and_with_another_password_and_works_for_one_of_two() {
    let (service, office) = (Service::start().await, PostOffice::open().await);
    service.patient("asha").await;
    let ask = async || {
        service.server.post(RESET, "", &json!({"email": "asha@example.in"})).await.expect(202);
        mail(&service, &office).await;
        token(&office)
    };
    let expired = ask().await;
    service.db.sql("UPDATE password_resets SET expires_at = now() - interval '1 second'").await;
    assert_eq!(confirm(&service, &expired, OTHER).await.expect(400).faulty_fields(), ["token"]);

    let (one, other) = (ask().await, ask().await);
    let answers = join((0..6).map(|_| confirm(&service, &one, OTHER))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
    assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 204 | 400 | 409)));
    confirm(&service, &other, PASSWORD).await.expect(400);
    for garbage in ["", "x", &"A".repeat(43), "' OR 1=1 --"] {
        assert_eq!(confirm(&service, garbage, OTHER).await.expect(400).faulty_fields(), ["token"]);
    }
    for path in [RESET, CONFIRM] {
        service.server.call(Method::GET, path).send().await.expect(405);
    }
}

#[tokio::test]
async fn a_relay_that_is_away_is_tried_again_and_not_for_ever() {
    let (service, office) = (Service::start().await, PostOffice::open().await);
    service.patient("asha").await;
    office.turn_away(1);
    service.server.post(RESET, "", &json!({"email": "asha@example.in"})).await.expect(202);
    let pool = service.db.pool().await;
    let post = Post::new(office.config()).unwrap();
    let fault = format!("{:#}", post.send_due(&pool).await.unwrap_err());
    assert!(!fault.contains("token="), "{fault}");
    assert_eq!(post.send_due(&pool).await.unwrap(), 0, "not before its time");
    service.db.sql("UPDATE mails SET next_attempt_at = now()").await;
    post.send_due(&pool).await.unwrap();
    assert_eq!(office.letters().len(), 1);

    office.turn_away(100);
    service.server.post(RESET, "", &json!({"email": "asha@example.in"})).await.expect(202);
    for _ in 0..12 {
        post.send_due(&pool).await.ok();
        service.db.sql("UPDATE mails SET next_attempt_at = now()").await;
    }
    assert_eq!(service.db.number("SELECT count(*) FROM mails WHERE status = 'FAILED' AND attempts = 8").await, 1);
    service.db.sql("UPDATE mails SET made_at = now() - interval '2 hours'").await;
    service.db.sql("UPDATE password_resets SET expires_at = now() - interval '1 hour'").await;
    assert!(users::worker::forget_once(&pool).await.unwrap() >= 2);
    assert_eq!(service.db.number("SELECT count(*) FROM mails").await, 0);
}

#[tokio::test]
async fn a_hash_of_django_signs_in_and_is_renewed() {
    let service = Service::start().await;
    service.patient("asha").await;
    // of PASSWORD, made by Python's hashlib
    let hash = "pbkdf2_sha256$1000$seasalt$DrdiWD40lyBuydnjvZiDrdQMx1S1mOA9O0QYex0R6ww=";
    service.db.sql(&format!("UPDATE users SET password_hash = '{hash}'")).await;
    service.login("asha", "wrong horse battery").await.expect(401);
    assert_eq!(service.db.number("SELECT count(*) FROM users WHERE password_hash LIKE 'pbkdf2%'").await, 1);
    service.login("asha", PASSWORD).await.expect(200);
    assert_eq!(service.db.number("SELECT count(*) FROM users WHERE password_hash LIKE '$argon2id$%'").await, 1);
    service.login("asha", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn where_no_mail_waits_none_is_looked_at() {
    let (service, office) = (Service::start().await, PostOffice::open().await);
    let sent = "INSERT INTO mails (kind, address, status, made_at, next_attempt_at) \
                SELECT 'PASSWORD_RESET', n || '@example.in', 'DONE', now(), now() FROM generate_series(1, 5000) AS n";
    service.db.sql(sent).await;
    service.db.sql("VACUUM ANALYZE mails").await;
    service.db.plan_for_any_values().await;
    let before = service.db.looked_at("mails").await;
    for _ in 0..3 {
        mail(&service, &office).await;
    }
    let looked_at = service.db.looked_at("mails").await - before;
    assert!(looked_at < 100, "{looked_at} rows");
}

#[tokio::test]
async fn a_mail_that_no_relay_came_for_is_given_up_after_two_days() {
    let service = Service::start().await;
    let waiting = "INSERT INTO mails (kind, address, made_at, next_attempt_at) SELECT 'PASSWORD_RESET', hours || '@example.in', \
                   now() - hours * interval '1 hour', now() - hours * interval '1 hour' FROM unnest(ARRAY[2, 47, 49, 500]) AS hours";
    service.db.sql(waiting).await;
    assert_eq!(users::worker::forget_once(&service.db.pool().await).await.unwrap(), 2);
    assert_eq!(service.db.number("SELECT count(*) FROM mails WHERE made_at > now() - interval '2 days'").await, 2);
}
