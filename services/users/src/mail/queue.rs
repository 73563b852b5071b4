//! Mails that wait. Whether the address is anybody's is not asked before one is sent, so that asking tells nothing.

use chassis::prepared::Prepare as _;
use chassis::strict_json::Fault;
use chrono::{DateTime, Duration, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::schema::mails;

/// To one address within an hour; more are dropped silently, so that nobody's mailbox is flooded.
const MOST_AN_HOUR: i64 = 3;
/// After this many a mail with a token is given up: its token would be of no use by then.
const MOST_ATTEMPTS: i32 = 8;
/// Auditors are told even when the relay was away for a day.
const MOST_ATTEMPTS_TO_AUDITORS: i32 = 150;
/// How long the rows are kept, to count by.
const KEPT: Duration = Duration::hours(1);
/// After so long without a relay a mail is given up: who asked for it does without, and auditors have the list of reviews.
const LONGEST_WAIT: Duration = Duration::days(2);

/// In so many words, as the index `mails_waiting` has it. By a status that it does not know beforehand PostgreSQL would look
/// through all mails, once a second.
const WAITING: &str = "mails.status = 'WAITING'";

chassis::words! {
    /// What a mail says.
    pub enum Kind {
        /// Here is a token that sets another password.
        PasswordReset = "PASSWORD_RESET",
        /// Somebody went beyond their care; for the auditors.
        BreakGlassUsed = "BREAK_GLASS_USED",
    }
}

/// A mail that is due.
#[derive(Debug, Clone)]
pub struct Due {
    /// What it is to say.
    pub kind: Kind,
    /// What it is about: a use of break-glass.
    pub about: Option<i64>,
    /// Its row.
    pub id: i64,
    /// To whom. Whether that is an account's address, the sender finds out.
    pub address: String,
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// PostgreSQL's `lower`.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Asks for a mail that resets the password behind this address.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn ask_for_reset(conn: &mut AsyncPgConnection, address: &str, now: DateTime<Utc>) -> QueryResult<()> {
    let since = now.checked_sub_signed(KEPT).unwrap_or(now);
    let lately: i64 = mails::table
        .filter(mails::kind.eq(Kind::PasswordReset.as_str()))
        .filter(lower(mails::address).eq(address.to_lowercase()))
        .filter(mails::made_at.gt(since))
        .count()
        .get_result(conn)
        .await?;
    if lately >= MOST_AN_HOUR {
        return Ok(());
    }
    ask(conn, Kind::PasswordReset, address, None, now).await
}

/// Asks for a mail that tells the auditors of a use of break-glass.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn tell_auditors(
    conn: &mut AsyncPgConnection,
    address: &str,
    review: i64,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    ask(conn, Kind::BreakGlassUsed, address, Some(review), now).await
}

async fn ask(
    conn: &mut AsyncPgConnection,
    kind: Kind,
    address: &str,
    about: Option<i64>,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(mails::table)
        .values((
            mails::kind.eq(kind.as_str()),
            mails::address.eq(address),
            mails::about.eq(about),
            mails::made_at.eq(now),
            mails::next_attempt_at.eq(now),
        ))
        .execute(conn)
        .await
        .map(drop)
}

/// Takes the next mail that is due. It comes back later unless [`done`] is said of it; after the last attempt it does not.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn take(conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> QueryResult<Option<Due>> {
    for (kind, most) in [(Kind::PasswordReset, MOST_ATTEMPTS), (Kind::BreakGlassUsed, MOST_ATTEMPTS_TO_AUDITORS)] {
        let spent = mails::table.filter(sql::<Bool>(WAITING)).filter(mails::kind.eq(kind.as_str()));
        let spent = spent.filter(mails::attempts.ge(most)).filter(mails::next_attempt_at.le(now));
        let given_up = diesel::update(spent).set(mails::status.eq("FAILED")).prepared().execute(conn).await?;
        if given_up > 0 {
            count_given_up(given_up);
            tracing::error!(kind = kind.as_str(), given_up, "the relay took none of these mails");
        }
    }
    let due = mails::table
        .filter(sql::<Bool>(WAITING))
        .filter(mails::next_attempt_at.le(now))
        .order(mails::next_attempt_at)
        .select((mails::id, mails::attempts))
        .limit(1)
        .for_update()
        .skip_locked()
        .prepared();
    let Some((id, attempts)): Option<(i64, i32)> = due.get_result(conn).await.optional()? else { return Ok(None) };
    let (kind, address, about): (String, String, Option<i64>) = diesel::update(mails::table.find(id))
        .set((mails::attempts.eq(attempts.saturating_add(1)), mails::next_attempt_at.eq(after(attempts, now))))
        .returning((mails::kind, mails::address, mails::about))
        .get_result(conn)
        .await?;
    let kind = kind.parse().map_err(|fault: Fault| DieselError::DeserializationError(fault.message.into()))?;
    Ok(Some(Due { kind, about, id, address }))
}

fn count_given_up(mails: usize) {
    metrics::counter!("mails_total", "outcome" => "given_up").increment(u64::try_from(mails).unwrap_or(u64::MAX));
}

/// Ten seconds, doubled each time, at most ten minutes.
fn after(attempts: i32, now: DateTime<Utc>) -> DateTime<Utc> {
    let doublings = u32::try_from(attempts).unwrap_or_default().min(6);
    let seconds = 10_i64.saturating_mul(2_i64.saturating_pow(doublings)).min(600);
    now.checked_add_signed(Duration::seconds(seconds)).unwrap_or(now)
}

/// The mail went out, or there is nobody to send it to.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn done(conn: &mut AsyncPgConnection, id: i64) -> QueryResult<usize> {
    diesel::update(mails::table.find(id)).set(mails::status.eq("DONE")).execute(conn).await
}

/// Forgets mails that wait no more, when the hour that they are counted in is over, and those that waited for too long. Returns
/// how many.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn prune(conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> QueryResult<usize> {
    let before = now.checked_sub_signed(KEPT).unwrap_or(now);
    let too_long_ago = now.checked_sub_signed(LONGEST_WAIT).unwrap_or(now);
    let old = mails::table
        .filter(mails::made_at.lt(before))
        .filter(mails::status.ne("WAITING").or(mails::made_at.lt(too_long_ago)))
        .order(mails::made_at)
        .limit(1000)
        .select(mails::id);
    let old: Vec<i64> = old.load(conn).await?;
    let gone = diesel::delete(mails::table.filter(mails::id.eq_any(old))).returning(mails::status);
    let gone: Vec<String> = gone.get_results(conn).await?;
    let given_up = gone.iter().filter(|status| *status == "WAITING").count();
    if given_up > 0 {
        count_given_up(given_up);
        tracing::error!(given_up, "no relay came for these mails");
    }
    Ok(gone.len())
}
