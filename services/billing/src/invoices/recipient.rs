//! Whom a dear taxable bill has to name: CGST Rules, rule 46(e), which rule 46A takes over. Pure.

use super::Invoice;
use super::pricing::{Priced, PricedLine};
use crate::known::Patient;
use crate::money::Paise;
use crate::tax::{StateCode, Treatment};

/// The value of a supply, tax and rounding apart (CGST Act, section 15), from which a bill to somebody without a registration
/// names the recipient's address and state with its code, and the address of delivery.
pub const NAMED_FROM: Paise = Paise::rupees(50_000);

chassis::words! {
    /// What is not known of a recipient.
    pub enum Missing {
        /// The patient has no address.
        Address = "address",
        /// The patient's address names no state, or none that there is.
        State = "state",
        /// Goods go to another state than the patient's, and it is not said where.
        DeliveryAddress = "delivery_address",
    }
}

/// What is missing for this draft to be issued. A business that is registered has all of it, and rule 49 asks for none of it where
/// nothing is taxable.
pub fn missing(draft: &Invoice, priced: &Priced, patient: &Patient) -> Vec<Missing> {
    let taxable = || priced.lines.iter().filter(|line| line.treatment == Treatment::Taxable);
    let value: Paise = taxable().map(|line| line.amounts.taxable_value).sum();
    if value < NAMED_FROM || draft.registered_recipient.is_some() {
        return Vec::new();
    }
    let state = patient.state.as_deref().and_then(StateCode::named);
    let is_goods = |line: &PricedLine| line.line.kind.is_goods();
    let goes_elsewhere =
        draft.delivery_state.is_some_and(|delivery| Some(delivery) != state) && taxable().any(is_goods);
    [
        (Missing::Address, patient.address.expose().trim().is_empty()),
        (Missing::State, state.is_none()),
        (Missing::DeliveryAddress, goes_elsewhere && draft.delivery_address.is_none()),
    ]
    .into_iter()
    .filter_map(|(what, is_missing)| is_missing.then_some(what))
    .collect()
}
