//! From what was sent to every amount: pure.

use chassis::strict_json::{Fault, Faults};
use chassis::text::Line;
use chrono::{Months, NaiveDate};

use super::input::{InvoiceInput, ItemInput};
use crate::tax::rates::rate_on;
use crate::tax::{Charge, DocumentType, Levy, LineAmounts, Rate, StateCode, Totals};

/// An invoice with all its amounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// The lines, in the order of the input.
    pub lines: Vec<PricedLine>,
    /// Their totals.
    pub totals: Totals,
    /// Which document the law asks for.
    pub document_type: DocumentType,
}

/// A line with its rate and amounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedLine {
    /// What was sent.
    pub item: ItemInput,
    /// The rate that applies.
    pub rate: Rate,
    /// Why it is not the rate of the rules.
    pub rate_reason: Option<Line<200>>,
    /// The amounts.
    pub amounts: LineAmounts,
}

/// By what an invoice is priced.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Where the hospital stands.
    pub hospital: StateCode,
    /// The day of supply: it chooses the rates.
    pub on: NaiveDate,
    /// Which lines may have another rate than the rules say.
    pub overrides: Overrides<'a>,
}

/// Which lines may have another rate than the rules say.
#[derive(Clone, Copy, Debug)]
pub enum Overrides<'a> {
    /// Any, if it says why.
    WithReason,
    /// Only those that stand in the draft as they are: somebody who may has let them.
    Standing(&'a [ItemInput]),
}

/// Prices an invoice.
///
/// # Errors
/// Every fault at once.
pub fn price(input: &InvoiceInput, terms: &Terms<'_>) -> Result<Priced, Faults> {
    let mut faults = Faults::new();
    if let Some(fault) = input.due_date.and_then(|due| due_date_fault(due.get(), terms.on)) {
        faults.0.push(fault.at("due_date"));
    }
    let mut lines = Vec::with_capacity(input.items.len());
    for (index, item) in input.items.iter().enumerate() {
        match price_line(item, input.delivery_state, terms) {
            Ok(line) => lines.push(line),
            Err(fault) => {
                let field = format!("items.{index}.{}", fault.field);
                faults.0.push(fault.at(field));
            }
        }
    }
    let amounts: Vec<_> = lines.iter().map(|line| line.amounts).collect();
    let complete = lines.len() == input.items.len();
    match Totals::of(&amounts) {
        Ok(totals) if faults.0.is_empty() => {
            let document_type = DocumentType::for_rates(lines.iter().map(|line| line.rate));
            return Ok(Priced { lines, totals, document_type });
        }
        Err(fault) if complete => faults.0.push(fault.at("items")),
        _ => {}
    }
    Err(faults)
}

fn due_date_fault(due: NaiveDate, today: NaiveDate) -> Option<Fault> {
    let latest = today.checked_add_months(Months::new(60)).unwrap_or(NaiveDate::MAX);
    (due < today || due > latest)
        .then(|| Fault::new("out_of_range", "must not be before today, nor more than five years ahead"))
}

fn price_line(item: &ItemInput, delivery: Option<StateCode>, terms: &Terms<'_>) -> Result<PricedLine, Fault> {
    let (rate, rate_reason) = decide_rate(item, terms)?;
    let levy = Levy::on(item.kind, terms.hospital, delivery);
    let charge = Charge { quantity: item.quantity, unit_price: item.unit_price, discount: item.discount, rate, levy };
    let amounts = charge.amounts().map_err(|fault| {
        let field = if fault.code == "discount_above_price" { "discount" } else { "unit_price" };
        fault.at(field)
    })?;
    Ok(PricedLine { item: item.clone(), rate, rate_reason, amounts })
}

