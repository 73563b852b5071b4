//! Messages that are sent again, and what the audit has of batches.

use serde_json::json;

use crate::hl7_history::result;
use crate::hl7_import::ADMIT;
use crate::hl7_mllp::{Listener, numbered};
use crate::hospital::Hospital;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_however_it_is_sent_again_gets_its_acknowledgment() {
    let hospital = Hospital::open().await;
    let admit = ADMIT.replace("12 MG Road^", "2341 2341 2346^");
    let first = hospital.import(&admit).await.expect(200).body;
    let later = admit.replace("|20261123091500+0530||ADT", "|20261123094500+0530||ADT");
    assert_ne!(later, admit);
    for again in [admit.replace('\r', "\n"), admit.replace('\r', "\r\n"), later.clone(), format!("\u{feff}{later}\r\n")]
    {
        assert_eq!(hospital.import(&again).await.expect(200).body, first, "{again}");
    }
    let in_json = json!({"message": later.replace('\r', "\n")});
    let answer = hospital.server.post("/api/patients/hl7/import/", &hospital.receptionist(), &in_json).await;
    assert_eq!(answer.expect(200).body, first);
    let ack = Listener::start(&hospital).await.connect().await.send(&later).await;
    assert_eq!(ack, hospital.import_as("application/hl7-v2", admit.as_bytes()).await.expect(200).text);
    assert_eq!((hospital.count("hl7_messages").await, hospital.count("patients").await), (1, 1));
    // What says something else is another message, and is kept.
    for other in [
        later.replace("Chennai^Tamil", "Salem^Tamil"),
        later.replace("|20261123094500+0530||ADT", "|20261123094500+0530|x|ADT"),
    ] {
        assert_eq!(hospital.import(&other).await.expect(409).body["acknowledgment"], "AE");
    }
    assert_eq!(hospital.count("hl7_messages WHERE status = 'PARKED'").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_has_every_message_of_a_batch() {
    let hospital = Hospital::open().await;
    let batch = |name: &str| {
        format!(
            "BHS|^~\\&|HIS|APOLLO CHENNAI|EHS|EHS CHENNAI\r{}{}{}BTS|3\r",
            numbered(&format!("{name}-1")),
            numbered(&format!("{name}-2")).replace("PID|", "ZZZ|"),
            result(&format!("{name}-3"), "OBX|1|NM|718-7^Hb^LN||13|g/dL|||||F\r").replace("778899", "1001"),
        )
    };
    let rows = async |object: &str, outcome: &str, patients: usize| {
        let of = format!(
            "audit_log WHERE action = 'Hl7Import' AND object = '{object}' AND outcome = '{outcome}' AND cardinality(patients) = {patients}"
        );
        hospital.count(&of).await
    };
    let http = "POST /api/patients/hl7/import/";
    let answer = hospital.import(&batch("H")).await.expect(200).body;
    assert_eq!(answer["accepted"], 2);
    assert_eq!((rows(http, "SUCCESS", 1).await, rows(http, "REFUSED", 0).await), (2, 1));
    // Sent again, it shows two patients, and says so.
    assert_eq!(hospital.import(&batch("H")).await.expect(200).body, answer);
    assert_eq!((rows(http, "SUCCESS", 2).await, rows(http, "REFUSED", 0).await), (1, 2));

    let listener = Listener::start(&hospital).await;
    let answer = listener.connect().await.send(&batch("M")).await;
    assert!(answer.contains("2 of 3 accepted"), "{answer}");
    assert_eq!((rows("MLLP", "SUCCESS", 1).await, rows("MLLP", "REFUSED", 0).await), (2, 1));
}
