//! Beyond one's care with a reason: from the emergency to the auditor's verdict, and what the patient sees of it.

use journeys::people::Person;
use journeys::{Answer, Hospital, day};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;

const REASON: &str = "found unconscious, no relatives here";

async fn with_reason(hospital: &Hospital, doctor: &Person, path: &str, reason: &str) -> Answer {
    let request = hospital.request(Method::GET, path).bearer_auth(&doctor.access);
    hospital.send(request.header("x-break-glass", reason)).await
}

async fn patient(hospital: &Hospital, admin: &str, user: Option<i64>) -> i64 {
    let body = json!({"first_name": "Sita", "last_name": "Emergency", "user": user});
    hospital.post(admin, "/api/patients/", &body).await.expect(201).body["id"].as_i64().unwrap()
}

fn results(answer: &Answer) -> &Vec<Value> {
    answer.body["results"].as_array().unwrap()
}

#[tokio::test]
async fn a_record_that_was_opened_in_an_emergency_is_reviewed_and_its_patient_sees_it() {
    let hospital = Hospital::open();
    let (admin, auditor) = (hospital.token("ADMIN").await, hospital.token("AUDITOR").await);
    let doctor = hospital.newcomer(&admin, "DOCTOR", "Emergency").await;
    let owner = hospital.newcomer(&admin, "PATIENT", "").await;
    let (opened, closed) = (patient(&hospital, &admin, Some(owner.id)).await, patient(&hospital, &admin, None).await);
    let path = format!("/api/patients/{opened}/");

    hospital.get(&doctor.access, &path).await.expect(404);
    with_reason(&hospital, &doctor, &path, "why not").await.expect(400);
    hospital.get(&doctor.access, &path).await.expect(404);
    let shown = with_reason(&hospital, &doctor, &path, REASON).await.expect(200).body;
    assert_eq!(shown["last_name"], "Emergency");
    hospital.get(&doctor.access, &path).await.expect(200);
    hospital.get(&doctor.access, &format!("/api/patients/{closed}/")).await.expect(404);

    audit_tells_the_reason(&hospital, &auditor, &doctor, opened).await;
    its_appointments_are_open(&hospital, &doctor, opened).await;
    the_auditor_judges(&hospital, &admin, &auditor, &doctor, opened).await;
    the_patient_sees_it(&hospital, &owner, &doctor, opened).await;
}

async fn audit_tells_the_reason(hospital: &Hospital, auditor: &str, doctor: &Person, opened: i64) {
    let path = format!("/api/patients/audit/?patient={opened}&actor={}", doctor.id);
    let rows = hospital.get(auditor, &path).await.expect(200);
    let (again, emergency) = (&results(&rows)[0], &results(&rows)[1]);
    assert_eq!((&again["outcome"], &again["reason"]), (&json!("SUCCESS"), &Value::Null), "{}", rows.body);
    assert_eq!((&emergency["outcome"], &emergency["reason"]), (&json!("SUCCESS"), &json!(REASON)), "{}", rows.body);
    assert_eq!((&emergency["role"], &emergency["patients"]), (&json!("DOCTOR"), &json!([opened])));
    // what was refused names no patient: nothing was shown of one
    let rows = hospital.get(auditor, &format!("/api/patients/audit/?actor={}", doctor.id)).await.expect(200);
    let mut outcomes: Vec<_> = results(&rows).iter().filter_map(|row| row["outcome"].as_str()).collect();
    outcomes.reverse();
    assert_eq!(outcomes, ["NOT_FOUND", "REFUSED", "NOT_FOUND", "SUCCESS", "SUCCESS", "NOT_FOUND"], "{}", rows.body);
}

