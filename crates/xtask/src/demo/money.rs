//! The second half of act 5: the draft that an event made, the invoice, and the payment.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Cast;
use super::player::{Player, must};
use crate::api::Call;

/// Billing hears of a completed appointment within this.
const EVENT_BOUND: Duration = Duration::from_secs(20);
const PAYMENTS: &str = "/api/billing/payments/";
const ADVANCES: &str = "/api/billing/advances/";

/// Finds the draft for the appointment, issues it and takes the money for it.
pub async fn bill(player: &Player, cast: &Cast, patient: i64, appointment: i64) -> Result<()> {
    let token = &cast.accountant;
    let draft = await_draft(player, cast, patient, appointment).await?;
    let path = format!("/api/billing/invoices/{draft}/");
    let issue = Call::post(format!("{path}issue/")).by(token).key(format!("demo-issue-{draft}"));
    player
        .play("the receptionist may not issue it", Call::post(format!("{path}issue/")).by(&cast.receptionist), 403)
        .await?;
    let invoice = player.play("the cashier issues it", issue.clone(), 200).await?;
    must(invoice.word("status")? == "ISSUED", "it is ISSUED")?;
    let number = invoice.word("invoice_number")?.to_owned();
    must((1..=16).contains(&number.len()), "an invoice number has at most 16 characters")?;
    let again = player.play("and once more, with the same key", issue, 200).await?;
    must(
        again.word("invoice_number")? == number && again.header("idempotent-replayed") == Some("true"),
        "the first answer comes again",
    )?;

    let total = invoice.word("total")?.to_owned();
    let pay = |amount: &str| {
        Call::post(PAYMENTS).by(token).json(json!({"invoice": draft, "amount": amount, "method": "UPI"}))
    };
    player.play("a payment without a key", pay(&total), 400).await?;
    player.play("more than the balance", pay(&one_rupee_more(&total)?).key(format!("demo-over-{draft}")), 409).await?;
    let paid = player.play("the payment", pay(&total).key(format!("demo-pay-{draft}")), 201).await?;
    let replay = player.play("sent again", pay(&total).key(format!("demo-pay-{draft}")), 201).await?;
    must(replay.number("id")? == paid.number("id")?, "nothing is taken twice")?;
    player.play("a second payment", pay("1.00").key(format!("demo-second-{draft}")), 409).await?;

    let settled = player.play("the invoice", Call::get(&path).by(token), 200).await?;
    must(settled.word("status")? == "PAID" && settled.word("balance")? == "0.00", "it is PAID, and nothing is left")?;
    let payments = player.play("its payments", Call::get(format!("{path}payments/")).by(token), 200).await?;
    must(payments.text.matches("\"method\"").count() == 1, "there is one payment")?;
    deposit(player, cast, patient, draft).await
}

/// A deposit: taken by receipt voucher, used on another bill, the rest given back by refund voucher.
async fn deposit(player: &Player, cast: &Cast, patient: i64, before: i64) -> Result<()> {
    let taken = json!({"patient": patient, "amount": "1500.00", "method": "CASH", "kind": "OTHER"});
    let take = Call::post(ADVANCES).by(&cast.receptionist).json(taken).key(format!("demo-deposit-{before}"));
    let advance = player.play("the desk takes a deposit", take, 201).await?;
    must(advance.word("voucher_number")?.starts_with("RV/"), "it has a receipt voucher's number")?;
    let line = json!({"description": "Physiotherapy", "sac_hsn": "999319", "kind": "OTHER", "quantity": "1", "unit_price": "600.00"});
    let bill = json!({"patient": patient, "items": [line]});
    let bill = Call::post("/api/billing/invoices/").by(&cast.accountant).json(bill).key(format!("demo-bill-{before}"));
    let bill = player.play("another bill", bill, 201).await?.number("id")?;

    let path = format!("{ADVANCES}{}/", advance.number("id")?);
    let with = |amount: &str| {
        Call::post(format!("{path}use/")).by(&cast.receptionist).json(json!({"invoice": bill, "amount": amount}))
    };
    player.play("it takes no more than it comes to", with("600.01").key(format!("demo-use-{before}-a")), 409).await?;
    let paid = player.play("the deposit pays it", with("600.00").key(format!("demo-use-{before}-b")), 201).await?;
    must(paid.word("method")? == "ADVANCE", "it is a payment by ADVANCE")?;
    let back = |amount: &str| {
        let why = json!({"amount": amount, "reason": "Nothing more is planned"});
        Call::post(format!("{path}refund/")).by(&cast.accountant).json(why)
    };
    player.play("more than is left of it", back("900.01").key(format!("demo-back-{before}-a")), 409).await?;
    let voucher = player.play("the rest goes back", back("900.00").key(format!("demo-back-{before}-b")), 201).await?;
    must(voucher.word("voucher_number")?.starts_with("RF/"), "by a refund voucher")?;
    let spent = player.play("the deposit", Call::get(&path).by(&cast.receptionist), 200).await?;
    must(spent.word("status")? == "SPENT" && spent.word("left")? == "0.00", "nothing is left of it")
}

/// Waits for the draft that billing makes when it hears of the appointment.
async fn await_draft(player: &Player, cast: &Cast, patient: i64, appointment: i64) -> Result<i64> {
    let began = Instant::now();
    let list = Call::get(format!("/api/billing/invoices/?patient={patient}&status=DRAFT")).by(&cast.accountant);
    while began.elapsed() < EVENT_BOUND {
        let answer = player.api().expect(&list, &[200]).await?;
        let draft = answer
            .list("results")?
            .iter()
            .find(|invoice| invoice.get("appointment").and_then(Value::as_i64) == Some(appointment));
        if let Some(draft) = draft {
            say!("  billing made a draft invoice {} ms after it", began.elapsed().as_millis());
            player.play("the draft", list, 200).await?;
            return draft.get("id").and_then(Value::as_i64).context("an invoice has an id");
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    bail!("billing has no draft invoice {} seconds after the visit", EVENT_BOUND.as_secs())
}

/// `"500.00"` → `"501.00"`, in whole numbers.
fn one_rupee_more(amount: &str) -> Result<String> {
    let (rupees, paise) = amount.split_once('.').context("money has two places")?;
    Ok(format!("{}.{paise}", rupees.parse::<u64>()? + 1))
}
