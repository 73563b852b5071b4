//! A discount of the whole bill, laid on its lines by their values, so that each line's tax is reckoned on what is really
//! charged for it (CGST Act, section 15(3)(a)).

use crate::money::Paise;

/// Each line's share of a bill's discount. The shares come to the discount to the paisa, and none is above its line's value.
///
/// What is left after rounding down goes to the lines with the largest remainders; among equal ones the value decides, then
/// `rank`, which must tell apart lines of one value that are taxed differently: so the order of the lines changes no total.
///
/// None when the discount is above the sum of the values.
pub fn allot<R: Ord>(discount: Paise, lines: &[(Paise, R)]) -> Option<Vec<Paise>> {
    let whole: Paise = lines.iter().map(|(value, _)| *value).sum();
    if discount > whole {
        return None;
    }
    if discount == Paise::ZERO {
        return Some(vec![Paise::ZERO; lines.len()]);
    }
    let whole = i128::from(whole.get());
    let exact = |value: Paise| i128::from(discount.get()) * i128::from(value.get());
    let mut shares = Vec::with_capacity(lines.len());
    for (value, _) in lines {
        shares.push(Paise::new(i64::try_from(exact(*value) / whole).ok()?));
    }
    let left = discount - shares.iter().copied().sum();
    let mut turns: Vec<_> = shares.iter_mut().zip(lines).collect();
    turns.sort_by(|(_, (one, rank)), (_, (other, other_rank))| {
        (exact(*other) % whole, other, other_rank).cmp(&(exact(*one) % whole, one, rank))
    });
    let left = usize::try_from(left.get()).ok()?;
    for (share, _) in turns.into_iter().take(left) {
        *share = *share + Paise::new(1);
    }
    Some(shares)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn shares(discount: i64, values: &[i64]) -> Option<Vec<i64>> {
        let lines: Vec<_> = values.iter().map(|value| (Paise::new(*value), *value)).collect();
        allot(Paise::new(discount), &lines).map(|shares| shares.into_iter().map(Paise::get).collect())
    }

    #[test]
    fn shares_follow_the_values() {
        for (discount, values, expected) in [
            (0, vec![100, 200], Some(vec![0, 0])),
            (30, vec![100, 200], Some(vec![10, 20])),
            (100, vec![100, 200], Some(vec![33, 67])),
            (300, vec![100, 200], Some(vec![100, 200])),
            (301, vec![100, 200], None),
            (1, vec![0, 0, 1], Some(vec![0, 0, 1])),
            (0, vec![0], Some(vec![0])),
            (1, vec![0], None),
        ] {
            assert_eq!(shares(discount, &values), expected, "{discount} on {values:?}");
        }
    }

    #[test]
    fn the_largest_amounts_do_not_overflow() {
        let most = Paise::MOST.get();
        assert_eq!(shares(most, &[most, most]), Some(vec![most / 2, most / 2]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn shares_come_to_the_discount_in_any_order(values in vec(0_i64..1_000_000, 1..20), percent in 0_i64..=100, turn in 0_usize..20) {
            let discount = values.iter().sum::<i64>() * percent / 100;
            let given = shares(discount, &values).unwrap();
            prop_assert_eq!(given.iter().sum::<i64>(), discount);
            prop_assert!(given.iter().zip(&values).all(|(share, value)| (0..=*value).contains(share)));
            let mut turned = values.clone();
            turned.rotate_left(turn % values.len());
            let pairs = |values: &[i64], shares: Vec<i64>| {
                let mut pairs: Vec<_> = values.iter().copied().zip(shares).collect();
                pairs.sort_unstable();
                pairs
            };
            prop_assert_eq!(pairs(&turned, shares(discount, &turned).unwrap()), pairs(&values, given));
        }
    }
}
