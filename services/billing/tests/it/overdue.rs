//! What is past its due date is said to be.

use billing::invoices::overdue;
use billing::numbering::day_in_india;
use chrono::{Days, Utc};
use serde_json::json;

use crate::clinic::{ASHA, Clinic, cash, invoice, with};

#[tokio::test]
async fn what_is_past_its_due_date_and_not_paid_is_overdue() {
    let clinic = Clinic::new().await;
    let due = day_in_india(Utc::now());
    let billed = async |due: Option<String>| {
        let body = with(&invoice(ASHA), json!({"due_date": due}));
        clinic.bill(&body).await.expect(201).body["id"].as_i64().unwrap()
    };
    let due_today = Some(due.to_string());
    let unpaid = billed(due_today.clone()).await;
    let part = billed(due_today.clone()).await;
    let paid = billed(due_today.clone()).await;
    let undone = billed(due_today).await;
    let never = billed(None).await;
    let later = billed(Some((due + Days::new(1)).to_string())).await;
    clinic.pay("a", &cash(part, "100.00")).await.expect(201);
    clinic.pay("b", &cash(paid, "500.00")).await.expect(201);
    clinic.cancel(undone).await.expect(200);

    let mut conn = clinic.db.connect().await;
    assert_eq!(overdue::mark(&mut conn, due).await.unwrap(), 0, "the due date itself is not past");
    assert_eq!(overdue::mark(&mut conn, due + Days::new(1)).await.unwrap(), 2);
    assert_eq!(overdue::mark(&mut conn, due + Days::new(1)).await.unwrap(), 0);
    for (id, status) in [
        (unpaid, "OVERDUE"),
        (part, "OVERDUE"),
        (paid, "PAID"),
        (undone, "CANCELLED"),
        (never, "ISSUED"),
        (later, "ISSUED"),
    ] {
        assert_eq!(clinic.read(id).await["status"], status, "{id}");
    }
    clinic.pay("c", &cash(part, "400.00")).await.expect(201);
    assert_eq!(clinic.read(part).await["status"], "PAID");
    clinic.cancel(unpaid).await.expect(200);
}
