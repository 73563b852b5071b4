//! Reports: what they say, to whom, in which format; and that they agree with the books.

use std::collections::BTreeSet;
use std::io::Read;

use auth::Role;
use billing::money::Paise;
use billing::numbering::day_in_india;
use billing::reports::outstanding::{GroupBy, Outstanding};
use chrono::{Days, NaiveDate, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, eventually};

use crate::clinic::{ASHA, Clinic, RAVI, VISIT, cash, invoice, item, serve, with};
use crate::numbering::issued_at;
use crate::refunds::refund;
use crate::verify::findings;

pub fn today() -> NaiveDate {
    day_in_india(Utc::now())
}

pub fn days() -> String {
    format!("start_date={0}&end_date={0}", today())
}

async fn report(clinic: &Clinic, role: Role, path: &str) -> Answer {
    clinic.server.get(&format!("/api/billing/reports/{path}"), &clinic.token(role)).await
}

async fn as_accountant(clinic: &Clinic, path: &str) -> Value {
    report(clinic, Role::Accountant, path).await.expect(200).body
}

/// From now on the patient lives in another state than the hospital stands in.
pub async fn lives_in_bengaluru(clinic: &Clinic, patient: i64) {
    let address = "address = '12 Residency Road, Bengaluru, Karnataka', state = 'Karnataka'";
    clinic.db.sql(&format!("UPDATE patients SET {address} WHERE id = {patient}")).await;
}

/// Asha's visit with a doctor and medicines sent to Karnataka, Ravi's room; some of it paid, some paid back.
pub async fn a_day_at_the_clinic() -> Clinic {
    let clinic = Clinic::new().await;
    clinic.db.sql("INSERT INTO doctors VALUES (40, 'Meena Shah', true, 1)").await;
    let visit = json!({"patient": ASHA, "appointment": VISIT, "delivery_state": "29", "items": [
        item("CONSULTATION", "1", "500.00"), with(&item("PHARMACY", "10", "12.35"), json!({"sac_hsn": "3004"}))]});
    let visit = clinic.bill(&visit).await.expect(201).body["id"].as_i64().unwrap();
    let room = json!({"patient": RAVI, "items": [with(&item("ROOM", "2", "6000.00"), json!({"sac_hsn": "9963"}))]});
    let room = clinic.bill(&room).await.expect(201).body["id"].as_i64().unwrap();
    clinic.draft().await;
    clinic.pay("a", &cash(visit, "630.00")).await.expect(201);
    let paid = clinic.pay("b", &with(&cash(room, "5000.00"), json!({"method": "UPI"}))).await.expect(201);
    refund(&clinic, "c", paid.body["id"].as_i64().unwrap(), "1000.00").await.expect(201);
    clinic
}

