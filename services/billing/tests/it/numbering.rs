//! Numbers without gap or repeat.

use std::sync::Arc;

use auth::Role;
use billing::credit_notes::CreditNote;
use billing::invoices::Invoice;
use billing::invoices::bill::Bill;
use billing::invoices::discounts::Percent;
use billing::invoices::invoice::{Draft, Maker};
use billing::invoices::issue::{self, Issued};
use billing::invoices::pricing::{Overrides, Terms, price};
use billing::known::Patient;
use billing::numbering::day_in_india;
use chassis::problem::Problem;
use chrono::{DateTime, Utc};
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::clinic::{ASHA, Clinic, actor, invoice};

/// Issues this bill at an instant.
pub async fn issued_at(clinic: &Clinic, bill: Value, at: &str) -> Invoice {
    issue(clinic, bill, at.parse().unwrap(), false).await.unwrap()
}

async fn issue_at(clinic: &Clinic, at: DateTime<Utc>, rolled_back: bool) -> Result<Invoice, Problem> {
    issue(clinic, invoice(ASHA), at, rolled_back).await
}

/// Drafts and issues an invoice at an instant; rolls it all back if told to.
async fn issue(clinic: &Clinic, bill: Value, at: DateTime<Utc>, rolled_back: bool) -> Result<Invoice, Problem> {
    let mut conn = chassis::db::get(&clinic.app.db).await?;
    let input = chassis::strict_json::parse(bill)?;
    let bill = Bill::complete(&input, &[], &[], day_in_india(at)).unwrap();
    let terms = Terms {
        rates: &clinic.app.rates,
        hospital: clinic.app.supplier.state,
        on: day_in_india(at),
        overrides: Overrides::WithReason,
        courtesy: Percent::new(0),
    };
    let priced = price(&bill, &terms).unwrap();
    let patient = Patient::find(&mut conn, ASHA).await?.unwrap();
    let actor = actor(Role::Accountant);
    conn.transaction(async |conn| {
        let draft = Draft::new(&bill, ASHA, &priced, day_in_india(at));
        let made = draft.insert(conn, &priced, Maker::User(2)).await?.unwrap();
        let issued = Issued { draft: &made, priced: &priced, patient: &patient, insurance: None };
        let issued = issue::number(conn, &clinic.app, &actor, &issued, at).await?;
        if rolled_back { Err(Problem::conflict("rolled back on purpose")) } else { Ok(issued) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_at_once_with_one_in_five_rolled_back() {
    let clinic = Arc::new(Clinic::new().await);
    let at = Utc::now();
    let mut tasks = JoinSet::new();
    for n in 0..200 {
        let clinic = Arc::clone(&clinic);
        tasks.spawn(async move { issue_at(&clinic, at, n % 5 == 0).await.ok() });
    }
    let issued: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(issued.len(), 160);
    let mut numbers: Vec<_> = issued.into_iter().map(|invoice| invoice.invoice_number.unwrap()).collect();
    numbers.sort();
    let begin = numbers[0].strip_suffix("000001").expect("the first number").to_owned();
    let expected: Vec<_> = (1..=160).map(|serial| format!("{begin}{serial:06}")).collect();
    assert_eq!(numbers, expected);
    assert_eq!(clinic.db.number("SELECT count(*) FROM invoices WHERE status = 'ISSUED'").await, 160);
}

#[tokio::test]
async fn the_year_turns_at_midnight_in_india() {
    let clinic = Clinic::new().await;
    let mut numbers = Vec::new();
    for at in [
        "2026-03-31T18:29:59.999Z",
        "2026-03-31T18:30:00Z",
        "2026-03-31T18:30:00Z",
        "2027-03-31T18:29:59Z",
        "2027-03-31T18:30:00Z",
    ] {
        let issued = issue_at(&clinic, at.parse().unwrap(), false).await.unwrap();
        numbers.push((issued.invoice_number.unwrap(), issued.dated.to_string()));
    }
    let expected = [
        ("EHS/2526/000001", "2026-03-31"),
        ("EHS/2627/000001", "2026-04-01"),
        ("EHS/2627/000002", "2026-04-01"),
        ("EHS/2627/000003", "2027-03-31"),
        ("EHS/2728/000001", "2027-04-01"),
    ];
    assert_eq!(numbers, expected.map(|(number, date)| (number.to_owned(), date.to_owned())));
}

#[tokio::test]
async fn credit_notes_turn_with_the_year_whenever_their_invoice_was_issued() {
    let clinic = Clinic::new().await;
    let mut notes = Vec::new();
    for at in ["2027-03-31T18:29:59.999Z", "2027-03-31T18:30:00Z", "2027-04-01T04:00:00Z"] {
        let invoice = issued_at(&clinic, invoice(ASHA), "2027-03-31T10:00:00Z").await;
        let mut conn = clinic.db.connect().await;
        let written = conn.transaction(async |conn| {
            let cancelled = format!("UPDATE invoices SET status = 'CANCELLED' WHERE id = {}", invoice.id);
            conn.batch_execute(&cancelled).await?;
            let by = (2, at.parse().unwrap());
            CreditNote::write(conn, &clinic.app.supplier, &invoice, "billed twice", by).await
        });
        let note: CreditNote = written.await.unwrap();
        notes.push((note.credit_note_number, note.dated.to_string()));
    }
    let expected =
        [("CN/2627/000001", "2027-03-31"), ("CN/2728/000001", "2027-04-01"), ("CN/2728/000002", "2027-04-01")];
    assert_eq!(notes, expected.map(|(number, date)| (number.to_owned(), date.to_owned())));
}

#[tokio::test]
async fn the_last_number_of_a_series_has_sixteen_characters_and_no_successor() {
    let clinic = Clinic::new().await;
    let at: DateTime<Utc> = "2026-06-01T00:00:00Z".parse().unwrap();
    clinic.db.sql("INSERT INTO invoice_counters VALUES ('27AAPFU0939F1ZV', 'EHS', 2026, 9999998)").await;
    let last = issue_at(&clinic, at, false).await.unwrap();
    assert_eq!(last.invoice_number.unwrap(), "EHS/2627/9999999");
    assert_eq!(issue_at(&clinic, at, false).await.unwrap_err().status().as_u16(), 409);
}
