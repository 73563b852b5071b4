//! What a caller may send of a service.

use std::fmt;
use std::str::FromStr;

use chassis::fields::Day;
use chassis::strict_json::{Fault, Faults};
use chassis::text::Line;
use chassis::words::from_text;
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use serde::Serialize;
use utoipa::ToSchema;

use crate::fields::filled;
use crate::invoices::input::SacHsn;
use crate::money::Paise;
use crate::tax::{Circumstance, Kind, RateTable};

/// A service as it is put into the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct ServiceInput {
    /// The hospital's own code: capital letters, digits, `.`, `_` and `-`, at most 32. The same code may stand in the
    /// catalogue again, for other days.
    #[schema(value_type = String, example = "XRAY-CHEST")]
    pub code: Code,
    /// What it is, in words that stand on the bill.
    #[deserr(try_from(String) = filled::<200> -> Fault)]
    pub description: Line<200>,
    /// SAC of a service (it begins with 99) or HSN of goods, as `kind` is: 4, 6 or 8 digits. PHARMACY is goods; an
    /// INPATIENT_MEDICINE may have either; all else are services.
    #[schema(value_type = String, example = "999317")]
    pub sac_hsn: SacHsn,
    /// What kind of supply it is: it decides the tax.
    pub kind: Kind,
    /// What decides the tax besides.
    #[deserr(default)]
    pub circumstance: Option<Circumstance>,
    /// For one, in rupees, before discount and tax; of a ROOM, for a day.
    pub price: Paise,
    /// The first day on which it can be billed; today, in India, unless said.
    #[deserr(default)]
    pub effective_from: Option<Day>,
    /// The last day; until further notice unless said.
    #[deserr(default)]
    pub effective_to: Option<Day>,
}

impl ServiceInput {
    /// What no field can say alone.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn check(&self, rates: &RateTable) -> Result<(), Faults> {
        let mut faults = Faults::new();
        if self.effective_from.zip(self.effective_to).is_some_and(|(from, to)| to < from) {
            faults.push("effective_to", "before_start", "must not be before effective_from");
        }
        faults.0.extend(self.sac_hsn.check(self.kind).err().map(|fault| fault.at("sac_hsn")));
        if self.circumstance.is_some_and(|circumstance| !rates.allows(self.kind, circumstance)) {
            faults.push("circumstance", "not_of_this_kind", "does not belong to this kind");
        }
        if faults.0.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// A service's code.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Code(String);

impl Code {
    /// A code that came from the database.
    pub fn known(code: &str) -> Self {
        Self(code.to_owned())
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Code {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        let allowed = |byte: u8| plain(byte) || matches!(byte, b'.' | b'_' | b'-');
        if (1..=32).contains(&text.len()) && text.bytes().next().is_some_and(plain) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Fault::new("invalid_code", "must be 1 to 32 capital letters, digits, dots, underscores and hyphens"))
        }
    }
}

impl Deserr<Faults> for Code {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<Self, Faults> {
        from_text(value, at)
    }
}
