//! From a bill to every amount on it: pure.

use chassis::strict_json::{Fault, Faults};
use chassis::text::Line;
use chrono::{Months, NaiveDate};

use super::bill::{Bill, BillLine, Standing};
use super::discounts;
use crate::money::Paise;
use crate::tax::discount::allot;
use crate::tax::{
    Charge, DocumentType, Levy, LineAmounts, Rate, RateTable, Ruling, StateCode, StateTax, Supply, TaxReason, Totals,
    Treatment,
};

/// An invoice with all its amounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// The lines, in the order of the bill.
    pub lines: Vec<PricedLine>,
    /// Their totals.
    pub totals: Totals,
    /// Which document the law asks for.
    pub document_type: DocumentType,
}

/// A line with its rate and amounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedLine {
    /// The line of the bill.
    pub line: BillLine,
    /// Exempt, nil or taxable.
    pub treatment: Treatment,
    /// The rate that applies.
    pub rate: Rate,
    /// Why that one.
    pub tax_reason: TaxReason,
    /// Why it is not the rate of the rules.
    pub rate_reason: Option<Line<200>>,
    /// Its share of the bill's discount, within that of `amounts`.
    pub bill_discount: Paise,
    /// The amounts.
    pub amounts: LineAmounts,
}

/// By what an invoice is priced.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The law's rates.
    pub rates: &'a RateTable,
    /// Where the hospital stands.
    pub hospital: StateCode,
    /// The day of supply: it chooses the rates.
    pub on: NaiveDate,
    /// Which lines may have another rate than the rules say.
    pub overrides: Overrides<'a>,
    /// Up to how many percent a line's discount is a courtesy that needs no reason.
    pub courtesy: discounts::Percent,
}

/// Which lines may have another rate than the rules say.
#[derive(Clone, Copy, Debug)]
pub enum Overrides<'a> {
    /// Any, if it says why.
    WithReason,
    /// Only those that stand in the draft as they are, as often as they stand there: somebody who may has let them.
    Standing(&'a [BillLine]),
}

/// The lines that may have another rate, while a bill is gone through.
enum Allowed<'a> {
    WithReason,
    Standing(Standing<'a>),
}

impl<'a> Overrides<'a> {
    fn allowed(self) -> Allowed<'a> {
        match self {
            Self::WithReason => Allowed::WithReason,
            Self::Standing(lines) => Allowed::Standing(Standing::of(lines)),
        }
    }
}

/// Prices a bill.
///
/// # Errors
/// Every fault at once.
pub fn price(bill: &Bill, terms: &Terms<'_>) -> Result<Priced, Faults> {
    let mut faults = Faults::new();
    if let Some(fault) = bill.due_date.and_then(|due| due_date_fault(due.get(), terms.on)) {
        faults.0.push(fault.at("due_date"));
    }
    if bill.discount > Paise::ZERO && bill.discount_reason.is_none() {
        faults.push("discount_reason", "required", "a discount of the bill needs a reason");
    }
    let mut ruled = Vec::with_capacity(bill.lines.len());
    let mut allowed = terms.overrides.allowed();
    for (index, line) in bill.lines.iter().enumerate() {
        match rule(line, bill, terms, &mut allowed) {
            Ok(line) => ruled.push(line),
            Err(fault) => {
                let field = format!("items.{index}.{}", fault.field);
                faults.0.push(fault.at(field));
            }
        }
    }
    let complete = ruled.len() == bill.lines.len();
    let lines = match lay_discount(bill.discount, ruled) {
        Ok(lines) => lines,
        // what the bill comes to is not known while lines of it are wrong
        Err(fault) if complete => {
            faults.0.push(fault);
            return Err(faults);
        }
        Err(_) => return Err(faults),
    };
    let amounts: Vec<_> = lines.iter().map(|line| line.amounts).collect();
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

/// A line with its rate and the amounts that it has before any discount of the bill.
struct Ruled<'a> {
    line: &'a BillLine,
    ruling: Ruling,
    rate_reason: Option<Line<200>>,
    charge: Charge,
    amounts: LineAmounts,
}

