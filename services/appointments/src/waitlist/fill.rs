//! Who is offered what came free: in a transaction with the doctor's row locked, as every booking locks it.

use std::collections::HashMap;

use ::events::Outbox;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use diesel::dsl::{max, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::entry::{EntryStatus, Step, Urgency, Waiting};
use super::fit::Free;
use super::offer::{NewOffer, Offer, OfferStatus};
use super::opening::Opening;
use crate::app::Calendar;
use crate::appointment::{busy_doctor, busy_patients};
use crate::availability::rows::plan_of;
use crate::events;
use crate::history::record::SYSTEM;
use crate::people::StaffMember;
use crate::schema::{patients, waitlist_entries, waitlist_offers};
use crate::slots::{BUFFER, MINUTES, Span};

/// People looked at in one query, and queries of one transaction: a doctor's row is not locked for long.
const PAGE: i64 = 100;
const PAGES: u32 = 5;
/// Offers made in one transaction.
const OFFERS: usize = 20;
/// Days of an opening that are looked at in one transaction.
const DAYS: u64 = 31;

/// What offers are made with.
#[derive(Clone, Copy, Debug)]
pub struct Means<'a> {
    /// The hospital's wall clock and holidays.
    pub calendar: &'a Calendar,
    /// Events out.
    pub outbox: &'a Outbox,
    /// How long an offered time is held.
    pub hold: TimeDelta,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What came of a round.
#[derive(Clone, Debug, Default)]
pub struct Filled {
    /// The patients who were offered something.
    pub patients: Vec<i64>,
    /// Whether somebody may be left who could have some of it.
    pub goes_on: bool,
}

/// Somebody who may be the next, under each of the ids that mean them.
type Candidate = (Waiting, Vec<i64>);

impl Means<'_> {
    /// Offers what came free to those who are first in turn and fit. Where there was too much for one go, the opening says where to go
    /// on.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn fill(&self, conn: &mut AsyncPgConnection, opening: &mut Opening) -> QueryResult<Filled> {
        let nothing = Filled::default();
        let doctor = StaffMember::lock(conn, opening.doctor_id).await.optional()?;
        let Some(doctor) = doctor.filter(StaffMember::sees_patients) else { return Ok(nothing) };
        let waiting = in_turn_for(&doctor).select(max(waitlist_entries::end_date));
        let Some(last): Option<NaiveDate> = waiting.first(conn).await? else { return Ok(nothing) };
        let Some((part, is_last)) = self.part_of(opening, last) else { return Ok(nothing) };
        let (first, last) = (self.calendar.date(part.start), self.calendar.date(part.end - TimeDelta::microseconds(1)));
        let plan = plan_of(conn, self.calendar, doctor.id, first, last).await?;
        let reach = MINUTES.end() + BUFFER.end();
        let busy = busy_doctor(conn, doctor.id, part.widened(reach, reach)).await?;
        let held: Vec<Span> = busy.into_iter().map(|taken| taken.held).collect();
        // From its own beginning, not from where it is looked at: nobody is offered a visit that begins at any odd minute.
        let whole = Span { start: opening.starts_at, end: part.end };
        let free = Free::new(self.calendar.zone, &plan, whole, self.now + self.hold, &held);
        let mut search = Search { means: self, doctor: &doctor, days: (first, last), free, patients: Vec::new() };
        let walked = search.walk(conn, opening).await?;
        let goes_on = match walked {
            Walked::StoppedEarly => true,
            Walked::ToTheEnd if is_last => false,
            Walked::ToTheEnd => {
                (opening.starts_at, opening.past_urgency, opening.past_entry) = (part.end, None, None);
                true
            }
        };
        Ok(Filled { patients: search.patients, goes_on })
    }

    /// What of an opening is looked at now, and whether it is the last of it; none of it is left where it is over, or later than
    /// anybody waits for.
    fn part_of(&self, opening: &Opening, last: NaiveDate) -> Option<(Span, bool)> {
        let end = self.calendar.days(last, last)?.end.min(opening.ends_at);
        let start = opening.starts_at.max(self.now + self.hold);
        let first = self.calendar.date(start);
        let reach = self.calendar.days(first, first.checked_add_days(Days::new(DAYS - 1))?)?.end;
        (start < end).then(|| (Span { start, end: end.min(reach) }, end <= reach))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Walked {
    ToTheEnd,
    StoppedEarly,
}

struct Search<'a> {
    means: &'a Means<'a>,
    doctor: &'a StaffMember,
    days: (NaiveDate, NaiveDate),
    free: Free<'a>,
    patients: Vec<i64>,
}

