//! Who supplies: the hospital's particulars, which every tax document carries.

use std::fmt;
use std::str::FromStr;

use chassis::env::Env;

use crate::numbering::Series;
use crate::tax::StateCode;

/// The hospital as its documents name it.
///
/// | variable | meaning | default |
/// | --- | --- | --- |
/// | `EHS_HOSPITAL_NAME` | legal name | required |
/// | `EHS_HOSPITAL_ADDRESS` | address, on one line | required |
/// | `EHS_HOSPITAL_GSTIN` | GSTIN; its check character is checked | required |
/// | `EHS_HOSPITAL_STATE_CODE` | GST state code, the same as the GSTIN's first two digits | required |
/// | `EHS_INVOICE_SERIES` | begins every invoice number: one to three capital letters or digits | `EHS` |
/// | `EHS_CREDIT_NOTE_SERIES` | begins every credit note's number, likewise | `CN` |
/// | `EHS_RECEIPT_VOUCHER_SERIES` | begins every receipt voucher's number, likewise | `RV` |
/// | `EHS_REFUND_VOUCHER_SERIES` | begins every refund voucher's number, likewise | `RF` |
#[derive(Clone, Debug)]
pub struct Supplier {
    /// Legal name.
    pub name: String,
    /// Address, on one line.
    pub address: String,
    /// Its registration.
    pub gstin: Gstin,
    /// Where it stands, and with that where its services are supplied.
    pub state: StateCode,
    /// Begins its invoices' numbers.
    pub series: Series,
    /// Begins its credit notes' numbers.
    pub credit_note_series: Series,
    /// Begins its receipt vouchers' numbers.
    pub receipt_voucher_series: Series,
    /// Begins its refund vouchers' numbers.
    pub refund_voucher_series: Series,
}

impl Supplier {
    /// Reads the variables above; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let name = env.required("EHS_HOSPITAL_NAME");
        let address = env.required("EHS_HOSPITAL_ADDRESS");
        let gstin = env.required::<Gstin>("EHS_HOSPITAL_GSTIN");
        let state = env.required::<StateCode>("EHS_HOSPITAL_STATE_CODE");
        let series = series(env);
        let (gstin, state) = (gstin?, state?);
        if !gstin.as_str().starts_with(state.as_str()) {
            env.fault("EHS_HOSPITAL_STATE_CODE", "is not the state of EHS_HOSPITAL_GSTIN");
        }
        let [series, credit_note_series, receipt_voucher_series, refund_voucher_series] = series?;
        let (name, address) = (name?, address?);
        Some(Self {
            name,
            address,
            gstin,
            state,
            series,
            credit_note_series,
            receipt_voucher_series,
            refund_voucher_series,
        })
    }
}

/// The series of invoices, credit notes, receipt vouchers and refund vouchers: each document has one of its own, for all share
/// one set of numbers.
fn series(env: &mut Env) -> Option<[Series; 4]> {
    let named = [
        ("EHS_INVOICE_SERIES", Series::default()),
        ("EHS_CREDIT_NOTE_SERIES", Series::of_credit_notes()),
        ("EHS_RECEIPT_VOUCHER_SERIES", Series::of_receipt_vouchers()),
        ("EHS_REFUND_VOUCHER_SERIES", Series::of_refund_vouchers()),
    ];
    let read = named.map(|(name, usual)| (name, env.or(name, usual)));
    let mut seen: Vec<(&str, &Series)> = Vec::new();
    for (name, series) in &read {
        let Some(series) = series else { continue };
        match seen.iter().find(|(_, other)| *other == series) {
            Some((other, _)) => {
                env.fault(name, format!("must differ from {other}: each document has a series of its own"));
            }
            None => seen.push((name, series)),
        }
    }
    let [(_, invoices), (_, credit_notes), (_, receipt_vouchers), (_, refund_vouchers)] = read;
    Some([invoices?, credit_notes?, receipt_vouchers?, refund_vouchers?])
}

/// A GSTIN: state code, PAN, entity, `Z`, check character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gstin(String);

impl Gstin {
    /// The fifteen characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The state that it is registered in: its first two digits. None where those are no state's.
    pub fn state(&self) -> Option<StateCode> {
        self.0.get(..2).and_then(|code| code.parse().ok())
    }
}

impl serde::Serialize for Gstin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Not a GSTIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no GSTIN: 15 characters, the last of which checks the others")]
pub struct WrongGstin;

impl FromStr for Gstin {
    type Err = WrongGstin;

    fn from_str(text: &str) -> Result<Self, WrongGstin> {
        // shape: 27 AAPFU0939F 1 Z V
        const SHAPE: &[u8; 15] = b"99AAAAA9999AXZX";
        let fits = |(byte, class): (u8, &u8)| match class {
            b'9' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_uppercase(),
            b'Z' => byte == b'Z',
            _ => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
        };
        let shaped = text.len() == SHAPE.len() && text.bytes().zip(SHAPE).all(fits);
        if shaped && text.get(14..).and_then(|last| last.chars().next()) == text.get(..14).and_then(check_character) {
            Ok(Self(text.to_owned()))
        } else {
            Err(WrongGstin)
        }
    }
}

impl fmt::Display for Gstin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Mod 36 with weights 1, 2, 1, 2, …; of each product quotient and remainder by 36 are added.
fn check_character(first_fourteen: &str) -> Option<char> {
    let mut sum = 0;
    for (character, weight) in first_fourteen.chars().zip([1, 2].into_iter().cycle()) {
        let product = character.to_digit(36)? * weight;
        sum += product / 36 + product % 36;
    }
    char::from_digit((36 - sum % 36) % 36, 36).map(|character| character.to_ascii_uppercase())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn real_gstins_pass_and_damaged_ones_do_not() {
        for good in ["27AAPFU0939F1ZV", "24ABCDE1234F1Z6", "33AAATC1278N1ZN"] {
            assert_eq!(good.parse::<Gstin>().unwrap().as_str(), good);
        }
        for bad in [
            "27AAPFU0939F1ZW",
            "27AAPFU0939F1Z",
            "27aapfu0939f1zv",
            "72AAPFU0939F1ZV",
            "",
            "27AAPFU0939F1ZVV",
            "२७AAPFU0939F",
        ] {
            assert!(bad.parse::<Gstin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_state_must_be_that_of_the_gstin() {
        let mut env = Env::of([
            ("EHS_HOSPITAL_NAME", "Asha Hospital"),
            ("EHS_HOSPITAL_ADDRESS", "1 MG Road, Pune"),
            ("EHS_HOSPITAL_GSTIN", "27AAPFU0939F1ZV"),
            ("EHS_HOSPITAL_STATE_CODE", "29"),
            ("EHS_CREDIT_NOTE_SERIES", "EHS"),
            ("EHS_REFUND_VOUCHER_SERIES", "RV"),
        ]);
        let supplier = Supplier::read(&mut env);
        let faults = env.finish(supplier).unwrap_err().to_string();
        for name in ["EHS_HOSPITAL_STATE_CODE", "EHS_CREDIT_NOTE_SERIES", "EHS_REFUND_VOUCHER_SERIES"] {
            assert!(faults.contains(name), "{name} is missing in {faults}");
        }
    }
}
