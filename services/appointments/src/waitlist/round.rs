//! What the worker does for those who wait: closes offers that nobody answered, takes those off the list whose time is over, and
//! offers what came free. Several workers may do it at once; one that is killed has done the whole of each transaction or nothing.

use ::events::Outbox;
use anyhow::Context;
use auth::Action;
use chassis::db::{self, Pool};
use chassis::prepared::Prepare as _;
use chassis::trail::{Facts, Trail};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::entry::{EntryStatus, Line, Step, Waiting, record};
use super::fill::{Filled, Means};
use super::offer::{Offer, OfferStatus, give_back};
use super::opening::Opening;
use crate::app::Calendar;
use crate::history::record::SYSTEM;
use crate::people::StaffMember;
use crate::schema::{waitlist_entries, waitlist_offers, waitlist_openings};

/// Offers closed, and openings looked at, in one round; what is left waits for the next.
const BATCH: i64 = 50;
/// People taken off the list in one transaction.
const ENDED: i64 = 100;
/// Such transactions of one round.
const ROUNDS: u32 = 20;

/// In so many words, as the index `waitlist_offers_to_lapse` has it: by a status that is bound PostgreSQL would look through all offers
/// that were ever made.
const OPEN: &str = "waitlist_offers.status = 'OPEN'";
/// The same for the index `waitlist_entries_to_expire`.
const WAITING: &str = "waitlist_entries.status = 'WAITING'";

/// What the worker works with.
#[derive(Clone)]
pub struct Rounds {
    /// Rows.
    pub pool: Pool,
    /// The hospital's wall clock and holidays.
    pub calendar: Calendar,
    /// Events out.
    pub outbox: Outbox,
    /// How long an offered time is held.
    pub hold: TimeDelta,
}

/// What was done in a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Offers that nobody had answered.
    pub lapsed: usize,
    /// People whose time is over.
    pub expired: usize,
    /// Offers made.
    pub offered: usize,
}

impl Rounds {
    /// One round.
    ///
    /// # Errors
    /// When PostgreSQL does not answer; what was done before stays done.
    pub async fn round(&self, now: DateTime<Utc>) -> anyhow::Result<Done> {
        let mut conn = db::get(&self.pool).await.map_err(|problem| anyhow::anyhow!(problem.to_string()))?;
        let mut done = Done::default();
        self.lapse(&mut conn, now, &mut done).await.context("offers stay open for now")?;
        done.expired = self.expire(&mut conn, now).await.context("those whose time is over stay for now")?;
        self.offer(&mut conn, now, &mut done).await.context("what came free is offered to nobody for now")?;
        let left: i64 = waitlist_openings::table.count().get_result(&mut *conn).await?;
        metrics::gauge!("waitlist_openings").set(f64::from(u32::try_from(left).unwrap_or(u32::MAX)));
        Ok(done)
    }

