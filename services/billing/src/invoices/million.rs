//! A million bills. What each of them comes to is reckoned here anew, from the law and in exact fractions, and compared with
//! what [`price`] made of it and with what its credit note takes back.

use std::num::NonZero;
use std::sync::LazyLock;
use std::thread::{available_parallelism, scope};

use chassis::fields::Id;
use chassis::text::Line;
use chrono::NaiveDate;

use super::Item;
use super::bill::{Bill, BillLine};
use super::discounts::Percent;
use super::input::SacHsn;
use super::pricing::{Overrides, Priced, Terms, price};
use crate::credit_notes::credit_note::taken_back;
use crate::money::Paise;
use crate::quantity::Quantity;
use crate::tax::{Circumstance, DocumentType, Kind, Rate, RateTable, StateCode, Totals, Treatment};

const BATCHES: usize = 100;
const BILLS_OF_A_BATCH: usize = 10_000;

static RATES: LazyLock<RateTable> = LazyLock::new(|| RateTable::built_in().unwrap());
static LINE: LazyLock<BillLine> = LazyLock::new(|| BillLine {
    service: None,
    description: Line::new("As agreed").unwrap(),
    sac_hsn: SacHsn::known("999312"),
    kind: Kind::Other,
    circumstance: None,
    quantity: Quantity::ONE,
    unit_price: Paise::ZERO,
    discount: Paise::ZERO,
    discount_reason: None,
    gst_rate: None,
    gst_rate_reason: None,
});

/// Numbers that look random and are the same every time (SplitMix64, Steele and others 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: i64) -> i64 {
        i64::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(i64::try_from(all.len()).unwrap())).unwrap()]
    }

    /// A line that the law knew on that day.
    fn line(&mut self, day: NaiveDate) -> BillLine {
        let kind = self.one_of(Kind::ALL);
        let circumstance = match (kind, self.below(4)) {
            (Kind::Pharmacy, 0) if day >= reform() => Some(Circumstance::LifeSavingMedicine),
            (Kind::Cosmetic, 0) => Some(Circumstance::Reconstructive),
            _ => None,
        };
        // small prices are where rounding shows, large ones where sums grow, 5,000 rupees where rooms begin to be taxed
        let most = self.one_of(&[200, 10_000, 1_000_000_000]);
        let anything = self.below(most);
        let unit_price = Paise::new(self.one_of(&[anything, anything, anything, 500_000, 500_001]));
        let quantity = Quantity::new(1 + self.below(3000)).unwrap();
        let sac_hsn = code_of(kind);
        let mut line = BillLine { kind, sac_hsn, circumstance, quantity, unit_price, ..LINE.clone() };
        if self.below(4) == 0 {
            line.discount = Paise::new(self.below(i64::try_from(gross(&line)).unwrap() + 1));
        }
        if self.below(8) == 0 {
            let known = if day < reform() { [0, 5, 12, 18, 28] } else { [0, 5, 5, 18, 40] };
            line.gst_rate = Some(Rate::percent(self.one_of(&known)));
            line.gst_rate_reason = Some(Line::new("An advance ruling").unwrap());
        }
        line
    }

    fn bill(&mut self, day: NaiveDate) -> Bill {
        let mut lines: Vec<_> = (0..=self.below(3)).map(|_| self.line(day)).collect();
        if self.below(4) == 0 {
            // as dear as the first, and taxed otherwise: which of them has the odd paisa of a discount must not be chance
            let kind = self.one_of(&[Kind::Lab, Kind::Pharmacy, Kind::Cosmetic]);
            let first = lines[0].clone();
            let sac_hsn = code_of(kind);
            lines.push(BillLine { kind, sac_hsn, circumstance: None, gst_rate: None, gst_rate_reason: None, ..first });
        }
        let worth: i128 = lines.iter().map(worth).sum();
        let some = self.below(i64::try_from(worth).unwrap() + 1);
        Bill {
            patient: Id::new(7),
            appointment: None,
            due_date: None,
            delivery_state: self.one_of(&[None, Some("27"), Some("29")]).map(|code| code.parse().unwrap()),
            delivery_address: None,
            registered_recipient: None,
            discount: Paise::new(self.one_of(&[0, some])),
            discount_reason: Some(Line::new("regular").unwrap()),
            lines,
        }
    }
}

fn code_of(kind: Kind) -> SacHsn {
    SacHsn::known(if kind.is_goods() { "3004" } else { "999312" })
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The day on which the slabs of 12 % and 28 % went.
fn reform() -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 9, 22).unwrap()
}

/// The nearest whole number to a fraction; a half goes up.
fn nearest(numerator: i128, denominator: i128) -> i128 {
    let (whole, rest) = (numerator / denominator, numerator % denominator);
    if rest >= denominator - rest { whole + 1 } else { whole }
}

/// In paise.
fn gross(line: &BillLine) -> i128 {
    nearest(i128::from(line.unit_price.get()) * i128::from(line.quantity.thousandths()), 1000)
}

/// In paise, before the bill's own discount.
fn worth(line: &BillLine) -> i128 {
    gross(line) - i128::from(line.discount.get())
}

/// In whole percent: Notifications 11/2017 and 12/2017-CT(R) as amended, and for medicines 1/2017, 9/2025 and 10/2025-CT(R).
fn by_law(line: &BillLine, on: NaiveDate) -> (Treatment, i128) {
    let rooms_are_taxed = on >= NaiveDate::from_ymd_opt(2022, 7, 18).unwrap();
    match (line.kind, line.circumstance) {
        (Kind::Room, _) if rooms_are_taxed && line.unit_price.get() > 5000 * 100 => (Treatment::Taxable, 5),
        (Kind::Pharmacy, Some(_)) => (Treatment::Nil, 0),
        (Kind::Pharmacy, None) => (Treatment::Taxable, if on < reform() { 12 } else { 5 }),
        (Kind::Cosmetic, None) => (Treatment::Taxable, 18),
        _ => (Treatment::Exempt, 0),
    }
}

