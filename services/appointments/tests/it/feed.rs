//! The secret address of a doctor's calendar.

use std::io;
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};
use testkit::Answer;

use crate::hospital::{
    ADMIN, AUDITOR, DESK, Hospital, LAKSHMI, LAKSHMI_ACCOUNT, LEFT, NURSE, OTHER, RAO, SEN, day, slot,
};

fn path(doctor: i64) -> String {
    format!("/api/appointments/doctor/{doctor}/feed/")
}

async fn made(hospital: &Hospital, user: i64, doctor: i64) -> Answer {
    hospital.post(user, &path(doctor), &json!({})).await.expect(201)
}

/// The path of a new feed's address.
fn address(answer: &Answer) -> String {
    let address = answer.body["address"].as_str().unwrap();
    format!("/api/{}", address.split_once("/api/").unwrap().1)
}

async fn fetch(hospital: &Hospital, address: &str) -> Answer {
    hospital.server.call(Method::GET, address).send().await
}

#[tokio::test]
async fn who_has_the_address_sees_when_and_where_and_nothing_else() {
    let hospital = Hospital::new().await;
    let mut body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    (body["reason"], body["room"]) = (json!("chest pain"), json!("OPD-3"));
    let id = hospital.booked(&body).await["id"].clone();
    let mut remote = slot(OTHER, RAO, day(300), "11:00:00");
    remote["appointment_type"] = json!("TELECONSULT");
    hospital.booked(&remote).await;
    hospital.booked(&slot(OTHER, SEN, day(4), "10:00:00")).await;

    let new = made(&hospital, RAO, RAO).await;
    assert_eq!((new.header("cache-control"), &new.body["last_fetched_at"]), ("no-store", &json!(null)));
    let address = address(&new);
    let seen = fetch(&hospital, &address).await.expect(200);
    assert_eq!(seen.header("content-type"), "text/calendar; charset=utf-8");
    assert!(seen.header("cache-control").contains("private"));
    let start = format!("DTSTART;TZID=Asia/Kolkata:{}T100000\r\n", day(2).format("%Y%m%d"));
    for part in [
        start.as_str(),
        "BEGIN:VTIMEZONE\r\n",
        &format!("UID:appointment-{id}@ehs\r\n"),
        "SEQUENCE:0\r\n",
        "STATUS:TENTATIVE\r\n",
        "LOCATION:OPD-3\r\n",
        "LOCATION:Teleconsultation\r\n",
        "SUMMARY:Appointment\r\n",
    ] {
        assert!(seen.text.contains(part), "{part} is not in\n{}", seen.text);
    }
    assert_eq!(seen.text.matches("BEGIN:VEVENT").count(), 2);
    for private in ["chest", "Lakshmi", "Mohan", "P00000100"] {
        assert!(!seen.text.contains(private), "{private}");
    }

    // Unchanged is 304, and any change is another tag.
    let again = || hospital.server.call(Method::GET, &address).header("if-none-match", seen.header("etag")).send();
    let unchanged = again().await;
    assert_eq!((unchanged.status.as_u16(), unchanged.text.as_str()), (304, ""));
    hospital.patch(DESK, &id, &json!({"status": "CANCELLED", "cancellation_reason": "travels"})).await.expect(200);
    let changed = again().await.expect(200);
    assert!(changed.text.contains("SEQUENCE:1\r\n") && changed.text.contains("STATUS:CANCELLED\r\n"));
    assert!(!changed.text.contains("travels"));
    let view = hospital.get(RAO, &path(RAO)).await.expect(200).body;
    assert!(view["last_fetched_at"].is_string() && view["created_by"] == RAO && view.get("address").is_none());
}

#[tokio::test]
async fn an_address_is_replaced_and_revoked_and_then_it_is_no_other_than_a_wrong_one() {
    let hospital = Hospital::new().await;
    hospital.get(RAO, &path(RAO)).await.expect(404);
    let first = made(&hospital, ADMIN, RAO).await;
    let refused = hospital.post(RAO, &path(RAO), &json!({})).await.expect(409);
    assert_eq!(refused.body["type"], "urn:ehs:problem:feed-exists");
    let second = hospital.post(RAO, &path(RAO), &json!({"replace": true})).await.expect(201);
    assert_ne!(address(&first), address(&second));
    fetch(&hospital, &address(&second)).await.expect(200);

    let delete = |tag: &str| {
        let call = hospital.server.call(Method::DELETE, &path(RAO)).token(&hospital.token(RAO));
        call.header("if-match", tag).send()
    };
    delete(first.header("etag")).await.expect(412);
    delete(second.header("etag")).await.expect(204);
    hospital.server.delete(&path(RAO), &hospital.token(RAO)).await.expect(404);

    let of_one_who_left = made(&hospital, ADMIN, LEFT).await;
    let guess = format!("/api/appointments/feeds/{}/calendar.ics", "x".repeat(43));
    let wrong = ["1", "x", "%C3%A9", "00000000-0000-0000-0000-000000000000"];
    let wrong = wrong.map(|secret| format!("/api/appointments/feeds/{secret}/calendar.ics"));
    let mut told = Vec::new();
    for address in [address(&first), address(&second), address(&of_one_who_left), guess].iter().chain(&wrong) {
        let mut answer = fetch(&hospital, address).await.expect(404);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        answer.body["trace_id"] = Value::Null;
        told.push(answer.body);
    }
    assert!(told.iter().all(|one| one == &told[0]), "{told:?}");
    assert_eq!(told[0]["instance"], "/api/appointments/feeds/?/calendar.ics");
}