/// With the reason at once, without it when the event has come.
async fn its_appointments_are_open(hospital: &Hospital, doctor: &Person, opened: i64) {
    let path = format!("/api/appointments/?patient={opened}");
    with_reason(hospital, doctor, &path, REASON).await.expect(200);
    with_reason(hospital, doctor, &path, "why not").await.expect(400);
    with_reason(hospital, doctor, "/api/appointments/", REASON).await.expect(400);
}

async fn the_auditor_judges(hospital: &Hospital, admin: &str, auditor: &str, doctor: &Person, opened: i64) {
    let uses = format!("/api/users/break-glass/?user={}", doctor.id);
    hospital.get(&doctor.access, &uses).await.expect(403);
    eventually(|| async { hospital.get(auditor, &uses).await.expect(200).body["count"] == 1 }).await;
    let listed = results(&hospital.get(auditor, &uses).await)[0].clone();
    assert_eq!((&listed["status"], &listed["reason"]), (&json!("PENDING"), &json!(REASON)));
    assert_eq!((&listed["user"], &listed["patients"]), (&json!(doctor.id), &json!([opened])));
    let one = format!("/api/users/break-glass/{}/", listed["id"]);
    let verdict = json!({"status": "JUSTIFIED", "note": "brought in by ambulance"});
    hospital.patch(admin, &one, &verdict).await.expect(403);
    hospital.patch(&doctor.access, &one, &verdict).await.expect(403);
    let seen = hospital.get(auditor, &one).await.expect(200);
    let version = seen.header("etag").to_owned();
    let judged = hospital.patch(auditor, &one, &verdict).await.expect(200).body;
    assert_eq!((&judged["status"], &judged["note"]), (&json!("JUSTIFIED"), &verdict["note"]));
    assert!(judged["reviewed_by"].is_i64() && judged["reviewed_at"].is_string(), "{judged}");
    let late = hospital.request(Method::PATCH, &one).bearer_auth(auditor).header("if-match", version);
    hospital.send(late.json(&json!({"status": "NOT_JUSTIFIED"}))).await.expect(412);
    let pending = hospital.get(auditor, &format!("{uses}&status=PENDING")).await.expect(200).body;
    assert_eq!(pending["count"], 0);
}

async fn the_patient_sees_it(hospital: &Hospital, owner: &Person, doctor: &Person, opened: i64) {
    let path = format!("/api/patients/{opened}/access-log/");
    hospital.get(&doctor.access, &path).await.expect(403);
    let log = hospital.get(&owner.access, &path).await.expect(200);
    let told = results(&log).iter().any(|row| row["role"] == "DOCTOR" && row["reason"] == REASON);
    assert!(told, "{}", log.body);
}

#[tokio::test]
async fn a_doctor_books_nobody_into_their_care() {
    let hospital = Hospital::open();
    let admin = hospital.token("ADMIN").await;
    let doctor = hospital.newcomer(&admin, "DOCTOR", "Ward A").await;
    let stranger = patient(&hospital, &admin, None).await;
    let path = format!("/api/appointments/doctor/{}/availability/", doctor.id);
    let weekly = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
        .map(|day| json!({"weekday": day, "start": "09:00:00", "end": "17:00:00"}));
    hospital
        .put(&doctor.access, &path, &json!({"slot_minutes": 30, "weekly": weekly, "works_on_holidays": true}))
        .await
        .expect(200);
    let slot = |time: &str| json!({"patient": stranger, "doctor": doctor.id, "date": day(2), "time_slot": time});
    // before its event has come to appointments, and after
    for _ in 0..10 {
        let refused = hospital.post(&doctor.access, "/api/appointments/", &slot("10:00:00")).await.expect(400);
        assert_eq!(refused.body["errors"][0]["field"], "patient", "{}", refused.body);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let path = format!("/api/patients/{stranger}/");
    hospital.get(&doctor.access, &path).await.expect(404);

    with_reason(&hospital, &doctor, &path, REASON).await.expect(200);
    hospital.post(&doctor.access, "/api/appointments/", &slot("10:00:00")).await.expect(201);
}