#[tokio::test]
async fn revenue_is_what_the_books_come_to() {
    let clinic = a_day_at_the_clinic().await;
    let by_day = as_accountant(&clinic, &format!("revenue/?{}", days())).await;
    let row = json!({"key": today().to_string(), "name": null, "count": 2, "taxable_value": "12623.50", "tax": "606.18",
        "round_off": "0.32", "billed": "13230.00", "received": "5630.00", "refunded": "1000.00", "collected": "4630.00"});
    assert_eq!((&by_day["group_by"], &by_day["results"]), (&json!("day"), &json!([row])));
    assert_eq!(by_day["total"], with(&row, json!({"key": "total"})));
    let by_month = as_accountant(&clinic, &format!("revenue/?group_by=month&{}", days())).await;
    assert_eq!(by_month["results"][0]["key"], today().format("%Y-%m").to_string());

    let by_doctor = as_accountant(&clinic, &format!("revenue/?group_by=doctor&{}", days())).await;
    let shown: Vec<_> = by_doctor["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["key"], row["name"], row["billed"], row["collected"]]))
        .collect();
    assert_eq!(shown, [json!(["", null, "12600.00", "4000.00"]), json!(["40", "Meena Shah", "630.00", "630.00"])]);

    let by_service = as_accountant(&clinic, &format!("revenue/?group_by=service&{}", days())).await;
    let shown: Vec<_> = by_service["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["key"], row["count"], row["taxable_value"], row["tax"]]))
        .collect();
    assert_eq!(
        shown,
        [
            json!(["CONSULTATION", 1, "500.00", "0.00"]),
            json!(["PHARMACY", 1, "123.50", "6.18"]),
            json!(["ROOM", 1, "12000.00", "600.00"])
        ]
    );

    let by_method = as_accountant(&clinic, &format!("revenue/?group_by=method&{}", days())).await;
    let shown: Vec<_> = by_method["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["key"], row["count"], row["received"], row["refunded"]]))
        .collect();
    assert_eq!(shown, [json!(["CASH", 1, "630.00", "0.00"]), json!(["UPI", 1, "5000.00", "1000.00"])]);

    let yesterday = today() - Days::new(1);
    let nothing = as_accountant(&clinic, &format!("revenue/?start_date={yesterday}&end_date={yesterday}")).await;
    assert_eq!((&nothing["results"], &nothing["total"]["billed"]), (&json!([]), &json!("0.00")));
}

#[tokio::test]
async fn the_gst_return_has_its_tables() {
    let clinic = a_day_at_the_clinic().await;
    lives_in_bengaluru(&clinic, RAVI).await;
    let large = json!({"patient": RAVI, "delivery_state": "29", "items": [with(&item("PHARMACY", "1", "200000.00"), json!({"sac_hsn": "3004"}))]});
    let large = clinic.bill(&large).await.expect(201).body;
    let for_life = json!({"sac_hsn": "3004", "circumstance": "LIFE_SAVING_MEDICINE"});
    clinic
        .bill(&json!({"patient": ASHA, "items": [with(&item("PHARMACY", "1", "80.00"), for_life)]}))
        .await
        .expect(201);
    let month = today().format("%Y-%m").to_string();
    let gst = as_accountant(&clinic, &format!("gst/?month={month}")).await;
    assert_eq!(gst["b2b"], json!([]));
    assert_eq!(
        gst["b2cl"],
        json!([{"gstin": null, "invoice_number": large["invoice_number"], "date": today().to_string(), "value": "210000.00",
        "place_of_supply": "29", "rate": "5.00", "taxable_value": "200000.00", "igst": "10000.00", "cgst": "0.00", "sgst": "0.00"}])
    );
    let row = |supply: &str, place: &str, taxable: &str, igst: &str, half: &str| json!({"supply_type": supply, "place_of_supply": place, "rate": "5.00", "taxable_value": taxable, "igst": igst, "cgst": half, "sgst": half});
    assert_eq!(
        gst["b2cs"],
        json!([row("INTRA", "27", "12000.00", "0.00", "300.00"), row("INTER", "29", "123.50", "6.18", "0.00")])
    );
    assert_eq!(
        gst["exempt"],
        json!([{"supply_type": "INTRA", "recipient": "UNREGISTERED", "nil_rated": "80.00", "exempted": "500.00", "non_gst": "0.00"}])
    );
    assert_eq!(gst["hsn_b2b"], json!([]));
    let codes: Vec<_> = gst["hsn_b2c"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["sac_hsn"], row["unit"], row["quantity_thousandths"], row["total_value"]]))
        .collect();
    assert_eq!(
        codes,
        [
            json!(["3004", "OTH", 1_000, "80.00"]),
            json!(["3004", "OTH", 11_000, "210129.68"]),
            json!(["9963", "NA", 2_000, "12600.00"]),
            json!(["999312", "NA", 1_000, "500.00"])
        ]
    );
    assert_eq!(gst["documents"][0]["total"], 4);
    assert!(gst["documents"][0]["to"].as_str().unwrap().ends_with("/000004"));
    assert_eq!(
        gst["total"],
        json!({"taxable_value": "212703.50", "igst": "10006.18", "cgst": "300.00", "sgst": "300.00"})
    );
    let by_days = as_accountant(&clinic, &format!("gst/?{}", days())).await;
    assert_eq!(by_days["total"], gst["total"]);
}

#[tokio::test]
async fn a_large_bill_that_is_undone_is_told_with_its_credit_note() {
    let clinic = Clinic::new().await;
    lives_in_bengaluru(&clinic, RAVI).await;
    let large = json!({"patient": RAVI, "delivery_state": "29", "items": [item("PHARMACY", "1", "200000.00")]});
    let large = clinic.bill(&large).await.expect(201).body;
    let note = clinic.cancel(large["id"].as_i64().unwrap()).await.expect(200).body["credit_note"].clone();
    let gst = as_accountant(&clinic, &format!("gst/?{}", days())).await;
    assert_eq!(gst["b2cl"][0]["invoice_number"], large["invoice_number"]);
    assert_eq!(
        gst["cdnur"],
        json!([{"gstin": null, "credit_note_number": note["credit_note_number"], "credit_note_date": note["date"],
        "invoice_number": large["invoice_number"], "invoice_date": large["invoice_date"], "value": "210000.00",
        "place_of_supply": "29", "rate": "5.00", "taxable_value": "200000.00", "igst": "10000.00", "cgst": "0.00", "sgst": "0.00"}])
    );
    assert_eq!((&gst["b2cs"], &gst["total"]["igst"]), (&json!([]), &json!("0.00")));
    assert_eq!(findings(&clinic).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_over_stays_as_it_was() {
    let clinic = Clinic::new().await;
    let bill =
        json!({"patient": ASHA, "items": [item("CONSULTATION", "1", "500.00"), item("PHARMACY", "10", "12.35")]});
    let undone = issued_at(&clinic, bill.clone(), "2026-09-30T18:00:00Z").await;
    issued_at(&clinic, bill, "2026-09-30T18:01:00Z").await;
    let month =
        async |path: &str| as_accountant(&clinic, &format!("{path}start_date=2026-09-01&end_date=2026-09-30")).await;
    let paths = ["gst/?", "revenue/?", "revenue/?group_by=service&", "revenue/?group_by=doctor&", "doctor-share/?"];
    let mut before = Vec::new();
    for path in paths {
        before.push(month(path).await);
    }
    let series = &before[0]["documents"][0];
    assert_eq!(json!([series["total"], series["cancelled"], series["net"]]), json!([2, 0, 2]));
    clinic.cancel(undone.id).await.expect(200);
    let paid = clinic.pay("a", &cash(undone.id + 1, "630.00")).await.expect(201);
    refund(&clinic, "b", paid.body["id"].as_i64().unwrap(), "630.00").await.expect(201);
    for (path, before) in paths.into_iter().zip(before) {
        assert_eq!(month(path).await, before, "{path}");
    }
    let now = as_accountant(&clinic, &format!("gst/?{}", days())).await;
    assert_eq!(
        json!([now["documents"][0]["document"], now["total"]["taxable_value"]]),
        json!(["CREDIT_NOTE", "-623.50"])
    );
}

#[tokio::test]
async fn what_is_owed_is_told_with_its_age() {
    let clinic = a_day_at_the_clinic().await;
    let due = (today() + Days::new(10)).to_string();
    clinic.bill(&with(&invoice(ASHA), json!({"due_date": due}))).await.expect(201);
    for days in [31, 95] {
        let id = clinic.issued().await;
        let older = format!(
            "ALTER TABLE invoices DISABLE TRIGGER USER; UPDATE invoices SET dated = dated - {days} WHERE id = {id}; \
             ALTER TABLE invoices ENABLE TRIGGER USER"
        );
        clinic.db.sql(&older).await;
    }
    let owed = as_accountant(&clinic, "outstanding/").await;
    assert_eq!(
        owed["total"],
        json!({"not_due": "500.00", "days_0_30": "8600.00", "days_31_60": "500.00", "days_61_90": "0.00", "over_90": "500.00", "outstanding": "10100.00"})
    );
    assert_eq!(owed["results"].as_array().unwrap().len(), 4);
    assert_eq!(json!([owed["results"][0]["days"], owed["results"][0]["over_90"]]), json!([95, "500.00"]));
    let by_patient = as_accountant(&clinic, "outstanding/?group_by=patient").await;
    assert_eq!(by_patient["total"], owed["total"]);
    assert_eq!(by_patient["results"].as_array().unwrap().len(), 2);
    let booked = clinic.db.number("SELECT sum(amount) FROM postings WHERE account = 'RECEIVABLE'").await;
    assert_eq!(booked, 1_010_000);
    let audited =
        "SELECT count(*) FROM audit_log WHERE object = 'GET /api/billing/reports/outstanding/' AND patients @> '{7,8}'";
    assert_eq!(clinic.db.number(audited).await, 2);
}

#[tokio::test]
async fn patients_who_were_merged_owe_on_one_line() {
    let clinic = Clinic::new().await;
    for patient in [ASHA, RAVI] {
        clinic.bill(&invoice(patient)).await.expect(201);
    }
    clinic.db.sql(&format!("INSERT INTO merged_patients VALUES ({RAVI}, {ASHA})")).await;
    let lines = async |path: &str| -> Vec<Value> {
        let owed = as_accountant(&clinic, path).await["results"].clone();
        owed.as_array().unwrap().iter().map(|row| json!([row["patient"], row["outstanding"]])).collect()
    };
    assert_eq!(lines("outstanding/?group_by=patient").await, [json!([ASHA, "1000.00"])]);
    assert_eq!(lines("outstanding/").await, [json!([ASHA, "500.00"]), json!([RAVI, "500.00"])], "as they were billed");
    assert_eq!(findings(&clinic).await, [""; 0]);
}

#[tokio::test]
async fn what_was_paid_or_cancelled_long_ago_is_not_looked_at() {
    let clinic = Clinic::new().await;
    // Of twenty, one owes, five are cancelled and the others are paid.
    let old = "SET session_replication_role = replica; \
        INSERT INTO invoices (status, document_type, patient_id, dated, invoice_number, supplier_gstin, series, financial_year, \
                              serial, particulars, issued_at, subtotal, discount, cgst, sgst, igst, round_off, total) \
        SELECT CASE WHEN n % 20 = 0 THEN 'ISSUED' WHEN n % 4 = 1 THEN 'CANCELLED' ELSE 'PAID' END, 'BILL_OF_SUPPLY', 8, \
               date '2020-04-01' + n / 100, 'OLD/' || n, '27AAPFU0939F1ZV', 'OLD', 2020, n, '{}', now(), 0, 0, 0, 0, 0, 0, 0 \
        FROM generate_series(1, 30000) AS n";
    clinic.db.sql(old).await;
    clinic.issued().await;
    clinic.db.sql("VACUUM ANALYZE invoices").await;
    let read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'invoices'";
    let asked = "SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname = 'journal_entries'";
    let before = (clinic.db.number(read).await, clinic.db.number(asked).await);
    let mut conn = clinic.db.connect().await;
    for group_by in [GroupBy::Invoice, GroupBy::Patient] {
        let report = Outstanding { date: today(), group_by, doctor: None };
        assert_eq!(report.total(&mut conn).await.unwrap().outstanding, Paise::rupees(500));
    }
    // A session tells what it did when it ends.
    drop(conn);
    eventually(|| async { clinic.db.number(asked).await - before.1 >= 3_000 }).await;
    let looked_at = clinic.db.number(read).await - before.0;
    let asked = clinic.db.number(asked).await - before.1;
    assert!(looked_at < 4_000, "no more than what owes, and not {looked_at} of 30,000 in two reports");
    assert!(
        asked < 4_000,
        "the books are asked once about each of 1,501 that owe, and not {asked} times in two reports"
    );
}

#[tokio::test]
async fn every_age_stands_on_its_side_of_the_edge() {
    const AGES: [&str; 5] = ["not_due", "days_0_30", "days_31_60", "days_61_90", "over_90"];
    let clinic = Clinic::new().await;
    let mut expected = Vec::new();
    for (days, age) in [(91, 4), (90, 3), (61, 3), (60, 2), (31, 2), (30, 1), (1, 1), (0, 1), (-1, 0)] {
        // by the day that was set, and by the invoice's own where none was: nobody issues an invoice tomorrow
        for (column, patient) in [("due_date", ASHA), ("dated", RAVI)].into_iter().take(if days < 0 { 1 } else { 2 }) {
            // powers of two, so that no other choice of invoices comes to the same
            let amount = format!("{}.00", 1 << expected.len());
            let bill = json!({"patient": patient, "items": [item("LAB", "1", &amount)]});
            let made = clinic.bill(&bill).await.expect(201).body;
            let aged = format!(
                "ALTER TABLE invoices DISABLE TRIGGER USER; \
                 UPDATE invoices SET {column} = '{}'::date - {days} WHERE id = {}; \
                 ALTER TABLE invoices ENABLE TRIGGER USER",
                today(),
                made["id"]
            );
            clinic.db.sql(&aged).await;
            expected.push((made["invoice_number"].clone(), days, age, amount));
        }
    }
    let owed = as_accountant(&clinic, "outstanding/").await;
    let rows = owed["results"].as_array().unwrap();
    assert_eq!(rows.len(), expected.len());
    for (number, days, age, amount) in &expected {
        let row = rows.iter().find(|row| row["invoice_number"] == *number).unwrap();
        let shown: Vec<_> = AGES.iter().map(|age| row[age].as_str().unwrap()).collect();
        let alone: Vec<_> = (0..AGES.len()).map(|other| if other == *age { amount.as_str() } else { "0.00" }).collect();
        assert_eq!((&shown, &row["days"], &row["outstanding"]), (&alone, &json!(days), &json!(amount)), "{days} days");
    }
    let by_patient = as_accountant(&clinic, "outstanding/?group_by=patient").await;
    for (place, age) in AGES.iter().enumerate() {
        let of_age = expected.iter().filter(|(.., of, _)| *of == place);
        let sum: i64 = of_age.map(|(.., amount)| amount.trim_end_matches(".00").parse::<i64>().unwrap()).sum();
        assert_eq!(
            (&owed["total"][age], &by_patient["total"][age]),
            (&json!(format!("{sum}.00")), &owed["total"][age])
        );
    }
    let oldest: Vec<_> = by_patient["results"].as_array().unwrap().iter().map(|row| &row["days"]).collect();
    assert_eq!(oldest, [91, 91], "a patient's line is as old as the oldest of it");
}

#[tokio::test]
async fn the_day_book_shows_every_posting() {
    let clinic = a_day_at_the_clinic().await;
    let book = as_accountant(&clinic, &format!("day-book/?date={}", today())).await;
    let rows = book["results"].as_array().unwrap();
    assert_eq!(rows.len(), 4 + 4 + 3 * 2);
    let sum = |column: &str| -> i64 {
        rows.iter().map(|row| row[column].as_str().unwrap().replace('.', "").parse::<i64>().unwrap()).sum()
    };
    assert_eq!((sum("debit"), sum("credit")), (1_986_000, 1_986_000));
    let cash = book["accounts"].as_array().unwrap().iter().find(|row| row["account"] == "CASH").unwrap().clone();
    assert_eq!(
        cash,
        json!({"account": "CASH", "name": "Cash with the cashiers", "debit": "630.00", "credit": "0.00", "balance": "630.00"})
    );
}

#[tokio::test]
async fn doctors_have_their_share_and_see_their_own() {
    let mut clinic = a_day_at_the_clinic().await;
    let without = as_accountant(&clinic, &format!("doctor-share/?{}", days())).await;
    assert_eq!(
        without["results"],
        json!([{"doctor": 40, "name": "Meena Shah", "invoices": 1, "taxable_value": "500.00", "percent": null, "share": null}])
    );
    clinic.app.doctor_share = Some("62.55".parse().unwrap());
    clinic.server = serve(&clinic.app).await;
    let share = as_accountant(&clinic, &format!("doctor-share/?{}", days())).await;
    assert_eq!(json!([share["results"][0]["percent"], share["results"][0]["share"]]), json!(["62.55", "312.75"]));
    let own = report(&clinic, Role::Doctor, &format!("doctor-share/?{}", days())).await.expect(200).body;
    assert_eq!(own["results"], share["results"]);

    let own = report(&clinic, Role::Doctor, &format!("revenue/?{}", days())).await.expect(200).body;
    assert_eq!(json!([own["total"]["billed"], own["total"]["count"]]), json!(["630.00", 1]));
    assert_eq!(
        report(&clinic, Role::Doctor, "outstanding/").await.expect(200).body["results"],
        json!([]),
        "it was paid"
    );
    let stranger = clinic.tokens.mint(41, Role::Doctor);
    for path in ["revenue", "doctor-share"] {
        let path = format!("/api/billing/reports/{path}/?{}", days());
        assert_eq!(clinic.server.get(&path, &stranger).await.expect(200).body["results"], json!([]));
    }
    report(&clinic, Role::Doctor, "gst/?month=2026-11").await.expect(403);
    report(&clinic, Role::Doctor, &format!("day-book/?date={}", today())).await.expect(403);
}

#[tokio::test]
async fn a_report_is_json_csv_or_a_workbook() {
    let clinic = a_day_at_the_clinic().await;
    let get = |path: String, accept: &'static str| {
        let call = clinic.server.call(Method::GET, &format!("/api/billing/reports/{path}")).token(&clinic.accountant());
        call.header("accept", accept).send()
    };
    let csv = get(format!("revenue/?{}", days()), "text/csv").await.expect(200);
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        csv.header("content-disposition"),
        format!("attachment; filename=\"revenue-by-day-{0}-{0}.csv\"", today())
    );
    let lines: Vec<_> = csv.text.lines().collect();
    assert_eq!(lines[0], "key,name,count,taxable_value,tax,round_off,billed,received,refunded,collected");
    assert_eq!(lines[1], format!("{},,2,12623.50,606.18,0.32,13230.00,5630.00,1000.00,4630.00", today()));
    for path in [
        "outstanding/".to_owned(),
        format!("gst/?{}", days()),
        format!("day-book/?date={}", today()),
        format!("doctor-share/?{}", days()),
    ] {
        let csv = get(path.clone(), "text/csv").await.expect(200);
        assert!(csv.text.lines().count() >= 2, "{path}");
    }

    let response = reqwest::Client::new()
        .get(format!("{}/api/billing/reports/gst/?{}", clinic.server.url, days()))
        .bearer_auth(clinic.accountant())
        .header("accept", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
        .send()
        .await
        .unwrap();
    assert!(response.headers()["content-disposition"].to_str().unwrap().ends_with(".xlsx\""));
    let bytes = response.bytes().await.unwrap();
    let mut book = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut of = |name: &str| {
        let mut text = String::new();
        book.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    let sheets = of("xl/workbook.xml");
    for name in ["b2b", "b2cl", "b2cs", "cdnr", "cdnur", "exempt", "hsn_b2b", "hsn_b2c", "documents", "total"] {
        assert!(sheets.contains(&format!("name=\"{name}\"")), "{name}");
    }
    assert!(of("xl/worksheets/sheet10.xml").contains("<v>12623.5</v>"), "the total is a number");
}

#[tokio::test]
async fn what_is_no_report_is_refused() {
    let clinic = Clinic::new().await;
    for (path, field) in [
        ("revenue/", "start_date"),
        ("revenue/?start_date=2026-11-02&end_date=2026-11-01", "end_date"),
        ("revenue/?start_date=2020-01-01&end_date=2026-11-01", "end_date"),
        ("revenue/?start_date=2026-02-30&end_date=2026-11-01", "start_date"),
        ("revenue/?start_date=2026-11-01&end_date=2026-11-01&group_by=patient", "group_by"),
        ("revenue/?start_date=2026-11-01&end_date=2026-11-01&group_by=day;drop", "group_by"),
        ("gst/", "month"),
        ("gst/?month=2026-13", "month"),
        ("gst/?month=11-2026", "month"),
        ("gst/?month=2026-11&start_date=2026-11-01", "month"),
        ("gst/?start_date=2026-11-01", "end_date"),
        ("outstanding/?group_by=day", "group_by"),
        ("outstanding/?as_of=2026-11-01", "as_of"),
        ("day-book/", "date"),
        ("day-book/?date=yesterday", "date"),
        ("doctor-share/?start_date=2026-11-01", "end_date"),
    ] {
        let refused = report(&clinic, Role::Accountant, path).await.expect(400);
        assert!(refused.faulty_fields().contains(&field), "{path}: {}", refused.text);
    }
    report(&clinic, Role::Accountant, "nonsense/").await.expect(404);
}

/// The names of a schema's properties, those of its parts included.
fn properties(document: &Value, schema: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        names.extend(properties(document, &document["components"]["schemas"][name]));
    }
    names.extend(schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
    for part in schema["allOf"].as_array().into_iter().flatten() {
        names.extend(properties(document, part));
    }
    names
}

#[tokio::test]
async fn what_is_told_piece_by_piece_is_what_the_document_says() {
    let clinic = a_day_at_the_clinic().await;
    let document = serde_json::to_value(chassis::openapi::document(billing::TITLE, billing::routes)).unwrap();
    for (path, schema) in [
        (format!("revenue/?{}", days()), "RevenueReport"),
        ("outstanding/".to_owned(), "OutstandingReport"),
        (format!("doctor-share/?{}", days()), "DoctorShareReport"),
        (format!("gst/?{}", days()), "GstReport"),
        (format!("day-book/?date={}", today()), "DayBook"),
    ] {
        let told = as_accountant(&clinic, &path).await;
        let told: BTreeSet<String> = told.as_object().unwrap().keys().cloned().collect();
        assert_eq!(told, properties(&document, &json!({"$ref": format!("#/{schema}")})), "{schema}");
    }
}
