//! How much of one payment a role may pay back.

use auth::Role;
use chassis::env::Env;

use crate::error::Error;
use crate::money::Paise;

/// The limits per role. They hold for all refunds of a payment together, so that many small ones get nobody further.
///
/// | variable | meaning | default |
/// | --- | --- | --- |
/// | `EHS_REFUND_LIMIT_ADMIN` | in rupees | `1000000000000.00`: no limit |
/// | `EHS_REFUND_LIMIT_ACCOUNTANT` | in rupees | `50000.00` |
#[derive(Clone, Copy, Debug)]
pub struct RefundLimits {
    /// Of an ADMIN.
    pub admin: Paise,
    /// Of an ACCOUNTANT.
    pub accountant: Paise,
}

impl Default for RefundLimits {
    fn default() -> Self {
        Self { admin: Paise::MOST, accountant: Paise::rupees(50_000) }
    }
}

impl RefundLimits {
    /// Reads the variables above; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let Self { admin, accountant } = Self::default();
        let admin = env.or("EHS_REFUND_LIMIT_ADMIN", admin);
        let accountant = env.or("EHS_REFUND_LIMIT_ACCOUNTANT", accountant);
        Some(Self { admin: admin?, accountant: accountant? })
    }

    /// Checks that the role may go on to refund so much of a payment in all.
    ///
    /// # Errors
    /// [`Error::BeyondRefundLimit`].
    pub fn check(&self, role: Role, in_all: Paise) -> Result<(), Error> {
        let limit = match role {
            Role::Admin => self.admin,
            Role::Accountant => self.accountant,
            _ => Paise::ZERO,
        };
        if in_all > limit { Err(Error::BeyondRefundLimit { limit }) } else { Ok(()) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_its_limit() {
        let limits = RefundLimits::default();
        for (role, most) in [(Role::Admin, Some(Paise::MOST)), (Role::Accountant, Some(Paise::rupees(50_000)))] {
            let most = most.unwrap();
            assert!(limits.check(role, most).is_ok());
            assert!(limits.check(role, most + Paise::new(1)).is_err(), "{role}");
        }
        for role in Role::ALL.into_iter().filter(|role| !matches!(role, Role::Admin | Role::Accountant)) {
            assert!(limits.check(role, Paise::new(1)).is_err(), "{role}");
        }
    }
}
