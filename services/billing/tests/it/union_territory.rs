//! A hospital in a union territory without a legislature: UTGST stands where SGST would (UTGST Act, section 7).

use billing::pdf::kept::PaperKind;
use billing::supplier::Supplier;
use chassis::env::Env;
use serde_json::{Value, json};

use crate::clinic::{ASHA, Clinic, RAVI, item, serve};
use crate::paper::Text;
use crate::reports::days;
use crate::verify::findings;

async fn in_chandigarh() -> Clinic {
    let mut env = Env::of([
        ("EHS_HOSPITAL_NAME", "Sukhna Hospital"),
        ("EHS_HOSPITAL_ADDRESS", "Sector 11, Chandigarh 160011"),
        ("EHS_HOSPITAL_GSTIN", "04AAPFU0939F1Z3"),
        ("EHS_HOSPITAL_STATE_CODE", "CH"),
    ]);
    let supplier = Supplier::read(&mut env);
    let mut clinic = Clinic::new().await;
    clinic.app.supplier = env.finish(supplier).unwrap();
    clinic.server = serve(&clinic.app).await;
    clinic
}

async fn gst(clinic: &Clinic) -> Value {
    let path = format!("/api/billing/reports/gst/?{}", days());
    clinic.server.get(&path, &clinic.accountant()).await.expect(200).body
}

#[tokio::test(flavor = "multi_thread")]
async fn its_bills_credit_notes_and_return_have_utgst() {
    let clinic = in_chandigarh().await;
    let medicines = item("PHARMACY", "10", "12.35");
    let stay = json!({"patient": ASHA, "items": [item("CONSULTATION", "1", "500.00"), item("ROOM", "2", "6000.00"), medicines]});
    let bill = clinic.bill(&stay).await.expect(201).body;
    let id = bill["id"].as_i64().unwrap();
    assert_eq!(
        json!([
            bill["supplier"]["state_code"],
            bill["state_tax"],
            bill["cgst"],
            bill["sgst"],
            bill["igst"],
            bill["total"]
        ]),
        json!(["04", "UTGST", "303.09", "303.09", "0.00", "13230.00"])
    );
    for taxed in [1, 2] {
        let reason = bill["items"][taxed]["tax_reason"]["text"].as_str().unwrap();
        assert!(reason.ends_with("CGST 2.5 % + UTGST 2.5 %"), "{reason}");
    }
    let text = Text::of(&clinic, PaperKind::Invoice, id).await;
    text.expect(&[
        "GSTIN 04AAPFU0939F1Z3 State Chandigarh (04)",
        "Place of supply Chandigarh (04)",
        "5 % 12,123.50 303.09 303.09 606.18",
        "CGST 303.09 UTGST 303.09",
        "CGST 2.5 % + UTGST 2.5 %",
    ]);
    assert!(!text.says("SGST"), "no tax of a state is on it");

    // the return has one column for the tax of a state or a union territory
    let row = |supply: &str, place: &str, value: &str, igst: &str, half: &str| json!({"supply_type": supply, "place_of_supply": place, "rate": "5.00", "taxable_value": value, "igst": igst, "cgst": half, "sgst": half});
    let told = gst(&clinic).await;
    assert_eq!(told["b2cs"], json!([row("INTRA", "04", "12123.50", "0.00", "303.09")]));
    assert_eq!(told["total"], json!({"taxable_value": "12623.50", "igst": "0.00", "cgst": "303.09", "sgst": "303.09"}));

    let to_punjab = json!({"patient": RAVI, "delivery_state": "03", "items": [medicines]});
    let sent = clinic.bill(&to_punjab).await.expect(201).body;
    assert_eq!(json!([sent["cgst"], sent["sgst"], sent["igst"]]), json!(["0.00", "0.00", "6.18"]));
    let note = clinic.cancel(id).await.expect(200).body["credit_note"].clone();
    assert_eq!(json!([note["state_tax"], note["cgst"], note["sgst"]]), json!(["UTGST", "303.09", "303.09"]));
    let text = Text::of(&clinic, PaperKind::CreditNote, note["id"].as_i64().unwrap()).await;
    assert!(text.says("CGST 303.09 UTGST 303.09") && !text.says("SGST"));
    let told = gst(&clinic).await;
    assert_eq!(
        told["b2cs"],
        json!([row("INTRA", "04", "0.00", "0.00", "0.00"), row("INTER", "03", "123.50", "6.18", "0.00")])
    );
    assert_eq!(findings(&clinic).await, [""; 0]);
}

#[tokio::test]
async fn a_territory_with_a_legislature_has_sgst() {
    let mut clinic = Clinic::new().await;
    let mut supplier = clinic.app.supplier.clone();
    (supplier.gstin, supplier.state) = ("07AAPFU0939F1ZX".parse().unwrap(), "DL".parse().unwrap());
    clinic.app.supplier = supplier;
    clinic.server = serve(&clinic.app).await;
    let bill =
        clinic.bill(&json!({"patient": ASHA, "items": [item("COSMETIC", "1", "1000.00")]})).await.expect(201).body;
    assert_eq!(json!([bill["state_tax"], bill["sgst"]]), json!(["SGST", "90.00"]));
    assert_eq!(bill["supplier"]["state_code"], "07");
}
