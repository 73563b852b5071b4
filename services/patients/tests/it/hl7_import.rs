//! HL7 v2 messages over HTTP.

use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::Answer;

use crate::hospital::{Hospital, lakshmi};

pub const ADMIT: &str = include_str!("fixtures/admit.hl7");
const UPDATE: &str = include_str!("fixtures/update.hl7");
const ABROAD: &str = include_str!("fixtures/abroad.hl7");
const LAB_RESULT: &str = include_str!("fixtures/lab_result.hl7");

impl Hospital {
    pub async fn import(&self, message: &str) -> Answer {
        self.import_as("", message.as_bytes()).await
    }

    pub async fn import_as(&self, accept: &str, message: &[u8]) -> Answer {
        let call = self.server.call(reqwest::Method::POST, "/api/patients/hl7/import/").token(&self.receptionist());
        let call = if accept.is_empty() { call } else { call.header("accept", accept) };
        call.body("application/hl7-v2", message).send().await
    }

    pub async fn read(&self, id: &Value) -> Value {
        self.server.get(&format!("/api/patients/{id}/"), &self.admin()).await.expect(200).body
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admission_makes_a_patient_and_again_changes_nothing() {
    let hospital = Hospital::open().await;
    let first = hospital.import(ADMIT).await.expect(200).body;
    let patient = first["patient"].clone();
    assert_eq!(
        first,
        json!({"message_control_id": "MSG-0001", "message_type": "ADT^A01", "acknowledgment": "AA", "patient": patient, "created": true,
            "warnings": ["PID-3: the ABHA number's last digit is not the expected check digit"]})
    );
    let read = hospital.read(&patient).await;
    assert_eq!(
        [&read["first_name"], &read["last_name"], &read["date_of_birth"], &read["gender"]],
        ["Lakshmi", "Raman", "1980-04-12", "FEMALE"]
    );
    assert_eq!(
        [&read["phone"], &read["email"], &read["preferred_language"]],
        ["+919876543210", "lakshmi.r@example.in", "ta"]
    );
    assert_eq!([&read["abha_number"], &read["abha_address"]], ["91-1234-5678-9012", "lakshmi.r@abdm"]);
    assert_eq!([&read["address"]["city"], &read["address"]["pin_code"]], ["Chennai", "600001"]);
    assert_eq!(
        read["emergency_contact"],
        json!({"name": "Karthik Raman", "relationship": "Spouse", "phone": "+919840012345"})
    );

    assert_eq!(hospital.import(ADMIT).await.expect(200).body, first);
    let in_json =
        hospital.server.post("/api/patients/hl7/import/", &hospital.receptionist(), &json!({"message": ADMIT})).await;
    assert_eq!(in_json.expect(200).body, first);
    assert_eq!(hospital.read(&patient).await, read);
    assert_eq!((hospital.count("patients").await, hospital.count("hl7_messages").await), (1, 1));
    assert_eq!(hospital.count("outbox WHERE subscriber = 'billing'").await, 1);
    // What was imported may be sent back over HTTP.
    let path = format!("/api/patients/{patient}/");
    assert_eq!(hospital.server.put(&path, &hospital.admin(), &read).await.expect(200).body, read);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_the_same_instant_are_one() {
    let hospital = Hospital::open().await;
    let answers = join_all((0..50).map(|_| hospital.import(ADMIT))).await;
    let bodies: Vec<Value> = answers.into_iter().map(|answer| answer.expect(200).body).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!((hospital.count("patients").await, hospital.count("hl7_messages").await), (1, 1));
    assert_eq!(hospital.count("outbox WHERE subscriber = 'billing'").await, 1);

    // Fifty messages about one new patient: one patient.
    let about_one = (0..50).map(|n| ABROAD.replace("Q123456789T123456789X123456", &format!("Q{n}")));
    let messages: Vec<String> = about_one.collect();
    let answers = join_all(messages.iter().map(|message| hospital.import(message))).await;
    let created = answers.into_iter().filter(|answer| answer.clone().expect(200).body["created"] == true).count();
    assert_eq!((created, hospital.count("patients").await), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_changes_what_it_says() {
    let hospital = Hospital::open().await;
    let patient = hospital.import(ADMIT).await.expect(200).body["patient"].clone();
    let answer = hospital.import(UPDATE).await.expect(200).body;
    assert_eq!(
        (&answer["patient"], &answer["created"], &answer["acknowledgment"]),
        (&patient, &json!(false), &json!("AA"))
    );
    let read = hospital.read(&patient).await;
    assert_eq!((&read["phone"], &read["email"]), (&Value::Null, &json!("lakshmi.r@example.in")));
    assert_eq!((&read["address"]["city"], &read["date_of_birth"]), (&json!("Puducherry"), &json!("1980-04-12")));
    assert_eq!(hospital.count("outbox WHERE event_type = 'PatientUpdated' AND subscriber = 'billing'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_india_is_a_warning() {
    let hospital = Hospital::open().await;
    for event in ["A01", "A03", "A04", "A05", "A08", "A28", "A31"] {
        let message = ABROAD.replace("ADT^A04", &format!("ADT^{event}")).replace("Q1234", event).replace("\r", "\r\n");
        let answer = hospital.import(&message).await.expect(200).body;
        assert_eq!(answer["acknowledgment"], "AA", "{answer}");
        assert_eq!(answer["created"], event == "A01");
    }
    let read = hospital.server.get("/api/patients/?search=mario", &hospital.admin()).await.expect(200).body["results"]
        [0]
    .clone();
    assert_eq!((&read["address"]["country"], &read["address"]["pin_code"]), (&json!("JP"), &json!("A1B2C3")));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_with_the_same_abha_number_is_the_same_person() {
    let hospital = Hospital::open().await;
    let registered = hospital.register(&lakshmi()).await["id"].clone();
    let answer = hospital.import(ADMIT).await.expect(200).body;
    assert_eq!((&answer["patient"], &answer["created"]), (&registered, &json!(false)));
    // Known by number A, and by the ABHA number of another: a person has to look.
    hospital.import(ABROAD).await.expect(200);
    let both = ABROAD
        .replace("Q123456789T123456789X123456", "Q-2")
        .replace("123456789^^^^MR", "123456789^^^^MR~91-1234-5678-9012^^^ABDM^HIN");
    let answer = hospital.import(&both).await.expect(400);
    assert_eq!(answer.body["acknowledgment"], "AE");
    assert_eq!(hospital.count("hl7_messages WHERE status = 'PARKED'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_and_kept() {
    let hospital = Hospital::open().await;
    let no_pid = ADMIT.replace("PID|", "ZZZ|");
    let no_control_id = ADMIT.replace("MSG-0001", "");
    let other_version = ADMIT.replace("2.5.1", "3.0");
    let other_event = ADMIT.replace("ADT^A01", "ADT^A02");
    let damaged: [(&str, &[u8]); 9] = [
        ("AE", b"hello"),
        ("AE", b""),
        ("AE", b"MSH|"),
        ("AE", &ADMIT.as_bytes()[..60]),
        ("AE", b"MSH|^~\\&|HIS|APOLLO|EHS|EHS|||ADT^A01|7|P|2.5\rPID|\xff\xfe\0"),
        ("AE", no_pid.as_bytes()),
        ("AE", no_control_id.as_bytes()),
        ("AR", other_version.as_bytes()),
        ("AR", other_event.as_bytes()),
    ];
    for (code, message) in damaged {
        let answer = hospital.import_as("", message).await.expect(400);
        assert_eq!(answer.body["acknowledgment"], code, "{}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let again = hospital.import_as("application/hl7-v2", message).await.expect(400);
        assert!(again.text.contains(&format!("\rMSA|{code}|")), "{}", again.text);
        assert_eq!(
            hospital.import_as("application/hl7-v2", message).await.text,
            again.text,
            "the stored acknowledgment"
        );
    }
    assert_eq!(hospital.count("hl7_messages WHERE status = 'PARKED'").await, 9);
    assert_eq!(hospital.count("patients").await, 0);
    // A control id that a damaged message used is free for the mended one.
    hospital.import(ADMIT).await.expect(200);
    let too_large = vec![b'M'; 10 * 1024 * 1024];
    hospital.import_as("", &too_large).await.expect(413);
    let call = hospital.server.call(reqwest::Method::POST, "/api/patients/hl7/import/").token(&hospital.receptionist());
    call.body("application/xml", "<a/>").send().await.expect(415);
    for body in [json!({}), json!({"message": 1}), json!({"message": "x", "y": 1}), json!([])] {
        hospital.server.post("/api/patients/hl7/import/", &hospital.receptionist(), &body).await.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_message_with_the_control_id_is_refused() {
    let hospital = Hospital::open().await;
    hospital.import(ADMIT).await.expect(200);
    let other = ADMIT.replace("Lakshmi", "Meena");
    let answer = hospital.import(&other).await.expect(409);
    assert_eq!(answer.body["acknowledgment"], "AE");
    hospital.import(&other).await.expect(409);
    assert_eq!(hospital.count("hl7_messages WHERE status = 'PARKED'").await, 1);
    assert_eq!(hospital.count("patients WHERE version = 1").await, 1);
    // Another sender counts its messages for itself, and so may one feed of a sender beside another.
    hospital.import(&ADMIT.replace("ADT^A01", "ADT^A31").replace("EVN|A01", "EVN|A31")).await.expect(200);
    hospital.import(&ADMIT.replace("|HIS|", "|LAB|")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bare_acknowledgment_goes_back_the_way_the_message_came() {
    let hospital = Hospital::open().await;
    let answer = hospital.import_as("application/hl7-v2", ADMIT.as_bytes()).await.expect(200);
    assert!(answer.header("content-type").starts_with("application/hl7-v2"));
    assert!(answer.text.starts_with("MSH|^~\\&|EHS|EHS CHENNAI|HIS|APOLLO CHENNAI|"), "{}", answer.text);
    assert!(answer.text.contains("\rMSA|AA|MSG-0001\r"), "{}", answer.text);
    let again = hospital.import_as("application/hl7-v2", ADMIT.as_bytes()).await.expect(200);
    assert_eq!(again.text, answer.text);
    // A sender that wants a receipt only gets one.
    let receipt_only = ADMIT.replace("MSG-0001", "MSG-0009").replace("|P|2.5.1||||||", "|P|2.5.1|||AL|NE||");
    let answer = hospital.import_as("application/hl7-v2", receipt_only.as_bytes()).await.expect(200);
    assert!(answer.text.contains("\rMSA|CA|MSG-0009\r"), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aadhaar_number_is_not_kept() {
    let hospital = Hospital::open().await;
    let message = ADMIT
        .replace("91-1234-5678-9012^^^ABDM^HIN", "234123412346^^^UIDAI^NI")
        .replace("12 MG Road^", "2341 2341 2346^");
    let answer = hospital.import(&message).await.expect(200).body;
    assert_eq!(answer["warnings"].as_array().unwrap().len(), 2, "{answer}");
    for (table, column) in
        [("hl7_messages", "encode(raw, 'escape')"), ("patients", "address::text"), ("patient_identifiers", "value")]
    {
        let found = format!("{table} WHERE replace(replace({column}, ' ', ''), '-', '') LIKE '%234123412346%'");
        assert_eq!(hospital.count(&found).await, 0, "{table}");
    }
    assert_eq!(hospital.count("hl7_messages WHERE encode(raw, 'escape') LIKE '%XXXXXXXX2346%'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_honoured_beside_the_control_id() {
    let hospital = Hospital::open().await;
    let import = |message: &str| {
        let call =
            hospital.server.call(reqwest::Method::POST, "/api/patients/hl7/import/").token(&hospital.receptionist());
        call.header("idempotency-key", "import-1").body("application/hl7-v2", message).send()
    };
    let first = import(ADMIT).await.expect(200);
    assert_eq!(import(ADMIT).await.expect(200).body, first.body);
    import(ABROAD).await.expect(409);
    assert_eq!(hospital.count("patients").await, 1);
    // Nothing was acknowledged, so that the sender sends again, and it is taken then.
    hospital.import(ABROAD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_of_the_contract_is_taken() {
    let hospital = Hospital::open().await;
    assert_eq!(hospital.import(LAB_RESULT).await.expect(200).body["message_type"], "ORU^R01");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/hl7/fixtures");
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        // A cancellation has no time, and is taken; merges have a test of their own.
        if !name.ends_with(".hl7") || name.starts_with("damaged") || name.starts_with("a40") {
            continue;
        }
        let answer = hospital.import_as("application/hl7-v2", &std::fs::read(&file).unwrap()).await;
        assert_eq!(answer.status.as_u16(), 200, "{name}: {}", answer.text);
        assert!(answer.text.contains("\rMSA|AA|") || answer.text.contains("\rMSA|CA|"), "{name}: {}", answer.text);
    }
}
