//! Whom an invoice is made out to beside the patient, where that is somebody registered for GST: CGST Rules, rule 46(d).

use chassis::strict_json::{Fault, Faults};
use chassis::text::Line;
use chassis::words::refused;
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use crate::fields::filled;
use crate::supplier::Gstin;
use crate::tax::StateCode;

/// An employer, insurer or other business that is registered for GST, and pays for the patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RegisteredRecipient {
    /// Its registration; the check character is checked.
    #[schema(value_type = String, example = "27AAPFU0939F1ZV")]
    pub gstin: Gstin,
    /// Its legal name.
    pub legal_name: Line<200>,
    /// Its address, on one line.
    pub address: Line<300>,
    /// Its state as a GST code: that of the GSTIN, and may be left out.
    #[schema(required = false)]
    pub state: StateCode,
}

/// As it is sent.
#[derive(Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct Sent {
    #[deserr(try_from(String) = registration -> Fault)]
    gstin: (Gstin, StateCode),
    #[deserr(try_from(String) = filled::<200> -> Fault)]
    legal_name: Line<200>,
    #[deserr(try_from(String) = filled::<300> -> Fault)]
    address: Line<300>,
    #[deserr(default)]
    state: Option<StateCode>,
}

fn registration(text: String) -> Result<(Gstin, StateCode), Fault> {
    let gstin: Gstin = text
        .trim()
        .parse()
        .map_err(|wrong: crate::supplier::WrongGstin| Fault::new("invalid_gstin", wrong.to_string()))?;
    let state = gstin.state().ok_or_else(|| Fault::new("unknown_state", "begins with the code of no state"))?;
    Ok((gstin, state))
}

impl Deserr<Faults> for RegisteredRecipient {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<Self, Faults> {
        let Sent { gstin: (gstin, state), legal_name, address, state: said } = Sent::deserialize_from_value(value, at)?;
        if said.is_some_and(|said| said != state) {
            let fault = Fault::new("not_the_gstins", "is not the state of the GSTIN");
            return Err(refused(fault, at.push_key("state")));
        }
        Ok(Self { gstin, legal_name, address, state })
    }
}

impl RegisteredRecipient {
    /// As the invoice's row keeps it: the state is in the GSTIN.
    pub fn keep(&self) -> Json {
        let Self { gstin, legal_name, address, .. } = self;
        json!({"gstin": gstin.as_str(), "legal_name": **legal_name, "address": **address})
    }

    /// What was kept of one.
    pub fn kept(row: &Json) -> Option<Self> {
        let text = |member: &str| row.get(member).and_then(Json::as_str);
        let gstin: Gstin = text("gstin")?.parse().ok()?;
        let state = gstin.state()?;
        let (legal_name, address) = (Line::new(text("legal_name")?).ok()?, Line::new(text("address")?).ok()?);
        Some(Self { gstin, legal_name, address, state })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    fn read(value: Json) -> Result<RegisteredRecipient, Vec<(String, &'static str)>> {
        deserr::deserialize::<_, _, Faults>(value)
            .map_err(|faults| faults.0.into_iter().map(|fault| (fault.field, fault.code)).collect())
    }

    #[test]
    fn the_state_is_that_of_the_gstin() {
        let sent = json!({"gstin": "24ABCDE1234F1Z6", "legal_name": " Suraksha Ltd ", "address": "Ahmedabad"});
        let read_of = |state: Json| {
            let mut sent = sent.clone();
            sent["state"] = state;
            read(sent)
        };
        let left_out = read(sent.clone()).unwrap();
        assert_eq!((left_out.state.as_str(), &*left_out.legal_name), ("24", "Suraksha Ltd"));
        assert_eq!(read_of(json!("GJ")).unwrap(), left_out);
        assert_eq!(read_of(json!(null)).unwrap(), left_out);
        assert_eq!(read_of(json!("27")).unwrap_err(), [("state".to_owned(), "not_the_gstins")]);
        assert_eq!(read(serde_json::to_value(&left_out).unwrap()).unwrap(), left_out, "what is shown can be sent");
        assert_eq!(RegisteredRecipient::kept(&left_out.keep()), Some(left_out));
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let faults =
            read(json!({"gstin": "24ABCDE1234F1Z7", "legal_name": " ", "state": "99", "pan": "x"})).unwrap_err();
        let mut fields: Vec<_> = faults.iter().map(|(field, code)| format!("{field} {code}")).collect();
        fields.sort_unstable();
        assert_eq!(
            fields,
            ["address required", "gstin invalid_gstin", "legal_name empty", "pan unknown_field", "state unknown_state"]
        );
    }
}
