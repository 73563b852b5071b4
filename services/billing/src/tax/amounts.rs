//! A line's amounts and a document's: settled to the paisa once per line, totalled, then rounded to the rupee.

use chassis::strict_json::Fault;
use diesel::prelude::*;

use super::{Levy, MOST_LINES, Rate};
use crate::money::Paise;
use crate::quantity::Quantity;

/// What a line charges, with its rate and taxes already decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// How much.
    pub quantity: Quantity,
    /// For one.
    pub unit_price: Paise,
    /// Off the whole line, before tax.
    pub discount: Paise,
    /// CGST and SGST together, or IGST.
    pub rate: Rate,
    /// Which of them.
    pub levy: Levy,
}

/// A line's amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineAmounts {
    /// Quantity times unit price.
    pub gross: Paise,
    /// Taken off.
    pub discount: Paise,
    /// What the tax is reckoned on: gross less discount.
    pub taxable_value: Paise,
    /// Central tax.
    pub cgst: Paise,
    /// State tax, or that of the union territory: always equal to `cgst`.
    pub sgst: Paise,
    /// Integrated tax, instead of the two.
    pub igst: Paise,
    /// Taxable value and taxes.
    pub total: Paise,
}

impl LineAmounts {
    /// The amounts of a line that was settled before: gross, discount, the half, IGST.
    pub fn settled(gross: Paise, discount: Paise, half: Paise, igst: Paise) -> Self {
        let taxable_value = gross - discount;
        let total = taxable_value + half + half + igst;
        Self { gross, discount, taxable_value, cgst: half, sgst: half, igst, total }
    }
}

impl Charge {
    /// The amounts of this line.
    ///
    /// # Errors
    /// A fault whose field is the line's: a discount above the price, or a value above [`Paise::MOST`].
    pub fn amounts(&self) -> Result<LineAmounts, Fault> {
        let gross = gross(self.unit_price, self.quantity).ok_or_else(too_large)?;
        if self.discount > gross {
            return Err(Fault::new(
                "discount_above_price",
                "the discount must not be more than quantity times unit price",
            ));
        }
        let taxable_value = gross - self.discount;
        let (half, igst) = match self.levy {
            // one half worked out, used twice: CGST and SGST are equal to the paisa
            Levy::Halves => (taxable_value.times(self.rate.basis_points(), 20_000), Some(Paise::ZERO)),
            Levy::Integrated => (Some(Paise::ZERO), taxable_value.times(self.rate.basis_points(), 10_000)),
        };
        let (half, igst) = (half.ok_or_else(too_large)?, igst.ok_or_else(too_large)?);
        Ok(LineAmounts::settled(gross, self.discount, half, igst))
    }
}

/// What a quantity comes to, before discount and tax, to the paisa; `None` above [`Paise::MOST`].
pub fn gross(unit_price: Paise, quantity: Quantity) -> Option<Paise> {
    unit_price.times(quantity.thousandths(), 1000)
}

fn too_large() -> Fault {
    Fault::new("too_large", "the line's value must be at most 1000000000000.00")
}

/// A document's amounts: the sums of its lines, rounded to the rupee in sight of all.
///
/// The fields are named as the columns of `invoices`, so that they go there and come back as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = crate::schema::invoices, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
pub struct Totals {
    /// Of the lines' gross amounts.
    pub subtotal: Paise,
    /// Of the lines' discounts.
    pub discount: Paise,
    /// Of the lines' central tax.
    pub cgst: Paise,
    /// Of the lines' state tax.
    pub sgst: Paise,
    /// Of the lines' integrated tax.
    pub igst: Paise,
    /// What rounding added, or took: −49 to +50 paise.
    pub round_off: Paise,
    /// What is to be paid: whole rupees.
    pub total: Paise,
}

impl Totals {
    /// The totals of these lines, whatever their order.
    ///
    /// # Errors
    /// No lines, too many, or a total above [`Paise::MOST`].
    pub fn of(lines: &[LineAmounts]) -> Result<Self, Fault> {
        match lines.len() {
            0 => return Err(Fault::new("required", "must have at least one item")),
            1..=MOST_LINES => {}
            _ => return Err(Fault::new("too_many", format!("must have at most {MOST_LINES} items"))),
        }
        let sum = |amount: fn(&LineAmounts) -> Paise| lines.iter().map(amount).sum::<Paise>();
        let exact = sum(|line| line.total);
        let total = exact.to_the_rupee();
        if total > Paise::MOST {
            return Err(Fault::new("too_large", "the total must be at most 1000000000000.00"));
        }
        Ok(Self {
            subtotal: sum(|line| line.gross),
            discount: sum(|line| line.discount),
            cgst: sum(|line| line.cgst),
            sgst: sum(|line| line.sgst),
            igst: sum(|line| line.igst),
            round_off: total - exact,
            total,
        })
    }

    /// What the taxes were reckoned on.
    pub fn taxable_value(&self) -> Paise {
        self.subtotal - self.discount
    }

