//! The parts of a patient that are objects of their own, kept as JSON.

use std::fmt;

use chassis::phi::Phi;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Jsonb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A postal address, in India unless it says otherwise.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, FromSqlRow, AsExpression, ToSchema)]
#[diesel(sql_type = Jsonb)]
#[serde(default)]
pub struct Address {
    /// House and street.
    #[schema(value_type = Option<String>)]
    pub line1: Option<Phi<String>>,
    /// Locality or landmark.
    #[schema(value_type = Option<String>)]
    pub line2: Option<Phi<String>>,
    /// Town or village.
    #[schema(value_type = Option<String>)]
    pub city: Option<Phi<String>>,
    /// District.
    #[schema(value_type = Option<String>)]
    pub district: Option<Phi<String>>,
    /// State or union territory.
    #[schema(value_type = Option<String>)]
    pub state: Option<Phi<String>>,
    /// Six digits in India, another postal code abroad.
    #[schema(value_type = Option<String>)]
    pub pin_code: Option<Phi<String>>,
    /// Country; absent means India.
    #[schema(value_type = Option<String>)]
    pub country: Option<Phi<String>>,
}

/// Whom to call in an emergency.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, FromSqlRow, AsExpression, ToSchema)]
#[diesel(sql_type = Jsonb)]
pub struct EmergencyContact {
    /// Name.
    #[schema(value_type = String)]
    pub name: Phi<String>,
    /// Such as `mother`.
    #[schema(value_type = Option<String>)]
    pub relationship: Option<Phi<String>>,
    /// E.164.
    #[schema(value_type = Option<String>)]
    pub phone: Option<Phi<String>>,
}

macro_rules! kept_as_json {
    ($($kind:ty),+) => {$(
        impl FromSql<Jsonb, Pg> for $kind {
            fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
                let value = <serde_json::Value as FromSql<Jsonb, Pg>>::from_sql(bytes)?;
                Ok(serde_json::from_value(value)?)
            }
        }

        impl ToSql<Jsonb, Pg> for $kind {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                let value = serde_json::to_value(self)?;
                <serde_json::Value as ToSql<Jsonb, Pg>>::to_sql(&value, &mut out.reborrow())
            }
        }

        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("***")
            }
        }
    )+};
}

kept_as_json!(Address, EmergencyContact);
