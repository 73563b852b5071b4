//! Invoices made out to a business that is registered for GST.

use billing::invoices::answer::Particulars;
use billing::invoices::{Invoice, Item};
use billing::numbering::day_in_india;
use billing::pdf::kept::PaperKind;
use billing::pdf::paper::{Paper, Source};
use chrono::Utc;
use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};

use crate::clinic::{ASHA, Clinic, RAVI, cash, invoice, item, supplier, with};
use crate::verify::findings;

fn employer() -> Value {
    json!({"gstin": "24ABCDE1234F1Z6", "legal_name": "Suraksha Mills Ltd", "address": "9 Ashram Road, Ahmedabad 380009"})
}

fn for_employer(bill: &Value) -> Value {
    with(bill, json!({"registered_recipient": employer()}))
}

async fn gst(clinic: &Clinic) -> Value {
    let month = day_in_india(Utc::now()).format("%Y-%m").to_string();
    let path = format!("/api/billing/reports/gst/?month={month}");
    clinic.server.get(&path, &clinic.accountant()).await.expect(200).body
}

#[tokio::test]
async fn what_is_made_out_to_a_business_is_b2b() {
    let clinic = Clinic::new().await;
    let mixed = json!({"patient": ASHA, "items": [item("CONSULTATION", "1", "500.00"), item("ROOM", "2", "6000.00")]});
    let billed = clinic.bill(&for_employer(&mixed)).await.expect(201).body;
    assert_eq!(
        billed["registered_recipient"],
        with(&employer(), json!({"state": "24"})),
        "the state is that of the GSTIN"
    );
    assert_eq!(json!([billed["patient_name"], billed["recipient"]["name"]]), json!(["Asha Rao", "Asha Rao"]));
    clinic.bill(&mixed).await.expect(201);
    let undone = clinic.bill(&for_employer(&with(&mixed, json!({"patient": RAVI})))).await.expect(201).body;
    let note = clinic.cancel(undone["id"].as_i64().unwrap()).await.expect(200).body["credit_note"].clone();

    let gst = gst(&clinic).await;
    let row = |number: &Value| {
        json!({"gstin": "24ABCDE1234F1Z6", "invoice_number": number, "date": day_in_india(Utc::now()), "value": "13100.00",
            "place_of_supply": "27", "rate": "5.00", "taxable_value": "12000.00", "igst": "0.00", "cgst": "300.00", "sgst": "300.00"})
    };
    // health care is supplied where it is performed, wherever the business is registered (IGST Act, section 12(4))
    assert_eq!(gst["b2b"], json!([row(&billed["invoice_number"]), row(&undone["invoice_number"])]));
    let noted = json!({"gstin": "24ABCDE1234F1Z6", "credit_note_number": note["credit_note_number"], "credit_note_date": note["date"],
        "invoice_number": undone["invoice_number"], "invoice_date": undone["invoice_date"], "value": "13100.00",
        "place_of_supply": "27", "rate": "5.00", "taxable_value": "12000.00", "igst": "0.00", "cgst": "300.00", "sgst": "300.00"});
    assert_eq!(gst["cdnr"], json!([noted]));
    let codes = |table: &str| -> Vec<Value> {
        let rows = gst[table].as_array().unwrap().iter();
        rows.map(|row| json!([row["sac_hsn"], row["rate"], row["taxable_value"]])).collect()
    };
    for table in ["hsn_b2b", "hsn_b2c"] {
        assert_eq!(
            codes(table),
            [json!(["999312", "0.00", "500.00"]), json!(["999312", "5.00", "12000.00"])],
            "{table}"
        );
    }
    assert_eq!(json!([gst["b2cs"][0]["taxable_value"], gst["b2cs"].as_array().unwrap().len()]), json!(["12000.00", 1]));
    assert_eq!(
        gst["exempt"],
        json!([
            {"supply_type": "INTRA", "recipient": "UNREGISTERED", "nil_rated": "0.00", "exempted": "500.00", "non_gst": "0.00"},
            {"supply_type": "INTRA", "recipient": "REGISTERED", "nil_rated": "0.00", "exempted": "500.00", "non_gst": "0.00"}
        ])
    );
    assert_eq!(findings(&clinic).await, [""; 0]);
}

