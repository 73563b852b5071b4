//! Rows and columns, whatever is made of them.

use chrono::NaiveDate;

use crate::money::Paise;
use crate::tax::Rate;

/// What stands in a row's column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Words.
    Text(String),
    /// A number of things.
    Count(i64),
    /// Rupees.
    Money(Paise),
    /// Percent.
    Percent(Rate),
    /// A day.
    Date(NaiveDate),
}

macro_rules! cell_from {
    ($($type:ty => $cell:ident),+) => {
        $(impl From<$type> for Cell {
            fn from(value: $type) -> Self {
                Self::$cell(value)
            }
        })+
    };
}
cell_from!(String => Text, i64 => Count, Paise => Money, Rate => Percent, NaiveDate => Date);

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

/// A row that knows its columns.
pub trait Row: serde::Serialize + Send + Sync {
    /// Their names, as in JSON.
    const COLUMNS: &'static [&'static str];
    /// What stands in them.
    fn cells(&self) -> Vec<Cell>;
}

/// Declares rows: a struct for JSON, its OpenAPI schema, and its columns.
macro_rules! rows {
    ($($(#[$doc:meta])* pub struct $name:ident { $($(#[$of:meta])* pub $field:ident: $type:ty),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
            pub struct $name { $($(#[$of])* pub $field: $type),+ }

            impl $crate::reports::table::Row for $name {
                const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];
                fn cells(&self) -> Vec<$crate::reports::table::Cell> {
                    vec![$(self.$field.clone().into()),+]
                }
            }
        )+
    };
}
pub(crate) use rows;

/// A table of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name in JSON.
    pub member: &'static str,
    /// Its name as a sheet, or above its lines.
    pub sheet: &'static str,
    /// The columns' names.
    pub columns: &'static [&'static str],
}

impl Table {
    /// A table of such rows.
    pub const fn of<R: Row>(member: &'static str, sheet: &'static str) -> Self {
        Self { member, sheet, columns: R::COLUMNS }
    }
}
