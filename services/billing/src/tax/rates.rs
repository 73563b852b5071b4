//! Which rate a supply has on a day, and why: a table of data, read and checked once.
//!
//! The table is `data/gst-rates.yaml`; each of its rows cites the notification that it comes from. What was billed before a
//! change of the law keeps the rate of its own day.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::Deserialize;

use super::{Circumstance, Kind, Levy, Rate, StateTax, Treatment};
use crate::money::Paise;

/// The first day of GST: CGST Act, section 1(3), and the notifications that brought it into force.
const FIRST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(2017, 7, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// The law as far as a hospital needs it, by date.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateTable {
    version: NaiveDate,
    slabs: Vec<Slabs>,
    rules: Vec<Row>,
}

/// The rates that the law knew from a day on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slabs {
    from: NaiveDate,
    percent: Vec<i64>,
}

/// A row of the law: from this day on, such a supply is treated so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    rule: String,
    kinds: Vec<Kind>,
    #[serde(default)]
    circumstance: Option<Circumstance>,
    /// In rupees, for one unit.
    #[serde(default)]
    up_to: Option<i64>,
    /// In rupees, for one unit.
    #[serde(default)]
    above: Option<i64>,
    from: NaiveDate,
    /// The first day on which it holds no more.
    #[serde(default)]
    until: Option<NaiveDate>,
    treatment: Treatment,
    #[serde(default)]
    percent: i64,
    text: String,
    source: String,
}

/// What is supplied, as far as the law looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supply {
    /// What kind; it says the care setting too.
    pub kind: Kind,
    /// What the line says of itself.
    pub circumstance: Option<Circumstance>,
    /// For one unit, before any discount: a discount on the bill does not make a dear room a cheap one.
    pub unit_price: Paise,
}

/// What the law says of a supply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Exempt, nil or taxable.
    pub treatment: Treatment,
    /// The rate.
    pub rate: Rate,
    /// Why.
    pub reason: TaxReason,
}

/// Why a line bears the tax that it bears.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct TaxReason {
    /// The rule's name.
    #[schema(example = "ROOM_ABOVE_5000")]
    pub rule: String,
    /// The rule in words, with its source.
    #[schema(example = "A room outside intensive care of more than ₹5,000 a day is taxable, on the whole charge \
                        (Notification 11/2017-CT(R), serial 31A, inserted by 03/2022-CT(R)): CGST 2.5 % + SGST 2.5 %")]
    pub text: String,
}

/// The rule of a line whose rate somebody has set by hand.
pub const SET_BY_HAND: &str = "SET_BY_HAND";

impl RateTable {
    /// The table that comes with this version.
    ///
    /// # Errors
    /// Never with the file that was tested.
    pub fn built_in() -> Result<Self, WrongTable> {
        include_str!("../../data/gst-rates.yaml").parse()
    }

    /// What the law said on a day of a supply; none of what it did not foresee, such as a circumstance of another kind.
    pub fn on(&self, date: NaiveDate, supply: Supply) -> Option<Ruling> {
        let row = self.rules.iter().find(|row| row.holds(date, supply))?;
        let reason = TaxReason { rule: row.rule.clone(), text: format!("{} ({})", row.text, row.source) };
        Some(Ruling { treatment: row.treatment, rate: Rate::percent(row.percent), reason })
    }

    /// Whether the law knew this rate on that day.
    pub fn knew(&self, rate: Rate, date: NaiveDate) -> bool {
        let slabs = self.slabs.iter().filter(|slabs| slabs.from <= date).max_by_key(|slabs| slabs.from);
        slabs.is_some_and(|slabs| slabs.percent.iter().any(|percent| rate == Rate::percent(*percent)))
    }

    /// Whether a line of this kind may say this of itself.
    pub fn allows(&self, kind: Kind, circumstance: Circumstance) -> bool {
        self.rules.iter().any(|row| row.circumstance == Some(circumstance) && row.kinds.contains(&kind))
    }

    /// Everything that makes a table unfit to bill by.
    fn faults(&self) -> BTreeSet<String> {
        let mut faults = BTreeSet::new();
        for row in &self.rules {
            if row.rule.is_empty() || row.text.is_empty() || row.source.is_empty() {
                faults.insert(format!("{}: rule, text and source must say something", row.rule));
            }
            if (row.treatment == Treatment::Taxable) != (row.percent > 0) {
                faults.insert(format!("{}: what is taxable has a percentage above 0, what is not has none", row.rule));
            }
            if !self.knew(Rate::percent(row.percent), row.from) {
                faults.insert(format!("{}: there was no rate of {} % on {}", row.rule, row.percent, row.from));
            }
        }
        let turns = self.rules.iter().flat_map(|row| [Some(row.from), row.until]).flatten();
        for date in turns.chain([FIRST_DAY]) {
            for kind in Kind::ALL {
                for unit_price in self.prices() {
                    self.decided(date, Supply { kind: *kind, circumstance: None, unit_price }, &mut faults);
                }
            }
        }
        faults
    }

