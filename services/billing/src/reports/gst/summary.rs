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
    let mut rows: BTreeMap<(bool, bool), Paise> = BTreeMap::new();
    for sum in sums.iter().filter(|sum| sum.rate == Rate::EXEMPT) {
        let value = rows.entry((sum.inter_state, sum.registered)).or_default();
        *value = *value + sum.taxable_value;
    }
    let row = |((inter_state, registered), value): ((bool, bool), Paise)| ExemptRow {
        supply_type: supply_type(inter_state),
        recipient: if registered { "REGISTERED" } else { "UNREGISTERED" }.to_owned(),
        value,
    };
    rows.into_iter().map(row).collect()
}

/// Table 12.
pub fn hsn(sums: &[Sum]) -> Vec<HsnRow> {
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
        let shown: Vec<_> = rows.iter().map(|row| (row.recipient.as_str(), row.value.get())).collect();
        assert_eq!(shown, [("UNREGISTERED", 50_000), ("REGISTERED", 7_000)]);
    }

    #[test]
    fn the_summary_by_code_comes_to_the_total() {
        let rows = hsn(&all());
        assert_eq!(rows.len(), 3);
        assert_eq!(rows.iter().map(|row| row.unit.as_str()).collect::<Vec<_>>(), ["OTH", "NA", "NA"]);
        let total = total(&all());
        assert_eq!(rows.iter().map(|row| row.taxable_value).sum::<Paise>(), total.taxable_value);
        assert_eq!(rows.iter().map(|row| row.igst).sum::<Paise>(), total.igst);
        assert_eq!(rows.iter().map(|row| row.cgst).sum::<Paise>(), total.sgst);
    }
}
