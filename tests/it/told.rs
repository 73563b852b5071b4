//! What patients tells the other services by its queues: who was merged into whom, and what another system has booked.

use journeys::{Answer, Hospital, day};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;

use crate::access_matrix::world::{hours, invoice};

/// A doctor of this test's own who is there every day, and the number under which the medical register has them.
async fn doctor(hospital: &Hospital, admin: &str) -> (i64, String) {
    let doctor = hospital.newcomer(admin, "DOCTOR", "Dermatology").await;
    let path = format!("/api/appointments/doctor/{}/availability/", doctor.id);
    hospital.put(admin, &path, &hours()).await.expect(200);
    (doctor.id, doctor.username.trim_start_matches('j').to_owned())
}

async fn patient(hospital: &Hospital, admin: &str, first_name: &str) -> i64 {
    let body =
        json!({"first_name": first_name, "last_name": "Told", "gender": "FEMALE", "date_of_birth": "1984-02-29"});
    id(&hospital.post(admin, "/api/patients/", &body).await.expect(201).body)
}

/// Somebody with an appointment at this time and a bill.
async fn with_a_visit(hospital: &Hospital, admin: &str, name: &str, doctor: i64, time_slot: &str) -> (i64, i64, i64) {
    let patient = patient(hospital, admin, name).await;
    let visit = json!({"patient": patient, "doctor": doctor, "date": day(4), "time_slot": time_slot});
    let visit = id(&hospital.post(admin, "/api/appointments/", &visit).await.expect(201).body);
    let bill = id(&hospital.post(admin, "/api/billing/invoices/", &invoice(patient, false)).await.expect(201).body);
    (patient, visit, bill)
}

fn id(body: &Value) -> i64 {
    body["id"].as_i64().unwrap()
}

/// The ids that a list about a patient has, the smallest first.
async fn listed(hospital: &Hospital, token: &str, list: &str, patient: i64) -> Vec<i64> {
    let page = hospital.get(token, &format!("/api/{list}/?patient={patient}")).await.expect(200).body;
    let mut ids: Vec<i64> = page["results"].as_array().unwrap().iter().map(id).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a_merge_and_its_undoing_reach_appointments_and_billing() {
    let hospital = Hospital::open();
    let admin = hospital.token("ADMIN").await;
    let (doctor, _) = doctor(&hospital, &admin).await;
    let (target, stays, paid) = with_a_visit(&hospital, &admin, "Lakshmi", doctor, "09:00:00").await;
    let (source, moves, owed) = with_a_visit(&hospital, &admin, "Laxmi", doctor, "10:00:00").await;
    let lists = async |patient: i64| {
        let visits = listed(&hospital, &admin, "appointments", patient).await;
        (visits, listed(&hospital, &admin, "billing/invoices", patient).await)
    };
    let apart = [(target, (vec![stays], vec![paid])), (source, (vec![moves], vec![owed]))];
    for (patient, own) in &apart {
        assert_eq!(&lists(*patient).await, own);
    }

    let body = json!({"source": source});
    hospital.post(&admin, &format!("/api/patients/{target}/merge/"), &body).await.expect(200);
    let both = (vec![stays, moves], vec![paid, owed]);
    for patient in [target, source] {
        eventually(|| async { lists(patient).await == both }).await;
    }
    let visit = json!({"patient": source, "doctor": doctor, "date": day(4), "time_slot": "11:00:00"});
    let visit = hospital.post(&admin, "/api/appointments/", &visit).await.expect(201).body;
    let bill = hospital.post(&admin, "/api/billing/invoices/", &invoice(source, false)).await.expect(201).body;
    assert_eq!([&visit["patient"], &bill["patient"]], [&json!(target); 2], "the old id is the survivor's");
    // Their history has the visits of both.
    let history = format!("/api/patients/{source}/medical-history/");
    eventually(|| async {
        let whole = hospital.get(&admin, &history).await.expect(200).body;
        whole["patient"] == target && whole["appointments"].as_array().map(Vec::len) == Some(3)
    })
    .await;

    hospital.post(&admin, &format!("/api/patients/{target}/unmerge/"), &body).await.expect(200);
    let since = (vec![stays, id(&visit)], vec![paid, id(&bill)]);
    eventually(|| async { lists(target).await == since }).await;
    eventually(|| async { lists(source).await == apart[1].1 }).await;
}

async fn import(hospital: &Hospital, desk: &str, message: String) -> Answer {
    let request = hospital.request(Method::POST, "/api/patients/hl7/import/").bearer_auth(desk);
    hospital.send(request.header("content-type", "application/hl7-v2").body(message)).await
}

#[tokio::test]
async fn what_another_system_has_booked_is_an_appointment_here_until_it_says_otherwise() {
    let hospital = Hospital::open();
    let (admin, desk) = (hospital.token("ADMIN").await, hospital.token("RECEPTIONIST").await);
    let (doctor, register) = doctor(&hospital, &admin).await;
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let date = day(6);
    let message = |event: &str, time: &str, status: &str| {
        let (day, control_id) = (date.replace('-', ""), unique.get(..12).unwrap_or_default());
        format!(
            "MSH|^~\\&|MEDHIS|SARASWATI|EHS|EHS CHENNAI|{day}0000||SIU^{event}^SIU_S12|{event}{control_id}|P|2.5.1\r\
             SCH|P-{unique}^PORTAL|F-{unique}^MEDHIS|||||CHECKUP|ROUTINE|30|min|^^30^{day}{time}+0530||||||||||||||{status}\r\
             PID|1||{unique}^^^SARASWATI^MR||Told^Rajesh||19710817|M\rRGS|1\rAIP|1|A|{register}^Journey^Asha|ATND\r"
        )
    };
    let booked = import(&hospital, &desk, message("S12", "1030", "Booked")).await.expect(200).body;
    assert_eq!((&booked["acknowledgment"], &booked["created"]), (&json!("AA"), &json!(true)));
    let list = format!("/api/appointments/?patient={}", booked["patient"]);
    let only = async || hospital.get(&desk, &list).await.expect(200).body;
    eventually(|| async { only().await["count"] == 1 }).await;
    let appointment = only().await["results"][0].clone();
    assert_eq!(
        ["patient", "doctor", "date", "time_slot", "status"].map(|member| appointment[member].clone()),
        [booked["patient"].clone(), json!(doctor), json!(date), json!("10:30:00"), json!("SCHEDULED")]
    );

    import(&hospital, &desk, message("S13", "1100", "Booked")).await.expect(200);
    eventually(|| async { only().await["results"][0]["time_slot"] == "11:00:00" }).await;
    import(&hospital, &desk, message("S15", "1100", "Cancelled")).await.expect(200);
    eventually(|| async { only().await["results"][0]["status"] == "CANCELLED" }).await;
    let last = only().await;
    assert_eq!((&last["count"], &last["results"][0]["id"]), (&json!(1), &appointment["id"]));
}
