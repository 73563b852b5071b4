//! Every role at every operation of the document.

use auth::{Action, Role, reach};
use reqwest::Method;
use serde_json::json;

use crate::clinic::{Clinic, user_of};

fn action_of(method: &Method, path: &str) -> Action {
    match (method.as_str(), path) {
        (
            "GET",
            "/api/billing/invoices/"
            | "/api/billing/invoices/{id}/"
            | "/api/billing/invoices/{id}/upi-qr.png"
            | "/api/billing/invoices/{id}/pdf/"
            | "/api/billing/credit-notes/{id}/pdf/"
            | "/api/billing/invoices/{id}/insurance/"
            | "/api/billing/credit-notes/"
            | "/api/billing/credit-notes/{id}/",
        ) => Action::InvoiceRead,
        ("PUT" | "PATCH", "/api/billing/invoices/{id}/insurance/") => Action::InsuranceWrite,
        ("POST", "/api/billing/invoices/{id}/cancel/") => Action::InvoiceCancel,
        ("POST", "/api/billing/invoices/") | ("PUT" | "PATCH", "/api/billing/invoices/{id}/") => Action::InvoiceDraft,
        ("POST", "/api/billing/invoices/{id}/issue/") => Action::InvoiceIssue,
        (
            "GET",
            "/api/billing/invoices/{id}/payments/"
            | "/api/billing/payments/{id}/"
            | "/api/billing/payments/{id}/refunds/",
        ) => Action::PaymentRead,
        ("POST", "/api/billing/payments/") => Action::PaymentTake,
        ("GET", "/api/billing/services/" | "/api/billing/services/{id}/") => Action::CatalogueRead,
        ("POST", "/api/billing/services/") | ("PATCH", "/api/billing/services/{id}/") => Action::CatalogueWrite,
        ("POST", "/api/billing/payments/{id}/refund/") => Action::PaymentRefund,
        (
            "GET",
            "/api/billing/advances/"
            | "/api/billing/advances/{id}/"
            | "/api/billing/advances/{id}/uses/"
            | "/api/billing/advances/{id}/pdf/"
            | "/api/billing/refund-vouchers/"
            | "/api/billing/refund-vouchers/{id}/"
            | "/api/billing/refund-vouchers/{id}/pdf/",
        ) => Action::AdvanceRead,
        ("POST", "/api/billing/advances/") => Action::AdvanceTake,
        ("POST", "/api/billing/advances/{id}/use/") => Action::AdvanceUse,
        ("POST", "/api/billing/advances/{id}/refund/") => Action::AdvanceRefund,
        ("GET", "/api/billing/day-close/" | "/api/billing/day-close/{id}/") | ("POST", "/api/billing/day-close/") => {
            Action::DayClose
        }
        (
            "GET",
            "/api/billing/reports/revenue/"
            | "/api/billing/reports/outstanding/"
            | "/api/billing/reports/doctor-share/"
            | "/api/billing/reports/"
            | "/api/billing/reports/{id}/",
        )
        | ("POST", "/api/billing/reports/") => Action::ReportRead,
        ("GET", "/api/billing/reports/gst/" | "/api/billing/reports/day-book/") => Action::BooksRead,
        ("GET", "/api/billing/audit/" | "/api/billing/audit/verify/") => Action::AuditRead,
        _ => panic!("nobody has thought of {method} {path}"),
    }
}

/// It takes no token: its signature says who sends it.
const WEBHOOK: &str = "/api/billing/webhooks/razorpay/";

fn operations() -> Vec<(Method, String)> {
    let document = chassis::openapi::document(billing::TITLE, billing::routes);
    let document = serde_json::to_value(&document).unwrap();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        operations.extend(
            methods.as_object().unwrap().keys().map(|method| (method.to_uppercase().parse().unwrap(), path.clone())),
        );
    }
    operations.retain(|(_, path)| path != WEBHOOK);
    assert_eq!(operations.len(), 47);
    operations
}

#[tokio::test]
async fn the_table_holds_at_every_operation() {
    let clinic = Clinic::new().await;
    for (method, path) in operations() {
        let url = path.replace("{id}", "999999");
        for role in Role::ALL {
            let answer =
                clinic.server.call(method.clone(), &url).token(&clinic.token(role)).json(&json!({})).send().await;
            let may = reach(role, action_of(&method, &path)).is_some();
            assert_eq!(answer.status != 403, may, "{role} {method} {path}: {}", answer.text);
            assert!(
                !answer.status.is_server_error() && answer.status != 401,
                "{role} {method} {path}: {}",
                answer.text
            );
        }
    }
}

#[tokio::test]
async fn no_good_token_no_answer() {
    let clinic = Clinic::new().await;
    for (method, path) in operations() {
        let url = path.replace("{id}", "1");
        let mut tokens = clinic.tokens.bad(user_of(Role::Admin), Role::Admin);
        tokens.push(("none", String::new()));
        for (what, token) in tokens {
            let answer = clinic.server.call(method.clone(), &url).token(&token).json(&json!({})).send().await;
            assert_eq!(answer.status, 401, "{what}: {method} {path}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{what}: {method} {path}");
        }
    }
}

#[tokio::test]
async fn the_desk_drafts_and_does_not_issue() {
    let clinic = Clinic::new().await;
    let desk = clinic.receptionist();
    let invoice = crate::clinic::invoice(crate::clinic::ASHA);
    clinic.server.post("/api/billing/invoices/", &desk, &invoice).await.expect(403);
    clinic
        .server
        .post("/api/billing/invoices/", &desk, &crate::clinic::with(&invoice, json!({"draft": true})))
        .await
        .expect(201);
    assert_eq!(clinic.db.number("SELECT count(*) FROM invoices").await, 1);
}
