//! The UPI code of an invoice.

use auth::Role;

use crate::clinic::{Clinic, RAVI, cash, invoice};

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

#[tokio::test]
async fn without_an_address_there_is_no_code() {
    let mut clinic = Clinic::new().await;
    let id = clinic.issued().await;
    clinic.app.payee = None;
    let server = crate::clinic::serve(&clinic.app).await;
    server.get(&path(id), &clinic.admin()).await.expect(404);
}
