//! What receipt and refund vouchers say: the particulars of CGST Rules 50 and 51, as texts.

use chassis::problem::Problem;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use super::{Advance, RefundVoucher};
use crate::access::Scope;
use crate::error::Error;
use crate::invoices::answer::Particulars;
use crate::money::Paise;
use crate::payments::Method;
use crate::pdf::paper::{Columns, Paper, day, place, recipient_lines, supplier_lines};
use crate::pdf::words::{in_figures, in_words};
use crate::schema::advances;
use crate::tax::{StateCode, StateTax};

/// The receipt voucher of an advance.
///
/// # Errors
/// No such advance, or from the database.
pub async fn receipt_voucher(conn: &mut AsyncPgConnection, id: i64) -> Result<Paper, Problem> {
    let advance = Advance::find(conn, Scope::All, id).await?;
    let mut facts = vec![
        ("Voucher no.", advance.voucher_number.clone()),
        ("Date", day(advance.dated)),
        ("Received by", in_words_of(advance.method).to_owned()),
    ];
    if let Some(reference) = &advance.reference {
        facts.push(("Reference", reference.expose().clone()));
    }
    voucher(("RECEIPT VOUCHER", "RECEIVED FROM"), facts, (advance.amount, &advance), &advance.particulars)
}

/// A refund voucher.
///
/// # Errors
/// No such voucher, or from the database.
pub async fn refund_voucher(conn: &mut AsyncPgConnection, id: i64) -> Result<Paper, Problem> {
    let given = RefundVoucher::find(conn, Scope::All, id).await?;
    let advance = advances::table.find(given.advance_id).select(Advance::as_select()).first(conn).await;
    let advance = advance.optional()?.ok_or(Error::NoAdvance)?;
    let facts = vec![
        ("Voucher no.", given.voucher_number.clone()),
        ("Date", day(given.dated)),
        ("Against receipt", advance.voucher_number.clone()),
        ("Dated", day(advance.dated)),
        ("Paid back by", in_words_of(given.method).to_owned()),
        ("Reason", given.reason.expose().clone()),
    ];
    voucher(("REFUND VOUCHER", "REFUNDED TO"), facts, (given.amount, &advance), &given.particulars)
}

/// What both have: nothing on them bears tax.
fn voucher(
    (title, party): (&'static str, &'static str),
    mut facts: Vec<(&'static str, String)>,
    (amount, advance): (Paise, &Advance),
    particulars: &Value,
) -> Result<Paper, Problem> {
    let Particulars { supplier, recipient, .. } =
        serde_json::from_value(particulars.clone()).map_err(Problem::internal)?;
    let state: StateCode = supplier.state_code.parse().map_err(Problem::internal)?;
    let state_tax = StateTax::of(state);
    facts.push(("Place of supply", place(state)));
    facts.push(("Reverse charge", "No".to_owned()));
    let none = in_figures(Paise::ZERO);
    let line = [
        "1".to_owned(),
        advance.description.expose().clone(),
        if advance.kind.is_goods() { "At invoice" } else { "Exempt" }.to_owned(),
        none.clone(),
        none.clone(),
        in_figures(amount),
    ];
    Ok(Paper {
        title,
        party,
        columns: Columns::Voucher,
        supplier: supplier_lines(&supplier, state),
        recipient: recipient_lines(&recipient, amount),
        facts,
        state_tax,
        integrated: false,
        lines: vec![line.to_vec()],
        summary: Vec::new(),
        sums: vec![
            ("CGST".to_owned(), none.clone()),
            (state_tax.as_str().to_owned(), none),
            ("Total".to_owned(), format!("₹ {}", in_figures(amount))),
        ],
        words: in_words(amount),
        reasons: vec![advance.tax_text.clone()],
        pay: None,
        signed_for: supplier.name,
    })
}

const fn in_words_of(method: Method) -> &'static str {
    match method {
        Method::Cash => "Cash",
        Method::Card => "Card",
        Method::Upi => "UPI",
        Method::NetBanking => "Net banking",
        Method::Cheque => "Cheque",
        Method::Insurance => "Insurance",
        Method::Online => "Online payment",
        Method::Advance => "Advance",
    }
}
