//! What is told, and what is heard.

use events::v1::{AppointmentSnapshot, Envelope, UserSnapshot};
use events::{Handler, Payload, envelope};
use patients::events::{Heard, SUBSCRIBER};
use serde_json::json;
use testkit::{Queues, eventually};
use tokio_util::sync::CancellationToken;

use crate::hospital::{DOCTOR, Hospital, id, lakshmi};

fn visit(id: i64, patient: i64, status: &str, version: i64) -> Envelope {
    let now = chrono::Utc::now();
    let snapshot = AppointmentSnapshot {
        id,
        patient_id: patient,
        doctor_id: DOCTOR,
        starts_at: Some(envelope::timestamp(now)),
        ends_at: Some(envelope::timestamp(now)),
        status: status.to_owned(),
        version,
        ..AppointmentSnapshot::default()
    };
    Envelope::new(None, ("appointment", id), None, Payload::AppointmentUpdated(snapshot))
}

fn user(role: &str, department: &str, is_active: bool, version: i64) -> Envelope {
    let snapshot = UserSnapshot {
        id: 50,
        role: role.into(),
        department: department.into(),
        is_active,
        version,
        ..UserSnapshot::default()
    };
    Envelope::new(None, ("user", 50), None, Payload::UserUpdated(snapshot))
}

#[tokio::test(flavor = "multi_thread")]
async fn projections_keep_the_highest_version_whatever_the_order() {
    let hospital = Hospital::open().await;
    let mut conn = hospital.db.connect().await;
    for event in [
        visit(1, 7, "SCHEDULED", 1),
        visit(1, 7, "CANCELLED", 3),
        visit(1, 7, "CONFIRMED", 2),
        visit(1, 7, "CANCELLED", 3),
    ] {
        Heard.apply(&mut conn, &event).await.unwrap();
    }
    assert_eq!(hospital.count("care_appointments WHERE status = 'CANCELLED' AND version = 3").await, 1);
    for event in [user("NURSE", "ENT", true, 1), user("NURSE", "", false, 3), user("DOCTOR", "ENT", true, 2)] {
        Heard.apply(&mut conn, &event).await.unwrap();
    }
    assert_eq!(hospital.count("staff WHERE id = 50 AND role = 'NURSE' AND NOT is_active AND version = 3").await, 1);
    let mut timeless = visit(2, 7, "SCHEDULED", 1);
    if let Some(Payload::AppointmentUpdated(snapshot)) = &mut timeless.payload {
        snapshot.starts_at = None;
    }
    assert!(Heard.apply(&mut conn, &timeless).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_told_in_order_and_what_is_heard_gives_care() {
    let hospital = Hospital::open().await;
    let queues = Queues::new().await;
    let stop = CancellationToken::new();
    let pool = hospital.db.pool().await;
    let relay = tokio::spawn(events::relay::run(pool.clone(), queues.sqs(), stop.clone()));
    let consumer = tokio::spawn(events::consumer::run(pool, queues.sqs(), SUBSCRIBER, Heard, stop.clone()));

    let patient =
        id(&hospital.register(&json!({"first_name": "Lakshmi", "last_name": "Raman", "phone": "9876543210"})).await);
    let path = format!("/api/patients/{patient}/");
    hospital.server.patch(&path, &hospital.receptionist(), &json!({"address": {"city": "Chennai"}})).await.expect(200);
    hospital.server.delete(&path, &hospital.admin()).await.expect(204);
    eventually(|| async { hospital.count("outbox").await == 0 }).await;
    let mut told = Vec::new();
    while told.len() < 3 {
        let taken = queues.take("billing").await;
        assert!(!taken.is_empty(), "three events were told, {} came", told.len());
        told.extend(taken);
    }
    let snapshots: Vec<_> = told
        .iter()
        .map(|event| match &event.payload {
            Some(Payload::PatientRegistered(p) | Payload::PatientUpdated(p)) => {
                (event.r#type.as_str(), p.version, p.is_active, p.phone.as_str())
            }
            _ => panic!("{}", event.r#type),
        })
        .collect();
    assert_eq!(
        snapshots,
        [
            ("PatientRegistered", 1, true, "+919876543210"),
            ("PatientUpdated", 2, true, "+919876543210"),
            ("PatientUpdated", 3, false, "+919876543210")
        ]
    );
    assert_eq!(told[0].actor.as_ref().map(|actor| (actor.user_id, actor.role.as_str())), Some((5, "RECEPTIONIST")));
    assert_eq!(told[0].message_group(), format!("patient-{patient}"));

    hospital.server.get(&path, &hospital.doctor()).await.expect(404);
    let body = envelope::to_wire(&prost::Message::encode_to_vec(&visit(1, patient, "SCHEDULED", 1)));
    queues.put(SUBSCRIBER, "appointment-1", &body).await;
    eventually(|| async { hospital.server.get(&path, &hospital.doctor()).await.status.as_u16() == 200 }).await;
    stop.cancel();
    relay.await.unwrap().unwrap();
    consumer.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_undone_tells_nothing() {
    let hospital = Hospital::open().await;
    hospital.register(&lakshmi()).await;
    hospital.server.post("/api/patients/", &hospital.receptionist(), &lakshmi()).await.expect(409);
    assert_eq!(hospital.count("outbox WHERE subscriber = 'billing'").await, 1);
}
