//! What messages say of a patient's health, in the medical history; appointments, handed on; batches.

use diesel_async::SimpleAsyncConnection as _;
use events::envelope::{time, to_wire};
use events::v1::envelope::Payload;
use serde_json::{Value, json};
use testkit::eventually;

use crate::hl7_import::ADMIT;
use crate::hospital::Hospital;

/// A message of a laboratory about the patient of `ADMIT`.
pub fn result(control_id: &str, obx: &str) -> String {
    format!(
        "MSH|^~\\&|LIS|METRO LABS|EHS|EHS CHENNAI|20261123101500+0530||ORU^R01^ORU_R01|{control_id}|P|2.5.1\r\
         PID|1||778899^^^APOLLO^MR||Raman^Lakshmi\rOBR|1|ORD-1|LAB-1^LIS|58410-2^CBC panel^LN|||20261123081000+0530\r{obx}"
    )
}

fn clinical() -> String {
    format!(
        "{ADMIT}AL1|1|DA|7980^Penicillin G^RXNORM|SV|Rash~Breathless|20190301\r\
         DG1|1||I10^Essential hypertension^I10||20261121|W\rPR1|1||29303009^Electrocardiogram^SCT||202611211000+0530\r\
         OBX|1|NM|8480-6^Systolic blood pressure^LN||168|mm[Hg]|90-140|H|||F|||20261121093000+0530\r"
    )
}

impl Hospital {
    pub async fn history(&self, patient: &Value) -> Value {
        let path = format!("/api/patients/{patient}/medical-history/?include_entered_in_error=true");
        self.server.get(&path, &self.admin()).await.expect(200).body
    }

