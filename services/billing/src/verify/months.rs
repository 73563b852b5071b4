//! Revenue, the GST return and the doctors' shares of every month that the books have, beside what the books come to.

use std::collections::BTreeMap;

use chrono::{Months, NaiveDate};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::Verdict;
use crate::money::Paise;
use crate::reports::doctor_share::Shares;
use crate::reports::gst::rows::GstReport;
use crate::reports::period::Period;
use crate::reports::revenue::{GroupBy, Revenue, RevenueReport};

const GST: &str = "the GST report agrees with the books";
const REVENUE: &str = "the revenue report agrees with the books";
const SHARES: &str = "the doctors' shares agree with the books";

#[derive(QueryableByName)]
struct Month {
    #[diesel(sql_type = Date)]
    first: NaiveDate,
    #[diesel(sql_type = BigInt)]
    revenue: Paise,
    #[diesel(sql_type = BigInt)]
    cgst: Paise,
    #[diesel(sql_type = BigInt)]
    sgst: Paise,
    #[diesel(sql_type = BigInt)]
    igst: Paise,
    #[diesel(sql_type = BigInt)]
    billed: Paise,
    #[diesel(sql_type = BigInt)]
    collected: Paise,
}

/// What a doctor's appointments brought besides consultations and procedures.
#[derive(QueryableByName)]
struct Besides {
    #[diesel(sql_type = BigInt)]
    doctor: i64,
    #[diesel(sql_type = BigInt)]
    taxable_value: Paise,
}

/// Compares the reports of every month.
///
/// # Errors
/// From the database.
pub async fn verify(conn: &mut AsyncPgConnection, verdict: &mut Verdict) -> QueryResult<()> {
    // entries whose postings are lost have a month as well
    let months: Vec<Month> = diesel::sql_query(
        "SELECT date_trunc('month', e.dated)::date AS first, \
                coalesce(-sum(p.amount) FILTER (WHERE p.account = 'REVENUE'), 0)::bigint AS revenue, \
                coalesce(-sum(p.amount) FILTER (WHERE p.account = 'OUTPUT_CGST'), 0)::bigint AS cgst, \
                coalesce(-sum(p.amount) FILTER (WHERE p.account = 'OUTPUT_SGST'), 0)::bigint AS sgst, \
                coalesce(-sum(p.amount) FILTER (WHERE p.account = 'OUTPUT_IGST'), 0)::bigint AS igst, \
                coalesce(sum(p.amount) FILTER (WHERE p.account = 'RECEIVABLE' AND e.kind IN ('ISSUE', 'CREDIT_NOTE')), 0)::bigint AS billed, \
                coalesce(-sum(p.amount) FILTER (WHERE p.account = 'RECEIVABLE' AND e.kind IN ('PAYMENT', 'REFUND')), 0)::bigint AS collected \
         FROM journal_entries e LEFT JOIN postings p ON p.entry_id = e.id GROUP BY 1 ORDER BY 1",
    )
    .load(conn)
    .await?;
    for month in months {
        compare_gst(conn, &month, verdict).await?;
        for group_by in [GroupBy::Day, GroupBy::Month, GroupBy::Doctor, GroupBy::Service, GroupBy::Method] {
            let report = Revenue { period: month.period(), group_by, doctor: None }.read(conn, None).await?;
            compare_revenue(&report, &month, verdict);
            if group_by == GroupBy::Doctor {
                compare_shares(conn, &report, verdict).await?;
            }
        }
    }
    Ok(())
}

impl Month {
    fn period(&self) -> Period {
        let last = self.first.checked_add_months(Months::new(1)).and_then(|next| next.pred_opt());
        Period { start_date: self.first, end_date: last.unwrap_or(self.first) }
    }
}

async fn compare_gst(conn: &mut AsyncPgConnection, month: &Month, verdict: &mut Verdict) -> QueryResult<()> {
    let period = month.period();
    let (total, told) = GstReport::totals(conn, period).await?;
    for (by, gst) in [("", total), (" by table", told)] {
        for (what, says, found) in [
            ("taxable value", gst.taxable_value, month.revenue),
            ("CGST", gst.cgst, month.cgst),
            ("SGST", gst.sgst, month.sgst),
            ("IGST", gst.igst, month.igst),
        ] {
            verdict.compare(GST, format!("{what}{by} of {}", period.slug()), says, found);
        }
    }
    Ok(())
}

fn compare_revenue(report: &RevenueReport, month: &Month, verdict: &mut Verdict) {
    let (by, total) = (report.group_by, &report.total);
    let mut compare = |what: &str, says, found| {
        let subject = format!("{what} by {} of {}", by.as_str(), report.period.slug());
        verdict.compare(REVENUE, subject, says, found);
    };
    if by != GroupBy::Method {
        compare("revenue", total.taxable_value, month.revenue);
        compare("tax", total.tax, month.cgst + month.sgst + month.igst);
    }
    if by != GroupBy::Service {
        compare("money", total.collected, month.collected);
    }
    if !matches!(by, GroupBy::Method | GroupBy::Service) {
        compare("bills", total.billed, month.billed);
    }
}

/// Shares are of lines, and the books have invoices: with the other lines of the doctor's appointments they come to the revenue
/// that the books have of those.
async fn compare_shares(
    conn: &mut AsyncPgConnection,
    revenue: &RevenueReport,
    verdict: &mut Verdict,
) -> QueryResult<()> {
    let period = revenue.period;
    let mut lines: BTreeMap<String, Paise> = BTreeMap::new();
    for share in (Shares { period, doctor: None, percent: None }).read(conn, None).await? {
        lines.insert(share.doctor.to_string(), share.taxable_value);
    }
    for Besides { doctor, taxable_value } in besides(conn, period).await? {
        let line = lines.entry(doctor.to_string()).or_default();
        *line = *line + taxable_value;
    }
    for row in revenue.results.iter().filter(|row| !row.key.is_empty()) {
        let says = lines.remove(&row.key).unwrap_or_default();
        verdict.compare(SHARES, format!("doctor {} of {}", row.key, period.slug()), says, row.taxable_value);
    }
    for (doctor, says) in lines {
        verdict.compare(SHARES, format!("doctor {doctor} of {}", period.slug()), says, Paise::ZERO);
    }
    Ok(())
}

async fn besides(conn: &mut AsyncPgConnection, period: Period) -> QueryResult<Vec<Besides>> {
    diesel::sql_query(
        "SELECT a.doctor_id AS doctor, \
                sum(CASE e.kind WHEN 'ISSUE' THEN 1 ELSE -1 END * (i.gross - i.discount))::bigint AS taxable_value \
         FROM journal_entries e JOIN invoices v ON v.id = e.invoice_id JOIN appointments a ON a.id = v.appointment_id \
         JOIN invoice_items i ON i.invoice_id = v.id AND i.kind NOT IN ('CONSULTATION', 'PROCEDURE') \
         WHERE e.dated BETWEEN $1 AND $2 AND e.kind IN ('ISSUE', 'CREDIT_NOTE') GROUP BY 1",
    )
    .bind::<Date, _>(period.start_date)
    .bind::<Date, _>(period.end_date)
    .load(conn)
    .await
}
