//! What billing hears and tells.

use ::events::v1::{Address, AppointmentSnapshot, Envelope, PatientSnapshot, UserSnapshot};
use ::events::{Handler, Payload, SqsQueues, consumer, envelope};
use auth::Role;
use billing::heard::{Heard, SUBSCRIBER};
use billing::money::Paise;
use diesel_async::AsyncConnection;
use prost::Message;
use serde_json::json;
use testkit::{Queues, eventually};
use tokio_util::sync::CancellationToken;

use crate::clinic::{ASHA, Clinic, cash, invoice, item, supplier, with};

fn heard() -> Heard {
    Heard { consultation_fee: Paise::rupees(500), hospital: supplier().state, rates: crate::clinic::rates() }
}

/// A visit with a doctor that is over.
pub fn visit(id: i64, patient: i64) -> AppointmentSnapshot {
    AppointmentSnapshot {
        id,
        patient_id: patient,
        doctor_id: 40,
        status: "COMPLETED".into(),
        doctor_name: "Dr. Meena Shah".into(),
        version: 5,
        ..Default::default()
    }
}

fn patient(id: i64, first_name: &str, version: i64) -> PatientSnapshot {
    let address = Address { line1: "9 Lake View".into(), city: "Pune".into(), ..Default::default() };
    PatientSnapshot {
        id,
        patient_id: format!("P{id:05}"),
        first_name: first_name.into(),
        address: Some(address),
        is_active: true,
        version,
        ..Default::default()
    }
}

pub fn event(aggregate: (&str, i64), payload: Payload) -> Envelope {
    Envelope::new(Some((1, "ADMIN")), aggregate, None, payload)
}

async fn apply(clinic: &Clinic, payload: Payload) {
    let mut conn = clinic.db.connect().await;
    let event = event(("test", 1), payload);
    conn.transaction(async |conn| heard().apply(conn, &event).await).await.unwrap();
}

#[tokio::test]
async fn a_completed_appointment_makes_one_draft_however_often_it_comes() {
    let clinic = Clinic::new().await;
    let queues = Queues::new().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(consumer::run(
        clinic.app.db.clone(),
        SqsQueues::clone(&queues.sqs()),
        SUBSCRIBER,
        heard(),
        stop.clone(),
    ));
    let doctor = UserSnapshot {
        id: 40,
        role: "DOCTOR".into(),
        first_name: "Meena".into(),
        last_name: "Shah".into(),
        is_active: true,
        version: 1,
        ..Default::default()
    };
    let put = async |event: &Envelope| {
        queues.put(SUBSCRIBER, &event.message_group(), &envelope::to_wire(&event.encode_to_vec())).await;
    };
    put(&event(("user", 40), Payload::UserRegistered(doctor))).await;
    eventually(|| async { clinic.db.number("SELECT count(*) FROM doctors").await == 1 }).await;
    let completed = event(("appointment", 600), Payload::AppointmentCompleted(visit(600, ASHA)));
    put(&completed).await;
    eventually(|| async { clinic.db.number("SELECT count(*) FROM invoices").await == 1 }).await;
    put(&completed).await;
    put(&event(("appointment", 600), Payload::AppointmentCompleted(visit(600, ASHA)))).await;
    eventually(|| async { queues.depth(SUBSCRIBER).await == 0 }).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(queues.dead_letter_count(SUBSCRIBER).await, 0);

    let list = clinic.server.get("/api/billing/invoices/?status=DRAFT", &clinic.receptionist()).await.expect(200).body;
    assert_eq!(list["count"], 1);
    let draft = &list["results"][0];
    assert_eq!(
        (&draft["appointment"], &draft["patient_name"], &draft["total"]),
        (&json!(600), &json!("Asha Rao"), &json!("500.00"))
    );
    assert_eq!(
        (&draft["items"][0]["kind"], &draft["items"][0]["description"]),
        (&json!("CONSULTATION"), &json!("Consultation with Meena Shah"))
    );
    let issued = clinic
        .server
        .post(&format!("/api/billing/invoices/{}/issue/", draft["id"]), &clinic.accountant(), &json!({}))
        .await
        .expect(200);
    clinic.pay("k", &cash(issued.body["id"].as_i64().unwrap(), "500.00")).await.expect(201);
}

