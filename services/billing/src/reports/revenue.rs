//! `GET reports/revenue/`: what was billed and collected, from the books.

use actix_web::{HttpRequest, HttpResponse, get, web};
use auth::permissions::ReportRead;
use auth::{Permit, Reach};
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
use super::table::{Table, rows};
use super::{Report, format};
use crate::app::App;
use crate::money::Paise;

chassis::words! {
    /// By what revenue is added up.
    #[schema(as = RevenueGroupBy)]
    pub enum GroupBy {
        /// By the day of the entry.
        Day = "day",
        /// By its month.
        Month = "month",
        /// By the doctor of the appointment that an invoice is for.
        Doctor = "doctor",
        /// By the kind of supply. Of the lines: what was collected, and the rounding, belong to no line.
        Service = "service",
        /// By the method of payment: what was collected.
        Method = "method",
    }
}

/// The parameters of the report.
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Parameters {
    #[deserr(default)]
    start_date: Option<Day>,
    #[deserr(default)]
    end_date: Option<Day>,
    #[deserr(default)]
    group_by: Option<GroupBy>,
}

impl Parameters {
    /// The report that they ask for.
    ///
    /// # Errors
    /// 400 with every fault.
    pub fn report(self, doctor: Option<i64>) -> Result<Revenue, Problem> {
        let period = Period::of(self.start_date, self.end_date)?;
        Ok(Revenue { period, group_by: self.group_by.unwrap_or(GroupBy::Day), doctor })
    }
}

rows! {
    /// A line of the revenue.
    pub struct RevenueRow {
        /// The day, the month, the doctor's id, the kind of supply, or the method.
        pub key: String,
        /// The doctor's name.
        pub name: Option<String>,
        /// Invoices issued; with `service`, lines; with `method`, payments.
        pub count: i64,
        /// Supplies without tax, less what credit notes took back.
        pub taxable_value: Paise,
        /// Taxes, likewise.
        pub tax: Paise,
        /// Rounding to the rupee, likewise.
        pub round_off: Paise,
        /// What invoices ask for, less what credit notes took back.
        pub billed: Paise,
        /// Payments.
        pub received: Paise,
        /// Refunds.
        pub refunded: Paise,
        /// Payments less refunds.
        pub collected: Paise,
    }
}

/// What was billed and collected.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RevenueReport {
    /// The days.
    #[serde(flatten)]
    pub period: Period,
    /// By what it is added up.
    pub group_by: GroupBy,
    /// The lines, in the order of `key`.
    pub results: Vec<RevenueRow>,
    /// All of them together.
    pub total: RevenueRow,
}

/// What was billed and collected, by day, month, doctor, service or method.
///
/// An invoice counts on its date, a credit note, a payment and a refund on theirs, all in India; at most 366 days. Every amount
/// is a sum of the books' postings. A DOCTOR sees what invoices for their own appointments come to.
#[utoipa::path(
    tag = "billing",
    params(
        ("start_date" = chrono::NaiveDate, Query, description = "from this day on"),
        ("end_date" = chrono::NaiveDate, Query, description = "up to this day"),
        ("group_by" = Option<GroupBy>, Query, description = "day unless said"),
    ),
    responses(
        (status = 200, description = "the report: JSON, or as Accept asks", content(
            (RevenueReport = "application/json"), (String = "text/csv"), (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = 400, description = "faults, all at once; more than 366 days"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
    )
)]
#[get("/api/billing/reports/revenue/")]
pub async fn revenue(
    permit: Permit<ReportRead>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<HttpResponse, Problem> {
    format::answer(&http, &app, &permit.actor, &parameters.0.report(own(&permit))?).await
}

/// The revenue, as it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Revenue {
    /// The days.
    pub period: Period,
    /// By what it is added up.
    pub group_by: GroupBy,
    /// Whose own appointments alone are counted.
    pub doctor: Option<i64>,
}

/// The doctor whose own appointments alone are counted.
pub(super) fn own(permit: &Permit<ReportRead>) -> Option<i64> {
    (permit.reach != Reach::All).then_some(permit.actor.user_id)
}

#[derive(Default, QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = BigInt)]
    taxable_value: Paise,
    #[diesel(sql_type = BigInt)]
    tax: Paise,
    #[diesel(sql_type = BigInt)]
    round_off: Paise,
    #[diesel(sql_type = BigInt)]
    billed: Paise,
    #[diesel(sql_type = BigInt)]
    received: Paise,
    #[diesel(sql_type = BigInt)]
    refunded: Paise,
}

