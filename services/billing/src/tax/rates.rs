//! Which rate a supply has on a day.
//!
//! The rates are data: a change of the law is a new row with its first day, and what was billed before keeps the rate of its
//! own day. Sources: Notification 12/2017-CT(R), serial 74 with its explanation (health care is exempt, cosmetic surgery and
//! hair transplant are not); Notification 04/2022-CT(R) (room above ₹5,000 a day, from 18 July 2022); Notification
//! 11/2017-CT(R) (18 % where nothing else is said); the rate schedule of 22 September 2025 (medicines from 12 % to 5 %).

use chrono::NaiveDate;

use super::{Kind, Rate};
use crate::money::Paise;

/// The price of a day's room up to which it is exempt.
pub const EXEMPT_ROOM: Paise = Paise::rupees(5000);

/// One row of the law: from this day on, this kind of supply has this rate.
struct Row {
    kind: Kind,
    /// The rate holds only for a unit price above this.
    above: Option<Paise>,
    from: NaiveDate,
    rate: Rate,
}

/// What is not in the table is exempt.
const TABLE: &[Row] = &[
    Row { kind: Kind::Room, above: Some(EXEMPT_ROOM), from: day(2022, 7, 18), rate: Rate::percent(5) },
    Row { kind: Kind::Cosmetic, above: None, from: day(2017, 7, 1), rate: Rate::percent(18) },
    Row { kind: Kind::Pharmacy, above: None, from: day(2017, 7, 1), rate: Rate::percent(12) },
    Row { kind: Kind::Pharmacy, above: None, from: day(2025, 9, 22), rate: Rate::percent(5) },
];

/// The rate of a supply of this kind, at this price for one unit (a room's is a day), on the day of supply.
///
/// A room is measured by its price for a day before any discount: a discount on the bill does not make a dear room a cheap one.
pub fn rate_on(kind: Kind, unit_price: Paise, date: NaiveDate) -> Rate {
    TABLE
        .iter()
        .filter(|row| row.kind == kind && row.from <= date && row.above.is_none_or(|floor| unit_price > floor))
        .max_by_key(|row| row.from)
        .map_or(Rate::EXEMPT, |row| row.rate)
}

/// A day of the table, checked when it is compiled.
#[expect(clippy::panic, reason = "evaluated in constants only: a wrong day does not compile")]
pub(super) const fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => date,
        None => panic!("no such day"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_law() {
        let today = day(2026, 11, 23);
        for (kind, rupees, date, percent) in [
            (Kind::Consultation, 500, today, 0),
            (Kind::Procedure, 90_000, today, 0),
            (Kind::Lab, 300, today, 0),
            (Kind::Imaging, 4500, today, 0),
            (Kind::InpatientMedicine, 12_000, today, 0),
            (Kind::Other, 1500, today, 0),
            (Kind::Room, 4999, today, 0),
            (Kind::Room, 5000, today, 0),
            (Kind::Room, 5001, today, 5),
            (Kind::Room, 5001, day(2022, 7, 17), 0),
            (Kind::Room, 5001, day(2022, 7, 18), 5),
            (Kind::Icu, 25_000, today, 0),
            (Kind::Cosmetic, 50_000, today, 18),
            (Kind::Pharmacy, 100, today, 5),
            (Kind::Pharmacy, 100, day(2025, 9, 22), 5),
            (Kind::Pharmacy, 100, day(2025, 9, 21), 12),
        ] {
            assert_eq!(
                rate_on(kind, Paise::rupees(rupees), date),
                Rate::percent(percent),
                "{kind:?} at {rupees} on {date}"
            );
        }
        assert_eq!(rate_on(Kind::Room, Paise::new(500_001), today), Rate::percent(5), "one paisa above");
    }

    #[test]
    fn every_rate_of_the_table_existed_on_its_first_day() {
        assert!(TABLE.iter().all(|row| row.rate.existed_on(row.from)));
        assert!(!Rate::percent(12).existed_on(day(2025, 9, 22)));
        assert!(!Rate::percent(7).existed_on(day(2025, 9, 22)));
    }
}
