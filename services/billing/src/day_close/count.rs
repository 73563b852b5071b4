//! Notes and coins, counted.

use std::collections::BTreeMap;

use chassis::strict_json::{Fault, Faults};
use chassis::words::refused;
use deserr::{Deserr, IntoValue, Map, Value, ValuePointerRef};

use crate::money::Paise;

/// Notes and coins of the Reserve Bank of India in rupees; ₹2000 notes are legal tender still, though none is given out.
pub const DENOMINATIONS: [i64; 10] = [2000, 500, 200, 100, 50, 20, 10, 5, 2, 1];

/// More of one kind than a drawer holds.
const MOST: i64 = 1_000_000;

/// How many there are of each denomination, by its name: `{"500": 3, "10": 7}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denominations(pub BTreeMap<String, i64>);

/// `deserr` reads maps itself, but drops what is wrong in them (0.6.4).
impl Deserr<Faults> for Denominations {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<Self, Faults> {
        let Value::Map(map) = value else {
            return Err(refused(Fault::new("wrong_type", "must be an object"), at));
        };
        let (mut counted, mut faults) = (BTreeMap::new(), Faults::new());
        for (name, number) in map.into_iter() {
            match <i64 as Deserr<Faults>>::deserialize_from_value(number.into_value(), at.push_key(&name)) {
                Ok(number) => drop(counted.insert(name, number)),
                Err(wrong) => faults.0.extend(wrong.0),
            }
        }
        if faults.0.is_empty() { Ok(Self(counted)) } else { Err(faults) }
    }
}

/// What they come to.
///
/// # Errors
/// The first that is no denomination, or no number of notes.
pub fn amount(counted: &Denominations) -> Result<Paise, Fault> {
    let one = |(name, number): (&String, &i64)| {
        let value = DENOMINATIONS.into_iter().find(|value| value.to_string() == *name);
        let value = value.ok_or_else(|| {
            let all = DENOMINATIONS.map(|value| value.to_string()).join(" ");
            Fault::new("unknown_denomination", format!("the denominations are {all}"))
        })?;
        if !(0..=MOST).contains(number) {
            return Err(Fault::new("out_of_range", format!("there must be 0 to {MOST} of each")));
        }
        Ok(Paise::rupees(value * number))
    };
    counted.0.iter().map(one).sum::<Result<Paise, Fault>>()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    fn of(counted: &[(&str, i64)]) -> Result<String, &'static str> {
        let counted = counted.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect();
        amount(&Denominations(counted)).map(|amount| amount.to_string()).map_err(|fault| fault.code)
    }

    #[test]
    fn notes_and_coins_come_to_an_amount() {
        assert_eq!(of(&[]), Ok("0.00".to_owned()));
        assert_eq!(of(&[("500", 3), ("10", 7), ("1", 4), ("2000", 0)]), Ok("1574.00".to_owned()));
    }

    #[test]
    fn what_is_no_denomination_is_refused() {
        for name in ["3", "0500", "500.00", "", "५००", "-500", "1000"] {
            assert_eq!(of(&[(name, 1)]), Err("unknown_denomination"), "{name}");
        }
        assert_eq!(of(&[("500", -1)]), Err("out_of_range"));
        assert_eq!(of(&[("500", MOST + 1)]), Err("out_of_range"));
        assert_eq!(of(&[("500", i64::MAX)]), Err("out_of_range"));
    }
}
