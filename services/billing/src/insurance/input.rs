//! What a caller may send of an invoice's insurance.

use chassis::strict_json::{Fault, Faults};
use chassis::text::{Line, Paragraph};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::ClaimStatus;
use crate::fields::{filled, issued_number, issued_number_if_given};
use crate::money::Paise;

/// Who else pays an invoice, and how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct InsuranceInput {
    /// The insurer, scheme or employer.
    #[deserr(try_from(String) = filled::<200> -> Fault)]
    pub payer: Line<200>,
    /// The policy's or card's number.
    #[deserr(try_from(String) = issued_number::<100> -> Fault)]
    pub policy_number: Line<100>,
    /// The number under which the payer has agreed beforehand.
    #[deserr(default, try_from(Option<String>) = issued_number_if_given::<100> -> Fault)]
    pub preauthorisation_number: Option<Line<100>>,
    /// Up to how much the payer has agreed, in rupees.
    #[deserr(default)]
    pub preauthorised_amount: Option<Paise>,
    /// What the payer is to pay of the bill, in rupees: at most the total and what is agreed; unless said, as much of the
    /// total as is agreed.
    #[deserr(default)]
    pub payer_amount: Option<Paise>,
    /// Where the claim stands; NOT_SUBMITTED unless said.
    #[deserr(default)]
    pub claim_status: Option<ClaimStatus>,
    /// The payer's number of the claim.
    #[deserr(default, try_from(Option<String>) = issued_number_if_given::<100> -> Fault)]
    pub claim_number: Option<Line<100>>,
    /// What else is to be known of the claim.
    #[deserr(default)]
    pub note: Option<Paragraph<1000>>,
}

impl InsuranceInput {
    /// What the payer is to pay of a bill of this total.
    ///
    /// # Errors
    /// More than the bill comes to, or than is agreed.
    pub fn share_of(&self, total: Paise) -> Result<Paise, Fault> {
        let agreed = self.preauthorised_amount.unwrap_or(total);
        let share = self.payer_amount.unwrap_or_else(|| agreed.min(total));
        let fault = |why| Fault::new("too_large", why).at("payer_amount");
        if share > total {
            return Err(fault("must not be more than the bill's total"));
        }
        if share > agreed {
            return Err(fault("must not be more than preauthorised_amount"));
        }
        Ok(share)
    }
}
