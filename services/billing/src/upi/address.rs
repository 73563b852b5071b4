//! Whom a payment goes to.

use std::fmt;
use std::str::FromStr;

use chassis::env::Env;

/// Who is paid by UPI.
///
/// | variable | meaning | default |
/// | --- | --- | --- |
/// | `EHS_UPI_VPA` | the hospital's UPI address, such as `hospital@bank`; without it bills have no UPI code | none |
/// | `EHS_UPI_PAYEE` | the name that the payer's app shows | `EHS_HOSPITAL_NAME` |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payee {
    /// The UPI address.
    pub vpa: Vpa,
    /// The name that the payer's app shows.
    pub name: String,
}

impl Payee {
    /// Reads the variables above; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env, hospital: &str) -> Option<Option<Self>> {
        let vpa = env.optional::<Vpa>("EHS_UPI_VPA");
        let name = env.or("EHS_UPI_PAYEE", hospital.to_owned());
        Some(vpa?.zip(name).map(|(vpa, name)| Self { vpa, name }))
    }
}

/// A virtual payment address: `name@handle`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vpa(String);

impl Vpa {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Vpa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Vpa {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "must be a UPI address, such as hospital@bank";
        let (name, handle) = text.split_once('@').ok_or(WRONG)?;
        let name_fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let fits = (2..=256).contains(&name.len())
            && (2..=64).contains(&handle.len())
            && name.bytes().all(name_fits)
            && handle.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits { Ok(Self(text.to_owned())) } else { Err(WRONG) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_others() {
        for good in ["hospital@bank", "asha.hospital-1@okaxis", "9876543210@upi"] {
            assert!(good.parse::<Vpa>().is_ok(), "{good}");
        }
        for bad in ["", "hospital", "@bank", "hospital@", "a b@bank", "x@y", "a@b@c", "hospital@b.ank", "आशा@bank"]
        {
            assert!(bad.parse::<Vpa>().is_err(), "{bad}");
        }
    }
}