/// How a line is treated, and its percentage: by law, or as somebody has said who may.
fn treated(line: &BillLine, on: NaiveDate) -> (Treatment, i128) {
    let (treatment, percent) = by_law(line, on);
    let asked = line.gst_rate.map(|rate| i128::from(rate.basis_points()) / 100);
    match asked.filter(|asked| *asked != percent) {
        None => (treatment, percent),
        Some(0) => (Treatment::Exempt, 0),
        Some(asked) => (Treatment::Taxable, asked),
    }
}

/// Gross, discount, CGST, SGST, IGST of a line that bears this share of the bill's discount, in paise.
fn reckoned(line: &BillLine, share: i128, percent: i128, delivery: Option<StateCode>) -> [i128; 5] {
    let value = worth(line) - share;
    let discount = i128::from(line.discount.get()) + share;
    let leaves = delivery.is_some_and(|state| state.as_str() != "27") && line.kind == Kind::Pharmacy;
    let (half, igst) = if leaves { (0, nearest(value * percent, 100)) } else { (nearest(value * percent, 200), 0) };
    [gross(line), discount, half, half, igst]
}

/// Sub-total, discount, CGST, SGST, IGST, round-off and total of a bill, in paise.
fn summed(lines: &[[i128; 5]]) -> [i128; 7] {
    let [gross, discount, cgst, sgst, igst] =
        lines.iter().fold([0; 5], |sums, line| std::array::from_fn(|amount| sums[amount] + line[amount]));
    let exact = gross - discount + cgst + sgst + igst;
    let total = nearest(exact, 100) * 100;
    [gross, discount, cgst, sgst, igst, total - exact, total]
}

fn amounts(totals: &Totals) -> [i128; 7] {
    let Totals { subtotal, discount, cgst, sgst, igst, round_off, total } = *totals;
    [subtotal, discount, cgst, sgst, igst, round_off, total].map(|amount| i128::from(amount.get()))
}

/// Compares every line, and gives what they come to.
fn compare(bill: &Bill, priced: &Priced, on: NaiveDate) -> [i128; 7] {
    let (discount, worth_of_all) = (i128::from(bill.discount.get()), bill.lines.iter().map(worth).sum::<i128>());
    let mut lines = Vec::with_capacity(bill.lines.len());
    let (mut taxed, mut untaxed, mut laid) = (false, false, 0);
    for (line, got) in bill.lines.iter().zip(&priced.lines) {
        let (treatment, percent) = treated(line, on);
        let share = i128::from(got.bill_discount.get());
        let expected = reckoned(line, share, percent, bill.delivery_state);
        let [gross, off, cgst, sgst, igst] = expected;
        assert_eq!(
            (got.treatment, i128::from(got.rate.basis_points())),
            (treatment, percent * 100),
            "{line:?} on {on}"
        );
        let settled = got.amounts;
        let shown = [settled.gross, settled.discount, settled.cgst, settled.sgst, settled.igst];
        assert_eq!(shown.map(|amount| i128::from(amount.get())), expected, "{line:?} of {bill:?} on {on}");
        let (value, total) = (i128::from(settled.taxable_value.get()), i128::from(settled.total.get()));
        assert_eq!((value, total), (gross - off, gross - off + cgst + sgst + igst), "{line:?}");
        // in proportion to the line's value, to the paisa
        assert!((0..=worth(line)).contains(&share), "{share} of {bill:?}");
        let aside = share * worth_of_all - discount * worth(line);
        assert!(aside == 0 || aside.abs() < worth_of_all, "{share} of {bill:?}");
        laid += share;
        if percent > 0 {
            taxed = true
        } else {
            untaxed = true
        }
        lines.push(expected);
    }
    assert_eq!(
        (priced.lines.len(), laid),
        (bill.lines.len(), discount),
        "the whole discount is on the lines: {bill:?}"
    );
    let document = match (taxed, untaxed) {
        (true, true) => DocumentType::InvoiceCumBillOfSupply,
        (true, false) => DocumentType::TaxInvoice,
        _ => DocumentType::BillOfSupply,
    };
    assert_eq!(priced.document_type, document, "{bill:?}");
    summed(&lines)
}

fn batch(number: usize) {
    let mut numbers = Numbers(u64::try_from(2026 + number).unwrap());
    let days = ["2022-07-17", "2022-07-18", "2025-09-21", "2025-09-22", "2026-11-27"].map(day);
    let hospital = "27".parse().unwrap();
    for _ in 0..BILLS_OF_A_BATCH {
        let on = numbers.one_of(&days);
        let mut bill = numbers.bill(on);
        let (overrides, courtesy) = (Overrides::WithReason, Percent::new(0));
        let terms = Terms { rates: &RATES, hospital, on, overrides, courtesy };
        let priced = price(&bill, &terms).unwrap();
        let expected = compare(&bill, &priced, on);
        assert_eq!(amounts(&priced.totals), expected, "{bill:?} on {on}");
        let note = taken_back(&Item::rows(1, &priced)).unwrap();
        assert_eq!(amounts(&note), expected, "the credit note undoes {bill:?} of {on}");
        bill.lines.reverse();
        assert_eq!(price(&bill, &terms).unwrap().totals, priced.totals, "in another order: {bill:?} on {on}");
    }
}

#[test]
fn a_million_bills_come_to_what_the_law_asks_and_their_credit_notes_undo_them() {
    let threads = available_parallelism().map_or(1, NonZero::get);
    scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || (first..BATCHES).step_by(threads).for_each(batch));
        }
    });
}
