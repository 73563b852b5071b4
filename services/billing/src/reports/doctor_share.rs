//! `GET reports/doctor-share/`: what doctors' visits brought, and the doctors' part of it.

use actix_web::{HttpRequest, HttpResponse, get, web};
use auth::Permit;
use auth::permissions::ReportRead;
use chassis::fields::Day;
use chassis::problem::Problem;
use chassis::strict_json::{Faults, StrictQuery};
use deserr::Deserr;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;

use super::out::{Broken, Out};
use super::period::Period;
use super::revenue::own;
use super::table::{Table, rows};
use super::{Report, format};
use crate::app::App;
use crate::money::Paise;
use crate::tax::Rate;

/// The parameters of the report.
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Parameters {
    #[deserr(default)]
    start_date: Option<Day>,
    #[deserr(default)]
    end_date: Option<Day>,
}

impl Parameters {
    /// The report that they ask for.
    ///
    /// # Errors
    /// 400 with every fault.
    pub fn report(self, doctor: Option<i64>, percent: Option<Rate>) -> Result<Shares, Problem> {
        Ok(Shares { period: Period::of(self.start_date, self.end_date)?, doctor, percent })
    }
}

rows! {
    /// A doctor's line.
    pub struct DoctorRow {
        /// The doctor.
        pub doctor: i64,
        /// The doctor's name, where it is known.
        pub name: Option<String>,
        /// Invoices with their consultations or procedures, less those that credit notes took back.
        pub invoices: i64,
        /// Consultations and procedures on them, without tax and less discounts.
        pub taxable_value: Paise,
        /// The part in percent; null where the hospital has set none.
        pub percent: Option<Rate>,
        /// The doctor's part of it.
        pub share: Option<Paise>,
    }
}

/// The doctors' shares.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DoctorShareReport {
    /// The days.
    #[serde(flatten)]
    pub period: Period,
    /// The lines, by doctor.
    pub results: Vec<DoctorRow>,
}

/// What the consultations and procedures of doctors' appointments brought, and the doctors' part of it.
///
/// The part is the hospital's `EHS_DOCTOR_SHARE_PERCENT`, settled to the paisa on the period's sum. A DOCTOR sees their own line.
#[utoipa::path(
    tag = "billing",
    params(
        ("start_date" = chrono::NaiveDate, Query, description = "from this day on"),
        ("end_date" = chrono::NaiveDate, Query, description = "up to this day"),
    ),
    responses(
        (status = 200, description = "the report: JSON, or as Accept asks", content(
            (DoctorShareReport = "application/json"), (String = "text/csv"), (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = 400, description = "faults, all at once; more than 366 days"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
    )
)]
#[get("/api/billing/reports/doctor-share/")]
pub async fn doctor_share(
    permit: Permit<ReportRead>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let report = parameters.0.report(own(&permit), app.doctor_share)?;
    format::answer(&http, &app, &permit.actor, &report).await
}

/// The doctors' shares, as they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    /// The days.
    pub period: Period,
    /// Whose own alone are counted.
    pub doctor: Option<i64>,
    /// The doctors' part.
    pub percent: Option<Rate>,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    doctor: i64,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = BigInt)]
    invoices: i64,
    #[diesel(sql_type = BigInt)]
    taxable_value: Paise,
}

impl Report for Shares {
    fn name(&self) -> String {
        format!("doctor-share-{}", self.period.slug())
    }

    fn tables(&self) -> usize {
        1
    }

    async fn tell(&self, conn: &mut AsyncPgConnection, out: &mut Out) -> Result<(), Broken> {
        let rows = self.read(conn, out.limit()).await?;
        out.expects(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        out.member("start_date", &self.period.start_date)?;
        out.member("end_date", &self.period.end_date)?;
        out.begin(Table::of::<DoctorRow>("results", "doctors")).await?;
        for row in &rows {
            out.row(row).await?;
        }
        out.end();
        Ok(())
    }
}

impl Shares {
    /// Adds them up: so many lines at most.
    ///
    /// # Errors
    /// From the database.
    pub async fn read(&self, conn: &mut AsyncPgConnection, most: Option<i64>) -> QueryResult<Vec<DoctorRow>> {
        let found: Vec<Found> = diesel::sql_query(
            "SELECT a.doctor_id AS doctor, d.name, \
                    count(DISTINCT e.invoice_id) FILTER (WHERE e.kind = 'ISSUE') \
                    - count(DISTINCT e.invoice_id) FILTER (WHERE e.kind = 'CREDIT_NOTE') AS invoices, \
                    sum(CASE e.kind WHEN 'ISSUE' THEN 1 ELSE -1 END * (i.gross - i.discount))::bigint AS taxable_value \
             FROM journal_entries e JOIN invoices v ON v.id = e.invoice_id JOIN appointments a ON a.id = v.appointment_id \
             LEFT JOIN doctors d ON d.id = a.doctor_id \
             JOIN invoice_items i ON i.invoice_id = v.id AND i.kind IN ('CONSULTATION', 'PROCEDURE') \
             WHERE e.dated BETWEEN $1 AND $2 AND e.kind IN ('ISSUE', 'CREDIT_NOTE') AND ($3::bigint IS NULL OR a.doctor_id = $3) \
             GROUP BY 1, 2 ORDER BY 1 LIMIT $4",
        )
        .bind::<Date, _>(self.period.start_date)
        .bind::<Date, _>(self.period.end_date)
        .bind::<Nullable<BigInt>, _>(self.doctor)
        .bind::<Nullable<BigInt>, _>(most)
        .load(conn)
        .await?;
        Ok(found.into_iter().map(|found| row(found, self.percent)).collect())
    }
}

fn row(found: Found, percent: Option<Rate>) -> DoctorRow {
    let Found { doctor, name, invoices, taxable_value } = found;
    let share = percent.and_then(|percent| taxable_value.times(percent.basis_points(), 10_000));
    DoctorRow { doctor, name, invoices, taxable_value, percent, share }
}