    fn means(&self, now: DateTime<Utc>) -> Means<'_> {
        Means { calendar: &self.calendar, outbox: &self.outbox, hold: self.hold, now }
    }

    async fn lapse(&self, conn: &mut AsyncPgConnection, now: DateTime<Utc>, done: &mut Done) -> QueryResult<()> {
        let over: Vec<Offer> = waitlist_offers::table
            .filter(sql::<Bool>(OPEN).and(waitlist_offers::expires_at.le(now)))
            .order((waitlist_offers::expires_at, waitlist_offers::id))
            .limit(BATCH)
            .select(Offer::as_select())
            .prepared()
            .load(conn)
            .await?;
        for offer in over {
            let outcome = conn.transaction(async |conn| self.lapse_one(conn, &offer, now).await).await;
            match outcome {
                Ok(Some(offered)) => {
                    done.lapsed += 1;
                    done.offered += offered;
                }
                Ok(None) => {}
                Err(fault) => tracing::warn!(%fault, offer = offer.id, "an offer stays open for now"),
            }
        }
        Ok(())
    }

    /// Closes an offer and asks the next at once: between the two nobody else gets in. `None` where it was answered meanwhile.
    #[tracing::instrument(skip_all, name = "lapse a waitlist offer", fields(offer = offer.id))]
    async fn lapse_one(
        &self,
        conn: &mut AsyncPgConnection,
        offer: &Offer,
        now: DateTime<Utc>,
    ) -> QueryResult<Option<usize>> {
        StaffMember::lock(conn, offer.doctor_id).await?;
        let waiting = Waiting::lock(conn, offer.entry_id).await?;
        let step = Step { why: "the offer was not answered in time", ..Step::of_offer(EntryStatus::Waiting, offer.id) };
        let given_back = give_back(conn, &self.outbox, SYSTEM, (&waiting, offer), OfferStatus::Lapsed, step).await?;
        let Some(given_back) = given_back else { return Ok(None) };
        write_down(conn, "WORKER lapse waitlist offers", &[waiting.patient_id]).await?;
        match given_back.opening {
            Some(opening) => Ok(Some(self.fill(conn, opening, now).await?)),
            None => Ok(Some(0)),
        }
    }

    async fn offer(&self, conn: &mut AsyncPgConnection, now: DateTime<Utc>, done: &mut Done) -> QueryResult<()> {
        for opening in Opening::due(conn, now, BATCH).await? {
            match conn.transaction(async |conn| self.offer_one(conn, opening, now).await).await {
                Ok(offered) => done.offered += offered,
                Err(fault) => {
                    tracing::warn!(%fault, opening, "what came free is offered to nobody for now");
                    Opening::postpone(conn, opening, now).await?;
                }
            }
        }
        Ok(())
    }

    #[tracing::instrument(skip_all, name = "offer what came free", fields(opening))]
    async fn offer_one(&self, conn: &mut AsyncPgConnection, opening: i64, now: DateTime<Utc>) -> QueryResult<usize> {
        self.fill(conn, opening, now).await
    }

    /// Gives how many were offered some of it.
    async fn fill(&self, conn: &mut AsyncPgConnection, opening: i64, now: DateTime<Utc>) -> QueryResult<usize> {
        let Some(mut opening) = Opening::lock(conn, opening).await? else { return Ok(0) };
        let Filled { patients, goes_on } = self.means(now).fill(conn, &mut opening).await?;
        if goes_on {
            opening.keep(conn).await?;
        } else {
            opening.forget(conn).await?;
        }
        if !patients.is_empty() {
            let seconds = (now - opening.created_at).as_seconds_f64().max(0.0);
            metrics::histogram!("waitlist_offer_delay_seconds").record(seconds);
            write_down(conn, "WORKER offer what came free", &patients).await?;
        }
        Ok(patients.len())
    }

    async fn expire(&self, conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> QueryResult<usize> {
        let mut expired = 0;
        for _ in 0..ROUNDS {
            let some = conn.transaction(async |conn| self.expire_some(conn, now).await).await?;
            expired += some;
            if i64::try_from(some).unwrap_or(ENDED) < ENDED {
                break;
            }
        }
        Ok(expired)
    }

    async fn expire_some(&self, conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> QueryResult<usize> {
        let over: Vec<i64> = waitlist_entries::table
            .filter(sql::<Bool>(WAITING))
            .filter(waitlist_entries::end_date.lt(self.calendar.date(now)))
            .order(waitlist_entries::end_date)
            .limit(ENDED)
            .select(waitlist_entries::id)
            .for_no_key_update()
            .skip_locked()
            .prepared()
            .load(conn)
            .await?;
        end(conn, &over, EntryStatus::Expired, "nothing came free in their time", "WORKER end waiting").await
    }
}

/// Takes entries, whose rows are locked, off the list.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn end(
    conn: &mut AsyncPgConnection,
    entries: &[i64],
    to: EntryStatus,
    why: &str,
    operation: &str,
) -> QueryResult<usize> {
    if entries.is_empty() {
        return Ok(0);
    }
    let ended: Vec<Waiting> = diesel::update(waitlist_entries::table.filter(waitlist_entries::id.eq_any(entries)))
        .set((
            waitlist_entries::status.eq(to),
            waitlist_entries::version.eq(waitlist_entries::version + 1),
            waitlist_entries::updated_at.eq(Utc::now()),
        ))
        .returning(Waiting::as_returning())
        .get_results(conn)
        .await?;
    let lines: Vec<Line<'_>> = ended.iter().map(|row| Line { row, offer: None, why }).collect();
    for lines in lines.chunks(1000) {
        record(conn, SYSTEM, lines).await?;
    }
    let patients: Vec<i64> = ended.iter().map(|row| row.patient_id).collect();
    write_down(conn, operation, &patients).await?;
    metrics::counter!("waitlist_ended_total", "what" => to.as_str())
        .increment(u64::try_from(ended.len()).unwrap_or_default());
    Ok(ended.len())
}

/// The audit row of what no request began.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn write_down(conn: &mut AsyncPgConnection, operation: &str, patients: &[i64]) -> QueryResult<()> {
    let facts = Facts { operation: operation.to_owned(), object: operation.to_owned(), ..Facts::default() };
    let trail = Trail::of_facts(facts);
    trail.asks_for(Action::WaitlistWrite.as_str(), true);
    audit::write(conn, &trail, patients.iter().copied()).await
}