#[tokio::test]
async fn a_doctor_has_only_their_own_and_the_others_none() {
    let hospital = Hospital::new().await;
    made(&hospital, SEN, SEN).await;
    for user in [RAO, DESK, NURSE, AUDITOR, LAKSHMI_ACCOUNT] {
        hospital.post(user, &path(SEN), &json!({"replace": true})).await.expect(403);
        hospital.get(user, &path(SEN)).await.expect(403);
        hospital.server.delete(&path(SEN), &hospital.token(user)).await.expect(403);
    }
    hospital.post(ADMIN, &path(NURSE), &json!({})).await.expect(404);
    let refused = hospital.post(ADMIN, &path(RAO), &json!({"replace": "yes", "secret": "x"})).await.expect(400);
    assert_eq!(refused.faulty_fields().len(), 2);
    hospital.get(ADMIN, &path(SEN)).await.expect(200);
}

#[tokio::test]
async fn two_that_make_one_at_once_have_one() {
    let hospital = Hospital::new().await;
    let (path, body) = (path(RAO), json!({}));
    let answers = futures_util::future::join_all((0..8).map(|_| hospital.post(ADMIN, &path, &body))).await;
    let made = answers.iter().filter(|answer| answer.status.as_u16() == 201).count();
    assert_eq!((made, hospital.db.number("SELECT count(*) FROM calendar_feeds").await), (1, 1));
    assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 201 | 409)));
}

#[tokio::test]
async fn a_doctor_who_goes_takes_the_feed_along_and_brings_it_back() {
    let hospital = Hospital::new().await;
    let address = address(&made(&hospital, RAO, RAO).await);
    hospital.db.sql("UPDATE staff SET is_active = false WHERE id = 10").await;
    fetch(&hospital, &address).await.expect(404);
    hospital.db.sql("UPDATE staff SET is_active = true, role = 'NURSE' WHERE id = 10").await;
    fetch(&hospital, &address).await.expect(404);
    hospital.db.sql("UPDATE staff SET role = 'DOCTOR' WHERE id = 10").await;
    fetch(&hospital, &address).await.expect(200);
}

/// All that is logged, with every field of every span.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Alone in its process under nextest: what is logged on the server's own threads is heard by the whole process.
#[tokio::test]
async fn the_secret_stands_in_no_log_span_metric_or_row() {
    let log = Log::default();
    let kept = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || kept.clone())
        .try_init()
        .expect("the only one of this process");
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let rendered = recorder.handle();
    metrics::set_global_recorder(recorder).expect("the only one of this process");

    let hospital = Hospital::new().await;
    hospital.booked(&slot(LAKSHMI, RAO, day(2), "10:00:00")).await;
    let new = made(&hospital, RAO, RAO).await;
    let address = address(&new);
    let secret = address.split('/').nth(4).unwrap().to_owned();
    assert_eq!(secret.len(), 43);
    fetch(&hospital, &address).await.expect(200);
    fetch(&hospital, &address.replace("feeds", "%66eeds")).await.expect(200);
    let post = hospital.server.call(Method::POST, &address).token(&hospital.token(RAO)).send().await.expect(405);
    assert!(!post.text.contains(&secret));
    hospital.server.delete(&path(RAO), &hospital.token(RAO)).await.expect(204);
    let gone = fetch(&hospital, &address).await.expect(404);
    assert!(!gone.text.contains(&secret));
    hospital.db.sql("ALTER TABLE calendar_feeds RENAME TO elsewhere").await;
    let broken = fetch(&hospital, &address).await.expect(500);
    assert!(!broken.text.contains(&secret));
    hospital.db.sql("ALTER TABLE elsewhere RENAME TO calendar_feeds").await;

    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("/api/appointments/feeds/{secret}/calendar.ics"), "the route is logged");
    let shown: Vec<&str> = logged.lines().filter(|line| line.contains(&secret)).collect();
    assert!(shown.is_empty(), "{shown:?}");
    let metrics = rendered.render();
    assert!(metrics.contains("calendar_feed_fetches_total") && !metrics.contains(&secret));

    let found = format!(
        "SELECT (SELECT count(*) FROM audit_log AS kept WHERE kept::text LIKE '%{secret}%') \
              + (SELECT count(*) FROM calendar_feeds AS kept WHERE kept::text LIKE '%{secret}%') \
              + (SELECT count(*) FROM idempotency_keys AS kept WHERE kept::text LIKE '%{secret}%') \
              + (SELECT count(*) FROM outbox AS kept WHERE kept::text LIKE '%{secret}%')"
    );
    assert_eq!(hospital.db.number(&found).await, 0);
    let fetched = format!(
        "SELECT count(*) FROM audit_log WHERE object = 'GET /api/appointments/feeds/?/calendar.ics' AND outcome = 'SUCCESS' \
         AND actor = {RAO} AND session IS NULL AND patients = '{{{LAKSHMI}}}'"
    );
    assert_eq!(hospital.db.number(&fetched).await, 2);
    let refused = "SELECT count(*) FROM audit_log WHERE object = 'GET /api/appointments/feeds/?/calendar.ics' \
                   AND outcome = 'NOT_FOUND' AND actor IS NULL";
    assert_eq!(hospital.db.number(refused).await, 1);
}

#[tokio::test]
async fn without_the_database_a_feed_is_not_gone_but_away() {
    let hospital = Hospital::new().await;
    let address = address(&made(&hospital, RAO, RAO).await);
    hospital.db.sql("ALTER TABLE calendar_feeds RENAME TO elsewhere").await;
    assert!(fetch(&hospital, &address).await.status.is_server_error());
    hospital.db.sql("ALTER TABLE elsewhere RENAME TO calendar_feeds").await;
    fetch(&hospital, &address).await.expect(200);
}