    /// Prices on both sides of every border in the table.
    fn prices(&self) -> impl Iterator<Item = Paise> {
        let borders = self.rules.iter().flat_map(|row| [row.up_to, row.above]).flatten().map(Paise::rupees);
        borders.flat_map(|border| [border, border + Paise::new(1)]).chain([Paise::ZERO])
    }

    /// Exactly one row decides on a supply.
    fn decided(&self, date: NaiveDate, supply: Supply, faults: &mut BTreeSet<String>) {
        let rows = self.rules.iter().filter(|row| row.holds(date, supply)).count();
        if rows != 1 {
            let (kind, price) = (supply.kind.as_str(), supply.unit_price);
            faults.insert(format!("{kind} at {price} on {date}: exactly one row must hold, not {rows}"));
        }
    }
}

impl Row {
    fn holds(&self, date: NaiveDate, supply: Supply) -> bool {
        self.from <= date
            && self.until.is_none_or(|end| date < end)
            && self.kinds.contains(&supply.kind)
            && self.circumstance == supply.circumstance
            && self.up_to.is_none_or(|border| supply.unit_price <= Paise::rupees(border))
            && self.above.is_none_or(|border| supply.unit_price > Paise::rupees(border))
    }
}

impl Ruling {
    /// What somebody has set in the place of the rules, who says why.
    pub fn set_by_hand(self, rate: Rate, why: &str) -> Self {
        let Self { rate: by_rule, reason, .. } = self;
        let text = format!("{why}; by the rules it would be {by_rule} %: {}", reason.text);
        let treatment = if rate == Rate::EXEMPT { Treatment::Exempt } else { Treatment::Taxable };
        Self { treatment, rate, reason: TaxReason { rule: SET_BY_HAND.to_owned(), text } }
    }

    /// The reason with the taxes that follow from it, each by its name.
    pub fn explained(&self, levy: Levy, state_tax: StateTax) -> TaxReason {
        let taxes = match (self.treatment, levy) {
            (Treatment::Exempt, _) => "no tax".to_owned(),
            (Treatment::Nil, _) => "taxed at 0 %".to_owned(),
            (Treatment::Taxable, Levy::Integrated) => {
                format!(
                    "IGST {} %, for goods delivered in another state (IGST Act, section 10(1)(a))",
                    self.rate.short()
                )
            }
            (Treatment::Taxable, Levy::Halves) => {
                let half = self.rate.half();
                format!("CGST {half} % + {} {half} %", state_tax.as_str())
            }
        };
        TaxReason { rule: self.reason.rule.clone(), text: format!("{}: {taxes}", self.reason.text) }
    }
}

/// A table that nobody could bill by.
#[derive(Debug, thiserror::Error)]
pub enum WrongTable {
    /// It cannot be read.
    #[error("is no table of rates: {0}")]
    Unreadable(#[from] serde_yaml_ng::Error),
    /// It contradicts itself, or says nothing of some supply.
    #[error("{0}")]
    Unfit(String),
}

impl FromStr for RateTable {
    type Err = WrongTable;

