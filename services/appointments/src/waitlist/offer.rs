//! Time that is offered to somebody who waits. While the offer is open it is held: `appointment::busy_doctors` and
//! `booking::clash` see it as taken, and the database lets nobody in.

use ::events::Outbox;
use chassis::prepared::{Prepare as _, any_of};
use chassis::words;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::entry::{Step, Waiting};
use super::opening;
use crate::appointment::DoctorFacts;
use crate::events;
use crate::history::record::By;
use crate::schema::{staff, waitlist_offers};
use crate::slots::Span;

words! {
    /// What became of an offer.
    pub enum OfferStatus {
        /// Not answered yet: the time is held.
        Open = "OPEN",
        /// Taken.
        Accepted = "ACCEPTED",
        /// Not wanted.
        Declined = "DECLINED",
        /// Not answered in time.
        Lapsed = "LAPSED",
        /// Taken back by the hospital.
        Withdrawn = "WITHDRAWN",
    }
}

/// A row of `waitlist_offers`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = waitlist_offers, check_for_backend(Pg))]
pub struct Offer {
    /// Id.
    pub id: i64,
    /// To whom.
    pub entry_id: i64,
    /// With whom.
    pub doctor_id: i64,
    /// When it would begin.
    pub starts_at: DateTime<Utc>,
    /// When it would end.
    pub ends_at: DateTime<Utc>,
    /// The doctor's time that is held for it.
    pub held_from: DateTime<Utc>,
    /// Until when.
    pub held_until: DateTime<Utc>,
    /// What became of it.
    pub status: OfferStatus,
    /// When it was made.
    pub offered_at: DateTime<Utc>,
    /// Until when it can be taken.
    pub expires_at: DateTime<Utc>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
}

/// An offer to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewOffer {
    /// With whom.
    pub doctor: i64,
    /// When.
    pub span: Span,
    /// The same with what the doctor keeps free around it.
    pub held: Span,
    /// Now.
    pub now: DateTime<Utc>,
    /// How long it is held.
    pub hold: TimeDelta,
}

impl NewOffer {
    /// Makes it to somebody whose row is locked.
    ///
    /// # Errors
    /// When PostgreSQL refuses: the time is not free.
    pub async fn insert(&self, conn: &mut AsyncPgConnection, entry: i64) -> QueryResult<Offer> {
        diesel::insert_into(waitlist_offers::table)
            .values((
                waitlist_offers::entry_id.eq(entry),
                waitlist_offers::doctor_id.eq(self.doctor),
                waitlist_offers::starts_at.eq(self.span.start),
                waitlist_offers::ends_at.eq(self.span.end),
                waitlist_offers::held_from.eq(self.held.start),
                waitlist_offers::held_until.eq(self.held.end),
                waitlist_offers::status.eq(OfferStatus::Open),
                waitlist_offers::offered_at.eq(self.now),
                waitlist_offers::expires_at.eq(self.now + self.hold),
            ))
            .returning(Offer::as_returning())
            .get_result(conn)
            .await
    }
}

impl Offer {
    /// Its time.
    pub fn span(&self) -> Span {
        Span { start: self.starts_at, end: self.ends_at }
    }

    /// The open one of an entry, and with whom it is.
    pub async fn open_of(conn: &mut AsyncPgConnection, entry: i64) -> QueryResult<Option<(Self, DoctorFacts)>> {
        Ok(Self::open_of_all(conn, &[entry]).await?.pop())
    }

    /// The last one of an entry.
    pub async fn last_of(conn: &mut AsyncPgConnection, entry: i64) -> QueryResult<Option<Self>> {
        let rows = waitlist_offers::table.filter(waitlist_offers::entry_id.eq(entry)).select(Self::as_select());
        rows.order(waitlist_offers::id.desc()).first(conn).await.optional()
    }