fn rule<'a>(line: &'a BillLine, bill: &Bill, terms: &Terms<'_>, allowed: &mut Allowed<'_>) -> Result<Ruled<'a>, Fault> {
    line.sac_hsn.check(line.kind).map_err(|fault| fault.at("sac_hsn"))?;
    let (ruling, rate_reason) = decide(line, terms, allowed)?;
    let levy = Levy::on(line.kind, terms.hospital, bill.delivery_state);
    let BillLine { quantity, unit_price, discount, .. } = *line;
    let charge = Charge { quantity, unit_price, discount, rate: ruling.rate, levy };
    let amounts = charge.amounts().map_err(|fault| {
        let field = if fault.code == "discount_above_price" { "discount" } else { "unit_price" };
        fault.at(field)
    })?;
    let explained = line.discount_reason.is_some() || bill.discount_reason.is_some();
    if !explained && !terms.courtesy.covers(discount, amounts.gross) {
        let why = format!("a discount of more than {} % needs a reason", terms.courtesy);
        return Err(Fault::new("required", why).at("discount_reason"));
    }
    let reason = ruling.explained(levy, StateTax::of(terms.hospital));
    Ok(Ruled { line, ruling: Ruling { reason, ..ruling }, rate_reason, charge, amounts })
}

/// The lines with their shares of the bill's discount.
fn lay_discount(discount: Paise, ruled: Vec<Ruled<'_>>) -> Result<Vec<PricedLine>, Fault> {
    let values: Vec<_> = ruled.iter().map(|line| (line.amounts.taxable_value, line.rank())).collect();
    let shares = allot(discount, &values).ok_or_else(|| {
        Fault::new("discount_above_price", "the discount must not be more than the bill comes to").at("discount")
    })?;
    ruled.into_iter().zip(shares).map(|(line, share)| line.with_share(share)).collect()
}

impl Ruled<'_> {
    /// Tells apart lines that are taxed differently.
    fn rank(&self) -> (i64, bool) {
        (self.charge.rate.basis_points(), self.charge.levy == Levy::Integrated)
    }

    fn with_share(self, share: Paise) -> Result<PricedLine, Fault> {
        let Self { line, ruling: Ruling { treatment, rate, reason }, rate_reason, charge, .. } = self;
        let amounts =
            Charge { discount: charge.discount + share, ..charge }.amounts().map_err(|fault| fault.at("discount"))?;
        let line = line.clone();
        Ok(PricedLine { line, treatment, rate, tax_reason: reason, rate_reason, bill_discount: share, amounts })
    }
}