impl From<Found> for RevenueRow {
    fn from(found: Found) -> Self {
        let Found { key, name, count, taxable_value, tax, round_off, billed, received, refunded } = found;
        let collected = received - refunded;
        Self { key, name, count, taxable_value, tax, round_off, billed, received, refunded, collected }
    }
}

impl Report for Revenue {
    fn name(&self) -> String {
        format!("revenue-by-{}-{}", self.group_by.as_str(), self.period.slug())
    }

    fn tables(&self) -> usize {
        1
    }

    async fn tell(&self, conn: &mut AsyncPgConnection, out: &mut Out) -> Result<(), Broken> {
        let RevenueReport { period, group_by, results, total } = self.read(conn, out.limit()).await?;
        out.expects(i64::try_from(results.len()).unwrap_or(i64::MAX));
        out.member("start_date", &period.start_date)?;
        out.member("end_date", &period.end_date)?;
        out.member("group_by", &group_by)?;
        out.begin(Table::of::<RevenueRow>("results", "revenue")).await?;
        for row in &results {
            out.row(row).await?;
        }
        out.end_with("total", &total).await
    }
}

impl Revenue {
    /// Adds it up: so many lines at most.
    ///
    /// # Errors
    /// From the database.
    pub async fn read(&self, conn: &mut AsyncPgConnection, most: Option<i64>) -> QueryResult<RevenueReport> {
        let Self { period, group_by, doctor } = *self;
        let found: Vec<Found> = diesel::sql_query(statement(group_by))
            .bind::<Date, _>(period.start_date)
            .bind::<Date, _>(period.end_date)
            .bind::<Nullable<BigInt>, _>(doctor)
            .bind::<Nullable<BigInt>, _>(most)
            .load(conn)
            .await?;
        let results: Vec<RevenueRow> = found.into_iter().map(RevenueRow::from).collect();
        let total = total(&results);
        Ok(RevenueReport { period, group_by, results, total })
    }
}

fn total(rows: &[RevenueRow]) -> RevenueRow {
    let sum = |of: fn(&RevenueRow) -> Paise| rows.iter().map(of).sum();
    RevenueRow {
        key: "total".to_owned(),
        name: None,
        count: rows.iter().map(|row| row.count).sum(),
        taxable_value: sum(|row| row.taxable_value),
        tax: sum(|row| row.tax),
        round_off: sum(|row| row.round_off),
        billed: sum(|row| row.billed),
        received: sum(|row| row.received),
        refunded: sum(|row| row.refunded),
        collected: sum(|row| row.collected),
    }
}

/// The entries of the period, with the doctor of the appointment that each is about.
const ENTRIES: &str = "WITH entries AS ( \
        SELECT e.id, e.kind, e.dated, e.invoice_id, e.source_id, a.doctor_id, d.name AS doctor_name \
        FROM journal_entries e JOIN invoices i ON i.id = e.invoice_id \
        LEFT JOIN appointments a ON a.id = i.appointment_id LEFT JOIN doctors d ON d.id = a.doctor_id \
        WHERE e.dated BETWEEN $1 AND $2 AND e.kind IN ('ISSUE', 'CREDIT_NOTE', 'PAYMENT', 'REFUND') \
        AND ($3::bigint IS NULL OR a.doctor_id = $3)) ";

