//! Messages that wait for a person: seen, mended, applied after all, or discarded.

use serde_json::{Value, json};

use crate::hl7_import::ADMIT;
use crate::hospital::Hospital;

const PARKED: &str = "/api/patients/hl7/parked/";

impl Hospital {
    async fn parked(&self, query: &str) -> Value {
        self.server.get(&format!("{PARKED}{query}"), &self.receptionist()).await.expect(200).body
    }
}

fn numbered(control_id: &str) -> String {
    ADMIT.replace("MSG-0001", control_id)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_listed_and_shown_to_those_who_may_mend_it() {
    let hospital = Hospital::open().await;
    for number in 0..25 {
        hospital.import(&numbered(&format!("P-{number:02}")).replace("PID|", "ZZZ|")).await.expect(400);
    }
    let first = hospital.parked("").await;
    assert_eq!((&first["count"], first["results"].as_array().unwrap().len()), (&json!(25), 20));
    let newest = &first["results"][0];
    assert_eq!(
        ["message_control_id", "message_type", "sending_application", "acknowledgment", "received_via", "reason"]
            .map(|field| newest[field].as_str().unwrap()),
        ["P-24", "ADT^A01", "HIS", "AE", "HTTP", "PID: a required segment is missing"]
    );
    assert!(newest.get("message").is_none() && !first.to_string().contains("Raman"), "{first}");
    let next = first["next"].as_str().unwrap();
    let (_, cursor) = next.split_once('?').unwrap();
    let second = hospital.parked(&format!("?{cursor}")).await;
    assert_eq!((second["results"].as_array().unwrap().len(), &second["next"]), (5, &Value::Null));

    let path = format!("{PARKED}{}/", newest["id"]);
    let one = hospital.server.get(&path, &hospital.receptionist()).await.expect(200);
    assert_eq!(one.header("etag"), "\"1\"");
    assert!(one.body["message"].as_str().unwrap().contains("Raman^Lakshmi"));
    for token in [hospital.doctor(), hospital.nurse(), hospital.accountant(), hospital.patient()] {
        hospital.server.get(PARKED, &token).await.expect(403);
        hospital.server.get(&path, &token).await.expect(403);
        hospital.server.post(&format!("{path}replay/"), &token, &json!({})).await.expect(403);
        hospital.server.post(&format!("{path}discard/"), &token, &json!({"reason": "a test"})).await.expect(403);
    }
    hospital.server.get(&format!("{PARKED}999999/"), &hospital.receptionist()).await.expect(404);
    // One that is applied is none of these.
    hospital.import(ADMIT).await.expect(200);
    let applied = hospital.db.number("SELECT id FROM hl7_messages WHERE status = 'APPLIED'").await;
    hospital.server.get(&format!("{PARKED}{applied}/"), &hospital.receptionist()).await.expect(404);
    hospital.server.get(&format!("{PARKED}?resolution=GONE&x=1"), &hospital.receptionist()).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mended_message_is_applied_and_its_sender_hears_of_it() {
    let hospital = Hospital::open().await;
    let damaged = numbered("P-1").replace("PID|", "ZZZ|");
    hospital.import(&damaged).await.expect(400);
    let id = hospital.parked("").await["results"][0]["id"].clone();
    let path = format!("{PARKED}{id}/replay/");
    let replay = async |body: Value| hospital.server.post(&path, &hospital.receptionist(), &body).await;
    // As it is, it cannot be read this time either.
    let still = replay(json!({})).await.expect(400).body;
    assert_eq!(still["acknowledgment"], "AE");
    let worse = replay(
        json!({"message": numbered("P-1").replace("Raman^Lakshmi|", "|").replace("91-1234-5678-9012^^^ABDM^HIN~", "")}),
    )
    .await
    .expect(400)
    .body;
    assert!(worse["detail"].as_str().unwrap().starts_with("PID-5"), "{worse}");
    assert_eq!(hospital.parked("").await["results"][0]["reason"], worse["detail"]);
    assert_eq!((hospital.count("patients").await, hospital.count("hl7_messages").await), (0, 1));

    let mended = numbered("P-1").replace("12 MG Road", "2341 2341 2346");
    let answer = replay(json!({"message": mended})).await.expect(200).body;
    assert_eq!([&answer["message_control_id"], &answer["acknowledgment"]], ["P-1", "AA"]);
    assert_eq!(answer["created"], true);
    let twice = replay(json!({})).await.expect(409).body;
    assert!(twice["type"].as_str().unwrap().ends_with("hl7-message-resolved"), "{twice}");
    assert_eq!(hospital.parked("").await["count"], 0);
    let done = hospital.parked("?resolution=REPLAYED").await["results"][0].clone();
    assert_eq!((&done["patient"], &done["resolved_by"]), (&answer["patient"], &json!(5)));
    let one = hospital.server.get(&format!("{PARKED}{id}/"), &hospital.receptionist()).await.expect(200).body;
    assert!(one["message"].as_str().unwrap().contains("ZZZ|"), "as it came");
    assert!(one["corrected"].as_str().unwrap().contains("XXXX XXXX 2346"), "no Aadhaar number is kept");
    // The damaged message again: it was applied. Its mended twin is another message with its control id.
    assert_eq!(hospital.import(&damaged).await.expect(200).body, answer);
    hospital.import(&numbered("P-1")).await.expect(409);
    assert_eq!(hospital.count("patients").await, 1);
    assert_eq!(
        hospital
            .count("audit_log WHERE action = 'Hl7Import' AND object LIKE '%/replay/' AND outcome = 'SUCCESS'")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_lacked_something_is_applied_as_it_came_once_and_with_its_key_again() {
    let hospital = Hospital::open().await;
    // The ABHA number is that of a patient with another number of the same hospital: two patients, until one is mended.
    hospital.import(&numbered("K-1").replace("91-1234-5678-9012^^^ABDM^HIN~", "")).await.expect(200);
    let other = json!({"first_name": "Lakshmi", "abha_number": "91-1234-5678-9012"});
    let other = hospital.register(&other).await;
    hospital.import(&numbered("K-2")).await.expect(400);
    let id = hospital.parked("").await["results"][0]["id"].clone();
    let path = format!("{PARKED}{id}/replay/");
    let replay = || {
        let call = hospital.server.call(reqwest::Method::POST, &path).token(&hospital.receptionist());
        call.header("idempotency-key", "replay-1").send()
    };
    replay().await.expect(400);
    let mended = format!("/api/patients/{}/", other["id"]);
    hospital.server.patch(&mended, &hospital.admin(), &json!({"abha_number": null})).await.expect(200);
    let answer = replay().await.expect(200);
    assert_eq!(answer.body["created"], false);
    let again = replay().await.expect(200);
    assert_eq!((&again.body, again.header("idempotent-replayed")), (&answer.body, "true"));
    // Two at once: one of them applies it.
    hospital.import(&numbered("K-3").replace("PID|", "ZZZ|")).await.expect(400);
    let id = hospital.parked("").await["results"][0]["id"].clone();
    let path = format!("{PARKED}{id}/replay/");
    let (token, body) = (hospital.receptionist(), json!({"message": numbered("K-3")}));
    let both = futures_util::future::join(
        hospital.server.post(&path, &token, &body),
        hospital.server.post(&path, &token, &body),
    );
    let (one, two) = both.await;
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    // A control id that another message has by now.
    hospital.import(&numbered("K-4").replace("PID|", "ZZZ|")).await.expect(400);
    let id = hospital.parked("").await["results"][0]["id"].clone();
    hospital.import(&numbered("K-4")).await.expect(200);
    let body = json!({"message": numbered("K-4").replace("12 MG Road", "14 MG Road")});
    hospital.server.post(&format!("{PARKED}{id}/replay/"), &token, &body).await.expect(409);
    assert_eq!(hospital.parked("").await["count"], 1, "it still waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mended_batch_is_applied_message_by_message() {
    let hospital = Hospital::open().await;
    let batch = |messages: &str| {
        format!("FHS|^~\\&|HIS|APOLLO CHENNAI\rBHS|^~\\&|HIS|APOLLO CHENNAI\r{messages}BTS|2\rFTS|1\r")
    };
    let damaged = batch("");
    let refused = hospital.import(&damaged).await.expect(400).body;
    let id = hospital.parked("").await["results"][0]["id"].clone();
    let path = format!("{PARKED}{id}/replay/");
    let replay = |message: Option<String>| {
        let call = hospital.server.call(reqwest::Method::POST, &path).token(&hospital.receptionist());
        let call = call.header("idempotency-key", "batch-1");
        match message {
            Some(message) => call.json(&json!({"message": message})).send(),
            None => call.send(),
        }
    };
    let still = replay(None).await.expect(400).body;
    assert_eq!((&still["detail"], &hospital.parked("").await["count"]), (&refused["detail"], &json!(1)));

    let mended = batch(&format!("{}{}", numbered("B-1"), numbered("B-2").replace("PID|", "ZZZ|")));
    let answer = replay(Some(mended.clone())).await.expect(200);
    let statuses: Vec<_> =
        answer.body["messages"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!((statuses, &answer.body["accepted"]), (vec![json!("APPLIED"), json!("PARKED")], &json!(1)));
    let again = replay(Some(mended.clone())).await.expect(200);
    assert_eq!((&again.body, again.header("idempotent-replayed")), (&answer.body, "true"));
    let twice =
        hospital.server.post(&path, &hospital.receptionist(), &json!({"message": mended})).await.expect(409).body;
    assert!(twice["type"].as_str().unwrap().ends_with("hl7-message-resolved"), "{twice}");
    let waiting = hospital.parked("").await;
    assert_eq!((&waiting["count"], &waiting["results"][0]["message_control_id"]), (&json!(1), &json!("B-2")));
    assert_eq!(hospital.parked("?resolution=REPLAYED").await["results"][0]["id"], id);
    assert_eq!(
        hospital.import(&damaged).await.expect(400).body["detail"],
        refused["detail"],
        "its sender hears the same"
    );
    assert_eq!(hospital.count("patients").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_not_to_be_applied_is_discarded_with_a_reason() {
    let hospital = Hospital::open().await;
    let damaged = numbered("D-1").replace("PID|", "ZZZ|");
    let refused = hospital.import_as("application/hl7-v2", damaged.as_bytes()).await.expect(400).text;
    let id = hospital.parked("").await["results"][0]["id"].clone();
    let path = format!("{PARKED}{id}/discard/");
    for body in [json!({}), json!({"reason": " "}), json!({"reason": "<b>x</b>"}), json!({"reason": "a test", "x": 1})]
    {
        hospital.server.post(&path, &hospital.receptionist(), &body).await.expect(400);
    }
    let reason = json!({"reason": "A test of the vendor"});
    let done = hospital.server.post(&path, &hospital.receptionist(), &reason).await.expect(200).body;
    assert_eq!(
        ["resolution", "resolution_reason"].map(|field| done[field].as_str().unwrap()),
        ["DISCARDED", "A test of the vendor"]
    );
    hospital.server.post(&path, &hospital.receptionist(), &reason).await.expect(409);
    hospital.server.post(&format!("{PARKED}{id}/replay/"), &hospital.receptionist(), &json!({})).await.expect(409);
    assert_eq!(
        (hospital.parked("").await["count"].clone(), hospital.parked("?resolution=DISCARDED").await["count"].clone()),
        (json!(0), json!(1))
    );
    let again = hospital.import_as("application/hl7-v2", damaged.as_bytes()).await.expect(400).text;
    assert_eq!(again, refused, "its sender hears the same");
    hospital.import(&numbered("D-1")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn among_many_messages_those_that_are_meant_are_found_without_a_look_at_the_rest() {
    let hospital = Hospital::open().await;
    hospital
        .db
        .sql(
            "INSERT INTO patients (id, first_name) SELECT n, 'Asha' FROM generate_series(1000, 2000) AS n; \
             INSERT INTO hl7_messages (sending_application, sending_facility, control_id, event, digest, raw, received_by, status, \
             acknowledgment, ack, resolution, resolution_reason, resolved_by, resolved_at) \
             SELECT 'LAB', 'NORTH', n::text, 'ADT^A08', sha256(n::text::bytea), '', 5, 'PARKED', 'AE', 'MSA', \
             resolution, resolution, length(resolution), now() + length(resolution) * interval '1 s' \
             FROM unnest(ARRAY[NULL, 'DISCARDED']) WITH ORDINALITY AS parked (resolution, n); \
             INSERT INTO hl7_messages (sending_application, sending_facility, control_id, event, digest, raw, received_by, status, \
             acknowledgment, ack, answer, patient) \
             SELECT 'LAB', 'NORTH', n::text, 'ADT^A08', sha256(n::text::bytea), '', 5, 'APPLIED', 'AA', 'MSA', '{}', 1000 + n % 1000 \
             FROM generate_series(3, 5000) AS n",
        )
        .await;
    hospital.db.sql("VACUUM ANALYZE hl7_messages").await;
    hospital.db.plan_for_any_values().await;
    let before = hospital.db.looked_at("hl7_messages").await;
    for _ in 0..2 {
        hospital.import(ADMIT).await.expect(200);
    }
    for (query, found) in [("", 1), ("?resolution=DISCARDED", 1), ("?resolution=REPLAYED", 0)] {
        assert_eq!(hospital.parked(query).await["count"], found, "{query}");
    }
    let looked_at = hospital.db.looked_at("hl7_messages").await - before;
    assert!(looked_at < 500, "{looked_at} rows");
}