fn decide_rate(item: &ItemInput, terms: &Terms<'_>) -> Result<(Rate, Option<Line<200>>), Fault> {
    let by_rule = rate_on(item.kind, item.unit_price, terms.on);
    let Some(asked) = item.gst_rate.filter(|asked| *asked != by_rule) else {
        return Ok((by_rule, None));
    };
    let reason = item.gst_rate_reason.clone().filter(|reason| !reason.is_empty());
    let allowed = match terms.overrides {
        Overrides::WithReason => reason.is_some(),
        Overrides::Standing(items) => items.contains(item),
    };
    if !allowed {
        let why = format!("the rules give {by_rule}; another rate needs gst_rate_reason from an ACCOUNTANT or ADMIN");
        return Err(Fault::new("not_the_rate", why).at("gst_rate"));
    }
    if !asked.existed_on(terms.on) {
        return Err(Fault::new("no_such_rate", format!("there was no such rate on {}", terms.on)).at("gst_rate"));
    }
    Ok((asked, reason))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn input(items: Value) -> InvoiceInput {
        chassis::strict_json::parse(json!({"patient": 1, "delivery_state": "29", "items": items})).unwrap()
    }

    fn terms(overrides: Overrides<'_>) -> Terms<'_> {
        Terms { hospital: "27".parse().unwrap(), on: "2026-11-23".parse().unwrap(), overrides }
    }

    fn item(kind: &str, quantity: &str, unit_price: &str) -> Value {
        json!({"description": "x", "sac_hsn": "9993", "kind": kind, "quantity": quantity, "unit_price": unit_price})
    }

    #[test]
    fn a_usual_hospital_bill() {
        let bill = input(json!([
            item("CONSULTATION", "1", "500.00"),
            item("ROOM", "2", "6000.00"),
            item("ROOM", "1", "5000.00"),
            item("PHARMACY", "10", "12.35"),
        ]));
        let priced = price(&bill, &terms(Overrides::WithReason)).unwrap();
        assert_eq!(priced.document_type, DocumentType::InvoiceCumBillOfSupply);
        let shown = [
            priced.totals.subtotal,
            priced.totals.cgst,
            priced.totals.sgst,
            priced.totals.igst,
            priced.totals.round_off,
            priced.totals.total,
        ];
        // 500 + 12000 + 5000 + 123.50; 5 % of 12000 in halves; 5 % of the medicines as IGST, for they go to Karnataka
        assert_eq!(shown.map(|paise| paise.to_string()), ["17623.50", "300.00", "300.00", "6.18", "0.32", "18230.00"]);
    }

    #[test]
    fn the_document_follows_from_the_lines() {
        let of = |items| price(&input(items), &terms(Overrides::WithReason)).unwrap().document_type;
        assert_eq!(of(json!([item("LAB", "1", "1")])), DocumentType::BillOfSupply);
        assert_eq!(of(json!([item("PHARMACY", "1", "1")])), DocumentType::TaxInvoice);
        assert_eq!(
            of(json!([item("PHARMACY", "1", "1"), item("LAB", "1", "1")])),
            DocumentType::InvoiceCumBillOfSupply
        );
    }

    #[test]
    fn another_rate_needs_a_reason_and_somebody_who_may() {
        let mut plastic = item("PROCEDURE", "1", "1000.00");
        plastic["gst_rate"] = json!("18");
        let code = |plastic: &Value, overrides| {
            price(&input(json!([plastic])), &terms(overrides))
                .map_err(|faults| (faults.0[0].field.clone(), faults.0[0].code))
        };
        assert_eq!(code(&plastic, Overrides::WithReason).unwrap_err(), ("items.0.gst_rate".to_owned(), "not_the_rate"));
        plastic["gst_rate_reason"] = json!("cosmetic in part");
        assert_eq!(code(&plastic, Overrides::Standing(&[])).unwrap_err().1, "not_the_rate");
        let standing = input(json!([plastic])).items;
        assert!(code(&plastic, Overrides::Standing(&standing)).is_ok());
        assert_eq!(code(&plastic, Overrides::WithReason).unwrap().lines[0].amounts.cgst.to_string(), "90.00");
        plastic["gst_rate"] = json!("12");
        assert_eq!(code(&plastic, Overrides::WithReason).unwrap_err().1, "no_such_rate");
        plastic["gst_rate"] = json!(0);
        assert!(code(&plastic, Overrides::Standing(&[])).is_ok(), "the rules' own rate needs nobody");
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let mut bill = input(json!([item("LAB", "1", "10.00"), item("LAB", "1000000", "999999999999.00")]));
        bill.items[0].discount = "10.01".parse().unwrap();
        bill.due_date = Some("2026-11-22".parse().unwrap());
        let faults = price(&bill, &terms(Overrides::WithReason)).unwrap_err();
        let fields: Vec<_> = faults.0.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["due_date", "items.0.discount", "items.1.unit_price"]);
    }
}