    fn from_str(text: &str) -> Result<Self, WrongTable> {
        let table: Self = serde_yaml_ng::from_str(text)?;
        let faults: Vec<_> = table.faults().into_iter().collect();
        if faults.is_empty() { Ok(table) } else { Err(WrongTable::Unfit(faults.join("; "))) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn supply(kind: Kind, rupees: i64) -> Supply {
        Supply { kind, circumstance: None, unit_price: Paise::rupees(rupees) }
    }

    #[test]
    fn the_examples_of_the_law() {
        use Treatment::{Exempt, Taxable};
        let table = RateTable::built_in().unwrap();
        let today = "2026-11-23";
        for (kind, rupees, date, treatment, percent, rule) in [
            (Kind::Consultation, 500, today, Exempt, 0, "HEALTH_CARE"),
            (Kind::Procedure, 90_000, today, Exempt, 0, "HEALTH_CARE"),
            (Kind::Lab, 300, today, Exempt, 0, "HEALTH_CARE"),
            (Kind::Imaging, 4500, today, Exempt, 0, "HEALTH_CARE"),
            (Kind::InpatientMedicine, 12_000, today, Exempt, 0, "INPATIENT_COMPOSITE_SUPPLY"),
            (Kind::Other, 1500, today, Exempt, 0, "HEALTH_CARE"),
            (Kind::Room, 4999, today, Exempt, 0, "ROOM_UP_TO_5000"),
            (Kind::Room, 5000, today, Exempt, 0, "ROOM_UP_TO_5000"),
            (Kind::Room, 5001, today, Taxable, 5, "ROOM_ABOVE_5000"),
            (Kind::Room, 5001, "2022-07-17", Exempt, 0, "ROOM_PART_OF_HEALTH_CARE"),
            (Kind::Room, 5000, "2022-07-18", Exempt, 0, "ROOM_UP_TO_5000"),
            (Kind::Room, 5001, "2022-07-18", Taxable, 5, "ROOM_ABOVE_5000"),
            (Kind::Icu, 25_000, today, Exempt, 0, "INTENSIVE_CARE"),
            (Kind::Cosmetic, 50_000, today, Taxable, 18, "COSMETIC"),
            (Kind::Pharmacy, 100, today, Taxable, 5, "MEDICINE_SOLD_5"),
            (Kind::Pharmacy, 100, "2025-09-22", Taxable, 5, "MEDICINE_SOLD_5"),
            (Kind::Pharmacy, 100, "2025-09-21", Taxable, 12, "MEDICINE_SOLD_12"),
            (Kind::Pharmacy, 100, "2017-07-01", Taxable, 12, "MEDICINE_SOLD_12"),
        ] {
            let ruling = table.on(day(date), supply(kind, rupees)).unwrap();
            let got = (ruling.treatment, ruling.rate, ruling.reason.rule.as_str());
            assert_eq!(got, (treatment, Rate::percent(percent), rule), "{kind:?} at {rupees} on {date}");
            assert!(ruling.reason.text.contains("Notification"), "{rule} cites its source");
        }
        let above = Supply { unit_price: Paise::new(500_001), ..supply(Kind::Room, 0) };
        assert_eq!(table.on(day(today), above).unwrap().rate, Rate::percent(5), "one paisa above");
        assert_eq!(table.on(day("2017-06-30"), supply(Kind::Lab, 1)), None, "there was no GST");
    }

    #[test]
    fn what_a_line_says_of_itself_counts_for_its_kind_and_from_its_day() {
        let table = RateTable::built_in().unwrap();
        let on = |date, kind, circumstance| {
            let supply = Supply { circumstance: Some(circumstance), ..supply(kind, 9000) };
            table.on(day(date), supply).map(|ruling| (ruling.treatment, ruling.rate))
        };
        use Circumstance::{LifeSavingMedicine, Reconstructive};
        let none = Rate::EXEMPT;
        assert_eq!(on("2026-11-23", Kind::Pharmacy, LifeSavingMedicine), Some((Treatment::Nil, none)));
        assert_eq!(on("2025-09-21", Kind::Pharmacy, LifeSavingMedicine), None, "not yet");
        assert_eq!(on("2026-11-23", Kind::Cosmetic, Reconstructive), Some((Treatment::Exempt, none)));
        assert_eq!(on("2026-11-23", Kind::Lab, Reconstructive), None);
        assert!(table.allows(Kind::Cosmetic, Reconstructive) && !table.allows(Kind::Cosmetic, LifeSavingMedicine));
    }

    #[test]
    fn the_law_knew_other_rates_on_other_days() {
        let table = RateTable::built_in().unwrap();
        for (percent, date, known) in [
            (12, "2025-09-21", true),
            (12, "2025-09-22", false),
            (28, "2025-09-22", false),
            (40, "2025-09-21", false),
            (40, "2025-09-22", true),
            (7, "2026-01-01", false),
            (5, "2017-06-30", false),
        ] {
            assert_eq!(table.knew(Rate::percent(percent), day(date)), known, "{percent} % on {date}");
        }
    }

    #[test]
    fn a_reason_names_the_taxes() {
        let table = RateTable::built_in().unwrap();
        let medicine = table.on(day("2026-11-23"), supply(Kind::Pharmacy, 10)).unwrap();
        let text = |levy, state_tax| medicine.explained(levy, state_tax).text;
        assert!(text(Levy::Halves, StateTax::Sgst).ends_with("schedule I): CGST 2.5 % + SGST 2.5 %"));
        assert!(text(Levy::Halves, StateTax::Utgst).ends_with("CGST 2.5 % + UTGST 2.5 %"));
        assert!(text(Levy::Integrated, StateTax::Sgst).contains("IGST 5 %, for goods delivered in another state"));
        let set = medicine.set_by_hand(Rate::percent(18), "a food supplement").explained(Levy::Halves, StateTax::Sgst);
        assert_eq!(set.rule, SET_BY_HAND);
        assert!(
            set.text.starts_with("a food supplement; by the rules it would be 5.00 %")
                && set.text.ends_with("SGST 9 %")
        );
    }

    #[test]
    fn a_table_that_nobody_could_bill_by_is_refused() {
        let built_in = include_str!("../../data/gst-rates.yaml");
        let refused = |text: &str| text.parse::<RateTable>().unwrap_err().to_string();
        let no_room = built_in.replace("above: 5000", "above: 6000");
        assert!(refused(&no_room).contains("ROOM at 5000.01 on 2022-07-18: exactly one row must hold, not 0"));
        let endless = built_in.replace("until: 2025-09-22", "until: 2025-09-23");
        assert!(refused(&endless).contains("PHARMACY at 0.00 on 2025-09-22: exactly one row must hold, not 2"));
        assert!(refused(&built_in.replace("kinds: [ICU]", "kinds: [LAB]")).contains("ICU at 0.00 on 2017-07-01"));
        assert!(refused(&built_in.replace("percent: 18\n", "percent: 17\n")).contains("no rate of 17 %"));
        assert!(refused(&built_in.replace("treatment: NIL", "treatment: TAXABLE")).contains("LIFE_SAVING_MEDICINE"));
        assert!(refused(&built_in.replace("text: A room for", "txt: A room for")).contains("txt"));
        assert!(refused("").starts_with("is no table of rates"));
    }
}
