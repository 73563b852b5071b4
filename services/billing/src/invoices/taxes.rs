//! What the lines of a document come to, by treatment and rate (CGST Rules, rules 46(l) and (m), 53(1A)(h)). Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::Item;
use crate::money::Paise;
use crate::tax::{Rate, Treatment};

/// What the lines of one treatment and rate come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TaxAtRate {
    /// Exempt, nil or taxable.
    pub tax_treatment: Treatment,
    /// In percent, CGST and SGST together, or IGST.
    pub gst_rate: Rate,
    /// What the tax is reckoned on.
    pub taxable_value: Paise,
    /// Central tax.
    pub cgst: Paise,
    /// State tax, or that of the union territory.
    pub sgst: Paise,
    /// Integrated tax.
    pub igst: Paise,
}

impl TaxAtRate {
    /// Of these lines, the lowest rate first; lines that bear IGST stand apart.
    pub fn of<'a>(items: impl IntoIterator<Item = &'a Item>) -> Vec<Self> {
        let mut rates: BTreeMap<(Rate, bool, &str), Self> = BTreeMap::new();
        for item in items {
            let none = Self {
                tax_treatment: item.treated(),
                gst_rate: item.gst_rate,
                taxable_value: Paise::ZERO,
                cgst: Paise::ZERO,
                sgst: Paise::ZERO,
                igst: Paise::ZERO,
            };
            let rate = rates.entry((item.gst_rate, item.igst > Paise::ZERO, item.treated().as_str())).or_insert(none);
            rate.taxable_value = rate.taxable_value + item.gross - item.discount;
            rate.cgst = rate.cgst + item.cgst;
            rate.sgst = rate.sgst + item.sgst;
            rate.igst = rate.igst + item.igst;
        }
        rates.into_values().collect()
    }

    /// The taxes together.
    pub fn tax(&self) -> Paise {
        self.cgst + self.sgst + self.igst
    }
}