    /// All taxes together.
    pub fn tax(&self) -> Paise {
        self.cgst + self.sgst + self.igst
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn charge(quantity: &str, unit_price: &str, discount: &str, percent: i64, levy: Levy) -> Charge {
        Charge {
            quantity: quantity.parse().unwrap(),
            unit_price: unit_price.parse().unwrap(),
            discount: discount.parse().unwrap(),
            rate: Rate::percent(percent),
            levy,
        }
    }

    /// quantity, unit price, discount, percent, levy, taxable value, CGST = SGST, IGST, total
    type Example =
        (&'static str, &'static str, &'static str, i64, Levy, &'static str, &'static str, &'static str, &'static str);

    #[test]
    fn worked_examples() {
        let examples: &[Example] = &[
            ("1", "500.00", "0", 0, Levy::Halves, "500.00", "0.00", "0.00", "500.00"),
            ("3", "6000.00", "0", 5, Levy::Halves, "18000.00", "450.00", "0.00", "18900.00"),
            ("1", "1000.00", "0", 18, Levy::Halves, "1000.00", "90.00", "0.00", "1180.00"),
            ("1", "1000.00", "100.00", 18, Levy::Halves, "900.00", "81.00", "0.00", "1062.00"),
            ("10", "12.35", "0", 5, Levy::Halves, "123.50", "3.09", "0.00", "129.68"),
            ("10", "12.35", "0", 5, Levy::Integrated, "123.50", "0.00", "6.18", "129.68"),
            ("0.5", "0.01", "0", 0, Levy::Halves, "0.01", "0.00", "0.00", "0.01"),
            ("2", "50.00", "100.00", 5, Levy::Halves, "0.00", "0.00", "0.00", "0.00"),
        ];
        for (quantity, price, discount, percent, levy, taxable, half, igst, total) in examples {
            let line = charge(quantity, price, discount, *percent, *levy).amounts().unwrap();
            let shown =
                [line.taxable_value, line.cgst, line.sgst, line.igst, line.total].map(|amount| amount.to_string());
            assert_eq!(
                shown.each_ref().map(String::as_str),
                [*taxable, half, half, igst, total],
                "{quantity} × {price}"
            );
        }
    }

    #[test]
    fn a_discount_above_the_price_and_a_value_above_the_bound_are_refused() {
        assert_eq!(charge("2", "50.00", "100.01", 5, Levy::Halves).amounts().unwrap_err().code, "discount_above_price");
        assert_eq!(charge("2", "999999999999.00", "0", 0, Levy::Halves).amounts().unwrap_err().code, "too_large");
        let line = charge("1", "999999999999.00", "0", 0, Levy::Halves).amounts().unwrap();
        assert_eq!(Totals::of(&[line, line]).unwrap_err().code, "too_large");
        assert_eq!(Totals::of(&[]).unwrap_err().code, "required");
        assert_eq!(Totals::of(&[line; MOST_LINES + 1]).unwrap_err().code, "too_many");
    }

    #[test]
    fn rounding_is_shown() {
        for (price, round_off, total) in
            [("100.49", "-0.49", "100.00"), ("100.50", "0.50", "101.00"), ("100.00", "0.00", "100.00")]
        {
            let totals = Totals::of(&[charge("1", price, "0", 0, Levy::Halves).amounts().unwrap()]).unwrap();
            assert_eq!((totals.round_off.to_string().as_str(), totals.total.to_string().as_str()), (round_off, total));
        }
    }

    prop_compose! {
        fn any_charge()(
            thousandths in 1_i64..100_000_000,
            price in 0_i64..10_000_000,
            share in 0_i64..=100,
            percent in proptest::sample::select(vec![0, 5, 12, 18, 28]),
            integrated in any::<bool>(),
        ) -> Charge {
            let quantity = format!("{}.{:03}", thousandths / 1000, thousandths % 1000).parse::<Quantity>().unwrap();
            let unit_price = Paise::new(price);
            let discount = Paise::new(unit_price.times(quantity.thousandths(), 1000).unwrap().get() * share / 100);
            let levy = if integrated { Levy::Integrated } else { Levy::Halves };
            Charge { quantity, unit_price, discount, rate: Rate::percent(percent), levy }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn halves_are_equal_and_the_nearest_paisa_to_the_rate(charge in any_charge()) {
            let line = charge.amounts().unwrap();
            prop_assert_eq!(line.cgst, line.sgst);
            prop_assert_eq!(line.total, line.taxable_value + line.cgst + line.sgst + line.igst);
            prop_assert!(line.cgst == Paise::ZERO || line.igst == Paise::ZERO);
            let (charged, part) = match charge.levy {
                Levy::Halves => (line.cgst, 20_000),
                Levy::Integrated => (line.igst, 10_000),
            };
            // what was charged less what is exact, in that part of a paisa: half a paisa goes up
            let exact = i128::from(line.taxable_value.get()) * i128::from(charge.rate.basis_points());
            let over = i128::from(charged.get()) * part - exact;
            prop_assert!(-part < 2 * over && 2 * over <= part);
        }

        #[test]
        fn lines_sum_to_the_totals_in_any_order(charges in vec(any_charge(), 1..12), turn in 0_usize..12) {
            let mut lines: Vec<_> = charges.iter().map(|charge| charge.amounts().unwrap()).collect();
            let totals = Totals::of(&lines).unwrap();
            let exact: Paise = lines.iter().map(|line| line.total).sum();
            prop_assert_eq!(totals.total, exact + totals.round_off);
            prop_assert_eq!(totals.total, totals.taxable_value() + totals.tax() + totals.round_off);
            prop_assert_eq!(totals.total.get() % 100, 0);
            prop_assert!((-49..=50).contains(&totals.round_off.get()));
            let turn = turn % lines.len();
            lines.rotate_left(turn);
            prop_assert_eq!(Totals::of(&lines).unwrap(), totals);
            lines.reverse();
            prop_assert_eq!(Totals::of(&lines).unwrap(), totals);
        }
    }
}
