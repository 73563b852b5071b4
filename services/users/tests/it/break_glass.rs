use auth::Role;
use chrono::{Duration, Utc};
use diesel_async::AsyncConnection;
use events::v1::{BreakGlassUse, Envelope};
use events::{Handler, Payload, envelope};
use serde_json::{Value, json};
use testkit::{Queues, eventually};
use tokio_util::sync::CancellationToken;
use users::break_glass::review::{Heard, SUBSCRIBER};
use users::mail::post::Post;

use crate::post_office::PostOffice;
use crate::service::Service;

const LIST: &str = "/api/users/break-glass/";
const AUDITOR: i64 = 2_000_000;

fn used(id: i64, user_id: i64, patients: &[i64]) -> Envelope {
    let now = Utc::now();
    let opened = (patients.len() == 1).then(|| envelope::timestamp(now + Duration::hours(1)));
    let used = BreakGlassUse {
        id,
        user_id,
        role: "DOCTOR".to_owned(),
        reason: "unconscious in casualty".to_owned(),
        patients: patients.to_vec(),
        granted_at: Some(envelope::timestamp(now)),
        expires_at: opened,
    };
    Envelope::new(Some((user_id, "DOCTOR")), ("break_glass", id), None, Payload::BreakGlassUsed(used))
}

async fn hear(service: &Service, events: &[Envelope]) {
    let mut conn = service.db.connect().await;
    for event in events {
        Heard::default().apply(&mut conn, event).await.unwrap();
    }
}

