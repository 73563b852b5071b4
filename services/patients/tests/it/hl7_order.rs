//! Messages that are applied in another order than they came in.

use patients::hl7_import::backlog;
use serde_json::{Value, json};

use crate::hl7_history::result;
use crate::hl7_import::ADMIT;
use crate::hl7_mllp::{Listener, numbered};
use crate::hospital::Hospital;

fn update(control_id: &str, phone: &str, city: &str, severity: &str) -> String {
    let message = numbered(control_id).replace("ADT^A01", "ADT^A08").replace("EVN|A01", "EVN|A08");
    let message =
        message.replace("9876543210^PRN", &format!("{phone}^PRN")).replace("^Chennai^Tamil", &format!("^{city}^Tamil"));
    format!("{message}AL1|1|DA|7980^Penicillin G^RXNORM|{severity}|Rash|20190301\r")
}

impl Hospital {
    /// With no place for events, nothing is applied that tells of any.
    async fn outbox(&self, from: &str, to: &str) {
        self.db.sql(&format!("ALTER TABLE {from} RENAME TO {to}")).await;
    }

    async fn backlog_round(&self, listener: &Listener) -> usize {
        self.db.sql("UPDATE hl7_messages SET received_at = received_at - interval '1 hour'").await;
        backlog::round(&listener.desk).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_result_that_comes_late_does_not_undo_its_correction() {
    let hospital = Hospital::open().await;
    let obx = |value: &str, status: &str| format!("OBX|1|NM|718-7^Haemoglobin^LN||{value}|g/dL|||||{status}\r");
    let patient = hospital.import(&result("R-1", &obx("13", "F"))).await.expect(200).body["patient"].clone();
    hospital.import(&result("R-2", &obx("14", "C"))).await.expect(200);
    let late = hospital.import(&result("R-3", &obx("13", "F"))).await.expect(200).body;
    assert!(late["warnings"].to_string().contains("OBX: has been corrected already; left as it is"), "{late}");
    let history = hospital.history(&patient).await;
    let observations = history["observations"].as_array().unwrap();
    assert_eq!(observations.len(), 1);
    assert_eq!(
        [&observations[0]["value"], &observations[0]["status"], &observations[0]["version"]],
        [&json!("14"), &json!("CORRECTED"), &json!(2)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_and_is_applied_after_newer_messages_undoes_nothing_of_them() {
    let hospital = Hospital::open().await;
    let listener = Listener::start(&hospital).await;
    let mut sender = listener.connect().await;
    let patient =
        hospital.import(&update("O-0", "9000000000", "Chennai", "MI")).await.expect(200).body["patient"].clone();
    let older = update("O-1", "9000000001", "Madurai", "MO")
        + "AL1|2|EA|LATEX^Latex^L|MI\rOBX|1|NM|8480-6^Systolic blood pressure^LN||168|mm[Hg]|||||F|||20261121093000+0530\r";
    hospital.outbox("outbox", "outbox_away").await;
    assert!(sender.send(&older).await.contains("\rMSA|AR|O-1"));
    hospital.outbox("outbox_away", "outbox").await;
    assert!(sender.send(&update("O-2", "9000000002", "Salem", "SV")).await.contains("\rMSA|AA|O-2"));
    assert_eq!(hospital.backlog_round(&listener).await, 1);

    let read = hospital.read(&patient).await;
    assert_eq!([&read["phone"], &read["address"]["city"]], ["+919000000002", "Salem"]);
    let history = hospital.history(&patient).await;
    let severity = |code: &str| -> Value {
        let allergies = history["allergies"].as_array().unwrap();
        allergies.iter().find(|allergy| allergy["code"]["code"] == code).unwrap()["severity"].clone()
    };
    assert_eq!([severity("7980"), severity("LATEX")], ["SEVERE", "MILD"], "what only the older one says is there");
    assert_eq!(history["observations"][0]["value"], "168");
    let told = "hl7_messages WHERE control_id = 'O-1' AND status = 'APPLIED' \
         AND answer->>'warnings' LIKE '%PID: a message that came after this one%' \
         AND answer->>'warnings' LIKE '%AL1: was told anew by a message that came after this one%'";
    assert_eq!(hospital.count(told).await, 1, "and its sender is told");
    assert!(sender.send(&older).await.contains("\rMSA|AA|O-1"));
    // What another sender told meanwhile is none of its business.
    hospital.outbox("outbox", "outbox_away").await;
    assert!(sender.send(&update("O-3", "9000000003", "Erode", "SV")).await.contains("\rMSA|AR|O-3"));
    hospital.outbox("outbox_away", "outbox").await;
    let other = update("O-4", "9000000004", "Karur", "SV").replace("|HIS|", "|EMR|");
    assert!(sender.send(&other).await.contains("\rMSA|AA|O-4"));
    assert_eq!(hospital.backlog_round(&listener).await, 1);
    assert_eq!(hospital.read(&patient).await["phone"], "+919000000003");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_replayed_undoes_nothing_that_came_since() {
    let hospital = Hospital::open().await;
    let patient = hospital.import(ADMIT).await.expect(200).body["patient"].clone();
    let older = update("O-1", "9000000001", "Madurai", "MO");
    hospital.import(&older.replace("PID|", "ZZZ|")).await.expect(400);
    hospital.import(&update("O-2", "9000000002", "Salem", "SV")).await.expect(200);
    let waiting = hospital.server.get("/api/patients/hl7/parked/", &hospital.receptionist()).await.expect(200).body;
    let path = format!("/api/patients/hl7/parked/{}/replay/", waiting["results"][0]["id"]);
    let answer =
        hospital.server.post(&path, &hospital.receptionist(), &json!({"message": older})).await.expect(200).body;
    assert!(answer["warnings"].to_string().contains("PID: a message that came after this one"), "{answer}");
    let read = hospital.read(&patient).await;
    assert_eq!([&read["phone"], &read["address"]["city"]], ["+919000000002", "Salem"]);
    assert_eq!(hospital.history(&patient).await["allergies"][0]["severity"], "SEVERE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_that_was_cancelled_meanwhile_waits_for_a_person() {
    let hospital = Hospital::open().await;
    let listener = Listener::start(&hospital).await;
    let mut sender = listener.connect().await;
    hospital.import(ADMIT).await.expect(200);
    let message = |event: &str, control_id: &str, number: &str| {
        format!(
            "MSH|^~\\&|HIS|APOLLO CHENNAI|EHS|EHS CHENNAI|20261123100000+0530||SIU^{event}^SIU_S12|{control_id}|P|2.5.1\r\
             SCH|{number}^PORTAL|||||CHANGED|ROUTINE||20|min|^^20^202612250930^202612250950\r\
             PID|1||778899^^^APOLLO^MR||Raman^Lakshmi\rRGS|1\rAIP|1|A|DR017^Iyer^Meenakshi\r"
        )
    };
    hospital.outbox("outbox", "outbox_away").await;
    assert!(sender.send(&message("S12", "S-1", "PL-1")).await.contains("\rMSA|AR|S-1"));
    assert!(sender.send(&message("S12", "S-2", "PL-2")).await.contains("\rMSA|AR|S-2"));
    hospital.outbox("outbox_away", "outbox").await;
    assert!(sender.send(&message("S15", "S-3", "PL-1")).await.contains("\rMSA|AA|S-3"));
    assert_eq!(hospital.backlog_round(&listener).await, 2);
    let parked =
        "hl7_messages WHERE control_id = 'S-1' AND status = 'PARKED' AND reason LIKE 'SCH: a message that came after%'";
    assert_eq!(hospital.count(parked).await, 1);
    assert_eq!(
        hospital.count("hl7_messages WHERE control_id = 'S-2' AND status = 'APPLIED'").await,
        1,
        "of another one"
    );
    let told = "outbox WHERE event_type = 'ExternalAppointmentReceived' AND subscriber = 'appointments'";
    assert_eq!(hospital.count(told).await, 2);
}
