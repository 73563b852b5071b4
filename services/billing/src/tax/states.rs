//! The GST state codes, and what the place of delivery changes.

use std::fmt;
use std::str::FromStr;

use chassis::strict_json::{Fault, Faults};
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use diesel::deserialize::{FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{Output, ToSql};
use diesel::sql_types::Text;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::Kind;
use chassis::words::from_text;

/// Code, letters, name.
const CODES: &[(&str, &str, &str)] = &[
    ("01", "JK", "Jammu and Kashmir"),
    ("02", "HP", "Himachal Pradesh"),
    ("03", "PB", "Punjab"),
    ("04", "CH", "Chandigarh"),
    ("05", "UK", "Uttarakhand"),
    ("06", "HR", "Haryana"),
    ("07", "DL", "Delhi"),
    ("08", "RJ", "Rajasthan"),
    ("09", "UP", "Uttar Pradesh"),
    ("10", "BR", "Bihar"),
    ("11", "SK", "Sikkim"),
    ("12", "AR", "Arunachal Pradesh"),
    ("13", "NL", "Nagaland"),
    ("14", "MN", "Manipur"),
    ("15", "MZ", "Mizoram"),
    ("16", "TR", "Tripura"),
    ("17", "ML", "Meghalaya"),
    ("18", "AS", "Assam"),
    ("19", "WB", "West Bengal"),
    ("20", "JH", "Jharkhand"),
    ("21", "OD", "Odisha"),
    ("22", "CG", "Chhattisgarh"),
    ("23", "MP", "Madhya Pradesh"),
    ("24", "GJ", "Gujarat"),
    ("26", "DNHDD", "Dadra and Nagar Haveli and Daman and Diu"),
    ("27", "MH", "Maharashtra"),
    ("29", "KA", "Karnataka"),
    ("30", "GA", "Goa"),
    ("31", "LD", "Lakshadweep"),
    ("32", "KL", "Kerala"),
    ("33", "TN", "Tamil Nadu"),
    ("34", "PY", "Puducherry"),
    ("35", "AN", "Andaman and Nicobar Islands"),
    ("36", "TS", "Telangana"),
    ("37", "AP", "Andhra Pradesh"),
    ("38", "LA", "Ladakh"),
    ("97", "OTHER", "Other Territory"),
];

/// A GST state code such as `27`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow, ToSchema)]
#[diesel(sql_type = Text)]
#[schema(value_type = String, example = "27")]
pub struct StateCode(&'static str);

impl StateCode {
    /// The two digits.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The state's name.
    pub fn name(self) -> &'static str {
        CODES.iter().find(|(code, ..)| *code == self.0).map_or("", |(_, _, name)| name)
    }

    /// The state of this name, or of these letters, however they are set and spaced and whether it writes `and` or `&`.
    pub fn named(name: &str) -> Option<Self> {
        let plain = |text: &str| text.to_lowercase().replace('&', "and").split_whitespace().collect::<String>();
        let sought = plain(name);
        let is_meant = |(_, letters, name): &&(&str, &str, &str)| plain(name) == sought || plain(letters) == sought;
        CODES.iter().find(is_meant).map(|(code, ..)| Self(code))
    }
}

chassis::words! {
    /// The tax that goes with CGST, of the same half.
    pub enum StateTax {
        /// Of a state, and of a union territory with a legislature.
        Sgst = "SGST",
        /// Of a union territory without one (UTGST Act, section 1(2) and 7).
        Utgst = "UTGST",
    }
}

impl StateTax {
    /// The one of a supply in this state.
    pub fn of(state: StateCode) -> Self {
        if matches!(state.0, "04" | "26" | "31" | "35" | "38") { Self::Utgst } else { Self::Sgst }
    }
}

/// Which taxes a line bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Levy {
    /// CGST and SGST, each a half. In a union territory without a legislature UTGST stands in SGST's place, at the same
    /// rate and under the same field name.
    Halves,
    /// IGST, the whole rate.
    Integrated,
}

