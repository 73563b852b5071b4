//! `GET reports/outstanding/`: what is owed, and for how long.

use actix_web::{HttpRequest, HttpResponse, get, web};
use auth::Permit;
use auth::permissions::ReportRead;
use chassis::problem::Problem;
use chassis::strict_json::{Faults, StrictQuery};
use chrono::{NaiveDate, Utc};
use deserr::Deserr;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use serde::Serialize;
use utoipa::ToSchema;

use super::out::{Broken, Out};
use super::revenue::own;
use super::table::{Table, rows};
use super::{Report, format};
use crate::app::App;
use crate::money::Paise;
use crate::numbering::day_in_india;

chassis::words! {
    /// What a line of the report is.
    #[schema(as = OutstandingGroupBy)]
    pub enum GroupBy {
        /// An invoice.
        Invoice = "invoice",
        /// A patient.
        Patient = "patient",
    }
}

/// The parameters of the report.
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Parameters {
    #[deserr(default)]
    group_by: Option<GroupBy>,
}

impl Parameters {
    /// The report that they ask for, as of a day.
    pub fn report(self, date: NaiveDate, doctor: Option<i64>) -> Outstanding {
        Outstanding { date, group_by: self.group_by.unwrap_or(GroupBy::Invoice), doctor }
    }
}

rows! {
    /// What one invoice, or one patient, owes.
    pub struct OutstandingRow {
        /// The patient: of an invoice's line, under the id that it was made for; a patient's line has what is owed under all ids that
        /// were merged into theirs.
        pub patient: i64,
        /// The invoice's number; null for a patient's line.
        pub invoice_number: Option<String>,
        /// The invoice's date; of a patient's line, the earliest.
        pub invoice_date: NaiveDate,
        /// Days since it was due, or since its date where no day was set; of a patient's line, of the earliest.
        pub days: i64,
        /// What is not due yet.
        pub not_due: Paise,
        /// Due for 0 to 30 days.
        pub days_0_30: Paise,
        /// For 31 to 60.
        pub days_31_60: Paise,
        /// For 61 to 90.
        pub days_61_90: Paise,
        /// For longer.
        pub over_90: Paise,
        /// All of it.
        pub outstanding: Paise,
    }

    /// All of it together.
    #[derive(Default)]
    pub struct OutstandingTotal {
        /// What is not due yet.
        pub not_due: Paise,
        /// Due for 0 to 30 days.
        pub days_0_30: Paise,
        /// For 31 to 60.
        pub days_31_60: Paise,
        /// For 61 to 90.
        pub days_61_90: Paise,
        /// For longer.
        pub over_90: Paise,
        /// All of it: what the books have on `RECEIVABLE`.
        pub outstanding: Paise,
    }
}

/// What is owed now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OutstandingReport {
    /// The day in India.
    pub date: NaiveDate,
    /// What a line is.
    pub group_by: GroupBy,
    /// The lines, the oldest first.
    pub results: Vec<OutstandingRow>,
    /// All of them together.
    pub total: OutstandingTotal,
}

/// What is owed now, by invoice or by patient, with its age.
///
/// A line's balance is what the books have on the receivable of the invoice. A DOCTOR sees invoices for their own appointments.
#[utoipa::path(
    tag = "billing",
    params(("group_by" = Option<GroupBy>, Query, description = "invoice unless said")),
    responses(
        (status = 200, description = "the report: JSON, or as Accept asks", content(
            (OutstandingReport = "application/json"), (String = "text/csv"), (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = 400, description = "faults, all at once; more lines than an answer holds"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
    )
)]
#[get("/api/billing/reports/outstanding/")]
pub async fn owed(
    permit: Permit<ReportRead>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let report = parameters.0.report(day_in_india(Utc::now()), own(&permit));
    format::answer(&http, &app, &permit.actor, &report).await
}

/// What is owed, as it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Outstanding {
    /// The day in India.
    pub date: NaiveDate,
    /// What a line is.
    pub group_by: GroupBy,
    /// Whose own appointments alone are counted.
    pub doctor: Option<i64>,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    patient: i64,
    #[diesel(sql_type = Nullable<Text>)]
    invoice_number: Option<String>,
    #[diesel(sql_type = Date)]
    invoice_date: NaiveDate,
    #[diesel(sql_type = BigInt)]
    days: i64,
    #[diesel(sql_type = BigInt)]
    not_due: Paise,
    #[diesel(sql_type = BigInt)]
    days_0_30: Paise,
    #[diesel(sql_type = BigInt)]
    days_31_60: Paise,
    #[diesel(sql_type = BigInt)]
    days_61_90: Paise,
    #[diesel(sql_type = BigInt)]
    over_90: Paise,
    #[diesel(sql_type = BigInt)]
    outstanding: Paise,
    /// All of them.
    #[diesel(sql_type = BigInt)]
    lines: i64,
}

