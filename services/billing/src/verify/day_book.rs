//! The day books beside the books: every day's debits are its credits, all days together are all postings, and on the last day
//! each account stands as its postings come to.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::Verdict;
use crate::money::Paise;
use crate::reports::day_book::{Books, Moved};

const CHECK: &str = "the day book agrees with the books";

#[derive(QueryableByName)]
struct Day {
    #[diesel(sql_type = Date)]
    dated: NaiveDate,
}

#[derive(QueryableByName)]
struct Account {
    #[diesel(sql_type = Text)]
    code: String,
    #[diesel(sql_type = BigInt)]
    debit: Paise,
    #[diesel(sql_type = BigInt)]
    credit: Paise,
}

/// Reads the day book of every day.
///
/// # Errors
/// From the database.
pub async fn verify(conn: &mut AsyncPgConnection, verdict: &mut Verdict) -> QueryResult<()> {
    let days: Vec<Day> =
        diesel::sql_query("SELECT DISTINCT dated FROM journal_entries ORDER BY dated").load(conn).await?;
    let (mut all, mut last) = (Moved::default(), None);
    for Day { dated: date } in days {
        let day = Books { date };
        let moved = day.moved(conn).await?;
        verdict.compare(CHECK, format!("debits and credits of {date}"), moved.debit, moved.credit);
        all = Moved { debit: all.debit + moved.debit, credit: all.credit + moved.credit };
        last = Some((day, moved));
    }
    let booked: Vec<Account> = diesel::sql_query(
        "SELECT account AS code, coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint AS debit, \
                coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)::bigint AS credit FROM postings GROUP BY account",
    )
    .load(conn)
    .await?;
    let sum = |of: fn(&Account) -> Paise| booked.iter().map(of).sum();
    verdict.compare(CHECK, "debits of all days".to_owned(), all.debit, sum(|account| account.debit));
    verdict.compare(CHECK, "credits of all days".to_owned(), all.credit, sum(|account| account.credit));
    if let Some((day, moved)) = last {
        compare_accounts(conn, day, moved, booked, verdict).await?;
    }
    Ok(())
}

async fn compare_accounts(
    conn: &mut AsyncPgConnection,
    day: Books,
    moved: Moved,
    booked: Vec<Account>,
    verdict: &mut Verdict,
) -> QueryResult<()> {
    let date = day.date;
    let accounts = day.accounts(conn).await?;
    let debit = accounts.iter().map(|account| account.debit).sum();
    verdict.compare(CHECK, format!("debits of the accounts of {date}"), debit, moved.debit);
    let credit = accounts.iter().map(|account| account.credit).sum();
    verdict.compare(CHECK, format!("credits of the accounts of {date}"), credit, moved.credit);
    let mut balances: BTreeMap<String, Paise> =
        accounts.into_iter().map(|account| (account.account, account.balance)).collect();
    for Account { code, debit, credit } in booked {
        let says = balances.remove(&code).unwrap_or_default();
        verdict.compare(CHECK, format!("{code} on {date}"), says, debit - credit);
    }
    for (code, says) in balances {
        verdict.compare(CHECK, format!("{code} on {date}"), says, Paise::ZERO);
    }
    Ok(())
}