#[tokio::test]
async fn it_stands_on_the_draft_and_never_changes_after_issue() {
    let clinic = Clinic::new().await;
    let draft = with(&for_employer(&invoice(ASHA)), json!({"draft": true}));
    let id = clinic.bill(&draft).await.expect(201).body["id"].as_i64().unwrap();
    let path = format!("/api/billing/invoices/{id}/");
    let patch = |body: Value| {
        let (server, token, path) = (&clinic.server, clinic.receptionist(), path.clone());
        async move { server.patch(&path, &token, &body).await }
    };
    let kept = patch(json!({"due_date": null})).await.expect(200).body;
    assert_eq!(kept["registered_recipient"]["legal_name"], "Suraksha Mills Ltd");
    assert_eq!(
        patch(json!({"registered_recipient": null})).await.expect(200).body["registered_recipient"],
        json!(null)
    );
    let other = json!({"registered_recipient": {"gstin": "33AAATC1278N1ZN", "legal_name": "Arogya", "address": "Chennai", "state": "TN"}});
    assert_eq!(patch(other).await.expect(200).body["registered_recipient"]["state"], "33");
    // of a patch, the state of another GSTIN stays behind
    let stale = patch(json!({"registered_recipient": {"gstin": "24ABCDE1234F1Z6"}})).await.expect(400);
    assert_eq!(stale.faulty_fields(), ["registered_recipient.state"]);
    let issued = clinic.server.post(&format!("{path}issue/"), &clinic.accountant(), &json!({})).await.expect(200).body;
    assert_eq!(issued["registered_recipient"]["gstin"], "33AAATC1278N1ZN");
    patch(json!({"registered_recipient": null})).await.expect(409);
    let mut conn = clinic.db.connect().await;
    for change in
        ["registered_recipient = registered_recipient || '{\"address\": \"x\"}'", "registered_recipient = NULL"]
    {
        let error = conn.batch_execute(&format!("UPDATE invoices SET {change} WHERE id = {id}")).await.unwrap_err();
        assert!(error.to_string().contains("an issued invoice never changes"), "{error}");
    }
    clinic.pay("a", &cash(id, "500.00")).await.expect(201);
    assert_eq!(clinic.read(id).await["registered_recipient"]["gstin"], "33AAATC1278N1ZN");
}

#[tokio::test]
async fn what_names_no_business_is_refused() {
    let clinic = Clinic::new().await;
    let send = |more: Value| {
        let body = with(&invoice(ASHA), json!({"registered_recipient": with(&employer(), more)}));
        let clinic = &clinic;
        async move { clinic.bill(&body).await.expect(400) }
    };
    for gstin in ["24ABCDE1234F1Z7", "24abcde1234f1z6", "", "24ABCDE1234F1Z", "24ABCDE1234F1Z66", "२४ABCDE1234F1"] {
        assert_eq!(send(json!({"gstin": gstin})).await.faulty_fields(), ["registered_recipient.gstin"], "{gstin}");
    }
    let own = send(json!({"gstin": supplier().gstin.as_str()})).await;
    assert_eq!(own.body["errors"][0]["code"], "own_gstin");
    assert_eq!(send(json!({"state": "27"})).await.faulty_fields(), ["registered_recipient.state"]);
    let mut fields: Vec<_> = Vec::new();
    for (field, value) in [
        ("legal_name", json!(" ")),
        ("legal_name", json!("x".repeat(201))),
        ("address", json!(null)),
        ("address", json!("a\nb")),
        ("state", json!("99")),
        ("pan", json!("ABCDE1234F")),
    ] {
        fields.push((field, send(json!({field: value})).await.faulty_fields().join(" ")));
    }
    assert!(fields.iter().all(|(field, faulty)| *faulty == format!("registered_recipient.{field}")), "{fields:?}");
    clinic.bill(&with(&invoice(ASHA), json!({"registered_recipient": "24ABCDE1234F1Z6"}))).await.expect(400);
    assert_eq!(clinic.db.number("SELECT count(*) FROM invoices").await, 0);
    let mut conn = clinic.db.connect().await;
    let half = "UPDATE invoices SET registered_recipient = '{\"gstin\": \"24ABCDE1234F1Z6\"}'";
    clinic.draft().await;
    assert!(conn.batch_execute(half).await.unwrap_err().to_string().contains("invoices_registered_recipient"));
}

async fn paper(clinic: &Clinic, id: i64) -> Paper {
    let mut conn = clinic.db.connect().await;
    let (row, _) = Invoice::find(&mut conn, billing::access::Scope::All, id).await.unwrap();
    let items = Item::of(&mut conn, &[id]).await.unwrap();
    let particulars: Particulars = serde_json::from_value(row.particulars.clone().unwrap()).unwrap();
    let source = Source { invoice: &row, items: &items, particulars: &particulars, state: supplier().state };
    Paper::of_invoice(&source, None)
}