fn decide(line: &BillLine, terms: &Terms<'_>, allowed: &mut Allowed<'_>) -> Result<(Ruling, Option<Line<200>>), Fault> {
    let supply = Supply { kind: line.kind, circumstance: line.circumstance, unit_price: line.unit_price };
    let ruling = terms.rates.on(terms.on, supply).ok_or_else(|| {
        let why = format!("the law does not know this of {} on {}", line.kind.as_str(), terms.on);
        Fault::new("not_of_this_kind", why).at("circumstance")
    })?;
    let Some(asked) = line.gst_rate.filter(|asked| *asked != ruling.rate) else {
        return Ok((ruling, None));
    };
    let is_allowed = match allowed {
        Allowed::WithReason => line.gst_rate_reason.is_some(),
        Allowed::Standing(standing) => standing.has_one_more(line),
    };
    if !is_allowed {
        let by_rule = ruling.rate;
        let why = format!("the rules give {by_rule}; another rate needs gst_rate_reason from an ACCOUNTANT or ADMIN");
        return Err(Fault::new("not_the_rate", why).at("gst_rate"));
    }
    if !terms.rates.knew(asked, terms.on) {
        return Err(Fault::new("no_such_rate", format!("there was no such rate on {}", terms.on)).at("gst_rate"));
    }
    let reason = line.gst_rate_reason.clone();
    Ok((ruling.set_by_hand(asked, reason.as_deref().unwrap_or_default()), reason))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use std::sync::LazyLock;

    use serde_json::{Value, json};

    use super::*;

    static RATES: LazyLock<RateTable> = LazyLock::new(|| RateTable::built_in().unwrap());

    fn bill_of(body: Value) -> Bill {
        let input = chassis::strict_json::parse(body).unwrap();
        Bill::complete(&input, &[], &[], "2026-11-23".parse().unwrap()).unwrap()
    }

    fn bill(items: Value) -> Bill {
        bill_of(json!({"patient": 1, "delivery_state": "29", "items": items}))
    }

    fn terms(overrides: Overrides<'_>) -> Terms<'_> {
        let (hospital, on) = ("27".parse().unwrap(), "2026-11-23".parse().unwrap());
        Terms { rates: &RATES, hospital, on, overrides, courtesy: discounts::Percent::new(10) }
    }

    fn item(kind: &str, quantity: &str, unit_price: &str) -> Value {
        let code = if kind == "PHARMACY" { "3004" } else { "9993" };
        json!({"description": "x", "sac_hsn": code, "kind": kind, "quantity": quantity, "unit_price": unit_price})
    }

    fn with(value: &Value, more: Value) -> Value {
        let mut value = value.clone();
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        value
    }

    fn codes(bill: &Bill, overrides: Overrides<'_>) -> Vec<(String, &'static str)> {
        let faults = price(bill, &terms(overrides)).unwrap_err();
        faults.0.into_iter().map(|fault| (fault.field, fault.code)).collect()
    }

    #[test]
    fn a_usual_hospital_bill() {
        let bill = bill(json!([
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
        let rules: Vec<_> = priced.lines.iter().map(|line| line.tax_reason.rule.as_str()).collect();
        assert_eq!(rules, ["HEALTH_CARE", "ROOM_ABOVE_5000", "ROOM_UP_TO_5000", "MEDICINE_SOLD_5"]);
        assert!(priced.lines[3].tax_reason.text.contains("IGST 5 %"));
    }

    #[test]
    fn the_document_follows_from_the_lines() {
        let of = |items| price(&bill(items), &terms(Overrides::WithReason)).unwrap().document_type;
        let medicine = item("PHARMACY", "1", "1");
        let nil = with(&medicine, json!({"circumstance": "LIFE_SAVING_MEDICINE"}));
        assert_eq!(of(json!([item("LAB", "1", "1")])), DocumentType::BillOfSupply);
        assert_eq!(of(json!([nil])), DocumentType::BillOfSupply);
        assert_eq!(of(json!([medicine])), DocumentType::TaxInvoice);
        assert_eq!(of(json!([medicine, item("LAB", "1", "1")])), DocumentType::InvoiceCumBillOfSupply);
        assert_eq!(of(json!([medicine, nil])), DocumentType::InvoiceCumBillOfSupply);
    }

    #[test]
    fn another_rate_needs_a_reason_and_somebody_who_may() {
        let mut plastic = with(&item("PROCEDURE", "1", "1000.00"), json!({"gst_rate": "18"}));
        let refused = |plastic: &Value, overrides| codes(&bill(json!([plastic])), overrides).remove(0);
        let priced = |plastic: &Value, overrides| price(&bill(json!([plastic])), &terms(overrides));
        assert_eq!(refused(&plastic, Overrides::WithReason), ("items.0.gst_rate".to_owned(), "not_the_rate"));
        plastic["gst_rate_reason"] = json!("cosmetic in part");
        assert_eq!(refused(&plastic, Overrides::Standing(&[])).1, "not_the_rate");
        let standing = bill(json!([plastic])).lines;
        assert!(priced(&plastic, Overrides::Standing(&standing)).is_ok());
        let twice = codes(&bill(json!([plastic, plastic])), Overrides::Standing(&standing));
        assert_eq!(twice, [("items.1.gst_rate".to_owned(), "not_the_rate")], "it was let once");
        let set = priced(&plastic, Overrides::WithReason).unwrap();
        assert_eq!(
            (set.lines[0].amounts.cgst.to_string().as_str(), set.lines[0].treatment),
            ("90.00", Treatment::Taxable)
        );
        assert!(set.lines[0].tax_reason.text.starts_with("cosmetic in part; by the rules it would be 0.00 %"));
        plastic["gst_rate"] = json!("12");
        assert_eq!(refused(&plastic, Overrides::WithReason).1, "no_such_rate");
        plastic["gst_rate"] = json!(0);
        assert!(priced(&plastic, Overrides::Standing(&[])).is_ok(), "the rules' own rate needs nobody");
    }

    #[test]
    fn a_circumstance_belongs_to_its_kind() {
        let line = with(&item("LAB", "1", "10.00"), json!({"circumstance": "RECONSTRUCTIVE"}));
        let refused = codes(&bill(json!([line])), Overrides::WithReason);
        assert_eq!(refused, [("items.0.circumstance".to_owned(), "not_of_this_kind")]);
    }

    #[test]
    fn a_code_belongs_to_its_kind() {
        let coded = |kind: &str, code: &str| with(&item(kind, "1", "10.00"), json!({"sac_hsn": code}));
        for (kind, code) in [
            ("PHARMACY", "999312"),
            ("PHARMACY", "9993"),
            ("LAB", "3004"),
            ("ROOM", "30049099"),
            ("COSMETIC", "3304"),
            ("OTHER", "9018"),
        ] {
            let refused = codes(&bill(json!([item("LAB", "1", "10.00"), coded(kind, code)])), Overrides::WithReason);
            assert_eq!(refused, [("items.1.sac_hsn".to_owned(), "not_of_this_kind")], "{kind} {code}");
        }
        for (kind, code) in [
            ("PHARMACY", "3004"),
            ("PHARMACY", "90183100"),
            ("LAB", "999316"),
            ("ROOM", "9963"),
            ("COSMETIC", "999722"),
            ("INPATIENT_MEDICINE", "999311"),
            ("INPATIENT_MEDICINE", "30049099"),
        ] {
            assert!(price(&bill(json!([coded(kind, code)])), &terms(Overrides::WithReason)).is_ok(), "{kind} {code}");
        }
    }

    #[test]
    fn a_discount_of_the_bill_lies_on_its_lines_before_tax() {
        let items =
            json!([item("PHARMACY", "1", "100.00"), item("LAB", "1", "200.00"), item("PHARMACY", "1", "33.33")]);
        let body = json!({"patient": 1, "items": items, "discount": "33.33", "discount_reason": "staff"});
        let priced = price(&bill_of(body), &terms(Overrides::WithReason)).unwrap();
        let shares: Vec<_> = priced.lines.iter().map(|line| line.bill_discount.to_string()).collect();
        assert_eq!(shares, ["10.00", "20.00", "3.33"]);
        assert_eq!(priced.lines[0].amounts.cgst.to_string(), "2.25", "5 % of 90.00 in halves");
        assert_eq!(
            (priced.totals.discount.to_string().as_str(), priced.totals.total.to_string().as_str()),
            ("33.33", "306.00")
        );
    }

    #[test]
    fn discounts_have_reasons_and_bounds() {
        let line = |discount: &str| with(&item("LAB", "1", "100.00"), json!({"discount": discount}));
        let of = |more: Value| bill_of(with(&json!({"patient": 1, "items": [line("0")]}), more));
        let one = |field: &str, code| vec![(field.to_owned(), code)];
        let any = Overrides::WithReason;
        assert_eq!(codes(&of(json!({"discount": "1.00"})), any), one("discount_reason", "required"));
        assert_eq!(
            codes(&of(json!({"discount": "1.00", "discount_reason": " "})), any),
            one("discount_reason", "required")
        );
        let above = of(json!({"discount": "100.01", "discount_reason": "x"}));
        assert_eq!(codes(&above, any), one("discount", "discount_above_price"));
        assert_eq!(codes(&of(json!({"items": [line("10.01")]})), any), one("items.0.discount_reason", "required"));
        for fine in [
            json!({"items": [line("10.00")]}),
            json!({"items": [line("10.01")], "discount_reason": "a colleague"}),
            json!({"items": [with(&line("100.00"), json!({"discount_reason": "charity"}))]}),
            json!({"discount": "100.00", "discount_reason": "charity"}),
        ] {
            assert!(price(&of(fine.clone()), &terms(any)).is_ok(), "{fine}");
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let mut bill = bill(json!([item("LAB", "1", "10.00"), item("LAB", "1000000", "999999999999.00")]));
        bill.lines[0].discount = "10.01".parse().unwrap();
        bill.due_date = Some("2026-11-22".parse().unwrap());
        let fields: Vec<_> = codes(&bill, Overrides::WithReason).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["due_date", "items.0.discount", "items.1.unit_price"]);
    }
}
