//! Which advances bear no tax. Pure.
//!
//! Tax on services is due when an advance for them is received (CGST Act, section 13(2)); where the rate cannot be told yet, at
//! 18 % (rule 50, proviso). Health care is exempt, so that its advances bear none. On goods none is due before the invoice
//! (Notification 66/2017-Central Tax). Advances for services that may be taxed are not taken: they are invoiced and paid.

use chassis::strict_json::Fault;
use chrono::NaiveDate;

use crate::money::Paise;
use crate::tax::{Circumstance, Kind, RateTable, Supply, TaxReason, Treatment};

/// Why an advance for such a supply bears no tax.
///
/// # Errors
/// `taxable_advance` where it would, or might: of a room it is not known yet what a day of it costs.
pub fn untaxed(
    rates: &RateTable,
    on: NaiveDate,
    kind: Kind,
    circumstance: Option<Circumstance>,
) -> Result<TaxReason, Fault> {
    let at = |unit_price| rates.on(on, Supply { kind, circumstance, unit_price });
    let (Some(cheapest), Some(dearest)) = (at(Paise::ZERO), at(Paise::MOST)) else {
        let why = format!("the law does not know this of {} on {on}", kind.as_str());
        return Err(Fault::new("not_of_this_kind", why).at("circumstance"));
    };
    if kind.is_goods() {
        let text = "No tax is due on an advance for goods: the invoice bears it (Notification 66/2017-Central Tax)";
        return Ok(TaxReason { rule: "ADVANCE_FOR_GOODS".to_owned(), text: text.to_owned() });
    }
    if [&cheapest, &dearest].iter().any(|ruling| ruling.treatment == Treatment::Taxable) {
        let why = "an advance for this would be taxed when it is received (CGST Act, section 13(2); CGST Rules, rule 50), \
                   and such advances are not taken: issue the invoice and take a payment";
        return Err(Fault::new("taxable_advance", why).at("kind"));
    }
    let TaxReason { rule, text } = dearest.reason;
    Ok(TaxReason { rule, text: format!("{text}: no tax on the advance") })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    fn of(kind: Kind, circumstance: Option<Circumstance>) -> Result<String, (String, &'static str)> {
        let rates = RateTable::built_in().unwrap();
        match untaxed(&rates, "2026-11-27".parse().unwrap(), kind, circumstance) {
            Ok(reason) => Ok(reason.rule),
            Err(fault) => Err((fault.field, fault.code)),
        }
    }

    #[test]
    fn only_advances_without_tax_are_taken() {
        use Kind as K;
        let taxable = Err(("kind".to_owned(), "taxable_advance"));
        for kind in [K::Consultation, K::Procedure, K::Icu, K::Lab, K::Imaging, K::InpatientMedicine, K::Other] {
            assert!(of(kind, None).is_ok(), "{kind:?}");
        }
        assert_eq!(of(K::Room, None), taxable, "a room may cost more than 5,000 a day");
        assert_eq!(of(K::Cosmetic, None), taxable);
        assert!(of(K::Cosmetic, Some(Circumstance::Reconstructive)).is_ok());
        assert_eq!(of(K::Pharmacy, None), Ok("ADVANCE_FOR_GOODS".to_owned()));
        assert_eq!(
            of(K::Lab, Some(Circumstance::Reconstructive)),
            Err(("circumstance".to_owned(), "not_of_this_kind"))
        );
    }
}
