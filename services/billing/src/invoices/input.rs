//! What a caller may send of an invoice.

use std::fmt;

use chassis::fields::{Day, Id};
use chassis::strict_json::{Fault, Faults};
use chassis::text::Line;
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use serde::Serialize;
use utoipa::ToSchema;

use crate::fields::filled;
use crate::money::Paise;
use crate::quantity::Quantity;
use crate::tax::{Kind, Rate, StateCode};
use chassis::words::{from_text, refused};

/// An invoice as it is drafted. The server works out every amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct InvoiceInput {
    /// Who is billed.
    pub patient: Id,
    /// The appointment that it is for; it must be this patient's.
    #[deserr(default)]
    pub appointment: Option<Id>,
    /// When it is to be paid: not before today, and within five years.
    #[deserr(default)]
    pub due_date: Option<Day>,
    /// Where goods are delivered, as a GST state code (`27` or `MH`): in another state than the hospital's, PHARMACY lines
    /// bear IGST instead of CGST and SGST. Services are supplied where they are performed, whatever stands here.
    #[deserr(default)]
    pub delivery_state: Option<StateCode>,
    /// Keep it as a draft instead of issuing it at once. When a draft is changed, only `true` is accepted: it is issued by
    /// `POST invoices/{id}/issue/`.
    #[deserr(default)]
    #[serde(skip)]
    pub draft: Option<bool>,
    /// 1 to 200 lines.
    pub items: Vec<ItemInput>,
}

/// A line of an invoice. The contract's `service` (catalogue id) is not offered yet: sending it is 400 with code
/// `not_offered`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct ItemInput {
    /// Not offered yet.
    #[deserr(default)]
    #[serde(skip)]
    #[schema(ignore)]
    pub service: Option<NotOffered>,
    /// What it is, in words that stand on the bill.
    #[deserr(try_from(String) = filled::<200> -> Fault)]
    pub description: Line<200>,
    /// SAC of a service or HSN of goods: 4, 6 or 8 digits.
    #[schema(value_type = String, example = "999312")]
    pub sac_hsn: SacHsn,
    /// What kind of supply it is: it decides the tax.
    pub kind: Kind,
    /// More than 0, at most three decimal places; of a ROOM, days.
    pub quantity: Quantity,
    /// For one, in rupees, before discount and tax.
    pub unit_price: Paise,
    /// Off the whole line, in rupees, before tax; at most quantity times unit price.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "0.00")]
    pub discount: Paise,
    /// GST in percent, CGST and SGST together. Leave it out: the rules give it. Another one than theirs is 400, unless an
    /// ACCOUNTANT or ADMIN gives `gst_rate_reason`.
    #[deserr(default)]
    pub gst_rate: Option<Rate>,
    /// Why `gst_rate` is not what the rules say.
    #[deserr(default)]
    pub gst_rate_reason: Option<Line<200>>,
}

/// The code of a service or of goods.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SacHsn(String);

impl SacHsn {
    /// A code that came from the database or the source.
    pub fn known(code: &str) -> Self {
        Self(code.to_owned())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SacHsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for SacHsn {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if matches!(text.len(), 4 | 6 | 8) && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Fault::new("invalid_code", "must be a SAC or HSN code of 4, 6 or 8 digits"))
        }
    }
}

impl Deserr<Faults> for SacHsn {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Faults> {
        from_text(value, location)
    }
}

/// A field of the contract that this version refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotOffered {}

impl Deserr<Faults> for NotOffered {
    fn deserialize_from_value<V: IntoValue>(_value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Faults> {
        let fault = Fault::new(
            "not_offered",
            "the service catalogue is not offered yet; give description, kind and unit_price",
        );
        Err(refused(fault, location))
    }
}
