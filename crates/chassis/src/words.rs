//! Closed sets of words: an enum that is the same word in JSON, in a query string, in a `text` column and in the OpenAPI
//! document.

use std::str::FromStr;

use deserr::{Deserr, IntoValue, MergeWithError, Value, ValuePointerRef, take_cf_content};

use crate::strict_json::{Fault, Faults};

/// Declares such an enum. The crate that uses it depends on serde, utoipa, deserr and diesel.
///
/// ```
/// chassis::words! {
///     /// How a visit is held.
///     pub enum Visit {
///         /// At the hospital.
///         InPerson = "IN_PERSON",
///         /// By video.
///         Teleconsult = "TELECONSULT",
///     }
/// }
/// assert_eq!("TELECONSULT".parse::<Visit>().unwrap().as_str(), "TELECONSULT");
/// ```
#[macro_export]
macro_rules! words {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$each:meta])* $variant:ident = $word:tt),+ $(,)? }) => {
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
            diesel::expression::AsExpression, diesel::deserialize::FromSqlRow,
        )]
        $(#[$doc])*
        #[diesel(sql_type = diesel::sql_types::Text)]
        pub enum $name { $($(#[$each])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every word, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word itself.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::strict_json::Fault;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::strict_json::Fault::new("unknown_value", concat!("must be one of", $(" ", $word),+))),
                }
            }
        }

        impl deserr::Deserr<$crate::strict_json::Faults> for $name {
            fn deserialize_from_value<V: deserr::IntoValue>(
                value: deserr::Value<V>,
                at: deserr::ValuePointerRef<'_>,
            ) -> Result<Self, $crate::strict_json::Faults> {
                $crate::words::from_text(value, at)
            }
        }

        impl diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>) -> diesel::serialize::Result {
                <str as diesel::serialize::ToSql<diesel::sql_types::Text, diesel::pg::Pg>>::to_sql(self.as_str(), out)
            }
        }

        impl diesel::deserialize::FromSql<diesel::sql_types::Text, diesel::pg::Pg> for $name {
            fn from_sql(bytes: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
                std::str::from_utf8(bytes.as_bytes())?.parse().map_err(|_fault| concat!("no such ", stringify!($name)).into())
            }
        }
    };
}

/// Reads a JSON string through the type's own `FromStr`.
///
/// # Errors
/// The fault at its place: not a string, or not one that the type takes.
pub fn from_text<T, V>(value: Value<V>, at: ValuePointerRef<'_>) -> Result<T, Faults>
where
    T: FromStr<Err = Fault>,
    V: IntoValue,
{
    let text = String::deserialize_from_value(value, at)?;
    text.parse().map_err(|fault| refused(fault, at))
}

/// A fault at its place in the body.
pub fn refused(fault: Fault, at: ValuePointerRef<'_>) -> Faults {
    take_cf_content(Faults::merge(None, fault, at))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use utoipa::PartialSchema;

    crate::words! {
        /// How a visit is held.
        pub enum Visit {
            /// At the hospital.
            InPerson = "IN_PERSON",
            /// By video.
            Teleconsult = "TELECONSULT",
        }
    }

    #[test]
    fn the_document_has_the_words_that_are_sent() {
        let schema = serde_json::to_value(Visit::schema()).unwrap();
        assert_eq!(schema["enum"], serde_json::json!(["IN_PERSON", "TELECONSULT"]));
    }
}
