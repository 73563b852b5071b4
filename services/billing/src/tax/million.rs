//! A million bills: what must hold of every one of them.

use super::discount::allot;
use super::{Charge, Levy, LineAmounts, Rate, Totals};
use crate::money::Paise;
use crate::quantity::Quantity;

const BILLS: u64 = 1_000_000;

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

    fn charge(&mut self) -> Charge {
        let percent = [0, 0, 5, 12, 18, 28, 40][usize::try_from(self.below(7)).unwrap()];
        // small prices are where rounding shows, large ones where sums grow
        let most = [200, 10_000, 1_000_000_000][usize::try_from(self.below(3)).unwrap()];
        let quantity = Quantity::new(1 + self.below(3000)).unwrap();
        let unit_price = Paise::new(self.below(most));
        let gross = unit_price.times(quantity.thousandths(), 1000).unwrap();
        let discount = if self.below(4) == 0 { Paise::new(self.below(gross.get() + 1)) } else { Paise::ZERO };
        let levy = if self.below(5) == 0 { Levy::Integrated } else { Levy::Halves };
        Charge { quantity, unit_price, discount, rate: Rate::percent(percent), levy }
    }
}

/// The lines of a bill with a discount of the whole, as pricing makes them.
fn billed(charges: &[Charge], discount: Paise) -> Vec<LineAmounts> {
    let value = |charge: &Charge| charge.amounts().unwrap().taxable_value;
    let rank = |charge: &Charge| (charge.rate.basis_points(), charge.levy == Levy::Integrated);
    let values: Vec<_> = charges.iter().map(|charge| (value(charge), rank(charge))).collect();
    let shares = allot(discount, &values).unwrap();
    let with =
        |(charge, share): (&Charge, Paise)| Charge { discount: charge.discount + share, ..*charge }.amounts().unwrap();
    charges.iter().zip(shares).map(with).collect()
}

#[test]
fn a_million_bills() {
    let mut numbers = Numbers(2026);
    for case in 0..BILLS {
        let mut charges: Vec<_> = (0..=numbers.below(3)).map(|_| numbers.charge()).collect();
        let worth: Paise = charges.iter().map(|charge| charge.amounts().unwrap().taxable_value).sum();
        let discount = if numbers.below(2) == 0 { Paise::new(numbers.below(worth.get() + 1)) } else { Paise::ZERO };
        let lines = billed(&charges, discount);
        let totals = Totals::of(&lines).unwrap();

        for (line, charge) in lines.iter().zip(&charges) {
            assert_eq!(line.cgst, line.sgst, "{case}: the halves are equal");
            assert!(line.igst == Paise::ZERO || line.cgst == Paise::ZERO, "{case}: one levy or the other");
            assert_eq!(line.total, line.taxable_value + line.cgst + line.sgst + line.igst, "{case}");
            assert!(line.discount <= line.gross && line.discount >= charge.discount, "{case}");
            let exact = i128::from(line.taxable_value.get()) * i128::from(charge.rate.basis_points());
            let charged = i128::from((line.cgst + line.sgst + line.igst).get()) * 10_000;
            assert!((exact - charged).abs() <= 10_000, "{case}: within a paisa of the rate");
        }
        let exact: Paise = lines.iter().map(|line| line.total).sum();
        assert_eq!(totals.total, exact + totals.round_off, "{case}: the lines come to the total");
        assert_eq!(totals.total, totals.taxable_value() + totals.tax() + totals.round_off, "{case}");
        assert!(totals.total.get() % 100 == 0 && (-49..=50).contains(&totals.round_off.get()), "{case}: whole rupees");
        assert_eq!(totals.taxable_value(), worth - discount, "{case}: the whole discount is on the lines");

        // a credit note takes the lines as they were settled, whatever the rates have become
        let settled: Vec<_> =
            lines.iter().map(|line| LineAmounts::settled(line.gross, line.discount, line.cgst, line.igst)).collect();
        assert_eq!(Totals::of(&settled).unwrap(), totals, "{case}: the credit note undoes the invoice");

        charges.reverse();
        assert_eq!(Totals::of(&billed(&charges, discount)).unwrap(), totals, "{case}: in another order");
    }
}