fn ids(body: &Value) -> Vec<i64> {
    body["results"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn an_auditor_reviews_what_was_used() {
    let service = Service::start().await;
    let doctor = service.doctor("dr.rao", "Anil", "Rao", "Cardiology").await;
    hear(&service, &[used(1, doctor, &[7]), used(2, 99, &[7, 8]), used(1, doctor, &[7])]).await;
    let auditor = service.token(AUDITOR, Role::Auditor);
    let list = service.server.get(LIST, &auditor).await.expect(200).body;
    assert_eq!((ids(&list), &list["count"]), (vec![2, 1], &json!(2)));
    let (search, opened) = (&list["results"][0], &list["results"][1]);
    assert_eq!(
        (&search["patients"], &search["expires_at"], &search["user_name"]),
        (&json!([7, 8]), &Value::Null, &json!(""))
    );
    assert_eq!(
        (&opened["user_name"], &opened["status"], &opened["patients"]),
        (&json!("Anil Rao"), &json!("PENDING"), &json!([7]))
    );

    let path = format!("{LIST}1/");
    let tag = service.server.get(&path, &service.admin()).await.expect(200).header("etag").to_owned();
    let verdict = json!({"status": "NOT_JUSTIFIED", "note": "The patient was\nnot admitted."});
    service.server.patch(&path, &service.admin(), &verdict).await.expect(403);
    let judged = service.server.patch(&path, &auditor, &verdict).await.expect(200);
    assert_eq!((&judged.body["status"], &judged.body["reviewed_by"]), (&json!("NOT_JUSTIFIED"), &json!(AUDITOR)));
    assert_ne!(judged.header("etag"), tag);
    let stale = service.server.call(reqwest::Method::PATCH, &path).token(&auditor).header("if-match", &tag);
    stale.json(&json!({"status": "JUSTIFIED"})).send().await.expect(412);
    let changed = service.server.patch(&path, &auditor, &json!({"status": "JUSTIFIED"})).await.expect(200).body;
    assert_eq!((&changed["status"], &changed["note"]), (&json!("JUSTIFIED"), &verdict["note"]));
    // told again, the verdict stays
    hear(&service, &[used(1, doctor, &[7])]).await;
    for (status, found) in [("PENDING", vec![2]), ("JUSTIFIED", vec![1]), ("NOT_JUSTIFIED", vec![])] {
        assert_eq!(
            ids(&service.server.get(&format!("{LIST}?status={status}"), &auditor).await.expect(200).body),
            found
        );
    }
    assert_eq!(ids(&service.server.get(&format!("{LIST}?user={doctor}"), &auditor).await.expect(200).body), [1]);
}

#[tokio::test]
async fn nobody_reviews_themselves_nor_what_is_not_there() {
    let service = Service::start().await;
    hear(&service, &[used(1, AUDITOR, &[7])]).await;
    let auditor = service.token(AUDITOR, Role::Auditor);
    let verdict = json!({"status": "JUSTIFIED"});
    service.server.patch(&format!("{LIST}1/"), &auditor, &verdict).await.expect(403);
    service.server.patch(&format!("{LIST}2/"), &auditor, &verdict).await.expect(404);
    service.server.get(&format!("{LIST}2/"), &auditor).await.expect(404);
    for (body, fields) in [
        (json!({}), vec!["status"]),
        (json!({"status": "PENDING"}), vec!["status"]),
        (json!({"status": "justified", "note": "x".repeat(2001), "reason": "x"}), vec!["note", "reason", "status"]),
    ] {
        let answer = service.server.patch(&format!("{LIST}1/"), &auditor, &body).await.expect(400);
        let mut found = answer.faulty_fields();
        found.sort_unstable();
        assert_eq!(found, fields);
    }
    service.server.get(&format!("{LIST}?status=OPEN"), &auditor).await.expect(400);
}

#[tokio::test]
async fn pages_follow_each_other() {
    let service = Service::start().await;
    let all: Vec<Envelope> = (1..=5).map(|id| used(id, 99, &[7])).collect();
    hear(&service, &all).await;
    let auditor = service.token(AUDITOR, Role::Auditor);
    let mut next = Some(format!("{LIST}?page_size=2&status=PENDING"));
    let (mut found, mut previous) = (Vec::new(), None);
    while let Some(url) = next {
        let path = url.split_once("/api/").map_or(url.clone(), |(_, path)| format!("/api/{path}"));
        let page = service.server.get(&path, &auditor).await.expect(200).body;
        found.extend(ids(&page));
        next = page["next"].as_str().map(str::to_owned);
        previous = page["previous"].as_str().map(str::to_owned);
    }
    assert_eq!(found, [5, 4, 3, 2, 1]);
    let previous = previous.unwrap();
    let path = format!("/api/{}", previous.split_once("/api/").unwrap().1);
    assert_eq!(ids(&service.server.get(&path, &auditor).await.expect(200).body), [3, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_use_comes_over_the_queue() {
    let service = Service::start().await;
    let queues = Queues::new().await;
    let outbox = ::events::Outbox::new();
    let mut conn = service.db.connect().await;
    if let Some(payload) = used(1, 99, &[7]).payload {
        outbox.append(&mut conn, Some((99, "DOCTOR")), ("break_glass", 1), payload).await.unwrap();
    }
    let stop = CancellationToken::new();
    let pool = service.db.pool().await;
    let relay = tokio::spawn(::events::relay::run(pool.clone(), queues.sqs(), stop.clone()));
    let consumer =
        tokio::spawn(::events::consumer::run(pool, queues.sqs(), SUBSCRIBER, Heard::default(), stop.clone()));
    eventually(|| async { service.db.number("SELECT count(*) FROM break_glass_reviews").await == 1 }).await;
    stop.cancel();
    relay.await.unwrap().unwrap();
    consumer.await.unwrap().unwrap();
}

#[tokio::test]
async fn auditors_are_told_of_each_use_once() {
    let (service, office) = (Service::start().await, PostOffice::open().await);
    let doctor = service.doctor("dr.rao", "Anil", "Rao", "Cardiology").await;
    hear(&service, &[used(1, doctor, &[7])]).await;
    assert_eq!(service.db.number("SELECT count(*) FROM mails").await, 0, "nobody is named to be told");

    let told = Heard { auditors: Some("auditors@example.in".to_owned()) };
    let mut conn = service.db.connect().await;
    for event in [used(2, doctor, &[7]), used(2, doctor, &[7]), used(3, 99, &Vec::from_iter(100..130))] {
        told.apply(&mut conn, &event).await.unwrap();
    }
    assert_eq!(service.db.number("SELECT count(*) FROM mails WHERE kind = 'BREAK_GLASS_USED'").await, 2);
    office.turn_away(1);
    let (pool, post) = (service.db.pool().await, Post::new(office.config()).unwrap());
    post.send_due(&pool).await.unwrap_err();
    service.db.sql("UPDATE mails SET next_attempt_at = now()").await;
    post.send_due(&pool).await.unwrap();
    let letters = office.letters();
    assert_eq!(letters.len(), 2);
    let opened = letters.iter().find(|letter| letter.contains("review 2")).unwrap();
    assert!(
        opened.contains("To: auditors@example.in") && opened.contains("dr.rao") && opened.contains("DOCTOR"),
        "{opened}"
    );
    assert!(opened.contains("Patients, by id: 7\r\n"), "{opened}");
    let search = letters.iter().find(|letter| letter.contains("review 3")).unwrap();
    assert!(search.contains("What: searched") && search.contains("and 10 more"), "{search}");
    for word in ["unconscious", "Anil", "Cardiology"] {
        assert!(letters.iter().all(|letter| !letter.contains(word)), "{word}");
    }
    assert_eq!(service.db.number("SELECT count(*) FROM mails WHERE status = 'DONE'").await, 2);
}

#[tokio::test]
async fn a_use_and_its_mail_are_kept_together_or_not_at_all() {
    let service = Service::start().await;
    service.db.sql("ALTER TABLE mails ADD CONSTRAINT full_up CHECK (kind <> 'BREAK_GLASS_USED')").await;
    let told = Heard { auditors: Some("auditors@example.in".to_owned()) };
    let mut conn = service.db.connect().await;
    let heard = conn.transaction(async |conn| told.apply(conn, &used(1, 99, &[7])).await).await;
    assert!(heard.is_err());
    assert_eq!(service.db.number("SELECT count(*) FROM break_glass_reviews").await, 0);
}

#[tokio::test]
async fn what_one_did_is_listed_without_a_look_at_what_the_others_did() {
    let service = Service::start().await;
    let uses = "INSERT INTO break_glass_reviews (id, user_id, role, reason, patients, granted_at) \
                SELECT n, 1 + n / 10, 'DOCTOR', 'unconscious in casualty', '{7}', now() FROM generate_series(1, 5000) AS n";
    service.db.sql(uses).await;
    service.db.sql("VACUUM ANALYZE break_glass_reviews").await;
    service.db.plan_for_any_values().await;
    let before = service.db.looked_at("break_glass_reviews").await;
    let auditor = service.token(AUDITOR, Role::Auditor);
    let page = service.server.get(&format!("{LIST}?user=1"), &auditor).await.expect(200).body;
    assert_eq!(page["count"], 9);
    let looked_at = service.db.looked_at("break_glass_reviews").await - before;
    assert!(looked_at < 100, "{looked_at} rows");
}
