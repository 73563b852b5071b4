//! How far a role may go with discounts.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use auth::Role;
use chassis::problem::Problem;

use super::bill::Bill;
use super::pricing::Priced;
use crate::money::Paise;

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
    /// may.
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
    let the_bills = (bill.discount, &bill.discount_reason) == (then.discount, &then.discount_reason);
    let discounted = bill.lines.iter().filter(|line| line.discount > Paise::ZERO);
    the_bills && discounted.into_iter().all(|line| then.lines.contains(line))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

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