impl Levy {
    /// A health service is supplied where it is performed (IGST Act, section 12(4)), wherever the patient lives; only goods
    /// delivered in another state bear IGST.
    pub fn on(kind: Kind, hospital: StateCode, delivery: Option<StateCode>) -> Self {
        match delivery {
            Some(state) if kind.is_goods() && state != hospital => Self::Integrated,
            _ => Self::Halves,
        }
    }
}

impl fmt::Display for StateCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl FromStr for StateCode {
    type Err = Fault;

    /// Reads the two digits (`27`) or the letters (`MH`).
    fn from_str(text: &str) -> Result<Self, Fault> {
        CODES
            .iter()
            .find(|(code, letters, _)| *code == text || *letters == text)
            .map(|(code, ..)| Self(code))
            .ok_or_else(|| Fault::new("unknown_state", "must be a GST state code, such as \"27\" or \"MH\""))
    }
}

impl Serialize for StateCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl Deserr<Faults> for StateCode {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Faults> {
        from_text(value, location)
    }
}

impl ToSql<Text, Pg> for StateCode {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> diesel::serialize::Result {
        <str as ToSql<Text, Pg>>::to_sql(self.0, out)
    }
}

impl FromSql<Text, Pg> for StateCode {
    fn from_sql(bytes: PgValue<'_>) -> diesel::deserialize::Result<Self> {
        let text = <String as FromSql<Text, Pg>>::from_sql(bytes)?;
        text.parse().map_err(|fault: Fault| fault.to_string().into())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    fn state(code: &str) -> StateCode {
        code.parse().unwrap()
    }

    #[test]
    fn only_goods_delivered_elsewhere_bear_igst() {
        let hospital = state("27");
        for (kind, delivery, levy) in [
            (Kind::Pharmacy, None, Levy::Halves),
            (Kind::Pharmacy, Some("27"), Levy::Halves),
            (Kind::Pharmacy, Some("29"), Levy::Integrated),
            (Kind::Cosmetic, Some("29"), Levy::Halves),
            (Kind::Room, Some("29"), Levy::Halves),
            (Kind::Consultation, Some("29"), Levy::Halves),
        ] {
            assert_eq!(Levy::on(kind, hospital, delivery.map(state)), levy, "{kind:?} to {delivery:?}");
        }
    }

    #[test]
    fn union_territories_without_a_legislature_have_utgst() {
        let of = |tax| CODES.iter().filter(move |(code, ..)| StateTax::of(state(code)) == tax).map(|(code, ..)| *code);
        assert_eq!(of(StateTax::Utgst).collect::<Vec<_>>(), ["04", "26", "31", "35", "38"]);
        // Delhi, Jammu and Kashmir, Puducherry have one
        assert!(["01", "07", "34"].iter().all(|code| of(StateTax::Sgst).any(|other| other == *code)));
    }

    #[test]
    fn a_state_is_known_by_its_name() {
        assert_eq!(StateCode::named(" maharashtra "), Some(state("27")));
        assert_eq!(StateCode::named("Jammu & Kashmir"), Some(state("JK")));
        assert_eq!(
            StateCode::named("Andaman and Nicobar Islands").map(StateCode::name),
            Some("Andaman and Nicobar Islands")
        );
        for tamil_nadu in ["Tamilnadu", "tamil  nadu", "TN", "tn"] {
            assert_eq!(StateCode::named(tamil_nadu), Some(state("33")), "{tamil_nadu}");
        }
        for nobodys in ["", " ", "Maharastra", "India"] {
            assert_eq!(StateCode::named(nobodys), None, "{nobodys}");
        }
    }

    #[test]
    fn digits_and_letters_name_the_same_state() {
        assert_eq!(state("MH"), state("27"));
        for wrong in ["", "00", "25", "28", "99", "mh", "2", "Maharashtra"] {
            assert!(wrong.parse::<StateCode>().is_err(), "{wrong}");
        }
    }
}
