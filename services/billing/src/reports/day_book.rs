//! `GET reports/day-book/`: every entry of a day with its postings, as an auditor reads it.

use actix_web::{HttpRequest, HttpResponse, get, web};
use auth::Permit;
use auth::permissions::BooksRead;
use chassis::fields::Day;
use chassis::problem::Problem;
use chassis::strict_json::{Faults, StrictQuery};
use chrono::{DateTime, NaiveDate, Utc};
use deserr::Deserr;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use serde::Serialize;
use utoipa::ToSchema;

use super::out::{Broken, Out};
use super::table::{Table, rows};
use super::{Report, format};
use crate::app::App;
use crate::money::Paise;

/// The parameters of the report.
#[derive(Clone, Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub struct Parameters {
    date: Day,
}

impl Parameters {
    /// The report that they ask for.
    pub const fn report(self) -> Books {
        Books { date: self.date.get() }
    }
}

rows! {
    /// A posting.
    pub struct DayBookRow {
        /// The entry that it belongs to.
        pub entry: i64,
        /// When the entry was made: RFC 3339 in UTC.
        pub made_at: String,
        /// What the entry is of.
        pub kind: String,
        /// The invoice, payment, refund, credit note, day close, advance or refund voucher.
        pub source: i64,
        /// The invoice that it concerns.
        pub invoice_number: Option<String>,
        /// The user whose drawer it went through.
        pub made_by: Option<i64>,
        /// The account.
        pub account: String,
        /// Debit.
        pub debit: Paise,
        /// Credit.
        pub credit: Paise,
    }

    /// What an account moved by on the day.
    pub struct AccountRow {
        /// The account.
        pub account: String,
        /// Its name.
        pub name: String,
        /// Debits.
        pub debit: Paise,
        /// Credits.
        pub credit: Paise,
        /// What it came to when the day was over: debits less credits of all days.
        pub balance: Paise,
    }
}

/// The books of a day.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DayBook {
    /// The day in India.
    pub date: NaiveDate,
    /// The postings, in the order of their entries.
    pub results: Vec<DayBookRow>,
    /// The accounts.
    pub accounts: Vec<AccountRow>,
}

/// The books of a day: every posting, and what each account came to.
#[utoipa::path(
    tag = "billing",
    params(("date" = chrono::NaiveDate, Query, description = "the day in India")),
    responses(
        (status = 200, description = "the report: JSON, or as Accept asks", content(
            (DayBook = "application/json"), (String = "text/csv"), (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = 400, description = "faults, all at once; more lines than an answer holds"),
        (status = 401, description = "no good token"),
        (status = 403, description = "the role may not"),
    )
)]
#[get("/api/billing/reports/day-book/")]
pub async fn day_book(
    permit: Permit<BooksRead>,
    parameters: StrictQuery<Parameters>,
    app: web::Data<App>,
    http: HttpRequest,
) -> Result<HttpResponse, Problem> {
    format::answer(&http, &app, &permit.actor, &parameters.0.report()).await
}

/// The books of a day, as they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Books {
    /// The day in India.
    pub date: NaiveDate,
}

/// What the postings of a day come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Debits.
    pub debit: Paise,
    /// Credits.
    pub credit: Paise,
}

#[derive(QueryableByName)]
struct FoundPosting {
    #[diesel(sql_type = BigInt)]
    entry: i64,
    #[diesel(sql_type = Timestamptz)]
    made_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    source: i64,
    #[diesel(sql_type = Nullable<Text>)]
    invoice_number: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    made_by: Option<i64>,
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = BigInt)]
    amount: Paise,
    /// All of them.
    #[diesel(sql_type = BigInt)]
    lines: i64,
}

#[derive(QueryableByName)]
struct FoundAccount {
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    debit: Paise,
    #[diesel(sql_type = BigInt)]
    credit: Paise,
    #[diesel(sql_type = BigInt)]
    balance: Paise,
}