impl From<Found> for OutstandingRow {
    fn from(found: Found) -> Self {
        let Found { patient, invoice_number, invoice_date, days, not_due, .. } = found;
        let Found { days_0_30, days_31_60, days_61_90, over_90, outstanding, .. } = found;
        Self {
            patient,
            invoice_number,
            invoice_date,
            days,
            not_due,
            days_0_30,
            days_31_60,
            days_61_90,
            over_90,
            outstanding,
        }
    }
}

/// An invoice that is paid has nothing on its receivable, nor has a cancelled one: it is cancelled when nothing is paid on it, and
/// its credit note takes back the rest. The index `invoices_owing` has the others, with all that is read of them here. The balance
/// is joined: named in a list of columns, it would be reckoned anew wherever it is used.
const BALANCES: &str = "WITH balances AS ( \
        SELECT i.patient_id AS patient, coalesce(m.target, i.patient_id) AS survivor, i.invoice_number, i.dated, $1 - coalesce(i.due_date, i.dated) AS days, b.owed \
        FROM invoices i LEFT JOIN appointments a ON a.id = i.appointment_id LEFT JOIN merged_patients m ON m.source = i.patient_id \
        CROSS JOIN LATERAL (SELECT sum(p.amount) AS owed FROM journal_entries e JOIN postings p ON p.entry_id = e.id \
                            WHERE e.invoice_id = i.id AND p.account = 'RECEIVABLE') b \
        WHERE i.status IN ('ISSUED', 'PARTIALLY_PAID', 'OVERDUE', 'REFUNDED') \
        AND ($2::bigint IS NULL OR a.doctor_id = $2)) ";

const AGES: &str = "coalesce(sum(owed) FILTER (WHERE days < 0), 0)::bigint AS not_due, \
        coalesce(sum(owed) FILTER (WHERE days BETWEEN 0 AND 30), 0)::bigint AS days_0_30, \
        coalesce(sum(owed) FILTER (WHERE days BETWEEN 31 AND 60), 0)::bigint AS days_31_60, \
        coalesce(sum(owed) FILTER (WHERE days BETWEEN 61 AND 90), 0)::bigint AS days_61_90, \
        coalesce(sum(owed) FILTER (WHERE days > 90), 0)::bigint AS over_90, \
        sum(owed)::bigint AS outstanding, count(*) OVER () AS lines FROM balances WHERE owed <> 0 ";

impl Report for Outstanding {
    fn name(&self) -> String {
        format!("outstanding-{}", self.date)
    }

    fn tables(&self) -> usize {
        2
    }

    async fn tell(&self, conn: &mut AsyncPgConnection, out: &mut Out) -> Result<(), Broken> {
        out.member("date", &self.date)?;
        out.member("group_by", &self.group_by)?;
        out.begin(Table::of::<OutstandingRow>("results", "outstanding")).await?;
        let mut total = OutstandingTotal::default();
        let mut found = read(*self, conn, out.limit()).await?;
        let mut first = true;
        while let Some(found) = found.try_next().await? {
            if std::mem::take(&mut first) {
                out.expects(found.lines);
            }
            let row = OutstandingRow::from(found);
            total.add(&row);
            out.shows(row.patient);
            out.row(&row).await?;
        }
        out.end();
        out.single("total", &total).await
    }
}

impl Outstanding {
    /// What its lines come to, without the lines.
    ///
    /// # Errors
    /// From the database.
    pub async fn total(&self, conn: &mut AsyncPgConnection) -> QueryResult<OutstandingTotal> {
        let mut total = OutstandingTotal::default();
        let mut found = read(*self, conn, None).await?;
        while let Some(found) = found.try_next().await? {
            total.add(&OutstandingRow::from(found));
        }
        Ok(total)
    }

    fn statement(&self) -> String {
        let (patient, number) = match self.group_by {
            GroupBy::Invoice => ("patient", "invoice_number"),
            GroupBy::Patient => ("survivor", "NULL::text"),
        };
        format!(
            "{BALANCES} SELECT {patient} AS patient, {number} AS invoice_number, min(dated) AS invoice_date, max(days)::bigint AS days, {AGES} \
             GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2 LIMIT $3"
        )
    }
}

async fn read(
    report: Outstanding,
    conn: &mut AsyncPgConnection,
    most: Option<i64>,
) -> QueryResult<BoxStream<'_, QueryResult<Found>>> {
    let query = diesel::sql_query(report.statement()).bind::<Date, _>(report.date);
    let query = query.bind::<Nullable<BigInt>, _>(report.doctor).bind::<Nullable<BigInt>, _>(most);
    Ok(query.load_stream(conn).await?.boxed())
}

impl OutstandingTotal {
    fn add(&mut self, row: &OutstandingRow) {
        self.not_due = self.not_due + row.not_due;
        self.days_0_30 = self.days_0_30 + row.days_0_30;
        self.days_31_60 = self.days_31_60 + row.days_31_60;
        self.days_61_90 = self.days_61_90 + row.days_61_90;
        self.over_90 = self.over_90 + row.over_90;
        self.outstanding = self.outstanding + row.outstanding;
    }
}
