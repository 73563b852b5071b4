//! From sums of lines to the tables of GSTR-1. Pure.

use std::collections::BTreeMap;

use super::rows::{ExemptRow, GstTotal, HsnRow, OthersRow};
use crate::money::Paise;
use crate::tax::Rate;

/// What lines of the same kind come to; of credit notes, below nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Whether the recipient is registered.
    pub registered: bool,
    /// Whether it is told document by document, for its size.
    pub large: bool,
    /// Of what bears no tax, whether it is taxed at 0 % rather than exempt.
    pub nil: bool,
    /// Whether the place of supply is in another state.
    pub inter_state: bool,
    /// State code of the place of supply.
    pub place: String,
    /// HSN or SAC.
    pub sac_hsn: String,
    /// The rate.
    pub rate: Rate,
    /// In thousandths.
    pub quantity: i64,
    /// Without tax.
    pub taxable_value: Paise,
    /// Integrated tax.
    pub igst: Paise,
    /// Central tax.
    pub cgst: Paise,
    /// State tax.
    pub sgst: Paise,
}

/// Table 7: what is taxed, to recipients without a registration, and not told document by document.
pub fn others(sums: &[Sum]) -> Vec<OthersRow> {
    let mut rows: BTreeMap<(bool, &str, Rate), OthersRow> = BTreeMap::new();
    for sum in sums.iter().filter(|sum| !sum.registered && !sum.large && sum.rate > Rate::EXEMPT) {
        let row = rows.entry((sum.inter_state, &sum.place, sum.rate)).or_insert_with(|| OthersRow {
            supply_type: supply_type(sum.inter_state),
            place_of_supply: sum.place.clone(),
            rate: sum.rate,
            taxable_value: Paise::ZERO,
            igst: Paise::ZERO,
            cgst: Paise::ZERO,
            sgst: Paise::ZERO,
        });
        row.taxable_value = row.taxable_value + sum.taxable_value;
        row.igst = row.igst + sum.igst;
        row.cgst = row.cgst + sum.cgst;
        row.sgst = row.sgst + sum.sgst;
    }
    rows.into_values().collect()
}

/// Table 8.
pub fn exempt(sums: &[Sum]) -> Vec<ExemptRow> {
    let mut rows: BTreeMap<(bool, bool), ExemptRow> = BTreeMap::new();
    for sum in sums.iter().filter(|sum| sum.rate == Rate::EXEMPT) {
        let row = rows.entry((sum.inter_state, sum.registered)).or_insert_with(|| ExemptRow {
            supply_type: supply_type(sum.inter_state),
            recipient: if sum.registered { "REGISTERED" } else { "UNREGISTERED" }.to_owned(),
            nil_rated: Paise::ZERO,
            exempted: Paise::ZERO,
            non_gst: Paise::ZERO,
        });
        let value = if sum.nil { &mut row.nil_rated } else { &mut row.exempted };
        *value = *value + sum.taxable_value;
    }
    rows.into_values().collect()
}

/// Table 12 of supplies to registered recipients; since the return of May 2025 it is two (GSTN's advisory on phase III of table 12).
pub fn hsn_b2b(sums: &[Sum]) -> Vec<HsnRow> {
    hsn(sums.iter().filter(|sum| sum.registered))
}

/// Table 12 of supplies to others.
pub fn hsn_b2c(sums: &[Sum]) -> Vec<HsnRow> {
    hsn(sums.iter().filter(|sum| !sum.registered))
}

fn hsn<'s>(sums: impl Iterator<Item = &'s Sum>) -> Vec<HsnRow> {
    let mut rows: BTreeMap<(&str, Rate), HsnRow> = BTreeMap::new();
    for sum in sums {
        let row = rows.entry((&sum.sac_hsn, sum.rate)).or_insert_with(|| HsnRow {
            sac_hsn: sum.sac_hsn.clone(),
            // chapter 99 of the scheme of classification is that of services
            unit: if sum.sac_hsn.starts_with("99") { "NA" } else { "OTH" }.to_owned(),
            rate: sum.rate,
            quantity_thousandths: 0,
            taxable_value: Paise::ZERO,
            igst: Paise::ZERO,
            cgst: Paise::ZERO,
            sgst: Paise::ZERO,
            total_value: Paise::ZERO,
        });
        row.quantity_thousandths += sum.quantity;
        row.taxable_value = row.taxable_value + sum.taxable_value;
        row.igst = row.igst + sum.igst;
        row.cgst = row.cgst + sum.cgst;
        row.sgst = row.sgst + sum.sgst;
        row.total_value = row.taxable_value + row.igst + row.cgst + row.sgst;
    }
    rows.into_values().collect()
}

