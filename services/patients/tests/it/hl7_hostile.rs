//! HL7 v2 messages made to do harm, through both doors: refused or read, kept once, and nobody behind them waits.

use serde_json::json;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::hl7_import::ADMIT;
use crate::hl7_mllp::{Listener, numbered};
use crate::hospital::Hospital;

/// Of no use to a compression.
fn long() -> String {
    (0..100).map(|_| Uuid::new_v4().simple().to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_segments_are_refused_and_kept_once() {
    let hospital = Hospital::open().await;
    let listener = Listener::start(&hospital).await;
    let mut sender = listener.connect().await;
    let many = format!("{ADMIT}{}", "NTE|1\r".repeat(100_000));
    let refused = hospital.import_as("application/hl7-v2", many.as_bytes()).await.expect(400).text;
    assert!(refused.contains("\rMSA|AE|MSG-0001"), "{refused}");
    assert_eq!(sender.send(&many).await, refused, "the same through the other door");
    let answer = hospital.import(&many).await.expect(400).body;
    assert_eq!(answer["detail"], "the message has more segments than are read here");
    let whole = format!("hl7_messages WHERE status = 'PARKED' AND octet_length(raw) = {}", many.len());
    assert_eq!((hospital.count("hl7_messages").await, hospital.count(&whole).await), (1, 1));
    assert!(sender.send(&numbered("N-1")).await.contains("\rMSA|AA|N-1"), "the connection goes on");
    hospital.import(ADMIT).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn escapes_in_escapes_are_read_once_and_the_rest_is_taken() {
    let hospital = Hospital::open().await;
    let listener = Listener::start(&hospital).await;
    let mut sender = listener.connect().await;
    let nested = |control_id: &str, times: usize| {
        let value = "\\E\\T\\E\\\\X5C465C\\\\E\\X41\\E\\".repeat(times);
        format!("{}OBX|1|ST|8251-1^Comment^LN||{value}||||||F|||20261123081000+0530\r", numbered(control_id))
    };
    let patient = hospital.import(&nested("N-1", 1)).await.expect(200).body["patient"].clone();
    assert_eq!(hospital.history(&patient).await["observations"][0]["value"], "\\T\\\\F\\\\X41\\");
    assert!(sender.send(&nested("N-2", 1)).await.contains("\rMSA|AA|N-2"));
    let body = json!({"message": nested("N-3", 1)});
    hospital.server.post("/api/patients/hl7/import/", &hospital.receptionist(), &body).await.expect(200);
    assert_eq!(hospital.count("history_versions").await, 1, "through every door the same");
    // So many that no entry has room for what they stand for.
    let answer = hospital.import(&nested("N-4", 20_000)).await.expect(200).body;
    assert!(answer["warnings"].to_string().contains("OBX: a text was cut"), "{answer}");
    assert!(sender.send(&nested("N-5", 20_000)).await.contains("\rMSA|AA|N-5"));
    assert!(sender.send(&numbered("N-6")).await.contains("\rMSA|AA|N-6"), "the connection goes on");
    assert_eq!(hospital.count("hl7_messages WHERE status = 'APPLIED'").await, 6);
    let shown = hospital.history(&patient).await["observations"][0]["note"].clone();
    assert!(shown.as_str().unwrap().starts_with("\\T\\\\F\\\\X41\\\\T"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_end_is_refused_and_holds_nothing_up() {
    let hospital = Hospital::open().await;
    let listener = Listener::start(&hospital).await;
    let mut sender = listener.connect().await;
    let long = long();
    for (field, from, to) in [
        ("MSH-3", "|HIS|", format!("|{long}|")),
        ("MSH-4", "|APOLLO CHENNAI|", format!("|APOLLO^{long}^ISO|")),
        ("MSH-9", "|ADT^A01^", format!("|{long}^A01^")),
        ("MSH-9", "|ADT^A01^", format!("|ADT^{long}^")),
        ("MSH-10", "|MSG-0001|", format!("|{long}|")),
    ] {
        let message = ADMIT.replace(from, &to);
        let answer = hospital.import(&message).await.expect(400).body;
        assert_eq!(answer["detail"], format!("{field}: a field is longer than the standard allows"));
        assert_eq!(answer["acknowledgment"], "AE");
        assert!(sender.send(&message).await.contains("\rMSA|AE|"), "{field}");
    }
    assert_eq!(hospital.count("hl7_messages WHERE status = 'PARKED'").await, 5);
    // A number under an authority that is too long is left out; by the others the patient is known.
    let message = ADMIT.replace("778899^^^APOLLO^MR", &format!("778899^^^{long}^MR~4711^^^APOLLO^MR"));
    let answer = hospital.import(&message).await.expect(200).body;
    assert!(answer["warnings"].to_string().contains("PID-3: an identifier was left out"), "{answer}");
    assert_eq!(hospital.count("patient_identifiers").await, 1);
    assert!(sender.send(&numbered("L-1")).await.contains("\rMSA|AA|L-1"), "the connection goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_shows_between_its_messages_that_it_is_alive_is_served_on() {
    let hospital = Hospital::open().await;
    let listener = Listener::start(&hospital).await;
    let mut sender = listener.connect().await;
    for number in 0..20 {
        sender.write(&[b'.'; 5000]).await;
        let control_id = format!("J-{number}");
        assert!(sender.send(&numbered(&control_id)).await.contains(&format!("\rMSA|AA|{control_id}\r")));
    }
    // More than that between two messages is no MLLP.
    let _cut_short = sender.stream.write_all(&[b'.'; 70_000]).await;
    assert!(sender.is_closed().await);
}