impl From<FoundPosting> for DayBookRow {
    fn from(found: FoundPosting) -> Self {
        let FoundPosting { entry, made_at, kind, source, invoice_number, made_by, account, amount, lines: _ } = found;
        let (debit, credit) = (amount.max(Paise::ZERO), (-amount).max(Paise::ZERO));
        let made_at = made_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        Self { entry, made_at, kind, source, invoice_number, made_by, account, debit, credit }
    }
}

impl From<FoundAccount> for AccountRow {
    fn from(found: FoundAccount) -> Self {
        let FoundAccount { account, name, debit, credit, balance } = found;
        Self { account, name, debit, credit, balance }
    }
}

impl Report for Books {
    fn name(&self) -> String {
        format!("day-book-{}", self.date)
    }

    fn tables(&self) -> usize {
        2
    }

    async fn tell(&self, conn: &mut AsyncPgConnection, out: &mut Out) -> Result<(), Broken> {
        out.member("date", &self.date)?;
        self.tell_postings(conn, out).await?;
        out.table("accounts", &self.accounts(conn).await?).await
    }
}

impl Books {
    async fn tell_postings(&self, conn: &mut AsyncPgConnection, out: &mut Out) -> Result<(), Broken> {
        let mut found = postings(*self, conn, out.limit()).await?;
        out.begin(Table::of::<DayBookRow>("results", "postings")).await?;
        let mut first = true;
        while let Some(found) = found.try_next().await? {
            if std::mem::take(&mut first) {
                out.expects(found.lines);
            }
            out.row(&DayBookRow::from(found)).await?;
        }
        out.end();
        Ok(())
    }

    /// What its postings come to, without the postings.
    ///
    /// # Errors
    /// From the database.
    pub async fn moved(&self, conn: &mut AsyncPgConnection) -> QueryResult<Moved> {
        let mut moved = Moved::default();
        let mut found = postings(*self, conn, None).await?;
        while let Some(found) = found.try_next().await? {
            let row = DayBookRow::from(found);
            moved = Moved { debit: moved.debit + row.debit, credit: moved.credit + row.credit };
        }
        Ok(moved)
    }

    /// What each account came to.
    ///
    /// # Errors
    /// From the database.
    pub async fn accounts(&self, conn: &mut AsyncPgConnection) -> QueryResult<Vec<AccountRow>> {
        let found: Vec<FoundAccount> = diesel::sql_query(
            "SELECT a.code AS account, a.name, \
                    coalesce(sum(p.amount) FILTER (WHERE e.dated = $1 AND p.amount > 0), 0)::bigint AS debit, \
                    coalesce(-sum(p.amount) FILTER (WHERE e.dated = $1 AND p.amount < 0), 0)::bigint AS credit, \
                    coalesce(sum(p.amount), 0)::bigint AS balance \
             FROM ledger_accounts a JOIN postings p ON p.account = a.code JOIN journal_entries e ON e.id = p.entry_id \
             WHERE e.dated <= $1 GROUP BY a.code, a.name ORDER BY a.code",
        )
        .bind::<Date, _>(self.date)
        .load(conn)
        .await?;
        Ok(found.into_iter().map(AccountRow::from).collect())
    }
}

async fn postings(
    day: Books,
    conn: &mut AsyncPgConnection,
    most: Option<i64>,
) -> QueryResult<BoxStream<'_, QueryResult<FoundPosting>>> {
    let query = diesel::sql_query(
        "SELECT e.id AS entry, e.made_at, e.kind, e.source_id AS source, i.invoice_number, e.made_by, p.account, p.amount, \
                count(*) OVER () AS lines \
         FROM journal_entries e JOIN postings p ON p.entry_id = e.id LEFT JOIN invoices i ON i.id = e.invoice_id \
         WHERE e.dated = $1 ORDER BY e.id, p.amount DESC, p.account LIMIT $2",
    );
    let query = query.bind::<Date, _>(day.date).bind::<Nullable<BigInt>, _>(most);
    Ok(query.load_stream(conn).await?.boxed())
}