/// What all lines come to.
pub fn total(sums: &[Sum]) -> GstTotal {
    let of = |amount: fn(&Sum) -> Paise| sums.iter().map(amount).sum();
    GstTotal {
        taxable_value: of(|sum| sum.taxable_value),
        igst: of(|sum| sum.igst),
        cgst: of(|sum| sum.cgst),
        sgst: of(|sum| sum.sgst),
    }
}

/// What tables 7 and 8 come to.
pub fn without_documents(sums: &[Sum]) -> GstTotal {
    let mut total = GstTotal::default();
    for row in others(sums) {
        total.taxable_value = total.taxable_value + row.taxable_value;
        total.igst = total.igst + row.igst;
        total.cgst = total.cgst + row.cgst;
        total.sgst = total.sgst + row.sgst;
    }
    for row in exempt(sums) {
        total.taxable_value = total.taxable_value + row.nil_rated + row.exempted + row.non_gst;
    }
    total
}

fn supply_type(inter_state: bool) -> String {
    if inter_state { "INTER" } else { "INTRA" }.to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    fn sum(registered: bool, large: bool, inter_state: bool, sac_hsn: &str, percent: i64, value: i64) -> Sum {
        let tax = value * percent / 100;
        Sum {
            registered,
            large,
            nil: false,
            inter_state,
            place: if inter_state { "29" } else { "27" }.to_owned(),
            sac_hsn: sac_hsn.to_owned(),
            rate: Rate::percent(percent),
            quantity: 1000,
            taxable_value: Paise::new(value),
            igst: Paise::new(if inter_state { tax } else { 0 }),
            cgst: Paise::new(if inter_state { 0 } else { tax / 2 }),
            sgst: Paise::new(if inter_state { 0 } else { tax / 2 }),
        }
    }

    fn all() -> Vec<Sum> {
        vec![
            sum(false, false, false, "9993", 0, 50_000),
            Sum { nil: true, ..sum(false, false, false, "3004", 0, 900) },
            sum(true, false, false, "9993", 0, 7_000),
            sum(false, false, false, "9963", 5, 1_200_000),
            sum(false, false, false, "9963", 5, -600_000),
            sum(false, false, true, "3004", 5, 10_000),
            sum(false, true, true, "3004", 5, 20_000_000),
            sum(true, false, false, "3004", 5, 40_000),
        ]
    }

    #[test]
    fn what_is_told_by_document_is_in_no_other_table() {
        let rows = others(&all());
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row.supply_type.as_str(), row.taxable_value.get(), row.cgst.get(), row.igst.get()))
            .collect();
        assert_eq!(shown, [("INTRA", 600_000, 15_000, 0), ("INTER", 10_000, 0, 500)]);
    }

    #[test]
    fn exempt_supplies_stand_apart() {
        let rows = exempt(&all());
        let shown = rows.iter().map(|row| (row.recipient.as_str(), row.nil_rated.get(), row.exempted.get()));
        assert_eq!(shown.collect::<Vec<_>>(), [("UNREGISTERED", 900, 50_000), ("REGISTERED", 0, 7_000)]);
    }

    #[test]
    fn the_summary_by_code_comes_to_the_total() {
        let (mut rows, others) = (hsn_b2b(&all()), hsn_b2c(&all()));
        let shown = |rows: &[HsnRow]| -> Vec<_> {
            rows.iter().map(|row| (row.sac_hsn.clone(), row.unit.clone(), row.taxable_value.get())).collect()
        };
        let row = |code: &str, unit: &str, value| (code.to_owned(), unit.to_owned(), value);
        assert_eq!(shown(&rows), [row("3004", "OTH", 40_000), row("9993", "NA", 7_000)]);
        let expected = [row("3004", "OTH", 900), row("3004", "OTH", 20_010_000), row("9963", "NA", 600_000)];
        assert_eq!(shown(&others)[..3], expected);
        rows.extend(others);
        let total = total(&all());
        assert_eq!(rows.iter().map(|row| row.taxable_value).sum::<Paise>(), total.taxable_value);
        assert_eq!(rows.iter().map(|row| row.igst).sum::<Paise>(), total.igst);
        assert_eq!(rows.iter().map(|row| row.cgst).sum::<Paise>(), total.sgst);
    }

    #[test]
    fn what_is_not_told_by_document_comes_to_the_rest() {
        let rest = without_documents(&all());
        // 6,000 and 100 that are taxed, 509 and 70 that are not
        assert_eq!((rest.taxable_value.get(), rest.igst.get(), rest.cgst.get()), (667_900, 500, 15_000));
    }
}
