//! A40: two records become one, by the merge that people ask for.

use serde_json::{Value, json};

use crate::hl7_import::ADMIT;
use crate::hospital::Hospital;

fn merge(control_id: &str, stays: &str, goes: &str) -> String {
    format!(
        "MSH|^~\\&|HIS|APOLLO CHENNAI|EHS|EHS CHENNAI|20261123111500+0530||ADT^A40^ADT_A39|{control_id}|P|2.5.1\r\
         EVN|A40|20261123111500+0530\rPID|1||{stays}^^^APOLLO^MR||Raman^Lakshmi\rMRG|{goes}^^^APOLLO^MR\r"
    )
}

/// An admission under another number, of somebody with an allergy and without an ABHA number.
fn admit(control_id: &str, number: &str) -> String {
    let message = ADMIT.replace("MSG-0001", control_id).replace("778899", number);
    message.replace("91-1234-5678-9012^^^ABDM^HIN~", "") + "AL1|1|DA|7980^Penicillin G^RXNORM|SV|Rash|20190301\r"
}

#[tokio::test(flavor = "multi_thread")]
async fn a40_merges_as_people_do_and_once() {
    let hospital = Hospital::open().await;
    let stays = hospital.import(ADMIT).await.expect(200).body["patient"].clone();
    let goes = hospital.import(&admit("M-1", "112233")).await.expect(200).body["patient"].clone();
    assert_ne!(stays, goes);
    let answer = hospital.import(&merge("M-2", "778899", "112233")).await.expect(200).body;
    assert_eq!(
        (&answer["patient"], &answer["created"], &answer["acknowledgment"]),
        (&stays, &json!(false), &json!("AA"))
    );
    assert_eq!(hospital.import(&merge("M-2", "778899", "112233")).await.expect(200).body, answer);
    // The history has moved, the old id answers as the patient, and so does the old number.
    let path = format!("/api/patients/{stays}/medical-history/");
    let history = hospital.server.get(&path, &hospital.admin()).await.expect(200).body;
    assert_eq!(history["allergies"][0]["code"]["code"], "7980", "{history}");
    assert_eq!(hospital.read(&goes).await["id"], stays);
    let update = admit("M-3", "112233").replace("ADT^A01", "ADT^A08").replace("EVN|A01", "EVN|A08");
    let update = hospital.import(&update).await.expect(200).body;
    assert_eq!((&update["patient"], &update["created"]), (&stays, &json!(false)));
    assert_eq!(hospital.count("history_entries WHERE kind = 'ALLERGY'").await, 1, "amended where it has moved to");
    let audited = format!("audit_log WHERE action = 'Hl7Import' AND patients @> ARRAY[{stays}, {goes}]::bigint[]");
    assert_eq!(hospital.count(&audited).await, 1);
    // Said again by another message, it is no news.
    let again = hospital.import(&merge("M-4", "778899", "112233")).await.expect(200).body;
    assert!(again["warnings"].to_string().contains("the two were one already"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a40_of_somebody_unknown_makes_both_numbers_one_patients() {
    let hospital = Hospital::open().await;
    let known = hospital.import(ADMIT).await.expect(200).body["patient"].clone();
    let patient_of = async |control_id: &str, number: &str| -> Value {
        hospital.import(&admit(control_id, number)).await.expect(200).body["patient"].clone()
    };
    // The record that goes is not here.
    let answer = hospital.import(&merge("U-1", "778899", "1")).await.expect(200).body;
    assert_eq!((&answer["patient"], answer["warnings"].as_array().unwrap().len()), (&known, 1), "{answer}");
    assert_eq!(patient_of("U-2", "1").await, known);
    // The record that stays is not here.
    let answer = hospital.import(&merge("U-3", "2", "778899")).await.expect(200).body;
    assert_eq!((&answer["patient"], &answer["created"]), (&known, &json!(false)));
    assert_eq!(patient_of("U-4", "2").await, known);
    // Neither is.
    let answer = hospital.import(&merge("U-5", "3", "4")).await.expect(200).body;
    assert_eq!(answer["created"], true);
    assert_eq!(
        (patient_of("U-6", "3").await, patient_of("U-7", "4").await),
        (answer["patient"].clone(), answer["patient"].clone())
    );
    assert_eq!(hospital.count("patients").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a40_that_cannot_be_waits_for_a_person() {
    let hospital = Hospital::open().await;
    hospital.import(ADMIT).await.expect(200);
    for (control_id, message) in [
        ("X-1", merge("X-1", "778899", "778899")),
        ("X-2", merge("X-2", "778899", "")),
        ("X-3", merge("X-3", "778899", "1").replace("MRG|", "ZZZ|")),
        ("X-4", merge("X-4", "5", "6").replace("Raman^Lakshmi", "")),
    ] {
        let answer = hospital.import(&message).await.expect(400).body;
        assert_eq!(answer["acknowledgment"], "AE", "{control_id}: {answer}");
    }
    assert_eq!(hospital.count("hl7_messages WHERE status = 'PARKED'").await, 4);
    // Two at once, one the other way round: no circle.
    hospital.import(&admit("X-5", "112233")).await.expect(200);
    let there = merge("X-6", "778899", "112233");
    let back = merge("X-7", "112233", "778899");
    let (one, two) = futures_util::future::join(hospital.import(&there), hospital.import(&back)).await;
    assert!(one.status.is_success() && two.status.is_success(), "{} {}", one.text, two.text);
    assert_eq!(one.body["patient"], two.body["patient"], "the second finds them one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a40_may_say_the_abha_number_of_the_record_that_goes() {
    let hospital = Hospital::open().await;
    let stays = hospital.import(&admit("B-1", "112233")).await.expect(200).body["patient"].clone();
    let goes = hospital.import(ADMIT).await.expect(200).body["patient"].clone();
    assert_ne!(stays, goes);
    let both =
        |message: String| message.replace("112233^^^APOLLO^MR||", "112233^^^APOLLO^MR~91-1234-5678-9012^^^ABDM^HIN||");
    // Of a third record it is one patient too many.
    hospital.import(&admit("B-2", "445566")).await.expect(200);
    let refused = hospital.import(&both(merge("B-3", "112233", "445566"))).await.expect(400).body;
    assert_eq!(refused["detail"], "PID-3: the numbers belong to more than one patient");
    let answer = hospital.import(&both(merge("B-4", "112233", "778899"))).await.expect(200).body;
    assert_eq!((&answer["patient"], &answer["created"]), (&stays, &json!(false)));
    let read = hospital.read(&goes).await;
    assert_eq!((&read["id"], &read["abha_number"]), (&stays, &json!("91-1234-5678-9012")));
}
