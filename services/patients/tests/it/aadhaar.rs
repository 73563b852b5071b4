//! Aadhaar numbers: nowhere kept whole, and other numbers left alone.

use events::Outbox;
use patients::hl7_import::backlog;
use patients::hl7_import::receive::Desk;
use serde_json::json;

use crate::hospital::Hospital;

/// Numbers of a record and an order that have an Aadhaar number's check digit; a text with an Aadhaar number.
fn result(control_id: &str, status: &str) -> String {
    format!(
        "MSH|^~\\&|LIS|METRO LABS|EHS|EHS|20261127101500+0530||ORU^R01^ORU_R01|{control_id}|P|2.5.1\r\
         PID|1||202611279999^^^APOLLO^MR~234123412346^^^UIDAI^NI||Raman^Lakshmi||19800412|F\r\
         OBR|1|202611279999|202611279981^LIS|58410-2^CBC panel^LN|||20261127081000+0530\r\
         OBX|1|NM|718-7^Haemoglobin^LN||13|g/dL|||||{status}\r\
         OBX|2|ST|8661-1^Complaint^LN||card 2341/2341/2346 shown||||||{status}\rNTE|1||UID 2341 2341 2346\r"
    )
}

impl Hospital {
    /// What a message left behind, but for ids and times.
    async fn left_behind(&self) -> Vec<String> {
        #[derive(diesel::QueryableByName)]
        struct Left {
            #[diesel(sql_type = diesel::sql_types::Text)]
            left: String,
        }
        let sql = "SELECT concat_ws(' ', authority, value, type_code) AS left FROM patient_identifiers \
             UNION ALL SELECT concat_ws(' ', kind, code_system, code, display, status, value, unit, note, effective_date, places) FROM history_entries \
             UNION ALL SELECT encode(digest, 'hex') FROM hl7_entries UNION ALL SELECT encode(raw, 'escape') FROM hl7_messages \
             UNION ALL SELECT concat_ws(' ', first_name, last_name, date_of_birth, gender) FROM patients ORDER BY 1";
        let mut conn = self.db.connect().await;
        let rows: Vec<Left> = diesel_async::RunQueryDsl::load(diesel::sql_query(sql), &mut conn).await.unwrap();
        rows.into_iter().map(|row| row.left).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_says_the_same_at_once_and_later() {
    let at_once = Hospital::open().await;
    at_once.import(&result("A-1", "F")).await.expect(200);
    let expected = at_once.left_behind().await;
    let all = expected.join("\n");
    for kept in ["APOLLO 202611279999 MR", "|202611279981^LIS|", "card XXXX/XXXX/2346 shown", "UID XXXX XXXX 2346"] {
        assert!(all.contains(kept), "{kept}: {all}");
    }
    assert!(!all.contains("UIDAI 2") && !all.contains("23412341") && !all.contains("2341/2341"), "{all}");

    // Stored, and applied by the worker.
    let later = Hospital::open().await;
    later.db.sql("ALTER TABLE outbox RENAME TO outbox_away").await;
    later.import(&result("A-1", "F")).await;
    assert_eq!(later.count("hl7_messages WHERE status = 'RECEIVED'").await, 1);
    later.db.sql("ALTER TABLE outbox_away RENAME TO outbox").await;
    later.db.sql("UPDATE hl7_messages SET received_at = now() - interval '1 hour'").await;
    let desk = Desk { db: later.db.pool().await, outbox: Outbox::new(), time_zone: chrono_tz::Asia::Kolkata };
    assert_eq!(backlog::round(&desk).await.unwrap(), 1);
    assert_eq!(later.left_behind().await, expected);

    // Parked, and replayed as it came.
    let replayed = Hospital::open().await;
    let ids = [replayed.register_named("Sita", "").await, replayed.register_named("Gita", "").await];
    for (authority, patient) in ["APOLLO", "METRO LABS"].iter().zip(ids) {
        let known = format!(
            "patient_identifiers (authority, value, type_code, patient) VALUES ('{authority}', '202611279999', 'MR', {patient})"
        );
        replayed.db.sql(&format!("INSERT INTO {known}")).await;
    }
    let two = result("A-1", "F").replace("~234123412346", "~202611279999^^^METRO LABS^MR~234123412346");
    replayed.import(&two).await.expect(400);
    replayed.db.sql("DELETE FROM patient_identifiers").await;
    let waiting = replayed.server.get("/api/patients/hl7/parked/", &replayed.receptionist()).await.expect(200).body;
    let path = format!("/api/patients/hl7/parked/{}/replay/", waiting["results"][0]["id"]);
    replayed.server.post(&path, &replayed.receptionist(), &json!({})).await.expect(200);
    let digests = |left: &[String]| -> Vec<String> { left.iter().filter(|one| one.len() == 64).cloned().collect() };
    assert_eq!(digests(&replayed.left_behind().await), digests(&expected));

    // What corrects it amends, whichever way it came.
    for hospital in [&at_once, &later, &replayed] {
        hospital.import(&result("A-2", "C")).await.expect(200);
        assert_eq!(hospital.count("history_entries WHERE status = 'CORRECTED'").await, 2);
        assert_eq!(hospital.count("history_entries").await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_text_is_applied_as_it_is_kept() {
    let hospital = Hospital::open().await;
    hospital.import(&result("A-3", "F").replace("PID|", "ZZZ|")).await.expect(400);
    let waiting = hospital.server.get("/api/patients/hl7/parked/", &hospital.receptionist()).await.expect(200).body;
    let path = format!("/api/patients/hl7/parked/{}/", waiting["results"][0]["id"]);
    let shown = hospital.server.get(&path, &hospital.receptionist()).await.expect(200).body;
    let shown = shown["message"].as_str().unwrap();
    assert!(shown.contains("|202611279981^LIS|") && shown.contains("card XXXX/XXXX/2346 shown"), "{shown}");
    let mended = json!({"message": result("A-3", "F")});
    hospital.server.post(&format!("{path}replay/"), &hospital.receptionist(), &mended).await.expect(200);
    assert_eq!(hospital.count("hl7_messages WHERE encode(corrected, 'escape') ~ '2341.?2341.?2346'").await, 0);
    assert_eq!(hospital.count("history_entries WHERE value = 'card XXXX/XXXX/2346 shown'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_refused_in_every_notation_and_every_text() {
    let hospital = Hospital::open().await;
    let patient = hospital.register_named("Ravi", "Raman").await;
    let record = format!("/api/patients/{patient}/");
    for number in ["2341  2341  2346", "2341 - 2341 - 2346", "2341/2341/2346", "2341, 2341, 2346", "23 4123412346"] {
        let line = json!({"address": {"line1": format!("UID {number}")}});
        let refused = hospital.server.patch(&record, &hospital.admin(), &line).await.expect(400);
        assert_eq!(
            (refused.faulty_fields(), &refused.body["errors"][0]["code"]),
            (vec!["address.line1"], &json!("aadhaar"))
        );
    }
    let note = json!({"kind": "NOTE", "note": "UID\n2341\n2341\n2346"});
    let history = format!("{record}medical-history/");
    assert_eq!(hospital.server.post(&history, &hospital.admin(), &note).await.expect(400).faulty_fields(), ["note"]);
    let ext =
        json!({"kind": "NOTE", "note": "ABHA 91-2341-2341-2346, desk +91 44 6666 0000, ward 2200 6005 / 2200 6006"});
    hospital.server.post(&history, &hospital.admin(), &ext).await.expect(201);

    let glass = hospital.server.call(reqwest::Method::GET, &record).token(&hospital.doctor());
    let refused = glass.header("x-break-glass", "unconscious, card 2341/2341/2346").send().await.expect(400);
    assert_eq!(
        (refused.faulty_fields(), &refused.body["errors"][0]["code"]),
        (vec!["X-Break-Glass"], &json!("aadhaar"))
    );
    assert_eq!(hospital.count("break_glass_grants").await, 0);

    hospital.import("no message").await.expect(400);
    let parked = hospital.server.get("/api/patients/hl7/parked/", &hospital.receptionist()).await.expect(200).body;
    let path = format!("/api/patients/hl7/parked/{}/discard/", parked["results"][0]["id"]);
    let reason = json!({"reason": "of 2341-2341-2346"});
    let refused = hospital.server.post(&path, &hospital.receptionist(), &reason).await.expect(400);
    assert_eq!(refused.faulty_fields(), ["reason"]);
    let everywhere = "audit_log WHERE to_jsonb(audit_log)::text ~ '2341.?2341.?2346'";
    assert_eq!(hospital.count(everywhere).await, 0);
}
