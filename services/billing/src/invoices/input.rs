//! What a caller may send of an invoice.

use std::fmt;
use std::ops::ControlFlow;

use chassis::fields::{Day, Id};
use chassis::strict_json::{Fault, Faults};
use chassis::text::Line;
use deserr::{DeserializeError, Deserr, ErrorKind, IntoValue, Value, ValuePointerRef};
use serde::Serialize;
use utoipa::ToSchema;

use super::RegisteredRecipient;
use crate::fields::filled_if_given;
use crate::money::Paise;
use crate::quantity::Quantity;
use crate::tax::{Circumstance, Kind, Rate, StateCode};
use chassis::words::from_text;

/// An invoice as it is drafted. The server works out every amount.
#[derive(Clone, Debug, PartialEq, Eq, Deserr, ToSchema)]
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
    /// The address where goods are delivered, where that is not the patient's own. Needed at issue for taxable supplies of ₹50,000
    /// or more with goods for another state than the patient's, unless there is a `registered_recipient`.
    #[deserr(default)]
    pub delivery_address: Option<Line<300>>,
    /// The business registered for GST that the invoice is made out to, such as an employer or an insurer; `state` may be left
    /// out. The place of supply does not change by it.
    #[deserr(default)]
    pub registered_recipient: Option<RegisteredRecipient>,
    /// Off the whole bill, in rupees, besides the lines' own discounts; it is laid on the lines by their values, before tax.
    /// Needs `discount_reason`.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "0.00")]
    pub discount: Paise,
    /// Why: for `discount`, and for the lines' discounts that do not say it themselves.
    #[deserr(default)]
    pub discount_reason: Option<Line<200>>,
    /// Keep it as a draft instead of issuing it at once. When a draft is changed, only `true` is accepted: it is issued by
    /// `POST invoices/{id}/issue/`.
    #[deserr(default)]
    pub draft: Option<bool>,
    /// 1 to 200 lines.
    #[deserr(from(Vec<Whole>) = whole)]
    pub items: Vec<ItemInput>,
}

/// A line of an invoice. With `service`, an entry of the catalogue, what is left out comes from there; without it,
/// `description`, `sac_hsn`, `kind` and `unit_price` are required.
#[derive(Clone, Debug, PartialEq, Eq, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct ItemInput {
    /// The catalogue's id of what is charged. `sac_hsn`, `kind`, `circumstance` and `unit_price` may only repeat what the
    /// catalogue says; a lower price is a `discount`.
    #[deserr(default)]
    pub service: Option<Id>,
    /// What it is, in words that stand on the bill.
    #[deserr(default, try_from(Option<String>) = filled_if_given::<200> -> Fault)]
    pub description: Option<Line<200>>,
    /// SAC of a service (it begins with 99) or HSN of goods, as `kind` is: 4, 6 or 8 digits. PHARMACY is goods; an
    /// INPATIENT_MEDICINE may have either; all else are services.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "999312")]
    pub sac_hsn: Option<SacHsn>,
    /// What kind of supply it is: it decides the tax.
    #[deserr(default)]
    pub kind: Option<Kind>,
    /// What decides the tax besides: a PHARMACY line may be a LIFE_SAVING_MEDICINE (nil), a COSMETIC one RECONSTRUCTIVE
    /// (exempt).
    #[deserr(default)]
    pub circumstance: Option<Circumstance>,
    /// More than 0, at most three decimal places; of a ROOM, days.
    pub quantity: Quantity,
    /// For one, in rupees, before discount and tax.
    #[deserr(default)]
    pub unit_price: Option<Paise>,
    /// Off the whole line, in rupees, before tax; at most quantity times unit price.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "0.00")]
    pub discount: Paise,
    /// Why. Needed, here or on the invoice, for a discount that is more than a courtesy (10 % unless the hospital says
    /// otherwise).
    #[deserr(default)]
    pub discount_reason: Option<Line<200>>,
    /// GST in percent, CGST and SGST together. Leave it out: the rules give it. Another one than theirs is 400, unless an
    /// ACCOUNTANT or ADMIN gives `gst_rate_reason`.
    #[deserr(default)]
    pub gst_rate: Option<Rate>,
    /// Why `gst_rate` is not what the rules say.
    #[deserr(default)]
    pub gst_rate_reason: Option<Line<200>>,
}

/// A line that has all that it needs, or a service to have it from: what is missing is told together with what is wrong.
struct Whole(ItemInput);

fn whole(items: Vec<Whole>) -> Vec<ItemInput> {
    items.into_iter().map(|item| item.0).collect()
}

/// What a line without a service must say itself.
const NEEDED: [&str; 4] = ["description", "sac_hsn", "kind", "unit_price"];

impl Deserr<Faults> for Whole {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<Self, Faults> {
        let json = serde_json::Value::from(value);
        let there = |member: &str| json.get(member).is_some_and(|value| !value.is_null());
        let mut faults = Faults::new();
        if json.is_object() && !there("service") {
            for field in NEEDED.into_iter().filter(|field| !there(field)) {
                let missing: ErrorKind<'_, serde_json::Value> = ErrorKind::MissingField { field };
                let (ControlFlow::Continue(missing) | ControlFlow::Break(missing)) =
                    <Faults as DeserializeError>::error(None, missing, at);
                faults.0.extend(missing.0);
            }
        }
        match ItemInput::deserialize_from_value(json.into_value(), at) {
            Ok(item) if faults.0.is_empty() => Ok(Self(item)),
            Ok(_) => Err(faults),
            Err(more) => {
                faults.0.extend(more.0);
                Err(faults)
            }
        }
    }
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

    /// Insists that this is a code of such a supply: the return sums supplies by their codes (GSTR-1, table 12), so that goods
    /// under a service's code falsify it. Services are chapter 99 of the scheme (Notification 11/2017-CT(R), annexure), goods
    /// the chapters before it (Customs Tariff Act).
    ///
    /// A medicine for an inpatient may have either. It is a part of exempt health care, and that supply's code is right for it
    /// (CGST Act, section 8(a): a composite supply is its principal supply); hospitals name the medicine by its HSN all the
    /// same, and no tax follows from that.
    ///
    /// # Errors
    /// A fault without a field.
    pub fn check(&self, kind: Kind) -> Result<(), Fault> {
        let is_service = self.0.starts_with("99");
        if kind == Kind::InpatientMedicine || kind.is_goods() != is_service {
            return Ok(());
        }
        let why = match is_service {
            true => "is the code of a service; goods have an HSN, which does not begin with 99",
            false => "is the code of goods; a service has a SAC, which begins with 99",
        };
        Err(Fault::new("not_of_this_kind", why))
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
