//! The UPI code of an invoice.

use std::collections::BTreeMap;

use auth::Role;
use billing::pdf::kept::PaperKind;
use reqwest::Url;
use serde_json::json;

use crate::clinic::{ASHA, Clinic, RAVI, cash, invoice, item};
use crate::paper::{codes_of_pdf, codes_of_png, pdf};

fn path(id: i64) -> String {
    format!("/api/billing/invoices/{id}/upi-qr.png")
}

#[tokio::test]
async fn the_code_is_an_image_of_the_balance() {
    let clinic = Clinic::new().await;
    let (id, draft) = (clinic.issued().await, clinic.draft().await);
    let code = clinic.server.get(&path(id), &clinic.receptionist()).await.expect(200);
    assert_eq!((code.header("content-type"), code.header("cache-control")), ("image/png", "private, no-store"));
    clinic.server.get(&path(id), &clinic.token(Role::Patient)).await.expect(200);
    let anothers = clinic.bill(&invoice(RAVI)).await.expect(201).body["id"].as_i64().unwrap();
    clinic.server.get(&path(anothers), &clinic.token(Role::Patient)).await.expect(404);
    clinic.server.get(&path(999_999), &clinic.admin()).await.expect(404);
    assert_eq!(
        clinic.server.get(&path(draft), &clinic.admin()).await.expect(409).body["type"],
        "urn:ehs:problem:nothing-to-pay"
    );
    clinic.pay("a", &cash(id, "500.00")).await.expect(201);
    clinic.server.get(&path(id), &clinic.admin()).await.expect(409);
    clinic.cancel(anothers).await.expect(200);
    clinic.server.get(&path(anothers), &clinic.admin()).await.expect(409);
}

/// What a phone reads from the image, all of it.
pub async fn scanned(clinic: &Clinic, id: i64) -> String {
    let image = reqwest::Client::new().get(format!("{}{}", clinic.server.url, path(id)));
    let image = image.bearer_auth(clinic.receptionist()).send().await.unwrap().error_for_status().unwrap();
    let [code] = <[String; 1]>::try_from(codes_of_png(&image.bytes().await.unwrap())).unwrap();
    code
}

/// What a payment app makes of a link.
fn filled_in(link: &str) -> BTreeMap<String, String> {
    let url = Url::parse(link).unwrap();
    assert_eq!((url.scheme(), url.host_str(), url.path()), ("upi", Some("pay"), ""));
    assert!(!link.contains(['+', ' ']), "a space is %20: {link}");
    url.query_pairs().into_owned().collect()
}

/// How much a link asks for.
pub fn amount_of(link: &str) -> String {
    filled_in(link)["am"].clone()
}

fn asked(number: &str, amount: &str) -> BTreeMap<String, String> {
    let note = format!("Invoice {number}");
    let asked =
        [("pa", "asha@okbank"), ("pn", "Asha Hospital"), ("tr", number), ("tn", &note), ("am", amount), ("cu", "INR")];
    asked.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

#[tokio::test]
async fn the_code_names_the_payee_the_balance_and_the_invoice() {
    let clinic = Clinic::new().await;
    let id = clinic.issued().await;
    let shown = clinic.read(id).await;
    let number = shown["invoice_number"].as_str().unwrap();
    assert_eq!(filled_in(&scanned(&clinic, id).await), asked(number, "500.00"));
    clinic.pay("a", &cash(id, "123.45")).await.expect(201);
    assert_eq!(filled_in(&scanned(&clinic, id).await), asked(number, "376.55"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bill_as_pdf_carries_the_code_that_the_image_has() {
    let clinic = Clinic::new().await;
    let many = json!({"patient": ASHA, "items": vec![item("LAB", "1", "150.00"); 60]});
    for (bill, total) in [(invoice(ASHA), "500.00"), (many, "9000.00")] {
        let made = clinic.bill(&bill).await.expect(201).body;
        let (id, number) = (made["id"].as_i64().unwrap(), made["invoice_number"].as_str().unwrap());
        let codes = codes_of_pdf(pdf(&clinic, PaperKind::Invoice, id).await);
        assert_eq!(codes, [scanned(&clinic, id).await], "one code, whatever the number of pages");
        assert_eq!(filled_in(&codes[0]), asked(number, total));
    }
    let undone = clinic.issued().await;
    let note = clinic.cancel(undone).await.expect(200).body["credit_note"]["id"].as_i64().unwrap();
    assert_eq!(codes_of_pdf(pdf(&clinic, PaperKind::CreditNote, note).await), [""; 0], "nobody pays a credit note");
}

#[tokio::test]
async fn without_an_address_there_is_no_code() {
    let mut clinic = Clinic::new().await;
    let id = clinic.issued().await;
    clinic.app.payee = None;
    let server = crate::clinic::serve(&clinic.app).await;
    server.get(&path(id), &clinic.admin()).await.expect(404);
}
