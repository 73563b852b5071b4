//! Which report: its name, who may have it, and its parameters, as they stand in a body or in a row.

use auth::{Action, Reach, Role};
use chassis::problem::Problem;
use chassis::strict_json;
use chrono::NaiveDate;
use diesel_async::AsyncPgConnection;
use serde_json::Value;

use super::Report;
use super::day_book::{self, Books};
use super::doctor_share::{self, Shares};
use super::gst::{self, Gst};
use super::out::{Broken, Out};
use super::outstanding::{self, Outstanding};
use super::revenue::{self, Revenue};
use crate::tax::Rate;

chassis::words! {
    /// The reports there are.
    pub enum Name {
        /// What was billed and collected.
        Revenue = "revenue",
        /// What is owed.
        Outstanding = "outstanding",
        /// The doctors' shares.
        DoctorShare = "doctor-share",
        /// What the GST return asks for.
        Gst = "gst",
        /// The books of a day.
        DayBook = "day-book",
    }
}

impl Name {
    /// What one must be allowed to do to have it.
    pub const fn action(self) -> Action {
        match self {
            Self::Revenue | Self::Outstanding | Self::DoctorShare => Action::ReportRead,
            Self::Gst | Self::DayBook => Action::BooksRead,
        }
    }

    /// How far a role reaches with it.
    pub const fn reach(self, role: Role) -> Option<Reach> {
        auth::permissions::reach(role, self.action())
    }
}

/// What a report says beside its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    /// The day in India.
    pub today: NaiveDate,
    /// Whose own appointments alone are counted.
    pub doctor: Option<i64>,
    /// The doctors' part.
    pub percent: Option<Rate>,
}

/// A report that was asked for.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    /// What was billed and collected.
    Revenue(Revenue),
    /// What is owed.
    Outstanding(Outstanding),
    /// The doctors' shares.
    DoctorShare(Shares),
    /// What the GST return asks for.
    Gst(Gst),
    /// The books of a day.
    DayBook(Books),
}

impl Asked {
    /// From its name and the parameters that its GET takes.
    ///
    /// # Errors
    /// 400 with every fault of the parameters.
    pub fn of(name: Name, parameters: Value, given: Given) -> Result<Self, Problem> {
        let Given { today, doctor, percent } = given;
        Ok(match name {
            Name::Revenue => Self::Revenue(strict_json::parse::<revenue::Parameters>(parameters)?.report(doctor)?),
            Name::Outstanding => {
                Self::Outstanding(strict_json::parse::<outstanding::Parameters>(parameters)?.report(today, doctor))
            }
            Name::DoctorShare => {
                let parameters: doctor_share::Parameters = strict_json::parse(parameters)?;
                Self::DoctorShare(parameters.report(doctor, percent)?)
            }
            Name::Gst => Self::Gst(strict_json::parse::<gst::Parameters>(parameters)?.report()?),
            Name::DayBook => Self::DayBook(strict_json::parse::<day_book::Parameters>(parameters)?.report()),
        })
    }
}

impl Report for Asked {
    fn name(&self) -> String {
        match self {
            Self::Revenue(report) => report.name(),
            Self::Outstanding(report) => report.name(),
            Self::DoctorShare(report) => report.name(),
            Self::Gst(report) => report.name(),
            Self::DayBook(report) => report.name(),
        }
    }

    fn tables(&self) -> usize {
        match self {
            Self::Revenue(report) => report.tables(),
            Self::Outstanding(report) => report.tables(),
            Self::DoctorShare(report) => report.tables(),
            Self::Gst(report) => report.tables(),
            Self::DayBook(report) => report.tables(),
        }
    }

    async fn tell(&self, conn: &mut AsyncPgConnection, out: &mut Out) -> Result<(), Broken> {
        match self {
            Self::Revenue(report) => report.tell(conn, out).await,
            Self::Outstanding(report) => report.tell(conn, out).await,
            Self::DoctorShare(report) => report.tell(conn, out).await,
            Self::Gst(report) => report.tell(conn, out).await,
            Self::DayBook(report) => report.tell(conn, out).await,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use serde_json::json;

    use super::*;

    const GIVEN: Given = Given { today: NaiveDate::MIN, doctor: None, percent: None };

    #[test]
    fn parameters_are_those_of_the_get() {
        for (name, parameters, file) in [
            (
                Name::Revenue,
                json!({"start_date": "2026-11-01", "end_date": "2026-11-30", "group_by": "month"}),
                "revenue-by-month-2026-11",
            ),
            (
                Name::DoctorShare,
                json!({"start_date": "2026-11-01", "end_date": "2026-11-02"}),
                "doctor-share-2026-11-01-2026-11-02",
            ),
            (Name::Gst, json!({"month": "2026-11"}), "gstr1-2026-11"),
            (Name::DayBook, json!({"date": "2026-11-27"}), "day-book-2026-11-27"),
        ] {
            assert_eq!(Asked::of(name, parameters, GIVEN).unwrap().name(), file);
        }
        for (name, parameters, faults) in [
            (Name::Revenue, json!({}), 2),
            (Name::Revenue, json!({"start_date": "yesterday", "end_date": 5, "by": "day"}), 3),
            (Name::Gst, json!({"month": "2026-13"}), 1),
            (Name::DayBook, json!([]), 1),
            (Name::Outstanding, json!({"group_by": "day"}), 1),
        ] {
            assert_eq!(Asked::of(name, parameters, GIVEN).unwrap_err().faults().len(), faults, "{name:?}");
        }
    }

    #[test]
    fn the_books_are_not_a_doctors() {
        assert_eq!(Name::Revenue.reach(Role::Doctor), Some(Reach::Own));
        assert_eq!(Name::Gst.reach(Role::Doctor), None);
    }
}