    async fn raw(&self, column: &str, from: &str) -> Vec<String> {
        #[derive(diesel::QueryableByName)]
        struct Found {
            #[diesel(sql_type = diesel::sql_types::Text)]
            found: String,
        }
        let sql = format!("SELECT ({column})::text AS found FROM {from}");
        let mut conn = self.db.connect().await;
        let rows: Vec<Found> = diesel_async::RunQueryDsl::load(diesel::sql_query(sql), &mut conn).await.unwrap();
        rows.into_iter().map(|row| row.found).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admission_fills_the_history_and_says_where_it_stood() {
    let hospital = Hospital::open().await;
    let answer = hospital.import(&clinical()).await.expect(200).body;
    let history = hospital.history(&answer["patient"]).await;
    let allergy = &history["allergies"][0];
    assert_eq!(
        [&allergy["code"]["code"], &allergy["severity"], &allergy["effective_date"], &allergy["note"]],
        ["7980", "SEVERE", "2019-03-01", "Rash\nBreathless"]
    );
    assert_eq!(
        [
            &history["conditions"][0]["code"]["code"],
            &history["conditions"][0]["note"],
            &history["procedures"][0]["code"]["code"]
        ],
        ["I10", "Working diagnosis", "29303009"]
    );
    let pressure = &history["observations"][0];
    assert_eq!(
        ["value", "unit", "reference_range", "interpretation", "status"].map(|field| &pressure[field]),
        ["168", "mm[Hg]", "90-140", "H", "FINAL"]
    );
    assert_eq!((&pressure["source"]["via"], &pressure["source"]["user"]), (&json!("HL7"), &json!(5)));
    assert_eq!(
        pressure["source"]["places"],
        json!({"code": ["OBX-3"], "value": ["OBX-5"], "unit": ["OBX-6"], "reference_range": ["OBX-7"],
            "interpretation": ["OBX-8"], "status": ["OBX-11"], "effective_date": ["OBX-14"]})
    );
    let by_message = "history_entries JOIN hl7_messages ON hl7_messages.id = history_entries.message \
         WHERE history_entries.author = 5 AND hl7_messages.control_id = 'MSG-0001'";
    assert_eq!(hospital.count(by_message).await, 4);
    // The same said again in another message is no news, and no second entry.
    let again = clinical().replace("MSG-0001", "MSG-0002").replace("ADT^A01", "ADT^A08").replace("EVN|A01", "EVN|A08");
    assert_eq!(hospital.import(&again).await.expect(200).body["created"], false);
    assert_eq!(hospital.count("history_entries WHERE version = 1").await, 4);
    assert_eq!(hospital.count("history_versions").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_corrected_amends_and_one_taken_back_is_in_error() {
    let hospital = Hospital::open().await;
    let patient = hospital.import(ADMIT).await.expect(200).body["patient"].clone();
    let first = "OBX|1|NM|718-7^Haemoglobin^LN||9.2|g/dL|12-15|L|||P\rOBX|2|NM|6690-2^Leucocytes^LN||4.1|10*3/uL|||||F\r\
         NTE|1|L|Repeated\rOBX|3|NM|777-3^Platelets^LN||150|10*3/uL|||||F\r";
    let answer = hospital.import(&result("R-1", first)).await.expect(200).body;
    assert_eq!((&answer["patient"], &answer["created"]), (&patient, &json!(false)));
    let corrected = "OBX|1|NM|718-7^Haemoglobin^LN||12.9|g/dL|12-15|N|||C\rOBX|2|NM|6690-2^Leucocytes^LN||4.1|10*3/uL|||||F\r\
         NTE|1|L|Repeated\rOBX|3|NM|777-3||||||||W\r";
    hospital.import(&result("R-2", corrected)).await.expect(200);
    let history = hospital.history(&patient).await;
    let observations = history["observations"].as_array().unwrap();
    let of = |code: &str| observations.iter().find(|entry| entry["code"]["code"] == code).unwrap();
    assert_eq!(observations.len(), 3, "{history}");
    assert_eq!(
        [&of("718-7")["value"], &of("718-7")["interpretation"], &of("718-7")["status"]],
        ["12.9", "N", "CORRECTED"]
    );
    assert_eq!((&of("718-7")["version"], &of("6690-2")["version"]), (&json!(2), &json!(1)));
    assert_eq!((&of("6690-2")["note"], &of("777-3")["status"]), (&json!("Repeated"), &json!("ENTERED_IN_ERROR")));
    assert_eq!(of("777-3")["value"], "150", "what was taken back can still be read");
    let path = format!("/api/patients/{patient}/medical-history/{}/versions/", of("718-7")["id"]);
    let versions = hospital.server.get(&path, &hospital.admin()).await.expect(200).body;
    assert_eq!(versions["results"][1]["value"], "9.2");
    // Late: the preliminary result does not undo the correction. And what was never told cannot be taken back.
    let late = "OBX|1|NM|718-7^Haemoglobin^LN||9.2|g/dL|12-15|L|||P\rOBX|2|NM|2345-7^Glucose^LN||||||||D\r";
    let warnings = hospital.import(&result("R-3", late)).await.expect(200).body["warnings"].clone();
    assert_eq!(warnings.as_array().unwrap().len(), 2, "{warnings}");
    assert_eq!(hospital.history(&patient).await["observations"], history["observations"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_amended_is_not_undone_by_the_next_message() {
    let hospital = Hospital::open().await;
    let patient = hospital.import(&clinical()).await.expect(200).body["patient"].clone();
    let allergy = hospital.history(&patient).await["allergies"][0].clone();
    let path = format!("/api/patients/{patient}/medical-history/{}/", allergy["id"]);
    let wrong = json!({"status": "ENTERED_IN_ERROR"});
    hospital.server.patch(&path, &hospital.admin(), &wrong).await.expect(200);
    let again = clinical().replace("MSG-0001", "MSG-0002").replace("ADT^A01", "ADT^A08").replace("EVN|A01", "EVN|A08");
    let answer = hospital.import(&again).await.expect(200).body;
    assert!(answer["warnings"].to_string().contains("as a person here has said"), "{answer}");
    let allergies = hospital.history(&patient).await["allergies"].clone();
    assert_eq!((allergies.as_array().unwrap().len(), &allergies[0]["status"]), (1, &json!("ENTERED_IN_ERROR")));
}

/// Whoever amends an entry holds it, and then counts the head of the history; so does a message, however much else it says.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_and_a_person_who_amend_the_same_entry_wait_in_no_circle() {
    let hospital = Hospital::open().await;
    let patient = hospital.import(&clinical()).await.expect(200).body["patient"].clone();
    let allergy = hospital.history(&patient).await["allergies"][0]["id"].clone();
    let mut person = hospital.db.connect().await;
    let held = format!("SELECT FROM history_entries WHERE id = {allergy} FOR UPDATE");
    person.batch_execute(&format!("BEGIN; {held}")).await.unwrap();
    // Something new, and then the allergy in other words.
    let news = clinical().replace("MSG-0001", "MSG-0002").replace("ADT^A01", "ADT^A08").replace("EVN|A01", "EVN|A08");
    let news = news.replace("AL1|1|DA|7980", "AL1|2|EA|LATEX^Latex^L|MI\rAL1|1|DA|7980").replace("|Rash~", "|Hives~");
    let meanwhile = async {
        let waiting = format!(
            "SELECT count(*) FROM pg_stat_activity AS waiting, unnest(pg_blocking_pids(waiting.pid)) AS blocking \
             JOIN pg_stat_activity AS held ON held.pid = blocking WHERE held.query LIKE '%{held}'"
        );
        eventually(|| async { hospital.db.number(&waiting).await == 1 }).await;
        let amends =
            format!("UPDATE history_entries SET severity = 'MILD', version = version + 1 WHERE id = {allergy}; COMMIT");
        person.batch_execute(&amends).await.expect("nobody who waits for the entry has the head");
    };
    let (sent, ()) = tokio::join!(hospital.import(&news), meanwhile);
    sent.expect(200);
    let history = hospital.history(&patient).await;
    let allergies = history["allergies"].as_array().unwrap();
    let allergy = allergies.iter().find(|entry| entry["id"] == allergy).unwrap();
    assert_eq!((allergies.len(), &allergy["version"], &allergy["note"]), (2, &json!(3), &json!("Hives\nBreathless")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_of_somebody_unknown_registers_them_and_one_of_somebody_known_changes_nothing_else() {
    let hospital = Hospital::open().await;
    let answer = hospital.import(&result("R-1", "OBX|1|NM|718-7^Hb^LN||13|g/dL|||||F\r")).await.expect(200).body;
    assert_eq!((&answer["message_type"], &answer["created"]), (&json!("ORU^R01"), &json!(true)));
    let other =
        result("R-2", "OBX|1|NM|718-7^Hb^LN||13|g/dL|||||F\r").replace("Raman^Lakshmi", "Other^Name||19990101|M");
    hospital.import(&ADMIT.replace("MSG-0001", "MSG-7")).await.expect(200);
    let before = hospital.read(&answer["patient"]).await;
    let second = hospital.import(&other).await.expect(200).body;
    assert_eq!((&second["patient"], &second["created"]), (&answer["patient"], &json!(false)));
    assert_eq!(second["warnings"].as_array().unwrap().len(), 2, "birth date and gender differ: {second}");
    assert_eq!(hospital.read(&answer["patient"]).await, before);
    // A vaccination, by VXU.
    let vaccination = result("V-1", "")
        .replace("ORU^R01^ORU_R01", "VXU^V04^VXU_V04")
        .split("OBR|")
        .next()
        .unwrap()
        .to_owned()
        + "ORC|RE|P-1|F-1^COWIN\rRXA|0|1|20261123||146^DTaP-IPV^CVX|0.5|mL|||||||LOT77|||||CP|A\rRXR|IM^Intramuscular^HL70162\r";
    let answer = hospital.import(&vaccination).await.expect(200).body;
    let given = hospital.history(&answer["patient"]).await["immunizations"][0].clone();
    assert_eq!([&given["code"]["code"], &given["value"], &given["status"]], ["146", "0.5", "COMPLETED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn appointments_are_handed_on_by_an_event() {
    let hospital = Hospital::open().await;
    let message = |event: &str, control_id: &str, timing: &str, status: &str| {
        format!(
            "MSH|^~\\&|MEDHIS|SARASWATI|EHS|EHS CHENNAI|20261123100000+0530||SIU^{event}^SIU_S12|{control_id}|P|2.5.1\r\
             SCH|PL-77^PORTAL|FI-99^MEDHIS||||CHANGED^Patient asked|HIV^HIV clinic|ROUTINE|20|min|{timing}||||||||||||||{status}\r\
             PID|1||SH-48^^^SARASWATI^MR||Sharma^Rajesh\rRGS|1\rAIP|1|A|DR017^Iyer^Meenakshi^^^Dr.^^^TNMC|ATND\r"
        )
    };
    let timing = "^^20^202611250930^202611250950";
    let booked = hospital.import(&message("S12", "S-1", timing, "Booked")).await.expect(200).body;
    assert_eq!((&booked["message_type"], &booked["created"]), (&json!("SIU^S12"), &json!(true)));
    for (event, control_id) in [("S13", "S-2"), ("S14", "S-3"), ("S15", "S-4")] {
        let answer = hospital.import(&message(event, control_id, timing, "")).await.expect(200).body;
        assert_eq!((&answer["patient"], &answer["acknowledgment"]), (&booked["patient"], &json!("AA")));
    }
    let bodies = hospital
        .raw(
            "encode(body, 'hex')",
            "outbox WHERE event_type = 'ExternalAppointmentReceived' AND subscriber = 'appointments' ORDER BY id",
        )
        .await;
    let told: Vec<_> = bodies
        .iter()
        .map(|hex| {
            let bytes: Vec<u8> =
                (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
            let (_, envelope) = events::envelope::from_wire(&to_wire(&bytes)).unwrap();
            assert_eq!((envelope.aggregate_type.as_str(), envelope.actor.unwrap().user_id), ("patient", 5));
            match envelope.payload.unwrap() {
                Payload::ExternalAppointmentReceived(told) => told,
                _ => panic!("another event"),
            }
        })
        .collect();
    let changes: Vec<&str> = told.iter().map(|told| told.change.as_str()).collect();
    assert_eq!(changes, ["BOOKED", "RESCHEDULED", "MODIFIED", "CANCELLED"]);
    let first = &told[0];
    assert_eq!(
        [&first.placer_id, &first.placer_authority, &first.filler_id, &first.filler_authority, &first.status],
        ["PL-77", "PORTAL", "FI-99", "MEDHIS", "booked"]
    );
    assert_eq!((first.patient_id, first.duration_minutes), (booked["patient"].as_i64().unwrap(), 20));
    assert_eq!(time(first.starts_at.as_ref().unwrap()).unwrap().to_rfc3339(), "2026-11-25T04:00:00+00:00");
    assert_eq!(
        (first.practitioners[0].id.as_str(), first.practitioners[0].name.as_str()),
        ("DR017", "Dr. Meenakshi Iyer")
    );
    assert_eq!((first.reason.as_str(), first.change_reason.as_str()), ("", "Patient asked"), "no diagnosis goes along");
    assert_eq!(told[3].status, "cancelled");
    // A booking without a time of day, and one without a number.
    let answer = hospital.import(&message("S12", "S-5", "", "Booked")).await.expect(400).body;
    assert!(answer["detail"].as_str().unwrap().starts_with("SCH-11"), "{answer}");
    let nameless = message("S12", "S-6", timing, "Booked").replace("PL-77^PORTAL|FI-99^MEDHIS", "|");
    hospital.import(&nameless).await.expect(400);
    hospital.import(&message("S17", "S-7", timing, "")).await.expect(400);
    assert_eq!(hospital.count("outbox WHERE event_type = 'ExternalAppointmentReceived'").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_answered_message_by_message() {
    let hospital = Hospital::open().await;
    let numbered = |control_id: &str| ADMIT.replace("MSG-0001", control_id);
    let batch = format!(
        "FHS|^~\\&|HIS|APOLLO CHENNAI|EHS|EHS CHENNAI|||||F-1\rBHS|^~\\&|HIS|APOLLO CHENNAI\r{}{}{}{}BTS|9\rFTS|1\r",
        numbered("B-1"),
        numbered("B-2").replace("PID|", "ZZZ|"),
        result("B-3", "OBX|1|NM|718-7^Hb^LN||13|g/dL|||||F\r"),
        numbered("B-1").replace("Lakshmi", "Meena"),
    );
    let first = hospital.import(&batch).await.expect(200).body;
    assert_eq!([&first["count"], &first["accepted"]], [4, 2], "{first}");
    assert_eq!((&first["batch_control_id"], first["warnings"].as_array().unwrap().len()), (&json!("F-1"), 1));
    let outcomes: Vec<_> = first["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["message_control_id"].as_str().unwrap(),
                one["status"].as_str().unwrap(),
                one["acknowledgment"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        outcomes,
        [("B-1", "APPLIED", "AA"), ("B-2", "PARKED", "AE"), ("B-3", "APPLIED", "AA"), ("B-1", "PARKED", "AE")]
    );
    assert_eq!(first["messages"][0]["patient"], first["messages"][2]["patient"]);
    assert!(first["messages"][1]["detail"].as_str().unwrap().starts_with("PID"));
    let rows = "audit_log WHERE action = 'Hl7Import' AND outcome = 'SUCCESS' AND cardinality(patients) = 1";
    assert_eq!(hospital.count(rows).await, 2, "each in a row of its own");
    assert_eq!(hospital.import(&batch).await.expect(200).body, first, "again the same");
    assert_eq!((hospital.count("hl7_messages").await, hospital.count("patients").await), (4, 1));
    assert_eq!(hospital.count(rows).await, 3, "and whose it is that was shown again");

    let answer = hospital.import_as("application/hl7-v2", batch.as_bytes()).await.expect(200);
    assert!(answer.header("content-type").starts_with("application/hl7-v2"));
    assert!(answer.text.contains("2 of 4 accepted") && answer.text.ends_with("BTS|4\r"), "{}", answer.text);
    // With a key the whole answer is kept; another batch with it is refused before anything is taken.
    let keyed = |body: String| {
        let call =
            hospital.server.call(reqwest::Method::POST, "/api/patients/hl7/import/").token(&hospital.receptionist());
        call.header("idempotency-key", "batch-1").body("application/hl7-v2", body).send()
    };
    assert_eq!(keyed(batch.clone()).await.expect(200).body, first);
    let replayed = keyed(batch.clone()).await.expect(200);
    assert_eq!((&replayed.body, replayed.header("idempotent-replayed")), (&first, "true"));
    keyed(batch.replace("B-3", "B-33")).await.expect(409);
    assert_eq!(hospital.count("hl7_messages").await, 4);
    // One that cannot be split is a message that cannot be read.
    let empty = hospital.import("BHS|^~\\&|HIS\rBTS|0\r").await.expect(400).body;
    assert_eq!(empty["acknowledgment"], "AE");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_in_json_is_read_in_the_set_that_it_declares() {
    let hospital = Hospital::open().await;
    let latin = ADMIT.replace("UNICODE UTF-8", "8859/1").replace("Lakshmi", "José");
    let import = async |message: String| {
        let body = json!({"message": message});
        hospital.server.post("/api/patients/hl7/import/", &hospital.receptionist(), &body).await
    };
    let patient = import(latin.clone()).await.expect(200).body["patient"].clone();
    assert_eq!(hospital.read(&patient).await["first_name"], "José");
    let answer = import(latin.replace("José", "लक्ष्मी").replace("MSG-0001", "MSG-2")).await.expect(400).body;
    assert_eq!(answer["errors"][0]["code"], "character_set", "{answer}");
}
