//! What the law wants on a document, looked for where people read it: in the text of the PDF, and in the JSON.

use billing::numbering::day_in_india;
use billing::pdf::kept::PaperKind;
use chrono::Utc;
use serde_json::{Value, json};

use crate::clinic::{ASHA, Clinic, item, with};
use crate::paper::Text;
use crate::reports::lives_in_bengaluru;

/// A clinic whose patient lives in another state than it stands in.
async fn with_a_patient_from_bengaluru() -> Clinic {
    let clinic = Clinic::new().await;
    lives_in_bengaluru(&clinic, ASHA).await;
    clinic
}

/// A consultation, a room and medicines: ₹12,623.50, of which ₹500 are exempt.
fn stay() -> Value {
    json!({"patient": ASHA, "items": [item("CONSULTATION", "1", "500.00"), item("ROOM", "2", "6000.00"),
        with(&item("PHARMACY", "10", "12.35"), json!({"sac_hsn": "3004"}))]})
}

/// Bills and cancels: the invoice, and the credit note as it is shown by itself.
async fn undone(clinic: &Clinic, bill: &Value) -> (Value, Value) {
    let made = clinic.bill(bill).await.expect(201).body;
    let id = clinic.cancel(made["id"].as_i64().unwrap()).await.expect(200).body["credit_note"]["id"].clone();
    let path = format!("/api/billing/credit-notes/{id}/");
    (made, clinic.server.get(&path, &clinic.accountant()).await.expect(200).body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credit_note_has_the_particulars_of_rule_53() {
    let clinic = with_a_patient_from_bengaluru().await;
    let (bill, note) = undone(&clinic, &stay()).await;
    let today = day_in_india(Utc::now());
    let (number, of_invoice) = (note["credit_note_number"].as_str().unwrap(), bill["invoice_number"].as_str().unwrap());
    assert!(number.starts_with("CN/") && number.len() <= 16);

    let text = Text::of(&clinic, PaperKind::CreditNote, note["id"].as_i64().unwrap()).await;
    let shown = today.format("%d-%m-%Y");
    text.expect(&[
        // (a) supplier
        "Asha Hospital",
        "12 FC Road, Pune 411004",
        "GSTIN 27AAPFU0939F1ZV",
        // (b) nature
        "CREDIT NOTE",
        // (c) number, (d) date
        &format!("Credit note no. {number}"),
        &format!("Date {shown}"),
        // (f) recipient without a registration: name, address, state and code, whatever the value is
        "Asha Rao",
        "12 Residency Road, Bengaluru, Karnataka",
        "State Karnataka (29)",
        // (g) the invoice
        &format!("Against invoice {of_invoice} Dated {shown}"),
        // (h) value, rate and tax, line by line and by rate
        "As agreed 999312 1 500.00 0.00 500.00 Exempt 0.00 0.00 500.00",
        "As agreed 999312 2 6,000.00 0.00 12,000.00 5 % 300.00 300.00 12,600.00",
        "As agreed 3004 10 12.35 0.00 123.50 5 % 3.09 3.09 129.68",
        "5 % 12,123.50 303.09 303.09 606.18",
        "Rupees Thirteen Thousand Two Hundred Thirty Only",
        // (i) signature
        "For Asha Hospital",
        "Authorised signatory",
        "Reason billed twice",
    ]);
    let expected = json!({
        "supplier": bill["supplier"], "document_type": "CREDIT_NOTE", "date": today.to_string(),
        "registered_recipient": null,
        "recipient": {"name": "Asha Rao", "patient_id": "P00007", "address": "12 Residency Road, Bengaluru, Karnataka", "state_code": "29"},
        "invoice": bill["id"], "invoice_number": of_invoice, "invoice_date": bill["invoice_date"],
        "taxable_value": "12623.50", "cgst": "303.09", "sgst": "303.09", "state_tax": "SGST", "igst": "0.00", "total": "13230.00",
        "taxes": [
            {"tax_treatment": "EXEMPT", "gst_rate": "0.00", "taxable_value": "500.00", "cgst": "0.00", "sgst": "0.00", "igst": "0.00"},
            {"tax_treatment": "TAXABLE", "gst_rate": "5.00", "taxable_value": "12123.50", "cgst": "303.09", "sgst": "303.09", "igst": "0.00"},
        ],
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&note[field], value, "{field}");
    }
    assert_eq!(note["supplier"]["gstin"], "27AAPFU0939F1ZV");
    let listed = clinic.server.get("/api/billing/credit-notes/", &clinic.accountant()).await.expect(200).body;
    assert_eq!(listed["results"], json!([note]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credit_note_to_a_business_has_its_registration_and_goods_their_igst() {
    let clinic = with_a_patient_from_bengaluru().await;
    let employer =
        json!({"gstin": "24ABCDE1234F1Z6", "legal_name": "Suraksha Mills Ltd", "address": "9 Ashram Road, Ahmedabad"});
    let bill = with(&stay(), json!({"registered_recipient": employer, "delivery_state": "29"}));
    let (bill, note) = undone(&clinic, &bill).await;
    let text = Text::of(&clinic, PaperKind::CreditNote, note["id"].as_i64().unwrap()).await;
    // (e)
    text.expect(&["Suraksha Mills Ltd", "9 Ashram Road, Ahmedabad", "GSTIN 24ABCDE1234F1Z6 State Gujarat (24)"]);
    text.expect(&["IGST", "5 % 12,000.00 300.00 300.00 0.00 600.00", "5 % 123.50 0.00 0.00 6.18 6.18"]);
    text.expect(&["Place of supply Maharashtra (27); of the goods Karnataka (29)"]);
    assert_eq!(note["registered_recipient"], bill["registered_recipient"]);
    let rates: Vec<_> = note["taxes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tax| json!([tax["gst_rate"], tax["taxable_value"], tax["cgst"], tax["igst"]]))
        .collect();
    assert_eq!(
        rates,
        [
            json!(["0.00", "500.00", "0.00", "0.00"]),
            json!(["5.00", "12000.00", "300.00", "0.00"]),
            json!(["5.00", "123.50", "0.00", "6.18"])
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn from_fifty_thousand_rupees_on_a_bill_names_the_recipients_state() {
    let clinic = with_a_patient_from_bengaluru().await;
    let dear =
        with(&item("PHARMACY", "1", "60000.00"), json!({"discount": "10000.01", "discount_reason": "a colleague"}));
    // rule 46(e) asks for the value of the supply: neither its tax nor the rounding of the total make it more
    for (line, total, named) in [
        (item("PHARMACY", "1", "49999.99"), "52500.00", false),
        (item("PHARMACY", "1", "50000.00"), "52500.00", true),
        (dear, "52500.00", false),
        (item("LAB", "1", "49999.99"), "50000.00", false),
        (item("LAB", "1", "50000.00"), "50000.00", true),
    ] {
        let bill = clinic.bill(&json!({"patient": ASHA, "items": [line]})).await.expect(201).body;
        assert_eq!(bill["total"], total);
        let text = Text::of(&clinic, PaperKind::Invoice, bill["id"].as_i64().unwrap()).await;
        text.expect(&["Asha Rao", "12 Residency Road, Bengaluru, Karnataka"]);
        assert_eq!(text.says("State Karnataka (29)"), named, "{line}");
        assert_eq!(bill["recipient"]["state_code"], "29");
    }
}

/// Rule 46(e), of a bill to somebody without a registration.
#[tokio::test(flavor = "multi_thread")]
async fn a_dear_taxable_bill_is_issued_with_the_recipients_particulars_only() {
    let clinic = Clinic::new().await;
    let one = |kind: &str, price: &str| json!({"patient": ASHA, "items": [item(kind, "1", price)]});
    let (room, goods) = (one("ROOM", "50000.00"), one("PHARMACY", "50000.00"));
    let away = |more: Value| with(&with(&goods, json!({"delivery_state": "29"})), more);
    let (home, bengaluru) = ("1 MG Road, Pune", "12 Residency Road, Bengaluru");
    let employer = json!({"registered_recipient":
        {"gstin": "24ABCDE1234F1Z6", "legal_name": "Suraksha Mills Ltd", "address": "9 Ashram Road, Ahmedabad"}});
    for (address, state, bill, missing) in [
        ("", "NULL", &room, &["address", "state"][..]),
        (" ", "'Maharashtra'", &room, &["address"]),
        (home, "NULL", &room, &["state"]),
        (home, "'Maharastra'", &room, &["state"]),
        (home, "'Maharashtra'", &room, &[]),
        (home, "'Maharashtra'", &away(json!({})), &["delivery_address"]),
        (home, "NULL", &away(json!({})), &["state", "delivery_address"]),
        (home, "'Maharashtra'", &away(json!({"delivery_address": "4 Brigade Road, Bengaluru"})), &[]),
        (bengaluru, "'Karnataka'", &away(json!({})), &[]),
        // what is delivered elsewhere are goods
        (home, "'Maharashtra'", &with(&room, json!({"delivery_state": "29"})), &[]),
        // not dear, or nothing of it is taxable, or somebody registered
        ("", "NULL", &one("ROOM", "49999.99"), &[]),
        ("", "NULL", &one("LAB", "900000.00"), &[]),
        (
            "",
            "NULL",
            &with(&room, json!({"items": [item("LAB", "1", "900000.00"), item("ROOM", "1", "49999.99")]})),
            &[],
        ),
        ("", "NULL", &with(&room, employer), &[]),
    ] {
        clinic.db.sql(&format!("UPDATE patients SET address = '{address}', state = {state} WHERE id = {ASHA}")).await;
        let at_once = clinic.bill(bill).await;
        let draft = clinic.bill(&with(bill, json!({"draft": true}))).await.expect(201).body;
        let issue = format!("/api/billing/invoices/{}/issue/", draft["id"]);
        let issued = clinic.server.post(&issue, &clinic.accountant(), &json!({})).await;
        for (answer, good) in [(at_once, 201), (issued, 200)] {
            if missing.is_empty() {
                answer.expect(good);
            } else {
                let body = answer.expect(409).body;
                assert_eq!(
                    json!([body["type"], body["missing"]]),
                    json!(["urn:ehs:problem:recipient-incomplete", missing])
                );
            }
        }
    }
    // no number was lost on those that were refused
    let last = clinic.db.number("SELECT last_serial FROM invoice_counters").await;
    assert_eq!(clinic.db.number("SELECT count(*) FROM invoices WHERE serial IS NOT NULL").await, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_says_where_goods_are_delivered() {
    let clinic = with_a_patient_from_bengaluru().await;
    let bill = json!({"patient": ASHA, "delivery_state": "33", "delivery_address": " 7 Anna Salai, Chennai ", "draft": true,
        "items": [item("PHARMACY", "1", "60000.00")]});
    let draft = clinic.bill(&bill).await.expect(201).body;
    let path = format!("/api/billing/invoices/{}/", draft["id"]);
    let patched = clinic.server.patch(&path, &clinic.receptionist(), &json!({"due_date": null})).await.expect(200).body;
    assert_eq!(patched["delivery_address"], "7 Anna Salai, Chennai", "a patch leaves it");
    let issued = clinic.server.post(&format!("{path}issue/"), &clinic.accountant(), &json!({})).await.expect(200).body;
    assert_eq!(issued["delivery_address"], "7 Anna Salai, Chennai");
    let text = Text::of(&clinic, PaperKind::Invoice, issued["id"].as_i64().unwrap()).await;
    text.expect(&["State Karnataka (29)", "Place of supply Tamil Nadu (33)", "Delivered to 7 Anna Salai, Chennai"]);
    for wrong in [json!(7), json!("a\nb"), json!("x".repeat(301))] {
        let refused = clinic.bill(&with(&bill, json!({"delivery_address": wrong}))).await.expect(400);
        assert_eq!(refused.faulty_fields(), ["delivery_address"]);
    }
}