#[tokio::test]
async fn a_bill_has_the_particulars_of_rules_46_46a_and_49() {
    let clinic = Clinic::new().await;
    let (visit, drugs) = (item("CONSULTATION", "1", "500.00"), item("PHARMACY", "10", "112.00"));
    let away = json!({"delivery_state": "29"});
    for (bill, title, place, rates, tax, words) in [
        (
            json!({"patient": ASHA, "items": [visit]}),
            "BILL OF SUPPLY",
            "Maharashtra (27)",
            &["Exempt"][..],
            ["0.00", "0.00", ""],
            "Rupees Five Hundred Only",
        ),
        (
            json!({"patient": ASHA, "items": [drugs]}),
            "TAX INVOICE",
            "Maharashtra (27)",
            &["5 %"],
            ["28.00", "28.00", ""],
            "Rupees One Thousand One Hundred Seventy-Six Only",
        ),
        (
            with(&json!({"patient": ASHA, "items": [drugs]}), away.clone()),
            "TAX INVOICE",
            "Karnataka (29)",
            &["5 %"],
            ["0.00", "0.00", "56.00"],
            "Rupees One Thousand One Hundred Seventy-Six Only",
        ),
        (
            with(&json!({"patient": ASHA, "items": [visit, drugs]}), away.clone()),
            "INVOICE-CUM-BILL OF SUPPLY",
            "Maharashtra (27); of the goods Karnataka (29)",
            &["Exempt", "5 %"],
            ["0.00", "0.00", "56.00"],
            "Rupees One Thousand Six Hundred Seventy-Six Only",
        ),
        (
            with(&json!({"patient": ASHA, "items": [visit]}), away),
            "BILL OF SUPPLY",
            "Maharashtra (27)",
            &["Exempt"],
            ["0.00", "0.00", ""],
            "Rupees Five Hundred Only",
        ),
    ] {
        let made = clinic.bill(&bill).await.expect(201).body;
        let paper = paper(&clinic, made["id"].as_i64().unwrap()).await;
        let fact = |name: &str| paper.facts.iter().find(|(fact, _)| *fact == name).map(|(_, value)| value.as_str());
        assert_eq!(
            (paper.title, fact("Place of supply"), fact("Reverse charge")),
            (title, Some(place), Some("No")),
            "{bill}"
        );
        assert_eq!(fact("Invoice no."), made["invoice_number"].as_str(), "(b) number");
        assert!(fact("Date").is_some(), "(c) date");
        let gstin = format!("GSTIN {}", made["supplier"]["gstin"].as_str().unwrap());
        assert!(
            paper.supplier.len() == 3 && paper.supplier[2].starts_with(&gstin),
            "(a) supplier: {:?}",
            paper.supplier
        );
        assert_eq!(paper.recipient[0], "Asha Rao", "(e) recipient");
        // (g) code, (h) description, (i) quantity, (j, k) values, (l) rate, (m) tax
        let lines = made["items"].as_array().unwrap();
        assert_eq!(paper.lines.len(), lines.len());
        for (row, line) in paper.lines.iter().zip(lines) {
            assert_eq!((&row[1], &row[2]), (&text(&line["description"]), &text(&line["sac_hsn"])));
            let kept: Vec<String> = ["quantity", "unit_price", "discount"].map(|field| text(&line[field])).into();
            assert_eq!([row[3].as_str(), &row[4].replace(',', ""), &row[5]], [trimmed(&kept[0]), &kept[1], &kept[2]]);
            assert_eq!(row.last().unwrap().replace(',', ""), text(&line["total"]));
        }
        let shown: Vec<&str> = paper.lines.iter().map(|row| row[7].as_str()).collect();
        assert_eq!(shown, rates);
        let taxed = paper.lines.last().unwrap();
        let integrated = if paper.integrated { taxed[10].as_str() } else { "" };
        assert_eq!([taxed[8].as_str(), &taxed[9], integrated], tax);
        assert_eq!(paper.summary.len(), rates.len(), "tax by rate: {:?}", paper.summary);
        assert_eq!(paper.words, words);
        assert!(!paper.signed_for.is_empty(), "(q) signature");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A quantity as a bill shows it.
fn trimmed(quantity: &str) -> &str {
    if quantity.contains('.') { quantity.trim_end_matches('0').trim_end_matches('.') } else { quantity }
}

#[tokio::test]
async fn the_bill_names_it() {
    let clinic = Clinic::new().await;
    let bill = clinic.bill(&for_employer(&invoice(ASHA))).await.expect(201).body;
    let id = bill["id"].as_i64().unwrap();
    let paper = paper(&clinic, id).await;
    assert_eq!(
        paper.recipient,
        [
            "Suraksha Mills Ltd",
            "9 Ashram Road, Ahmedabad 380009",
            "GSTIN 24ABCDE1234F1Z6   State Gujarat (24)",
            "For Asha Rao, Patient P00007, 1 MG Road, Pune, Maharashtra"
        ]
    );
    assert!(paper.facts.contains(&("Place of supply", "Maharashtra (27)".to_owned())));
    // to be looked at
    if let Ok(folder) = std::env::var("EHS_TEST_PAPERS") {
        let bytes = clinic.app.papers.bytes(&clinic.app.db, PaperKind::Invoice, id).await.unwrap();
        std::fs::write(format!("{folder}/INVOICE.pdf"), bytes).unwrap();
    }
}
