//! What the reports say beside the books: month by month, and what is outstanding in all.

use chrono::{Months, NaiveDate};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Finding, Verdict};
use crate::money::Paise;
use crate::reports::gst::rows::GstReport;
use crate::reports::period::Period;
use crate::reports::revenue::{GroupBy, Revenue};

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

#[derive(QueryableByName)]
struct Outstanding {
    #[diesel(sql_type = BigInt)]
    reported: Paise,
    #[diesel(sql_type = BigInt)]
    booked: Paise,
}

/// Compares the reports of every month that the books have with what the books come to.
///
/// # Errors
/// From the database.
pub async fn verify(conn: &mut AsyncPgConnection, verdict: &mut Verdict) -> anyhow::Result<()> {
    let months: Vec<Month> = diesel::sql_query(
        "SELECT date_trunc('month', e.dated)::date AS first, \
                coalesce(-sum(p.amount) FILTER (WHERE p.account = 'REVENUE'), 0)::bigint AS revenue, \
                coalesce(-sum(p.amount) FILTER (WHERE p.account = 'OUTPUT_CGST'), 0)::bigint AS cgst, \
                coalesce(-sum(p.amount) FILTER (WHERE p.account = 'OUTPUT_SGST'), 0)::bigint AS sgst, \
                coalesce(-sum(p.amount) FILTER (WHERE p.account = 'OUTPUT_IGST'), 0)::bigint AS igst, \
                coalesce(sum(p.amount) FILTER (WHERE p.account = 'RECEIVABLE' AND e.kind IN ('ISSUE', 'CREDIT_NOTE')), 0)::bigint AS billed, \
                coalesce(-sum(p.amount) FILTER (WHERE p.account = 'RECEIVABLE' AND e.kind IN ('PAYMENT', 'REFUND')), 0)::bigint AS collected \
         FROM journal_entries e JOIN postings p ON p.entry_id = e.id GROUP BY 1 ORDER BY 1",
    )
    .load(conn)
    .await?;
    for month in months {
        compare_month(conn, &month, verdict).await?;
    }
    compare_outstanding(conn, verdict).await
}

async fn compare_month(conn: &mut AsyncPgConnection, month: &Month, verdict: &mut Verdict) -> anyhow::Result<()> {
    let last = month.first.checked_add_months(Months::new(1)).and_then(|next| next.pred_opt());
    let period = Period { start_date: month.first, end_date: last.unwrap_or(month.first) };
    let gst = GstReport::total(conn, period).await?;
    let mut compare = |check, what: &str, says: Paise, found: Paise| {
        verdict.checks += 1;
        if says != found {
            let subject = format!("{what} of {}", period.slug());
            verdict.findings.push(Finding { check, subject, says: says.to_string(), found: found.to_string() });
        }
    };
    for (what, says, found) in [
        ("taxable value", gst.taxable_value, month.revenue),
        ("CGST", gst.cgst, month.cgst),
        ("SGST", gst.sgst, month.sgst),
        ("IGST", gst.igst, month.igst),
    ] {
        compare("the GST report agrees with the books", what, says, found);
    }
    let tax = month.cgst + month.sgst + month.igst;
    for group_by in [GroupBy::Day, GroupBy::Doctor, GroupBy::Service, GroupBy::Method] {
        let total = Revenue { period, group_by, doctor: None }.read(conn, None).await?.total;
        let by = group_by.as_str();
        if group_by != GroupBy::Method {
            compare(
                "the revenue report agrees with the books",
                &format!("revenue by {by}"),
                total.taxable_value,
                month.revenue,
            );
            compare("the revenue report agrees with the books", &format!("tax by {by}"), total.tax, tax);
        }
        if group_by != GroupBy::Service {
            compare(
                "the revenue report agrees with the books",
                &format!("money by {by}"),
                total.collected,
                month.collected,
            );
        }
        if !matches!(group_by, GroupBy::Method | GroupBy::Service) {
            compare("the revenue report agrees with the books", &format!("bills by {by}"), total.billed, month.billed);
        }
    }
    Ok(())
}

async fn compare_outstanding(conn: &mut AsyncPgConnection, verdict: &mut Verdict) -> anyhow::Result<()> {
    let Outstanding { reported, booked } = diesel::sql_query(
        "SELECT coalesce(sum(p.amount), 0)::bigint AS booked, \
                coalesce(sum(p.amount) FILTER (WHERE v.status IN ('ISSUED', 'PARTIALLY_PAID', 'OVERDUE', 'REFUNDED', 'CANCELLED')), 0)::bigint AS reported \
         FROM postings p JOIN journal_entries e ON e.id = p.entry_id LEFT JOIN invoices v ON v.id = e.invoice_id \
         WHERE p.account = 'RECEIVABLE'",
    )
    .get_result(conn)
    .await?;
    verdict.checks += 1;
    if reported != booked {
        verdict.findings.push(Finding {
            check: "the outstanding report agrees with the books",
            subject: "RECEIVABLE".to_owned(),
            says: reported.to_string(),
            found: booked.to_string(),
        });
    }
    Ok(())
}
