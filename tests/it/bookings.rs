//! From a new patient to a paid bill, and the races on the way.

use futures_util::future::join_all;
use journeys::Hospital;
use reqwest::Method;
use serde_json::{Value, json};

async fn new_patient(hospital: &Hospital, desk: &str) -> i64 {
    let body = json!({"first_name": "Meena", "last_name": "Iyer", "gender": "FEMALE", "date_of_birth": "1991-04-12", "phone": "9840012345"});
    hospital.post(desk, "/api/patients/", &body).await.expect(201).body["id"].as_i64().unwrap()
}

/// A doctor and a free slot of theirs, some days ahead so that tests do not meet.
async fn free_slot(hospital: &Hospital, desk: &str, days_ahead: u64) -> (i64, String, String) {
    let doctor = hospital.get(desk, "/api/users/doctors/").await.expect(200).body["results"][0]["id"].as_i64().unwrap();
    for week in 0..8 {
        let from = journeys::day(days_ahead + 7 * week);
        let to = journeys::day(days_ahead + 7 * week + 6);
        let path = format!("/api/appointments/doctor/{doctor}/schedule/?start_date={from}&end_date={to}");
        let schedule = hospital.get(desk, &path).await.expect(200).body;
        for day in schedule["days"].as_array().unwrap() {
            let free =
                day["slots"].as_array().unwrap().iter().filter(|slot| slot["status"] == "FREE").collect::<Vec<_>>();
            if !free.is_empty() {
                let slot = free[usize::from(uuid::Uuid::new_v4().as_bytes()[0]) % free.len()];
                return (
                    doctor,
                    day["date"].as_str().unwrap().to_owned(),
                    slot["time_slot"].as_str().unwrap().to_owned(),
                );
            }
        }
    }
    panic!("the doctor has no free slot");
}

#[tokio::test]
async fn fifty_bookings_of_one_slot_at_the_same_instant_give_one_appointment() {
    let hospital = Hospital::open();
    let desk = hospital.token("RECEPTIONIST").await;
    let patients = join_all((0..10).map(|_| new_patient(&hospital, &desk))).await;
    let (doctor, date, time_slot) = free_slot(&hospital, &desk, 3).await;
    let answers = join_all((0..50).map(|i| {
        let body = json!({"patient": patients[i % 10], "doctor": doctor, "date": date, "time_slot": time_slot});
        let (hospital, desk) = (&hospital, &desk);
        async move { hospital.post(desk, "/api/appointments/", &body).await }
    }))
    .await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(201), count(409)), (1, 49), "{answers:?}");
    let loser = answers.iter().find(|answer| answer.status == 409).unwrap();
    assert_eq!(loser.body["conflicts"][0]["time_slot"], time_slot);
    assert!(!loser.body["next_available"].as_array().unwrap().is_empty());
    let path = format!("/api/appointments/date-range/?start_date={date}&end_date={date}&doctor_id={doctor}");
    let day = hospital.get(&desk, &path).await.expect(200).body;
    let held = day["appointments"].as_array().unwrap().iter().filter(|a| a["time_slot"] == time_slot).count();
    assert_eq!(
        (held, usize::try_from(day["count"].as_u64().unwrap()).ok()),
        (1, day["appointments"].as_array().map(Vec::len))
    );
}

#[tokio::test]
async fn a_visit_becomes_a_bill_that_can_be_paid_once() {
    let hospital = Hospital::open();
    let (desk, admin, cashier) =
        (hospital.token("RECEPTIONIST").await, hospital.token("ADMIN").await, hospital.token("ACCOUNTANT").await);
    let patient = new_patient(&hospital, &desk).await;
    let (doctor, date, time_slot) = free_slot(&hospital, &desk, 20).await;
    let body = json!({"patient": patient, "doctor": doctor, "date": date, "time_slot": time_slot});
    let booked = hospital.post(&desk, "/api/appointments/", &body).await.expect(201).body;
    let path = format!("/api/appointments/{}/", booked["id"]);
    hospital.patch(&admin, &path, &json!({"status": "COMPLETED"})).await.expect(409);

    let path = format!("/api/billing/invoices/?patient={patient}");
    assert_eq!(hospital.get(&cashier, &path).await.expect(200).body["count"], 0, "no visit, no bill");
    let items = json!([{"description": "Consultation", "sac_hsn": "999312", "kind": "CONSULTATION", "quantity": "1", "unit_price": "500.00"}]);
    let invoice = hospital
        .post(&cashier, "/api/billing/invoices/", &json!({"patient": patient, "items": items}))
        .await
        .expect(201)
        .body;
    assert_eq!(
        (&invoice["total"], &invoice["status"], &invoice["document_type"]),
        (&json!("500.00"), &json!("ISSUED"), &json!("BILL_OF_SUPPLY"))
    );
    let answers = join_all((0..30).map(|_| pay(&hospital, &cashier, &invoice, "500.00"))).await;
    let count = |status: u16| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(201), count(409)), (1, 29), "{answers:?}");
    let paid = hospital.get(&cashier, &format!("/api/billing/invoices/{}/", invoice["id"])).await.expect(200).body;
    assert_eq!((&paid["balance"], &paid["status"]), (&json!("0.00"), &json!("PAID")));
}

async fn pay(hospital: &Hospital, cashier: &str, invoice: &Value, amount: &str) -> u16 {
    let body = json!({"invoice": invoice["id"], "amount": amount, "method": "CASH"});
    let request = hospital.request(Method::POST, "/api/billing/payments/").bearer_auth(cashier).json(&body);
    hospital.send(request.header("idempotency-key", uuid::Uuid::new_v4().to_string())).await.status
}
