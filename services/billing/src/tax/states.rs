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

const CODES: &[(&str, &str)] = &[
    ("01", "JK"),
    ("02", "HP"),
    ("03", "PB"),
    ("04", "CH"),
    ("05", "UK"),
    ("06", "HR"),
    ("07", "DL"),
    ("08", "RJ"),
    ("09", "UP"),
    ("10", "BR"),
    ("11", "SK"),
    ("12", "AR"),
    ("13", "NL"),
    ("14", "MN"),
    ("15", "MZ"),
    ("16", "TR"),
    ("17", "ML"),
    ("18", "AS"),
    ("19", "WB"),
    ("20", "JH"),
    ("21", "OD"),
    ("22", "CG"),
    ("23", "MP"),
    ("24", "GJ"),
    ("26", "DNHDD"),
    ("27", "MH"),
    ("29", "KA"),
    ("30", "GA"),
    ("31", "LD"),
    ("32", "KL"),
    ("33", "TN"),
    ("34", "PY"),
    ("35", "AN"),
    ("36", "TS"),
    ("37", "AP"),
    ("38", "LA"),
    ("97", "OTHER"),
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
            .find(|(code, letters)| *code == text || *letters == text)
            .map(|(code, _)| Self(code))
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
    fn digits_and_letters_name_the_same_state() {
        assert_eq!(state("MH"), state("27"));
        for wrong in ["", "00", "25", "28", "99", "mh", "2", "Maharashtra"] {
            assert!(wrong.parse::<StateCode>().is_err(), "{wrong}");
        }
    }
}