#[tokio::test]
async fn a_draft_does_not_wait_for_its_patient() {
    let clinic = Clinic::alone().await;
    apply(&clinic, Payload::AppointmentCompleted(visit(601, 33))).await;
    let token = clinic.accountant();
    let list = || clinic.server.get("/api/billing/invoices/?patient=33", &token);
    let draft = list().await.expect(200).body["results"][0].clone();
    assert_eq!(
        (&draft["patient_name"], &draft["items"][0]["description"]),
        (&json!(null), &json!("Consultation with Dr. Meena Shah"))
    );
    let issue = || {
        clinic
            .server
            .call(reqwest::Method::POST, &format!("/api/billing/invoices/{}/issue/", draft["id"]))
            .token(&clinic.accountant())
            .send()
    };
    issue().await.expect(503);
    apply(&clinic, Payload::PatientRegistered(patient(33, "Lakshmi", 1))).await;
    assert_eq!(list().await.expect(200).body["results"][0]["patient_name"], "Lakshmi");
    assert_eq!(issue().await.expect(200).body["recipient"]["address"], "9 Lake View, Pune");
}

#[tokio::test]
async fn a_consultation_billed_at_the_desk_is_not_drafted_again() {
    let clinic = Clinic::new().await;
    clinic.bill(&with(&invoice(ASHA), json!({"appointment": 501, "draft": true}))).await.expect(201);
    apply(&clinic, Payload::AppointmentCompleted(visit(501, ASHA))).await;
    assert_eq!(clinic.db.number("SELECT count(*) FROM invoices").await, 1);
    let lab = json!({"patient": ASHA, "appointment": 602, "items": [item("LAB", "1", "100.00")]});
    apply(&clinic, Payload::AppointmentBooked(visit(602, ASHA))).await;
    clinic.bill(&lab).await.expect(201);
    apply(&clinic, Payload::AppointmentCompleted(visit(602, ASHA))).await;
    assert_eq!(clinic.db.number("SELECT count(*) FROM invoices WHERE appointment_id = 602").await, 2);
}

#[tokio::test]
async fn a_later_version_is_kept_and_an_earlier_one_is_not() {
    let clinic = Clinic::new().await;
    apply(&clinic, Payload::PatientUpdated(patient(44, "New", 3))).await;
    apply(&clinic, Payload::PatientUpdated(patient(44, "Old", 2))).await;
    let id = clinic.bill(&with(&invoice(44), json!({"draft": true}))).await.expect(201).body["id"].as_i64().unwrap();
    assert_eq!(clinic.read(id).await["patient_name"], "New");
    let nurse = UserSnapshot { id: 50, role: "NURSE".into(), version: 1, ..Default::default() };
    apply(&clinic, Payload::UserRegistered(nurse)).await;
    assert_eq!(clinic.db.number("SELECT count(*) FROM doctors").await, 0);
}

#[tokio::test]
async fn issues_and_payments_are_told_with_the_change_or_not_at_all() {
    let mut clinic = Clinic::new().await;
    let subscriptions = ::events::subscriptions::Subscriptions::parse(
        "events:\n  InvoiceIssued: [reports]\n  PaymentReceived: [reports]\n",
    );
    clinic.app.outbox = ::events::Outbox::with(std::sync::Arc::new(subscriptions.unwrap()));
    let server = crate::clinic::serve(&clinic.app).await;
    let token = clinic.token(Role::Accountant);
    let made = server.post("/api/billing/invoices/", &token, &invoice(ASHA)).await.expect(201).body;
    let pay = |amount: &str, key: &str| {
        server
            .call(reqwest::Method::POST, "/api/billing/payments/")
            .token(&token)
            .header("Idempotency-Key", key)
            .json(&cash(made["id"].as_i64().unwrap(), amount))
            .send()
    };
    pay("500.01", "a").await.expect(409);
    pay("500.00", "b").await.expect(201);
    pay("500.00", "b").await.expect(201);
    assert_eq!(clinic.db.number("SELECT count(*) FROM outbox").await, 2);
    assert_eq!(
        clinic.db.number("SELECT count(DISTINCT message_group) FROM outbox").await,
        1,
        "in order: one aggregate"
    );
}
