//! How far a role may go with discounts.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use auth::Role;
use chassis::problem::Problem;

use super::bill::{Bill, BillLine, Standing};
use super::pricing::Priced;
use crate::money::Paise;
use crate::tax::amounts::gross;

/// Whole percent, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(i64);

impl Percent {
    /// So many, at most a hundred.
    pub const fn new(percent: i64) -> Self {
        if percent > 100 { Self(100) } else { Self(percent) }
    }

    /// Whether `part` is at most so many percent of `whole`.
    pub fn covers(self, part: Paise, whole: Paise) -> bool {
        i128::from(part.get()) * 100 <= i128::from(whole.get()) * i128::from(self.0)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Percent {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let percent = digits.then(|| text.parse().ok()).flatten().filter(|percent| *percent <= 100);
        percent.map(Self).ok_or("must be whole percent, 0 to 100")
    }
}

/// How much of a bill each role may take off, all discounts together: `ADMIN=100,ACCOUNTANT=50`. A role that is not named
/// takes nothing off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits(BTreeMap<&'static str, Percent>);

impl Default for Limits {
    fn default() -> Self {
        let limits = [(Role::Admin, 100), (Role::Accountant, 100), (Role::Receptionist, 10)];
        Self(limits.into_iter().map(|(role, percent)| (role.as_str(), Percent(percent))).collect())
    }
}

impl FromStr for Limits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut limits = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, percent) = part.split_once('=').ok_or("must be such as ADMIN=100,ACCOUNTANT=50")?;
            let role = Role::ALL.into_iter().find(|role| role.as_str() == name.trim());
            let role = role.ok_or_else(|| format!("{name} is no role"))?;
            limits.insert(role.as_str(), percent.trim().parse()?);
        }
        Ok(Self(limits))
    }
}

impl Limits {
    /// Insists that the role may take off what the bill takes off. What stands in the draft as it is was let by somebody who
    /// may: for this patient, a discounted line as often as it stands there, and off the bill no greater part than stands there.
    ///
    /// # Errors
    /// 403.
    pub fn check(&self, role: Role, bill: &Bill, priced: &Priced, standing: Option<&Bill>) -> Result<(), Problem> {
        let limit = self.0.get(role.as_str()).copied().unwrap_or(Percent(0));
        if limit.covers(priced.totals.discount, priced.totals.subtotal)
            || standing.is_some_and(|then| stands(bill, then))
        {
            return Ok(());
        }
        Err(Problem::forbidden(format!("the role {role} may take off at most {limit} % of a bill"))
            .with_type("discount-above-limit"))
    }
}

fn stands(bill: &Bill, then: &Bill) -> bool {
    let mut lines = Standing::of(&then.lines);
    let mut discounted = bill.lines.iter().filter(|line| line.discount > Paise::ZERO);
    (bill.patient, &bill.discount_reason) == (then.patient, &then.discount_reason)
        && no_greater_part(bill, then)
        && discounted.all(|line| lines.has_one_more(line))
}

/// Whether no greater part of the bill is taken off than was then. What is taken off is at most what its lines are worth, so
/// that a bill of nothing has nothing taken off.
fn no_greater_part(bill: &Bill, then: &Bill) -> bool {
    let off = |bill: &Bill| i128::from(bill.discount.get());
    match (off(bill), off(then)) {
        (0, _) => true,
        (_, 0) => false,
        (now, before) => now * worth(then) <= before * worth(bill),
    }
}

/// What the lines come to before tax, less their own discounts.
fn worth(bill: &Bill) -> i128 {
    let of_line = |line: &BillLine| {
        let gross = gross(line.unit_price, line.quantity).unwrap_or(Paise::MOST);
        i128::from(gross.get()) - i128::from(line.discount.get())
    };
    bill.lines.iter().map(of_line).sum()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn line(unit_price: &str, discount: &str) -> Value {
        json!({"description": "x", "sac_hsn": "9993", "kind": "LAB", "quantity": "1", "unit_price": unit_price, "discount": discount})
    }

    fn bill(discount: &str, items: Value) -> Bill {
        let body = json!({"patient": 7, "discount": discount, "discount_reason": "charity", "items": items});
        let input = chassis::strict_json::parse(body).unwrap();
        Bill::complete(&input, &[], &[], "2026-11-23".parse().unwrap()).unwrap()
    }

    #[test]
    fn what_stands_is_let_once_and_no_further() {
        let half = bill("500.00", json!([line("600.00", "0"), line("400.00", "0")]));
        for (discount, items, standing) in [
            ("500.00", json!([line("600.00", "0"), line("400.00", "0")]), true),
            ("500.00", json!([line("600.00", "0"), line("400.00", "0"), line("100.00", "0")]), true),
            ("250.00", json!([line("500.00", "0")]), true),
            ("250.01", json!([line("500.00", "0")]), false),
            ("500.00", json!([line("500.00", "0")]), false),
            ("0", json!([line("500.00", "0")]), true),
            ("0", json!([line("500.00", "0.01")]), false),
        ] {
            assert_eq!(stands(&bill(discount, items.clone()), &half), standing, "{discount} {items}");
        }
        let given = line("100.00", "100.00");
        let free = bill("0", json!([given, line("0", "0")]));
        for (discount, items, standing) in [
            ("0", json!([given]), true),
            ("0", json!([given, given]), false),
            ("0", json!([line("100.00", "99.00")]), false),
            ("0.01", json!([given, line("100.00", "0")]), false),
        ] {
            assert_eq!(stands(&bill(discount, items.clone()), &free), standing, "{discount} {items}");
        }
        let nothing = bill("0", json!([line("0", "0")]));
        assert!(!stands(&bill("600.00", json!([line("600.00", "0")])), &nothing), "nothing was let");
        let another = Bill { patient: chassis::fields::Id::new(8), ..half.clone() };
        assert!(!stands(&another, &half), "it was let for another patient");
    }

    #[test]
    fn percent_are_compared_exactly() {
        let ten = Percent::new(10);
        for (part, whole, covered) in [(0, 0, true), (10, 100, true), (11, 100, false), (1, 9, false), (0, 5, true)] {
            assert_eq!(ten.covers(Paise::new(part), Paise::new(whole)), covered, "{part} of {whole}");
        }
        assert!(
            Percent::new(100).covers(Paise::MOST, Paise::MOST) && !Percent::new(0).covers(Paise::new(1), Paise::MOST)
        );
    }

    #[test]
    fn limits_are_read_or_refused() {
        let limits: Limits = "ADMIN=100, RECEPTIONIST=5".parse().unwrap();
        assert_eq!(limits.0.get("RECEPTIONIST"), Some(&Percent(5)));
        assert_eq!(limits.0.get("ACCOUNTANT"), None);
        for wrong in ["ADMIN", "CHIEF=5", "ADMIN=101", "ADMIN=-1", "ADMIN=5.5", "ADMIN="] {
            assert!(wrong.parse::<Limits>().is_err(), "{wrong}");
        }
    }
}
