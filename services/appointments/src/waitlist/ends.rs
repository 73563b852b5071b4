//! Who waits no more without having said so: a doctor or a patient is there no more, or the doctor is away just then.

use ::events::Outbox;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::entry::{EntryStatus, ON_THE_LIST, Step, Waiting};
use super::offer::{Offer, OfferStatus, give_back};
use super::round::{end, write_down};
use crate::history::record::{By, SYSTEM};
use crate::rescheduling::Of;
use crate::schema::waitlist_entries;
use crate::slots::Span;

/// Takes off the list whoever waits for a doctor who is there no more, or is that patient. What was offered of the doctor's time to
/// those who wait for anybody of the field is taken back, and they wait on.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn stop(conn: &mut AsyncPgConnection, of: Of) -> QueryResult<()> {
    let (why, operation) = match of {
        Of::Doctor(_) => ("the doctor does not see patients any more", "EVENT a doctor is there no more"),
        Of::Patient(_) => ("the patient's record is deactivated", "EVENT a patient is deactivated"),
    };
    if let Of::Doctor(doctor) = of {
        let offered = withdraw(conn, &Outbox::new(), SYSTEM, doctor, None, why).await?;
        if !offered.is_empty() {
            write_down(conn, operation, &offered).await?;
        }
    }
    let mut on_list = waitlist_entries::table
        .filter(waitlist_entries::status.eq_any(ON_THE_LIST))
        .select(waitlist_entries::id)
        .into_boxed();
    on_list = match of {
        Of::Doctor(doctor) => on_list.filter(waitlist_entries::doctor_id.eq(doctor)),
        Of::Patient(patient) => on_list.filter(waitlist_entries::patient_id.eq(patient)),
    };
    let on_list: Vec<i64> = on_list.load(conn).await?;
    let waiting: Vec<Waiting> = waitlist_entries::table
        .filter(waitlist_entries::id.eq_any(&on_list).and(waitlist_entries::status.eq_any(ON_THE_LIST)))
        .order(waitlist_entries::id)
        .select(Waiting::as_select())
        .for_no_key_update()
        .load(conn)
        .await?;
    for row in waiting.iter().filter(|row| row.status == EntryStatus::Offered) {
        take_back(conn, &Outbox::new(), SYSTEM, row, why).await?;
    }
    let ids: Vec<i64> = waiting.iter().map(|row| row.id).collect();
    end(conn, &ids, EntryStatus::Withdrawn, why, operation).await.map(drop)
}

/// Takes back what is offered of a doctor's time, within a span if one is given. Gives the patients whom it was offered to. The
/// doctor's row is locked.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn withdraw(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    by: By<'_>,
    doctor: i64,
    within: Option<Span>,
    why: &str,
) -> QueryResult<Vec<i64>> {
    let mut patients = Vec::new();
    for offer in Offer::open_with(conn, doctor, within).await? {
        let waiting = Waiting::lock(conn, offer.entry_id).await?;
        let step = Step { why, ..Step::of_offer(EntryStatus::Waiting, offer.id) };
        if give_back(conn, outbox, by, (&waiting, &offer), OfferStatus::Withdrawn, step).await?.is_some() {
            patients.push(waiting.patient_id);
        }
    }
    Ok(patients)
}

async fn take_back(
    conn: &mut AsyncPgConnection,
    outbox: &Outbox,
    by: By<'_>,
    waiting: &Waiting,
    why: &str,
) -> QueryResult<()> {
    let Some((offer, _doctor)) = Offer::open_of(conn, waiting.id).await? else { return Ok(()) };
    let step = Step { why, ..Step::of_offer(EntryStatus::Waiting, offer.id) };
    give_back(conn, outbox, by, (waiting, &offer), OfferStatus::Withdrawn, step).await.map(drop)
}
