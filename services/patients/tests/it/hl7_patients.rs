//! Messages that speak of several patients: all of it is applied, or nothing, and nothing is passed over.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::hl7_import::ADMIT;
use crate::hospital::Hospital;

fn admit(number: &str) -> String {
    let message = ADMIT.replace("MSG-0001", &format!("A-{number}")).replace("778899", number);
    message.replace("91-1234-5678-9012^^^ABDM^HIN~", "")
}

fn msh(kind: &str, control_id: &str) -> String {
    format!("MSH|^~\\&|HIS|APOLLO CHENNAI|EHS|EHS CHENNAI|20261123111500+0530||{kind}|{control_id}|P|2.5.1\r")
}

fn merges(control_id: &str, pairs: &[(&str, &str)]) -> String {
    let groups = pairs
        .iter()
        .map(|(stays, goes)| format!("PID|1||{stays}^^^APOLLO^MR||Raman^Lakshmi\rMRG|{goes}^^^APOLLO^MR\r"));
    format!("{}EVN|A40|20261123111500+0530\r{}", msh("ADT^A40^ADT_A39", control_id), groups.collect::<String>())
}

/// Of each number a haemoglobin.
fn results(control_id: &str, of: &[(&str, &str)]) -> String {
    let groups = of.iter().map(|(number, value)| {
        format!(
            "PID|1||{number}^^^APOLLO^MR||Raman^Lakshmi\rOBR|1||F-{number}^LIS|58410-2^CBC^LN|||20261123081000+0530\r\
             OBX|1|NM|718-7^Haemoglobin^LN||{value}|g/dL|||||F\r"
        )
    });
    format!("{}{}", msh("ORU^R01^ORU_R01", control_id), groups.collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_merge_of_a_message_is_made() {
    let hospital = Hospital::open().await;
    let mut ids = Vec::new();
    for number in ["1001", "1002", "1003", "1004", "1005", "1006"] {
        ids.push(hospital.import(&admit(number)).await.expect(200).body["patient"].clone());
    }
    let message = merges("M-1", &[("1001", "1002"), ("1003", "1004")]);
    let answer = hospital.import(&message).await.expect(200).body;
    assert_eq!((&answer["acknowledgment"], &answer["patient"]), (&json!("AA"), &ids[0]));
    assert_eq!(answer["patients"], json!([ids[0], ids[2]]));
    assert_eq!(
        [hospital.read(&ids[1]).await["id"].clone(), hospital.read(&ids[3]).await["id"].clone()],
        [&ids[0], &ids[2]].map(Value::clone)
    );
    assert_eq!(hospital.import(&message).await.expect(200).body, answer);
    let audited = format!(
        "audit_log WHERE action = 'Hl7Import' AND patients @> ARRAY[{}, {}, {}, {}]::bigint[]",
        ids[0], ids[1], ids[2], ids[3]
    );
    assert_eq!(hospital.count(&audited).await, 1);
    // One of them that cannot be leaves the other undone too, for a person to look at.
    let message = merges("M-2", &[("1005", "1006"), ("1001", "1001")]);
    let refused = hospital.import(&message).await.expect(400).body;
    assert_eq!(refused["detail"], "patient 2: MRG-1: names the record that PID-3 names");
    assert_eq!(hospital.read(&ids[5]).await["id"], ids[5]);
    assert_eq!(hospital.count("hl7_messages WHERE status = 'PARKED'").await, 1);
}

/// A message that is applied late undoes nothing of one that came after it, whichever of its patients it is about.
#[tokio::test(flavor = "multi_thread")]
async fn each_patient_of_a_message_was_brought_up_to_date_by_it() {
    let hospital = Hospital::open().await;
    let mut ids = Vec::new();
    for number in ["1001", "1002", "1003", "1004"] {
        ids.push(hospital.import(&admit(number)).await.expect(200).body["patient"].clone());
    }
    let older = admit("1003").replace("A-1003", "OLD").replace("ADT^A01", "ADT^A08").replace("EVN|A01", "EVN|A08");
    let older = older.replace("9876543210^PRN", "9000000001^PRN");
    hospital.import(&older.replace("PID|", "ZZZ|")).await.expect(400);
    let newer = merges("M-1", &[("1001", "1002"), ("1003", "1004")])
        .replace("1003^^^APOLLO^MR||Raman^Lakshmi", "1003^^^APOLLO^MR||Raman^Lakshmi||||||||9000000002");
    hospital.import(&newer).await.expect(200);
    let waiting = hospital.server.get("/api/patients/hl7/parked/", &hospital.receptionist()).await.expect(200).body;
    let path = format!("/api/patients/hl7/parked/{}/replay/", waiting["results"][0]["id"]);
    let answer =
        hospital.server.post(&path, &hospital.receptionist(), &json!({"message": older})).await.expect(200).body;
    assert!(answer["warnings"].to_string().contains("PID: a message that came after this one"), "{answer}");
    assert_eq!(hospital.read(&ids[2]).await["phone"], "+919000000002");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_patients_results_are_in_their_own_history() {
    let hospital = Hospital::open().await;
    let answer = hospital.import(&results("R-1", &[("1001", "13"), ("1002", "9")])).await.expect(200).body;
    let patients = answer["patients"].as_array().unwrap().clone();
    assert_eq!((patients.len(), &answer["patient"], &answer["created"]), (2, &patients[0], &json!(true)));
    for (patient, value, place) in [(&patients[0], "13", "OBX-5"), (&patients[1], "9", "OBX[2]-5")] {
        let observations = hospital.history(patient).await["observations"].clone();
        assert_eq!((observations.as_array().unwrap().len(), &observations[0]["value"]), (1, &json!(value)));
        assert_eq!(observations[0]["source"]["places"]["value"], json!([place]));
    }
    // Warnings say of whom.
    let late = results("R-2", &[("1001", "13"), ("1002", "8")]).replace("8|g/dL|||||F", "8|g/dL|||||P");
    let answer = hospital.import(&late).await.expect(200).body;
    assert_eq!(answer["warnings"], json!(["patient 2: OBX[2]: is final already; left as it is"]));
    // One without a name who is not known, and one message too many for its kind: nothing of either is applied.
    let nameless =
        results("R-3", &[("1003", "13"), ("1004", "9")]).replace("1004^^^APOLLO^MR||Raman^Lakshmi", "1004^^^APOLLO^MR");
    let refused = hospital.import(&nameless).await.expect(400).body;
    assert_eq!(refused["detail"], "patient 2: PID-5: a new patient needs a name");
    let update = merges("R-4", &[("1003", "1"), ("1004", "2")]).replace("ADT^A40^ADT_A39", "ADT^A08^ADT_A01");
    let refused = hospital.import(&update).await.expect(400).body;
    assert_eq!((&refused["acknowledgment"], hospital.count("patients").await), (&json!("AE"), 2), "{refused}");
    assert_eq!(hospital.count("hl7_messages WHERE status = 'PARKED'").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_about_the_same_patients_in_another_order_do_not_wait_in_a_circle() {
    let hospital = Hospital::open().await;
    hospital.import(&results("W-0", &[("1001", "13"), ("1002", "9")])).await.expect(200);
    let messages: Vec<String> = (1..=20)
        .map(|n| {
            let (one, other) = if n % 2 == 0 { ("1001", "1002") } else { ("1002", "1001") };
            results(&format!("W-{n}"), &[(one, &n.to_string()), (other, &n.to_string())])
        })
        .collect();
    let answers = join_all(messages.iter().map(|message| hospital.import(message))).await;
    for answer in answers {
        answer.expect(200);
    }
    assert_eq!(hospital.count("history_entries").await, 2);
}