    /// The open ones of some entries.
    pub async fn open_of_all(conn: &mut AsyncPgConnection, entries: &[i64]) -> QueryResult<Vec<(Self, DoctorFacts)>> {
        waitlist_offers::table
            .inner_join(staff::table)
            .filter(waitlist_offers::entry_id.eq_any(entries).and(waitlist_offers::status.eq(OfferStatus::Open)))
            .select((Self::as_select(), DoctorFacts::as_select()))
            .load(conn)
            .await
    }

    /// The open ones with a doctor, within a span if one is given.
    pub async fn open_with(conn: &mut AsyncPgConnection, doctor: i64, within: Option<Span>) -> QueryResult<Vec<Self>> {
        let mut rows = waitlist_offers::table
            .filter(waitlist_offers::doctor_id.eq(doctor).and(waitlist_offers::status.eq(OfferStatus::Open)))
            .order(waitlist_offers::entry_id)
            .select(Self::as_select())
            .into_boxed();
        if let Some(span) = within {
            rows = rows.filter(waitlist_offers::starts_at.lt(span.end).and(waitlist_offers::ends_at.gt(span.start)));
        }
        rows.load(conn).await
    }

    /// Closes it while its entry is locked. `None` where it is closed already.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn close(&self, conn: &mut AsyncPgConnection, status: OfferStatus) -> QueryResult<Option<Self>> {
        let open = waitlist_offers::id.eq(self.id).and(waitlist_offers::status.eq(OfferStatus::Open));
        let closed = diesel::update(waitlist_offers::table.filter(open))
            .set((waitlist_offers::status.eq(status), waitlist_offers::closed_at.eq(Some(Utc::now()))))
            .returning(Self::as_returning())
            .get_result(conn)
            .await
            .optional()?;
        metrics::counter!("waitlist_offers_total", "what" => status.as_str()).increment(1);
        Ok(closed)
    }
}

/// An offer that was not taken, and what its time is now.
#[derive(Clone, Debug)]
pub struct GivenBack {
    /// Who does not have it any more.
    pub waiting: Waiting,
    /// The opening that the worker looks at.
    pub opening: Option<i64>,
}

/// Closes an open offer that is not taken, while its entry is locked: takes the entry where the step says, tells of it, and lets the
/// next have the time. `None` where it is closed already.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn give_back(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    by: By<'_>,
    (waiting, offer): (&Waiting, &Offer),
    status: OfferStatus,
    step: Step<'_>,
) -> QueryResult<Option<GivenBack>> {
    let Some(closed) = offer.close(conn, status).await? else { return Ok(None) };
    let Some(waiting) = waiting.step(conn, by, step).await? else { return Err(DieselError::RollbackTransaction) };
    events::waitlist_offer(outbox, conn, by, &waiting, &closed).await?;
    let opening = opening::free(conn, closed.doctor_id, closed.span()).await?;
    Ok(Some(GivenBack { waiting, opening }))
}

/// Time of a doctor's that is held for somebody who waits.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Whose time.
    pub doctor: i64,
    /// When.
    pub span: Span,
    /// With what is kept free around it.
    pub held: Span,
}

/// As the indexes of open offers have it: see [`crate::appointment::holds_time`].
const OPEN: &str = "waitlist_offers.status = 'OPEN'";

/// What of some doctors' time is held within `span`. An offer that nobody closed in time holds none, whether the worker runs or not.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn held(conn: &mut AsyncPgConnection, doctors: &[i64], span: Span) -> QueryResult<Vec<Held>> {
    let rows: Vec<Offer> = waitlist_offers::table
        .filter(waitlist_offers::doctor_id.eq(any_of(doctors)).and(sql::<Bool>(OPEN)))
        .filter(waitlist_offers::expires_at.gt(Utc::now()))
        .filter(waitlist_offers::held_from.lt(span.end).and(waitlist_offers::held_until.gt(span.start)))
        .select(Offer::as_select())
        .prepared()
        .load(conn)
        .await?;
    let held = |offer: Offer| Held {
        doctor: offer.doctor_id,
        span: offer.span(),
        held: Span { start: offer.held_from, end: offer.held_until },
    };
    Ok(rows.into_iter().map(held).collect())
}