/// What the postings of all entries of a group come to.
const POSTED: &str = "count(DISTINCT e.id) FILTER (WHERE e.kind = 'ISSUE') AS count, \
        coalesce(-sum(p.amount) FILTER (WHERE p.account = 'REVENUE'), 0)::bigint AS taxable_value, \
        coalesce(-sum(p.amount) FILTER (WHERE p.account IN ('OUTPUT_CGST', 'OUTPUT_SGST', 'OUTPUT_IGST')), 0)::bigint AS tax, \
        coalesce(-sum(p.amount) FILTER (WHERE p.account = 'ROUND_OFF'), 0)::bigint AS round_off, \
        coalesce(sum(p.amount) FILTER (WHERE p.account = 'RECEIVABLE' AND e.kind IN ('ISSUE', 'CREDIT_NOTE')), 0)::bigint AS billed, \
        coalesce(-sum(p.amount) FILTER (WHERE p.account = 'RECEIVABLE' AND e.kind = 'PAYMENT'), 0)::bigint AS received, \
        coalesce(sum(p.amount) FILTER (WHERE p.account = 'RECEIVABLE' AND e.kind = 'REFUND'), 0)::bigint AS refunded \
        FROM entries e JOIN postings p ON p.entry_id = e.id ";

fn statement(group_by: GroupBy) -> String {
    match group_by {
        GroupBy::Day => posted("e.dated::text", "NULL::text"),
        GroupBy::Month => posted("to_char(e.dated, 'YYYY-MM')", "NULL::text"),
        GroupBy::Doctor => posted("coalesce(e.doctor_id::text, '')", "e.doctor_name"),
        GroupBy::Service => format!(
            "{ENTRIES} SELECT i.kind AS key, NULL::text AS name, count(*) FILTER (WHERE e.kind = 'ISSUE') AS count, \
             sum(s.sign * (i.gross - i.discount))::bigint AS taxable_value, \
             sum(s.sign * (i.cgst + i.sgst + i.igst))::bigint AS tax, 0::bigint AS round_off, \
             sum(s.sign * (i.gross - i.discount + i.cgst + i.sgst + i.igst))::bigint AS billed, \
             0::bigint AS received, 0::bigint AS refunded \
             FROM entries e JOIN invoice_items i ON i.invoice_id = e.invoice_id \
             CROSS JOIN LATERAL (SELECT CASE e.kind WHEN 'ISSUE' THEN 1 ELSE -1 END AS sign) s \
             WHERE e.kind IN ('ISSUE', 'CREDIT_NOTE') GROUP BY i.kind ORDER BY 1 LIMIT $4"
        ),
        // the account on the other side of the receivable is the method's, but for refunds that are still on their way
        GroupBy::Method => format!(
            "{ENTRIES} SELECT coalesce(pay.method, back.method, '') AS key, NULL::text AS name, count(pay.id) AS count, \
             0::bigint AS taxable_value, 0::bigint AS tax, 0::bigint AS round_off, 0::bigint AS billed, \
             coalesce(-sum(p.amount) FILTER (WHERE e.kind = 'PAYMENT'), 0)::bigint AS received, \
             coalesce(sum(p.amount) FILTER (WHERE e.kind = 'REFUND'), 0)::bigint AS refunded \
             FROM entries e JOIN postings p ON p.entry_id = e.id AND p.account = 'RECEIVABLE' \
             LEFT JOIN payments pay ON e.kind = 'PAYMENT' AND pay.id = e.source_id \
             LEFT JOIN refunds back ON e.kind = 'REFUND' AND back.id = e.source_id \
             WHERE e.kind IN ('PAYMENT', 'REFUND') GROUP BY 1 ORDER BY 1 LIMIT $4"
        ),
    }
}

fn posted(key: &str, name: &str) -> String {
    format!("{ENTRIES} SELECT {key} AS key, {name} AS name, {POSTED} GROUP BY 1, 2 ORDER BY 1 LIMIT $4")
}
