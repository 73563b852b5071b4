//! The synchronous exception. The owners are the outside of this service, so the test plays them; the end-to-end test asks the real ones.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use testkit::Server;

use crate::hospital::{DESK, Hospital, LAKSHMI, RAO, day, slot};
use crate::waitlist::{WAITLIST, waits};

/// What the owners were asked: path and authorization.
type Asked = Arc<Mutex<Vec<(String, String)>>>;

async fn owner(asked: Asked) -> Server {
    Server::start("owner", move |config| {
        config.app_data(web::Data::new(asked.clone()));
        config.route("/api/users/doctors/{id}/", web::get().to(doctor));
        config.route("/api/patients/{id}/", web::get().to(patient));
    })
    .await
}

fn note(request: &HttpRequest, asked: &Asked) {
    let authorization =
        request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    asked.lock().unwrap().push((request.path().to_owned(), authorization.to_owned()));
}

async fn doctor(id: web::Path<i64>, request: HttpRequest, asked: web::Data<Asked>) -> HttpResponse {
    note(&request, &asked);
    match *id {
        70 => HttpResponse::Ok().insert_header(("etag", "\"4\"")).json(json!({
            "id": 70, "first_name": "Meera", "last_name": "Iyer", "specialization": "Paediatrics", "department": "PAEDIATRICS", "is_active": true,
        })),
        _ => HttpResponse::NotFound().finish(),
    }
}

async fn patient(id: web::Path<i64>, request: HttpRequest, asked: web::Data<Asked>) -> HttpResponse {
    note(&request, &asked);
    match *id {
        700 => HttpResponse::Ok().insert_header(("etag", "\"2\"")).json(json!({
            "id": 700, "patient_id": "P00000700", "first_name": "Just", "last_name": "Arrived", "user": 7000, "primary_doctor": null,
            "is_active": true, "phone": "+919876543210",
        })),
        701 => {
            tokio::time::sleep(Duration::from_secs(5)).await;
            HttpResponse::Ok().finish()
        }
        702 => HttpResponse::InternalServerError().finish(),
        // Was merged into 706 a moment ago.
        705 => HttpResponse::Ok().insert_header(("etag", "\"3\"")).json(json!({
            "id": 706, "patient_id": "P00000706", "first_name": "Just", "last_name": "Merged", "user": null, "primary_doctor": null,
            "is_active": true,
        })),
        703 => HttpResponse::Ok().insert_header(("etag", "\"1\"")).body("not json"),
        _ => HttpResponse::NotFound().finish(),
    }
}

#[tokio::test]
async fn who_is_not_known_yet_is_asked_of_the_owner_once() {
    let asked = Asked::default();
    let owner = owner(Arc::clone(&asked)).await;
    let hospital = Hospital::with_owners(&owner.url, &owner.url).await;
    hospital.db.sql("DELETE FROM patients WHERE id = 299").await;
    let body = slot(700, RAO, day(2), "10:00:00");
    let booked = hospital.booked(&body).await;
    assert_eq!(booked["patient_name"], "Just Arrived");
    let first = asked.lock().unwrap().clone();
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].0, "/api/patients/700/");
    assert!(first[0].1.starts_with("Bearer ey"), "the caller's own token is passed on");
    hospital.booked(&slot(700, RAO, day(2), "11:00:00")).await;
    assert_eq!(asked.lock().unwrap().len(), 1, "the answer is kept");
    assert_eq!(hospital.db.number("SELECT version FROM patients WHERE id = 700 AND user_id = 7000").await, 2);
    // A doctor nobody has told of: hours first, then the booking.
    let hours = json!({"slot_minutes": 15, "weekly": (0..7).map(|day| json!({"weekday": day, "start": "09:00", "end": "12:00"})).collect::<Vec<_>>()});
    hospital.server.put("/api/appointments/doctor/70/availability/", &hospital.token(DESK), &hours).await.expect(200);
    assert_eq!(hospital.booked(&slot(LAKSHMI, 70, day(2), "11:00:00")).await["doctor_name"], "Meera Iyer");
}

#[tokio::test]
async fn whom_the_owner_has_merged_is_whom_it_says() {
    let owner = owner(Asked::default()).await;
    let hospital = Hospital::with_owners(&owner.url, &owner.url).await;
    assert_eq!(hospital.booked(&slot(705, RAO, day(2), "10:00:00")).await["patient"], 706);
    let mut series = slot(705, RAO, day(3), "10:00:00");
    series["rrule"] = json!("FREQ=DAILY;COUNT=2");
    let series = hospital.post(DESK, "/api/appointments/series/", &series).await.expect(201).body;
    assert_eq!(series["appointments"][1]["patient"], 706);
    let entry = hospital.post(DESK, WAITLIST, &waits(705, RAO)).await.expect(201).body;
    assert_eq!(entry["patient"], 706);
}

#[tokio::test]
async fn whom_the_owner_does_not_know_is_nobody() {
    let owner = owner(Asked::default()).await;
    let hospital = Hospital::with_owners(&owner.url, &owner.url).await;
    let refused = hospital.book(DESK, &slot(999, 99, day(2), "10:00:00")).await.expect(400);
    assert_eq!(refused.faulty_fields(), ["doctor", "patient"]);
    assert_eq!(refused.body["errors"][0]["code"], "unknown");
    hospital.get(DESK, &format!("/api/appointments/doctor/99/schedule/?date={}", day(1))).await.expect(404);
    assert_eq!(hospital.rows().await, 0);
}

#[tokio::test]
async fn a_doctor_books_nobody_into_their_care() {
    let asked = Asked::default();
    let owner = owner(Arc::clone(&asked)).await;
    let hospital = Hospital::with_owners(&owner.url, &owner.url).await;
    let body = slot(LAKSHMI, RAO, day(2), "10:00:00");
    let refused = hospital.book(RAO, &body).await.expect(400);
    assert_eq!(refused.faulty_fields(), ["patient"], "known here, but the owner shows them to no such doctor");
    assert_eq!(asked.lock().unwrap().len(), 1);
    hospital.db.sql("UPDATE patients SET primary_doctor_id = 10 WHERE id = 100").await;
    hospital.book(RAO, &body).await.expect(201);
    assert_eq!(asked.lock().unwrap().len(), 1, "nobody is asked about who is in care");
    // Whom the owner shows: by break-glass, or in care since a moment ago.
    hospital.db.sql("INSERT INTO patients VALUES (700, 'P00000700', 'Just Arrived', 7000, NULL, true, 1)").await;
    hospital.book(RAO, &slot(700, RAO, day(2), "11:00:00")).await.expect(201);
    let down = Hospital::new().await;
    down.book(RAO, &body).await.expect(503);
}

#[tokio::test]
async fn an_owner_that_is_down_slow_or_broken_is_503_and_no_false_400() {
    let owner = owner(Asked::default()).await;
    let hospital = Hospital::with_owners(&owner.url, &owner.url).await;
    for patient in [701, 702, 703] {
        let answer = hospital.book(DESK, &slot(patient, RAO, day(2), "10:00:00")).await.expect(503);
        assert!(!answer.header("retry-after").is_empty());
        assert!(!answer.text.contains("127.0.0.1"), "{}", answer.text);
    }
    let hospital = Hospital::new().await;
    hospital.book(DESK, &slot(700, RAO, day(2), "10:00:00")).await.expect(503);
    hospital.book(DESK, &slot(LAKSHMI, 70, day(2), "10:00:00")).await.expect(503);
    // Nobody is needed who is known already.
    hospital.book(DESK, &slot(LAKSHMI, RAO, day(2), "10:00:00")).await.expect(201);
}