impl Search<'_> {
    async fn walk(&mut self, conn: &mut AsyncPgConnection, opening: &mut Opening) -> QueryResult<Walked> {
        for _ in 0..PAGES {
            let candidates = self.page(conn, opening.past_urgency.zip(opening.past_entry)).await?;
            let Some((last, _)) = candidates.last() else { return Ok(Walked::ToTheEnd) };
            let (urgency, id) = (last.urgency, last.id);
            let taken = Taken::of(conn, self.doctor.id, &candidates, self.free.opening).await?;
            for (waiting, same) in &candidates {
                if self.free.is_used_up() {
                    return Ok(Walked::ToTheEnd);
                }
                if self.patients.len() >= OFFERS {
                    return Ok(Walked::StoppedEarly);
                }
                self.offer(conn, waiting, same, &taken).await?;
                (opening.past_urgency, opening.past_entry) = (Some(waiting.urgency), Some(waiting.id));
            }
            (opening.past_urgency, opening.past_entry) = (Some(urgency), Some(id));
        }
        Ok(Walked::StoppedEarly)
    }

    /// The next in turn whose days these are.
    async fn page(&self, conn: &mut AsyncPgConnection, past: Option<(Urgency, i64)>) -> QueryResult<Vec<Candidate>> {
        let (first, last) = self.days;
        let there = patients::table.filter(patients::is_active.eq(true)).select(patients::id);
        let mut rows = in_turn_for(self.doctor)
            .filter(waitlist_entries::patient_id.eq_any(there))
            .filter(waitlist_entries::start_date.le(last).and(waitlist_entries::end_date.ge(first)))
            .order((waitlist_entries::urgency.desc(), waitlist_entries::id))
            .limit(PAGE)
            .select((Waiting::as_select(), sql::<Array<BigInt>>("one_patient(waitlist_entries.patient_id)")));
        if let Some((urgency, id)) = past {
            let later = waitlist_entries::urgency.eq(urgency).and(waitlist_entries::id.gt(id));
            rows = rows.filter(waitlist_entries::urgency.lt(urgency).or(later));
        }
        rows.load(conn).await
    }

    /// Offers the first place that suits, if there is one and nobody changed the entry meanwhile.
    async fn offer(
        &mut self,
        conn: &mut AsyncPgConnection,
        waiting: &Waiting,
        same: &[i64],
        taken: &Taken,
    ) -> QueryResult<()> {
        let wish = waiting.wish();
        // A page holds somebody twice who waits for the doctor and for the field.
        if same.iter().any(|patient| self.patients.contains(patient)) {
            return Ok(());
        }
        let place = self.free.places(&wish).find(|span| !taken.is_in_the_way(waiting.id, same, span));
        let Some(span) = place else { return Ok(()) };
        let held = self.free.plan.hold(self.means.calendar.date(span.start), span);
        let locked = Waiting::lock(conn, waiting.id).await?;
        if locked.version != waiting.version {
            return Ok(());
        }
        let Means { outbox, now, hold, .. } = *self.means;
        let offer = NewOffer { doctor: self.doctor.id, span, held, now, hold }.insert(conn, waiting.id).await?;
        let step = Step { why: "time came free", ..Step::of_offer(EntryStatus::Offered, offer.id) };
        let Some(offered) = locked.step(conn, SYSTEM, step).await? else {
            return Err(DieselError::RollbackTransaction);
        };
        events::waitlist_offer(outbox, conn, SYSTEM, &offered, &offer).await?;
        metrics::counter!("waitlist_offers_total", "what" => OfferStatus::Open.as_str()).increment(1);
        self.free.take(held);
        self.patients.push(waiting.patient_id);
        Ok(())
    }
}

/// What speaks against a place for somebody: they are elsewhere then, are offered something else then, or were offered just this
/// before.
struct Taken {
    of_patients: HashMap<i64, Vec<Span>>,
    refused: HashMap<i64, Vec<Span>>,
}

impl Taken {
    async fn of(
        conn: &mut AsyncPgConnection,
        doctor: i64,
        candidates: &[Candidate],
        opening: Span,
    ) -> QueryResult<Self> {
        let (mut of_patients, mut refused) = (HashMap::<i64, Vec<Span>>::new(), HashMap::<i64, Vec<Span>>::new());
        let people: Vec<i64> = candidates.iter().flat_map(|(_, same)| same).copied().collect();
        let within = opening.widened(*MINUTES.end(), *MINUTES.end());
        for (patient, span) in busy_patients(conn, &people, within).await? {
            of_patients.entry(patient).or_default().push(span);
        }
        let overlap = waitlist_offers::starts_at.lt(within.end).and(waitlist_offers::ends_at.gt(within.start));
        let open: Vec<(i64, Offer)> = waitlist_offers::table
            .inner_join(waitlist_entries::table)
            .filter(waitlist_entries::patient_id.eq_any(&people).and(overlap))
            .filter(waitlist_offers::status.eq(OfferStatus::Open))
            .select((waitlist_entries::patient_id, Offer::as_select()))
            .load(conn)
            .await?;
        for (patient, offer) in open {
            of_patients.entry(patient).or_default().push(offer.span());
        }
        let entries: Vec<i64> = candidates.iter().map(|(waiting, _)| waiting.id).collect();
        let before: Vec<Offer> = waitlist_offers::table
            .filter(waitlist_offers::entry_id.eq_any(&entries).and(waitlist_offers::doctor_id.eq(doctor)))
            .filter(waitlist_offers::status.eq_any([OfferStatus::Declined, OfferStatus::Lapsed]).and(overlap))
            .select(Offer::as_select())
            .load(conn)
            .await?;
        for offer in before {
            refused.entry(offer.entry_id).or_default().push(offer.span());
        }
        Ok(Self { of_patients, refused })
    }

    fn is_in_the_way(&self, entry: i64, same: &[i64], place: &Span) -> bool {
        let overlaps = |spans: &Vec<Span>| spans.iter().any(|span| span.overlaps(place));
        self.refused.get(&entry).is_some_and(overlaps)
            || same.iter().filter_map(|patient| self.of_patients.get(patient)).any(overlaps)
    }
}

/// Who waits for a doctor, by name or by field.
fn in_turn_for(doctor: &StaffMember) -> waitlist_entries::BoxedQuery<'static, Pg> {
    let of_field = sql::<Bool>("lower(waitlist_entries.specialization) = lower(")
        .bind::<Text, _>(doctor.specialization.clone())
        .sql(")");
    waitlist_entries::table
        .filter(waitlist_entries::status.eq(EntryStatus::Waiting))
        .filter(waitlist_entries::doctor_id.eq(doctor.id).or(of_field))
        .into_boxed()
}
